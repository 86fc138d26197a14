"""Buckets and objects through boto3: AWS's answers, and AWS's words where something is wrong."""

from __future__ import annotations

import base64
import hashlib
import http.client
import io
import json
import os
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from botocore.exceptions import ClientError

from emulator.model.errors import StorageError
from emulator.services.s3 import copying
from emulator.services.s3.checksums import Digest
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, zip_of
from tests.api.stacks import settled

MB = 1 << 20


@pytest.fixture(scope="module")
def s3(running: Running) -> Any:
    return running.client("s3")


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    name = f"b-{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}"
    s3.create_bucket(Bucket=name)
    return name


def refused(call: Any, code: str, status: int, **given: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as raised:
        call(**given)
    response: dict[str, Any] = raised.value.response
    assert response["Error"]["Code"] == code
    assert response["ResponseMetadata"]["HTTPStatusCode"] == status
    return response


def keys(listing: dict[str, Any]) -> list[str]:
    return [each["Key"] for each in listing.get("Contents", [])]


def test_an_object_comes_back_as_it_was_put(s3: Any, bucket: str) -> None:
    key = "a folder/ü+%&?.txt"
    put = s3.put_object(
        Bucket=bucket, Key=key, Body=b"hello", ContentType="text/plain", Metadata={"team": "shop"},
        CacheControl="no-cache", Tagging="a=1&b=2",
    )  # fmt: skip
    assert put["ETag"] == f'"{hashlib.md5(b"hello").hexdigest()}"'
    got = s3.get_object(Bucket=bucket, Key=key)
    assert got["Body"].read() == b"hello"
    assert got["ContentType"] == "text/plain"
    assert got["Metadata"] == {"team": "shop"}
    assert got["CacheControl"] == "no-cache"
    assert got["TagCount"] == 2
    assert got["ServerSideEncryption"] == "AES256"
    assert "VersionId" not in got
    head = s3.head_object(Bucket=bucket, Key=key)
    assert (head["ContentLength"], head["ETag"]) == (5, put["ETag"])
    s3.delete_object(Bucket=bucket, Key=key)
    refused(s3.get_object, "NoSuchKey", 404, Bucket=bucket, Key=key)
    refused(s3.head_object, "404", 404, Bucket=bucket, Key=key)


@pytest.mark.parametrize("size", [0, 1, 16 * 1024, 16 * 1024 + 1, 3 * MB + 7])
def test_of_every_size(s3: Any, bucket: str, size: int) -> None:
    content = bytes(i % 251 for i in range(size))
    s3.put_object(Bucket=bucket, Key="k", Body=content)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == content
    if size > 10:
        part = s3.get_object(Bucket=bucket, Key="k", Range=f"bytes=3-{size - 5}")
        assert part["Body"].read() == content[3 : size - 4]
        assert part["ContentRange"] == f"bytes 3-{size - 5}/{size}"
        assert part["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert (
            s3.get_object(Bucket=bucket, Key="k", Range="bytes=-4")["Body"].read() == (content[-4:])
        )
    refused(s3.get_object, "InvalidRange", 416, Bucket=bucket, Key="k", Range=f"bytes={size}-")


def test_buckets(s3: Any, running: Running, bucket: str) -> None:
    assert bucket in [each["Name"] for each in s3.list_buckets()["Buckets"]]
    assert s3.head_bucket(Bucket=bucket)["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket=bucket)["LocationConstraint"] is None
    refused(s3.create_bucket, "InvalidBucketName", 400, Bucket="No_Bucket")
    other = running.client("s3", "123456789012", "eu-west-1")
    elsewhere = {"LocationConstraint": "eu-west-1"}
    error = refused(other.create_bucket, "BucketAlreadyExists", 409, Bucket=bucket,
                    CreateBucketConfiguration=elsewhere)  # fmt: skip
    assert error["Error"]["BucketName"] == bucket
    other.create_bucket(Bucket="in-ireland", CreateBucketConfiguration=elsewhere)
    assert other.get_bucket_location(Bucket="in-ireland")["LocationConstraint"] == "eu-west-1"
    refused(other.create_bucket, "BucketAlreadyOwnedByYou", 409, Bucket="in-ireland",
            CreateBucketConfiguration=elsewhere)  # fmt: skip
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused(s3.delete_bucket, "BucketNotEmpty", 409, Bucket=bucket)
    s3.delete_object(Bucket=bucket, Key="k")
    s3.delete_bucket(Bucket=bucket)
    refused(s3.list_objects_v2, "NoSuchBucket", 404, Bucket=bucket)


def test_conditions(s3: Any, bucket: str) -> None:
    etag = s3.put_object(Bucket=bucket, Key="k", Body=b"1", IfNoneMatch="*")["ETag"]
    refused(s3.put_object, "PreconditionFailed", 412, Bucket=bucket, Key="k", Body=b"2",
            IfNoneMatch="*")  # fmt: skip
    refused(s3.put_object, "PreconditionFailed", 412, Bucket=bucket, Key="k", Body=b"2",
            IfMatch='"other"')  # fmt: skip
    refused(s3.put_object, "NoSuchKey", 404, Bucket=bucket, Key="none", Body=b"2", IfMatch=etag)
    s3.put_object(Bucket=bucket, Key="k", Body=b"2", IfMatch=etag)
    got = s3.head_object(Bucket=bucket, Key="k")
    refused(s3.get_object, "PreconditionFailed", 412, Bucket=bucket, Key="k", IfMatch=etag)
    refused(s3.get_object, "304", 304, Bucket=bucket, Key="k", IfNoneMatch=got["ETag"])
    refused(s3.get_object, "304", 304, Bucket=bucket, Key="k",
            IfModifiedSince=got["LastModified"])  # fmt: skip
    assert s3.get_object(Bucket=bucket, Key="k", IfMatch=got["ETag"])["Body"].read() == b"2"


def test_listing_with_prefixes_and_pages(s3: Any, bucket: str) -> None:
    names = ["a.txt", "d/1", "d/2", "d/e/3", "d0", "ü", "z"]
    for name in names:
        s3.put_object(Bucket=bucket, Key=name, Body=b"x")
    assert keys(s3.list_objects_v2(Bucket=bucket)) == sorted(names)
    top = s3.list_objects_v2(Bucket=bucket, Delimiter="/")
    assert keys(top) == ["a.txt", "d0", "z", "ü"]
    assert [each["Prefix"] for each in top["CommonPrefixes"]] == ["d/"]
    assert top["KeyCount"] == 5
    below = s3.list_objects_v2(Bucket=bucket, Prefix="d/", Delimiter="/")
    assert keys(below) == ["d/1", "d/2"]
    assert [each["Prefix"] for each in below["CommonPrefixes"]] == ["d/e/"]
    for method in ("list_objects_v2", "list_objects"):
        for size in (1, 2, 3):
            found, prefixes = [], []
            pages = s3.get_paginator(method).paginate(
                Bucket=bucket, Delimiter="/", PaginationConfig={"PageSize": size}
            )
            for page in pages:
                found += keys(page)
                prefixes += [each["Prefix"] for each in page.get("CommonPrefixes", [])]
            assert (found, prefixes) == (["a.txt", "d0", "z", "ü"], ["d/"])
    assert keys(s3.list_objects_v2(Bucket=bucket, StartAfter="d/2")) == ["d/e/3", "d0", "z", "ü"]


def test_versions_and_delete_markers(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"null")
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    one = s3.put_object(Bucket=bucket, Key="k", Body=b"one")["VersionId"]
    two = s3.put_object(Bucket=bucket, Key="k", Body=b"two")["VersionId"]
    assert s3.get_object(Bucket=bucket, Key="k", VersionId=one)["Body"].read() == b"one"
    assert s3.get_object(Bucket=bucket, Key="k", VersionId="null")["Body"].read() == b"null"
    marker = s3.delete_object(Bucket=bucket, Key="k")
    assert marker["DeleteMarker"] is True
    refused(s3.get_object, "NoSuchKey", 404, Bucket=bucket, Key="k")
    refused(s3.get_object, "MethodNotAllowed", 405, Bucket=bucket, Key="k",
            VersionId=marker["VersionId"])  # fmt: skip
    assert keys(s3.list_objects_v2(Bucket=bucket)) == []
    listed = s3.list_object_versions(Bucket=bucket)
    assert [each["VersionId"] for each in listed["Versions"]] == [two, one, "null"]
    assert [each["IsLatest"] for each in listed["DeleteMarkers"]] == [True]
    found = []
    for page in s3.get_paginator("list_object_versions").paginate(
        Bucket=bucket, PaginationConfig={"PageSize": 1}
    ):
        found += page.get("Versions", []) + page.get("DeleteMarkers", [])
    assert len(found) == 4
    s3.delete_object(Bucket=bucket, Key="k", VersionId=marker["VersionId"])
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b"two"
    refused(s3.get_object, "NoSuchVersion", 404, Bucket=bucket, Key="k", VersionId="n" * 32)


def test_multipart(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k", Metadata={"a": "b"})["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    pieces = [b"a" * (5 * MB), b"b" * 10]
    etags = [
        s3.upload_part(**named, PartNumber=number, Body=piece)["ETag"]
        for number, piece in enumerate(pieces, 1)
    ]
    assert [each["PartNumber"] for each in s3.list_parts(**named)["Parts"]] == [1, 2]
    assert s3.list_multipart_uploads(Bucket=bucket)["Uploads"][0]["UploadId"] == upload
    parts = [{"PartNumber": n, "ETag": etag} for n, etag in enumerate(etags, 1)]
    refused(s3.complete_multipart_upload, "InvalidPartOrder", 400, **named,
            MultipartUpload={"Parts": parts[::-1]})  # fmt: skip
    refused(s3.complete_multipart_upload, "InvalidPart", 400, **named,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": '"x"'}]})  # fmt: skip
    done = s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    joined = hashlib.md5(b"".join(hashlib.md5(each).digest() for each in pieces)).hexdigest()
    assert done["ETag"] == f'"{joined}-2"'
    got = s3.get_object(Bucket=bucket, Key="k")
    assert got["Body"].read() == b"".join(pieces)
    assert got["Metadata"] == {"a": "b"}
    second = s3.get_object(Bucket=bucket, Key="k", PartNumber=2)
    assert (second["Body"].read(), second["PartsCount"]) == (pieces[1], 2)
    attributes = s3.get_object_attributes(
        Bucket=bucket, Key="k", ObjectAttributes=["ETag", "ObjectParts", "ObjectSize"]
    )
    assert attributes["ObjectSize"] == 5 * MB + 10
    refused(s3.list_parts, "NoSuchUpload", 404, **named)


def test_an_upload_that_is_given_up_and_parts_that_are_too_small(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    s3.put_object(Bucket=bucket, Key="source", Body=b"0123456789")
    copied = s3.upload_part_copy(
        **named, PartNumber=1, CopySource=f"{bucket}/source", CopySourceRange="bytes=2-4"
    )
    etag = copied["CopyPartResult"]["ETag"]
    assert etag == f'"{hashlib.md5(b"234").hexdigest()}"'
    other = s3.upload_part(**named, PartNumber=2, Body=b"x")["ETag"]
    refused(s3.complete_multipart_upload, "EntityTooSmall", 400, **named,
            MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag},
                                       {"PartNumber": 2, "ETag": other}]})  # fmt: skip
    s3.abort_multipart_upload(**named)
    refused(s3.upload_part, "NoSuchUpload", 404, **named, PartNumber=1, Body=b"x")


def test_a_part_may_be_empty(s3: Any, bucket: str) -> None:
    upload = s3.create_multipart_upload(Bucket=bucket, Key="k")["UploadId"]
    named = {"Bucket": bucket, "Key": "k", "UploadId": upload}
    etag = s3.upload_part(**named, PartNumber=1, Body=b"")["ETag"]
    parts = {"Parts": [{"PartNumber": 1, "ETag": etag}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)
    assert s3.get_object(Bucket=bucket, Key="k")["Body"].read() == b""


def test_the_transfer_manager(s3: Any, bucket: str) -> None:
    content = bytes(range(256)) * 80_000
    s3.upload_fileobj(io.BytesIO(content), bucket, "large")
    into = io.BytesIO()
    s3.download_fileobj(bucket, "large", into)
    assert into.getvalue() == content


def _in_parts(s3: Any, bucket: str, key: str) -> None:
    named = {"Bucket": bucket, "Key": key}
    named["UploadId"] = s3.create_multipart_upload(**named)["UploadId"]
    part = s3.upload_part(**named, PartNumber=1, Body=b"hello")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)


def test_a_copy_is_whole_though_its_source_is_deleted_meanwhile(
    running: Running, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    objects = running.emulator.state / "objects"
    before = set(objects.glob("??/*"))
    _in_parts(s3, bucket, "parts")
    (source,) = set(objects.glob("??/*")) - before

    class Slow(Digest):
        def sums(self) -> dict[str, str]:
            source.unlink()
            return super().sums()

    monkeypatch.setattr(copying, "Digest", Slow)
    s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/parts")
    assert s3.get_object(Bucket=bucket, Key="copy")["Body"].read() == b"hello"


def test_a_copy_that_fails_leaves_nothing(
    running: Running, s3: Any, bucket: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    _in_parts(s3, bucket, "parts")
    objects = running.emulator.state / "objects"
    before = set(objects.glob("??/*"))

    class Broken(Digest):
        def sums(self) -> dict[str, str]:
            raise StorageError("the disk cannot be read")

    monkeypatch.setattr(copying, "Digest", Broken)
    with pytest.raises(ClientError):
        s3.copy_object(Bucket=bucket, Key="copy", CopySource=f"{bucket}/parts")
    assert set(objects.glob("??/*")) == before


def test_copies(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="a/ü", Body=b"x" * MB, Metadata={"m": "1"}, Tagging="t=1")
    s3.copy_object(Bucket=bucket, Key="b", CopySource={"Bucket": bucket, "Key": "a/ü"})
    got = s3.get_object(Bucket=bucket, Key="b")
    assert (len(got["Body"].read()), got["Metadata"], got["TagCount"]) == (MB, {"m": "1"}, 1)
    s3.copy_object(Bucket=bucket, Key="b", CopySource=f"{bucket}/b", MetadataDirective="REPLACE",
                   Metadata={"n": "2"}, TaggingDirective="REPLACE", Tagging="")  # fmt: skip
    got = s3.head_object(Bucket=bucket, Key="b")
    assert (got["Metadata"], "TagCount" in got) == ({"n": "2"}, False)
    refused(s3.copy_object, "InvalidRequest", 400, Bucket=bucket, Key="b",
            CopySource=f"{bucket}/b")  # fmt: skip
    refused(s3.copy_object, "NoSuchKey", 404, Bucket=bucket, Key="c", CopySource=f"{bucket}/none")


def test_many_are_deleted_at_once(s3: Any, bucket: str) -> None:
    for name in "abc":
        s3.put_object(Bucket=bucket, Key=name, Body=b"")
    gone = s3.delete_objects(
        Bucket=bucket, Delete={"Objects": [{"Key": "a"}, {"Key": "b"}, {"Key": "never"}]}
    )
    assert [each["Key"] for each in gone["Deleted"]] == ["a", "b", "never"]
    assert keys(s3.list_objects_v2(Bucket=bucket)) == ["c"]
    quiet = s3.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": "c"}], "Quiet": True})
    assert "Deleted" not in quiet


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums(s3: Any, bucket: str, algorithm: str) -> None:
    member = f"Checksum{algorithm}"
    put = s3.put_object(Bucket=bucket, Key="k", Body=b"hello" * 9999, ChecksumAlgorithm=algorithm)
    got = s3.get_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")
    assert got[member] == put[member]
    assert got["ChecksumType"] == "FULL_OBJECT"
    got["Body"].read()
    refused(s3.put_object, "BadDigest", 400, Bucket=bucket, Key="k", Body=b"other",
            **{member: put[member]})  # fmt: skip
    refused(s3.put_object, "BadDigest", 400, Bucket=bucket, Key="k", Body=b"other",
            ContentMD5="1B2M2Y8AsgTpgAmY7PhCfg==")  # fmt: skip


def test_presigned_addresses(s3: Any, bucket: str) -> None:
    put = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "k"})
    request = urllib.request.Request(put, data=b"by hand", method="PUT")
    urllib.request.urlopen(request).close()
    get = s3.generate_presigned_url(
        "get_object",
        Params={"Bucket": bucket, "Key": "k", "ResponseContentType": "text/x"},
    )
    with urllib.request.urlopen(get) as response:
        assert response.read() == b"by hand"
        assert response.headers["Content-Type"] == "text/x"


@pytest.mark.parametrize(
    ("changes", "status", "code", "text"),
    [
        ({"X-Amz-Date": "20200101T000000Z"}, 403, "AccessDenied", "Request has expired"),
        ({"X-Amz-Date": "yesterday"}, 400, "AuthorizationQueryParametersError", "ISO8601"),
        ({"X-Amz-Expires": "604801"}, 400, "AuthorizationQueryParametersError", "a week"),
        ({"X-Amz-Expires": "-1"}, 400, "AuthorizationQueryParametersError", "non-negative"),
        ({"X-Amz-Expires": "soon"}, 400, "AuthorizationQueryParametersError", "a number"),
    ],
)
def test_presigned_addresses_end(
    running: Running, bucket: str, changes: dict[str, str], status: int, code: str, text: str
) -> None:
    signer, named = running.client("s3", signature_version="s3v4"), {"Bucket": bucket, "Key": "k"}
    url = urlsplit(signer.generate_presigned_url("get_object", Params=named))
    query = dict(parse_qsl(url.query)) | changes
    with pytest.raises(urllib.error.HTTPError) as caught:
        urllib.request.urlopen(url._replace(query=urlencode(query)).geturl())
    answer = caught.value.read().decode()
    assert (caught.value.code, f"<Code>{code}</Code>" in answer) == (status, True)
    assert text in answer


@pytest.mark.parametrize("version", ["s3", "s3v4"])
def test_presigned_addresses_are_whole(running: Running, bucket: str, version: str) -> None:
    signer, named = running.client("s3", signature_version=version), {"Bucket": bucket, "Key": "k"}
    url = urlsplit(signer.generate_presigned_url("get_object", Params=named))
    query = dict(parse_qsl(url.query))
    error = "AccessDenied" if version == "s3" else "AuthorizationQueryParametersError"
    for part in query:
        left = urlencode({name: value for name, value in query.items() if name != part})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(url._replace(query=left).geturl())
        answer = caught.value.read().decode()
        assert f"<Code>{error}</Code><Message>Query-string authentication" in answer


def test_presigned_addresses_of_version_2_end(running: Running, bucket: str) -> None:
    url = f"{running.url}/{bucket}/k?AWSAccessKeyId=000000000000&Signature=x&Expires=1000"
    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        urllib.request.urlopen(url)
    assert b"<Expires>1970-01-01T00:16:40Z</Expires>" in caught.value.read()


DOCUMENTS: list[tuple[tuple[str, str, str], dict[str, Any], str]] = [
    (
        ("put_bucket_cors", "get_bucket_cors", "delete_bucket_cors"),
        {"CORSConfiguration": {"CORSRules": [
            {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}},
        "NoSuchCORSConfiguration",
    ),
    (
        ("put_bucket_lifecycle_configuration", "get_bucket_lifecycle_configuration",
         "delete_bucket_lifecycle"),
        {"LifecycleConfiguration": {"Rules": [
            {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "a"},
             "Expiration": {"Days": 3}}]}},
        "NoSuchLifecycleConfiguration",
    ),
    (
        ("put_bucket_tagging", "get_bucket_tagging", "delete_bucket_tagging"),
        {"Tagging": {"TagSet": [{"Key": "a", "Value": "1"}]}},
        "NoSuchTagSet",
    ),
    (
        ("put_bucket_website", "get_bucket_website", "delete_bucket_website"),
        {"WebsiteConfiguration": {"IndexDocument": {"Suffix": "i.html"}}},
        "NoSuchWebsiteConfiguration",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("names", "body", "code"), DOCUMENTS)
def test_documents_of_buckets(
    s3: Any, bucket: str, names: tuple[str, str, str], body: dict[str, Any], code: str
) -> None:
    put, get, delete = (getattr(s3, name) for name in names)
    refused(get, code, 404, Bucket=bucket)
    put(Bucket=bucket, **body)
    (content,) = body.values()
    got = get(Bucket=bucket)
    assert {key: got[key] for key in content} == content
    delete(Bucket=bucket)
    refused(get, code, 404, Bucket=bucket)


#: Of documents of which a bucket has several: their operations, and what one holds.
SEVERAL = [
    (
        ("put_bucket_analytics_configuration", "get_bucket_analytics_configuration"),
        ("list_bucket_analytics_configurations", "delete_bucket_analytics_configuration"),
        ("AnalyticsConfiguration", {"Id": "a", "StorageClassAnalysis": {}}),
    ),
    (
        (
            "put_bucket_intelligent_tiering_configuration",
            "get_bucket_intelligent_tiering_configuration",
        ),
        (
            "list_bucket_intelligent_tiering_configurations",
            "delete_bucket_intelligent_tiering_configuration",
        ),
        (
            "IntelligentTieringConfiguration",
            {
                "Id": "a",
                "Status": "Enabled",
                "Tierings": [{"Days": 90, "AccessTier": "ARCHIVE_ACCESS"}],
            },
        ),
    ),
    (
        ("put_bucket_inventory_configuration", "get_bucket_inventory_configuration"),
        ("list_bucket_inventory_configurations", "delete_bucket_inventory_configuration"),
        (
            "InventoryConfiguration",
            {
                "Id": "a",
                "IsEnabled": True,
                "IncludedObjectVersions": "All",
                "Schedule": {"Frequency": "Daily"},
                "Destination": {
                    "S3BucketDestination": {"Bucket": "arn:aws:s3:::b", "Format": "CSV"}
                },
            },
        ),
    ),
    (
        ("put_bucket_metrics_configuration", "get_bucket_metrics_configuration"),
        ("list_bucket_metrics_configurations", "delete_bucket_metrics_configuration"),
        ("MetricsConfiguration", {"Id": "a"}),
    ),
]


@pytest.mark.parametrize(("first", "second", "body"), SEVERAL)
def test_documents_with_ids(
    s3: Any,
    bucket: str,
    first: tuple[str, str],
    second: tuple[str, str],
    body: tuple[str, dict[str, Any]],
) -> None:
    put, get, listed, delete = (getattr(s3, name) for name in (*first, *second))
    member, content = body
    named = {"Bucket": bucket, "Id": "a"}
    refused(get, "NoSuchConfiguration", 404, **named)
    put(**named, **{member: content})
    assert get(**named)[member]["Id"] == "a"
    assert [each["Id"] for each in listed(Bucket=bucket)[f"{member}List"]] == ["a"]
    delete(**named)
    refused(get, "NoSuchConfiguration", 404, **named)


def test_documents_that_have_a_default(s3: Any, bucket: str) -> None:
    payer = {"Payer": "Requester"}
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "BucketOwner"
    s3.put_bucket_request_payment(Bucket=bucket, RequestPaymentConfiguration=payer)
    assert s3.get_bucket_request_payment(Bucket=bucket)["Payer"] == "Requester"
    assert "Status" not in s3.get_bucket_accelerate_configuration(Bucket=bucket)
    s3.put_bucket_accelerate_configuration(
        Bucket=bucket, AccelerateConfiguration={"Status": "Enabled"}
    )
    assert s3.get_bucket_accelerate_configuration(Bucket=bucket)["Status"] == "Enabled"
    s3.put_bucket_logging(
        Bucket=bucket,
        BucketLoggingStatus={"LoggingEnabled": {"TargetBucket": bucket, "TargetPrefix": "l"}},
    )
    assert s3.get_bucket_logging(Bucket=bucket)["LoggingEnabled"]["TargetPrefix"] == "l"
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
    s3.delete_bucket_encryption(Bucket=bucket)
    default = s3.get_bucket_encryption(Bucket=bucket)["ServerSideEncryptionConfiguration"]
    assert default["Rules"][0]["ApplyServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    s3.put_bucket_ownership_controls(
        Bucket=bucket, OwnershipControls={"Rules": [{"ObjectOwnership": "ObjectWriter"}]}
    )
    owned = s3.get_bucket_ownership_controls(Bucket=bucket)["OwnershipControls"]
    assert owned["Rules"][0]["ObjectOwnership"] == "ObjectWriter"
    s3.delete_bucket_ownership_controls(Bucket=bucket)
    code = "OwnershipControlsNotFoundError"
    refused(s3.get_bucket_ownership_controls, code, 404, Bucket=bucket)
    s3.put_public_access_block(
        Bucket=bucket, PublicAccessBlockConfiguration={"BlockPublicAcls": False}
    )
    block = s3.get_public_access_block(Bucket=bucket)["PublicAccessBlockConfiguration"]
    assert block["BlockPublicAcls"] is False
    s3.delete_public_access_block(Bucket=bucket)
    code = "NoSuchPublicAccessBlockConfiguration"
    refused(s3.get_public_access_block, code, 404, Bucket=bucket)
    rules = [{"ID": "old", "Status": "Enabled", "Filter": {}, "Expiration": {"Days": 3}}]
    s3.put_bucket_lifecycle_configuration(Bucket=bucket, LifecycleConfiguration={"Rules": rules})
    shown = s3.get_bucket_lifecycle_configuration(Bucket=bucket)
    assert shown["Rules"] == rules
    assert shown["TransitionDefaultMinimumObjectSize"] == "all_storage_classes_128K"
    refused(s3.get_bucket_replication, "ReplicationConfigurationNotFoundError", 404, Bucket=bucket)
    s3.put_bucket_replication(
        Bucket=bucket,
        ReplicationConfiguration={
            "Role": "arn:aws:iam::000000000000:role/r",
            "Rules": [{"Status": "Enabled", "Destination": {"Bucket": "arn:aws:s3:::x"}}],
        },
    )
    s3.delete_bucket_replication(Bucket=bucket)


def test_tags_of_objects(s3: Any, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    tags = {"TagSet": [{"Key": "a", "Value": "1"}]}
    s3.put_object_tagging(Bucket=bucket, Key="k", Tagging=tags)
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == tags["TagSet"]
    s3.delete_object_tagging(Bucket=bucket, Key="k")
    assert s3.get_object_tagging(Bucket=bucket, Key="k")["TagSet"] == []
    many = {"TagSet": [{"Key": str(n), "Value": ""} for n in range(11)]}
    refused(s3.put_object_tagging, "BadRequest", 400, Bucket=bucket, Key="k", Tagging=many)


def test_policies(s3: Any, bucket: str) -> None:
    refused(s3.get_bucket_policy, "NoSuchBucketPolicy", 404, Bucket=bucket)
    statement = {"Effect": "Deny", "Principal": "*", "Action": "s3:*", "Resource": "*",
                 "Condition": {"Bool": {"aws:SecureTransport": "false"}}}  # fmt: skip
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    s3.put_bucket_policy(Bucket=bucket, Policy=policy)
    assert json.loads(s3.get_bucket_policy(Bucket=bucket)["Policy"]) == json.loads(policy)
    assert s3.get_bucket_policy_status(Bucket=bucket)["PolicyStatus"]["IsPublic"] is False
    s3.put_object(Bucket=bucket, Key="k", Body=b"")
    refused(s3.put_bucket_policy, "MalformedPolicy", 400, Bucket=bucket, Policy="{")
    s3.delete_bucket_policy(Bucket=bucket)


def test_object_locks(s3: Any) -> None:
    s3.create_bucket(Bucket="locked-b", ObjectLockEnabledForBucket=True)
    lock = s3.get_object_lock_configuration(Bucket="locked-b")["ObjectLockConfiguration"]
    assert lock == {"ObjectLockEnabled": "Enabled"}
    version = s3.put_object(Bucket="locked-b", Key="k", Body=b"")["VersionId"]
    s3.put_object_legal_hold(Bucket="locked-b", Key="k", LegalHold={"Status": "ON"})
    refused(s3.delete_object, "AccessDenied", 403, Bucket="locked-b", Key="k", VersionId=version)
    s3.put_object_legal_hold(Bucket="locked-b", Key="k", LegalHold={"Status": "OFF"})
    s3.delete_object(Bucket="locked-b", Key="k", VersionId=version)
    rule = {"DefaultRetention": {"Mode": "GOVERNANCE", "Days": 1}}
    s3.put_object_lock_configuration(
        Bucket="locked-b",
        ObjectLockConfiguration={"ObjectLockEnabled": "Enabled", "Rule": rule},
    )
    kept = s3.put_object(Bucket="locked-b", Key="k", Body=b"")["VersionId"]
    named = {"Bucket": "locked-b", "Key": "k", "VersionId": kept}
    assert s3.get_object_retention(**named)["Retention"]["Mode"] == "GOVERNANCE"
    refused(s3.delete_object, "AccessDenied", 403, **named)
    s3.put_object_retention(**named, Retention={}, BypassGovernanceRetention=True)
    refused(s3.get_object_retention, "NoSuchObjectLockConfiguration", 404, **named)
    refused(s3.get_object_legal_hold, "NoSuchObjectLockConfiguration", 404, **named)
    s3.delete_object(**named)


def test_a_stack_makes_a_bucket(s3: Any, running: Running) -> None:
    stacks = running.client("cloudformation")
    template = {
        "Resources": {
            "B": {
                "Type": "AWS::S3::Bucket",
                "Properties": {
                    "VersioningConfiguration": {"Status": "Enabled"},
                    "BucketEncryption": {"ServerSideEncryptionConfiguration": [
                        {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"}}]},
                    "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
                    "LifecycleConfiguration": {"Rules": [
                        {"Id": "x", "Status": "Enabled", "ExpirationInDays": 3}]},
                    "CorsConfiguration": {"CorsRules": [
                        {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], "MaxAge": 5}]},
                },
            },
            "P": {
                "Type": "AWS::S3::BucketPolicy",
                "Properties": {
                    "Bucket": {"Ref": "B"},
                    "PolicyDocument": {"Statement": [{"Effect": "Allow", "Action": "*"}]},
                },
            },
        },
        "Outputs": {"N": {"Value": {"Ref": "B"}}, "A": {"Value": {"Fn::GetAtt": "B.Arn"}}},
    }  # fmt: skip
    stacks.create_stack(StackName="With-Bucket", TemplateBody=json.dumps(template))
    stack = settled(stacks, "With-Bucket")
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    made = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert made["N"].startswith("with-bucket-b-")
    assert made["A"] == f"arn:aws:s3:::{made['N']}"
    assert s3.get_bucket_versioning(Bucket=made["N"])["Status"] == "Enabled"
    rules = s3.get_bucket_lifecycle_configuration(Bucket=made["N"])["Rules"]
    assert rules[0]["Expiration"] == {"Days": 3}
    assert s3.get_bucket_cors(Bucket=made["N"])["CORSRules"][0]["MaxAgeSeconds"] == 5
    encryption = s3.get_bucket_encryption(Bucket=made["N"])["ServerSideEncryptionConfiguration"]
    default = encryption["Rules"][0]["ApplyServerSideEncryptionByDefault"]
    assert default["SSEAlgorithm"] == "aws:kms"


def test_objects_outlive_a_restart(tmp_path: Path) -> None:
    first = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    client = first.client("s3")
    client.create_bucket(Bucket="lasting")
    client.put_object(Bucket="lasting", Key="small", Body=b"s")
    client.put_object(Bucket="lasting", Key="large", Body=b"l" * MB)
    rules = [{"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms:dsse"}}]
    client.put_bucket_encryption(
        Bucket="lasting", ServerSideEncryptionConfiguration={"Rules": rules}
    )
    first.stop()
    second = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    client = second.client("s3")
    assert client.get_object(Bucket="lasting", Key="small")["Body"].read() == b"s"
    assert len(client.get_object(Bucket="lasting", Key="large")["Body"].read()) == MB
    assert keys(client.list_objects_v2(Bucket="lasting")) == ["large", "small"]
    put = client.put_object(Bucket="lasting", Key="new", Body=b"n")
    assert put["ServerSideEncryption"] == "aws:kms:dsse"
    second.stop()


def test_an_answer_has_no_file_left_behind(s3: Any, running: Running, bucket: str) -> None:
    s3.put_object(Bucket=bucket, Key="k", Body=b"1" * MB)
    files = sorted((running.emulator.state / "objects").glob("??/*"))
    s3.put_object(Bucket=bucket, Key="k", Body=b"2" * MB)
    s3.delete_object(Bucket=bucket, Key="k")
    left = sorted((running.emulator.state / "objects").glob("??/*"))
    assert len(left) == len(files) - 1


def test_a_request_that_nobody_signed(running: Running) -> None:
    with pytest.raises(urllib.error.HTTPError) as raised:
        urllib.request.urlopen(f"http://127.0.0.1:{running.emulator.port}/no-such/key")
    assert raised.value.code == 404
    raised.value.close()


def send_in_chunks(running: Running, bucket: str, checksum: str) -> int:
    body = f"b\r\nhello world\r\n0\r\nx-amz-checksum-crc32:{checksum}\r\n\r\n".encode()
    connection = http.client.HTTPConnection("127.0.0.1", running.emulator.port)
    headers = {
        "Authorization": "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/s3/"
        "aws4_request, SignedHeaders=host, Signature=0",
        "Content-Encoding": "aws-chunked",
        "X-Amz-Content-Sha256": "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
        "X-Amz-Decoded-Content-Length": "11",
        "X-Amz-Trailer": "x-amz-checksum-crc32",
    }
    connection.request("PUT", f"/{bucket}/chunked", body, headers)
    status = connection.getresponse().status
    connection.close()
    return status


def test_a_body_in_chunks_with_its_checksum_behind_it(
    s3: Any, running: Running, bucket: str
) -> None:
    assert send_in_chunks(running, bucket, "AAAAAA==") == 400
    refused(s3.head_object, "404", 404, Bucket=bucket, Key="chunked")
    assert send_in_chunks(running, bucket, "DUoRhQ==") == 200
    got = s3.get_object(Bucket=bucket, Key="chunked")
    assert got["Body"].read() == b"hello world"
    assert "ContentEncoding" not in got


def test_functions_and_layers_take_their_code_from_buckets(
    s3: Any, running: Running, bucket: str
) -> None:
    lambda_ = running.client("lambda")
    archive = zip_of(app__py="def handler(event, context): return 1", noise=os.urandom(MB).hex())
    s3.put_object(Bucket=bucket, Key="code/f.zip", Body=archive)
    code = {"S3Bucket": bucket, "S3Key": "code/f.zip"}
    made = lambda_.create_function(
        FunctionName="from-a-bucket",
        Role="arn:aws:iam::000000000000:role/r",
        Runtime="python3.12",
        Handler="app.handler",
        Code=code,
    )
    assert made["CodeSize"] == len(archive)
    lambda_.get_waiter("function_active_v2").wait(FunctionName="from-a-bucket")
    lambda_.update_function_code(FunctionName="from-a-bucket", **code)
    lambda_.get_waiter("function_updated_v2").wait(FunctionName="from-a-bucket")
    layer = lambda_.publish_layer_version(LayerName="from-a-bucket", Content=code)
    assert layer["Content"]["CodeSize"] == len(archive)
    digest = hashlib.sha256(archive)
    assert made["CodeSha256"] == base64.b64encode(digest.digest()).decode()
    kept = running.emulator.parts.blobs.path(digest.hexdigest())
    assert kept.read_bytes() == archive
    assert kept.stat().st_nlink == 2, "the object itself, not a copy"
    # What is in the bucket may go.
    s3.delete_object(Bucket=bucket, Key="code/f.zip")
    assert kept.read_bytes() == archive
    response = refused(
        lambda_.update_function_code,
        "InvalidParameterValueException",
        400,
        FunctionName="from-a-bucket",
        S3Bucket=bucket,
        S3Key="none",
    )
    assert response["Error"]["Message"] == (
        "Error occurred while GetObject. S3 Error Code: NoSuchKey. S3 Error Message: The specified"
        " key does not exist."
    )


@pytest.mark.parametrize("signed", [True, False])
def test_an_upload_that_curl_calls_a_form_streams(
    running: Running, s3: Any, bucket: str, signed: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """``curl --data-binary @file -X PUT`` sends every file with the content type of a form."""
    # However large it is: no more than this is read of a body that does not stream.
    monkeypatch.setattr("emulator.edge.aws_handler.CODE_REQUEST", 1000)
    content = os.urandom(3 * MB)
    connection = http.client.HTTPConnection("localhost", running.emulator.port, timeout=60)
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    if signed:
        scope = "000000000000/20260101/us-east-1/s3/aws4_request"
        headers["Authorization"] = f"AWS4-HMAC-SHA256 Credential={scope}, Signature=0"
        path = f"/{bucket}/file"
    else:
        url = s3.generate_presigned_url("put_object", Params={"Bucket": bucket, "Key": "file"})
        path = url.partition(f":{running.emulator.port}")[2]
        headers["Host"] = url.partition("//")[2].partition("/")[0]
    connection.request("PUT", path, body=content, headers=headers)
    response = connection.getresponse()
    assert (response.status, response.read()) == (200, b"")
    connection.close()
    assert s3.get_object(Bucket=bucket, Key="file")["Body"].read() == content
