"""rest-xml as it stands on the wire, by the examples of S3's documentation."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.model.errors import AwsError
from tests.codecs import codec

S3 = codec("s3")
DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
GRANTEE = {"Type": "CanonicalUser", "ID": "id", "DisplayName": 'a "b" & c'}


def write(operation: str, result: dict[str, Any]) -> tuple[int, dict[bytes, bytes], bytes]:
    status, headers, body = S3.serialise(S3.operations[operation], result, "the-id")
    assert len(dict(headers)) == len(headers)
    return status, dict(headers), body


def read(operation: str, body: bytes = b"", query: str = "", **headers: str) -> dict[str, Any]:
    texts = {name.replace("_", "-"): text for name, text in headers.items()}
    request = S3.parse(
        S3.operations[operation],
        params={"Bucket": "b", "Key": "k"},
        query=query,
        headers=texts,
        body=body,
    )
    return {key: value for key, value in request.items() if key not in ("Bucket", "Key")}


@pytest.mark.parametrize(
    ("operation", "result", "body"),
    [
        (
            "ListBuckets",
            {"Buckets": [{"Name": "a", "CreationDate": 1700000000}], "Owner": {"ID": "o"}},
            b"<ListAllMyBucketsResult %s><Buckets><Bucket><Name>a</Name><CreationDate>"
            b"2023-11-14T22:13:20Z</CreationDate></Bucket></Buckets><Owner><ID>o</ID></Owner>"
            b"</ListAllMyBucketsResult>",
        ),
        (
            "ListObjectsV2",
            {
                "Name": "b",
                "Prefix": "",
                "IsTruncated": False,
                "Contents": [{"Key": "k&1", "Size": 1, "ETag": '"e"'}, {"Key": "k2"}],
                "CommonPrefixes": [{"Prefix": "p/"}],
            },
            b"<ListBucketResult %s><Name>b</Name><Prefix></Prefix><IsTruncated>false</IsTruncated>"
            b'<Contents><Key>k&amp;1</Key><Size>1</Size><ETag>"e"</ETag></Contents>'
            b"<Contents><Key>k2</Key></Contents>"
            b"<CommonPrefixes><Prefix>p/</Prefix></CommonPrefixes></ListBucketResult>",
        ),
        (
            "GetBucketLocation",
            {"LocationConstraint": "eu-west-1"},
            b"<LocationConstraint %s>eu-west-1</LocationConstraint>",
        ),
        ("GetBucketLocation", {}, b"<LocationConstraint %s></LocationConstraint>"),
        (
            "CopyObject",
            {"CopyObjectResult": {"ETag": "e"}},
            b"<CopyObjectResult %s><ETag>e</ETag></CopyObjectResult>",
        ),
        (
            "GetBucketAcl",
            {"Grants": [{"Grantee": GRANTEE, "Permission": "READ"}]},
            b"<AccessControlPolicy %s><AccessControlList><Grant>"
            b'<Grantee xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
            b'xsi:type="CanonicalUser"><ID>id</ID><DisplayName>a "b" &amp; c</DisplayName>'
            b"</Grantee><Permission>READ</Permission></Grant></AccessControlList>"
            b"</AccessControlPolicy>",
        ),
    ],
)
def test_answers(operation: str, result: dict[str, Any], body: bytes) -> None:
    status, headers, found = write(operation, result)
    assert (status, headers[b"content-type"]) == (200, b"application/xml")
    assert headers[b"x-amz-request-id"] == headers[b"x-amz-id-2"] == b"the-id"
    assert found == DECLARATION + body % NAMESPACE


def test_an_answer_in_headers() -> None:
    status, headers, body = write(
        "GetObject",
        {
            "Body": b"content",
            "LastModified": 1700000000,
            "DeleteMarker": False,
            "ContentType": "text/html",
            "Metadata": {"Name": "value", "other": "x\r\ny"},
        },
    )
    assert (status, body) == (200, b"content")
    assert headers[b"last-modified"] == b"Tue, 14 Nov 2023 22:13:20 GMT"
    assert headers[b"x-amz-delete-marker"] == b"false"
    assert headers[b"content-type"] == b"text/html"
    assert headers[b"x-amz-meta-name"] == b"value"
    assert headers[b"x-amz-meta-other"] == b"x  y"
    assert write("GetObject", {"Body": b""})[1][b"content-type"] == b"binary/octet-stream"


def test_answers_without_a_body() -> None:
    for operation, status in (("DeleteObject", 204), ("PutObject", 200), ("HeadObject", 200)):
        found, headers, body = write(operation, {})
        assert (found, body) == (status, b"")
        assert b"content-type" not in headers


def test_a_policy_is_text_both_ways() -> None:
    policy = '{"Version":"2012-10-17","Statement":"ü"}'
    assert read("PutBucketPolicy", policy.encode()) == {"Policy": policy}
    assert write("GetBucketPolicy", {"Policy": policy})[2] == policy.encode()
    with pytest.raises(AwsError, match="MalformedXML"):
        read("PutBucketPolicy", b"\xff")


@pytest.mark.parametrize(
    ("operation", "body", "request_"),
    [
        (
            "DeleteObjects",
            b'<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Object><Key>a</Key></Object>'
            b"<Quiet>true</Quiet><Object><Key> b </Key><VersionId>1</VersionId></Object></Delete>",
            {
                "Delete": {
                    "Objects": [{"Key": "a"}, {"Key": " b ", "VersionId": "1"}],
                    "Quiet": True,
                }
            },
        ),
        (
            "CompleteMultipartUpload",
            b"<CompleteMultipartUpload><Part><PartNumber> 1 </PartNumber><ETag>&quot;e&quot;</ETag>"
            b"</Part></CompleteMultipartUpload>",
            {"MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": '"e"'}]}},
        ),
        (
            "CreateBucket",
            b"<CreateBucketConfiguration><LocationConstraint>eu-west-1</LocationConstraint>"
            b"<Unknown/></CreateBucketConfiguration>",
            {"CreateBucketConfiguration": {"LocationConstraint": "eu-west-1"}},
        ),
        (
            "PutBucketAcl",
            b'<AccessControlPolicy><AccessControlList><Grant><Grantee xmlns:xsi="http://www.w3.org/'
            b'2001/XMLSchema-instance" xsi:type="Group"><URI>u</URI></Grantee>'
            b"<Permission>READ</Permission></Grant></AccessControlList></AccessControlPolicy>",
            {
                "AccessControlPolicy": {
                    "Grants": [{"Grantee": {"Type": "Group", "URI": "u"}, "Permission": "READ"}]
                }
            },
        ),
        ("CreateBucket", b"", {}),
    ],
)
def test_requests(operation: str, body: bytes, request_: dict[str, Any]) -> None:
    assert read(operation, body) == request_


def test_a_request_in_headers_and_parameters() -> None:
    found = read(
        "GetObject",
        query="response-expires=Tue%2C%2014%20Nov%202023%2022%3A13%3A20%20GMT&partNumber=2&x-id=a",
        if_modified_since="Tue, 14 Nov 2023 22:13:20 GMT",
        range="bytes=0-1",
        x_amz_checksum_mode="ENABLED",
    )
    assert found == {
        "ResponseExpires": 1700000000.0,
        "PartNumber": 2,
        "IfModifiedSince": 1700000000.0,
        "Range": "bytes=0-1",
        "ChecksumMode": "ENABLED",
    }
    found = read("PutObject", b"x", x_amz_meta_a="1", x_amz_meta_b_c="2", content_length="1")
    assert found == {"Body": b"x", "Metadata": {"a": "1", "b-c": "2"}, "ContentLength": 1}
    found = read("GetObjectAttributes", x_amz_object_attributes='ETag, "Object,Size" ,Checksum')
    assert found == {"ObjectAttributes": ["ETag", "Object,Size", "Checksum"]}


@pytest.mark.parametrize(
    ("body", "is_read"),
    [
        (b"<Tagging><TagSet><Tag><Key>k</Key><Value>v</Value></Tag></TagSet></Tagging>", True),
        (b"<Tagging><TagSet><Tag><Key><a/></Key><Value>v</Value></Tag></TagSet></Tagging>", False),
        (b"<Tagging>", False),
        (b"\xff\xfe", False),
        (b'<?xml version="1.0" encoding="nonsense"?><Tagging/>', False),
    ],
)
def test_bodies_that_cannot_be_read(body: bytes, is_read: bool) -> None:
    if is_read:
        assert read("PutBucketTagging", body)["Tagging"]["TagSet"] == [{"Key": "k", "Value": "v"}]
    else:
        with pytest.raises(AwsError) as caught:
            read("PutBucketTagging", body)
        assert (caught.value.code, caught.value.status) == ("MalformedXML", 400)


@pytest.mark.parametrize(
    ("operation", "request_", "code"),
    [
        ("PutBucketVersioning", {"VersioningConfiguration": {"Status": "On"}}, "MalformedXML"),
        ("PutBucketTagging", {"Tagging": {"TagSet": [{"Key": "k"}]}}, "MalformedXML"),
        ("DeleteObjects", {"Delete": {"Objects": [{"Key": ""}]}}, "MalformedXML"),
        ("CopyObject", {"Key": "k", "CopySource": "nowhere"}, "InvalidArgument"),
        ("ListBuckets", {"MaxBuckets": 0}, "InvalidArgument"),
        ("PutObject", {"Key": "k", "ACL": "at 'tagging' failed"}, "InvalidArgument"),
        ("PutObject", {"Key": "k", "ACL": "private"}, None),
        ("ListBuckets", {}, None),
    ],
)
def test_violated_constraints_are_told_in_s3s_way(
    operation: str, request_: dict[str, Any], code: str | None
) -> None:
    request_ = request_ if operation == "ListBuckets" else {"Bucket": "b"} | request_
    if code is None:
        S3.validate(S3.operations[operation], request_)
    else:
        with pytest.raises(AwsError) as caught:
            S3.validate(S3.operations[operation], request_)
        assert (caught.value.code, caught.value.status) == (code, 400)
