"""What S3 refuses in its own words: headers, keys of clients, uploads, and documents of buckets."""

from __future__ import annotations

import datetime
from base64 import b64encode
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.model.errors import AwsError
from emulator.services.s3.listing import whole_number
from tests.api.conftest import Running

FUTURE = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)
KEY = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": "a" * 32}
#: boto3 encodes a key unless its MD5 is given, too.
ENCODED = b64encode(b"a" * 32).decode()
SOURCE_KEY = {f"CopySource{name}": value for name, value in KEY.items()}
MALFORMED = {"Code": "MalformedXML"}


@pytest.fixture(scope="module")
def s3(running: Running) -> Any:
    client = running.client("s3")
    client.create_bucket(Bucket="plain")
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    client.create_bucket(Bucket="versioned")
    versioning = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration=versioning)
    client.create_bucket(
        Bucket="far", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    for bucket in ("plain", "locked", "versioned"):
        client.put_object(Bucket=bucket, Key="k", Body=b"0123456789")
    client.put_object(Bucket="plain", Key="archived", Body=b"0", StorageClass="GLACIER")
    client.put_object(Bucket="plain", Key="secret", Body=b"0", **KEY)
    client.create_bucket(Bucket="lists", ObjectOwnership="ObjectWriter")
    return client


def error_of(call: Any, **request: Any) -> dict[str, Any]:
    with pytest.raises(ClientError) as caught:
        call(**request)
    return caught.value.response["Error"]


K = {"Bucket": "plain", "Key": "k"}
PUT = {"Bucket": "plain", "Key": "new", "Body": b"0"}
COPY = {"Bucket": "plain", "Key": "new", "CopySource": "plain/k"}
UPLOAD = {"Bucket": "plain", "Key": "new"}


def _rule(**parts: Any) -> dict[str, Any]:
    rule = {"Status": "Enabled", "Filter": {}, "Expiration": {"Days": 1}, **parts}
    rule = {name: value for name, value in rule.items() if value is not None}
    return {"Bucket": "plain", "LifecycleConfiguration": {"Rules": [rule]}}


def _site(**parts: Any) -> dict[str, Any]:
    website = {"IndexDocument": {"Suffix": "i"}, **parts}
    return {"Bucket": "plain", "WebsiteConfiguration": website}


def _lock(**retention: Any) -> dict[str, Any]:
    rule = {"DefaultRetention": retention} if retention else {}
    lock = {"ObjectLockEnabled": "Enabled", "Rule": rule}
    return {"Bucket": "locked", "ObjectLockConfiguration": lock}


def _cors(**rule: Any) -> dict[str, Any]:
    rule = {"AllowedMethods": ["GET"], "AllowedOrigins": ["*"], **rule}
    return {"Bucket": "plain", "CORSConfiguration": {"CORSRules": [rule]}}


def _named(message: str, header: str, value: str | None) -> dict[str, Any]:
    return {
        "Code": "InvalidArgument",
        "Message": message,
        "ArgumentName": header,
        "ArgumentValue": value,
    }


@pytest.mark.parametrize(
    ("operation", "request_", "error"),
    [
        # Values of headers.
        (
            "put_object",
            PUT | {"ACL": "x"},
            {"Code": "InvalidArgument", "Message": None, "ArgumentName": "x-amz-acl"},
        ),
        ("put_object", PUT | {"StorageClass": "OUTPOSTS"}, {"Code": "InvalidStorageClass"}),
        ("create_multipart_upload", UPLOAD | {"StorageClass": "x"}, {"StorageClassRequested": "x"}),
        (
            "put_object",
            PUT | {"ServerSideEncryption": "x"},
            _named(
                "The encryption method specified is not supported",
                "x-amz-server-side-encryption",
                "x",
            ),
        ),
        (
            "put_object",
            PUT | {"ChecksumCRC32": "abc"},
            {
                "Code": "InvalidRequest",
                "Message": "Value for x-amz-checksum-crc32 header is invalid.",
            },
        ),
        (
            "put_object",
            PUT | {"ChecksumCRC32": "AAAAAA==", "ChecksumCRC32C": "AAAAAA=="},
            {
                "Message": "Expecting a single x-amz-checksum- header. Multiple checksum Types are"
                " not allowed."
            },
        ),
        (
            "copy_object",
            COPY | {"MetadataDirective": "x"},
            _named("Unknown metadata directive.", "x-amz-metadata-directive", "x"),
        ),
        (
            "copy_object",
            COPY | {"TaggingDirective": "x"},
            _named("Unknown tagging directive.", "x-amz-tagging-directive", "x"),
        ),
        (
            "copy_object",
            COPY | {"CopySource": "x"},
            _named(
                "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
                "x-amz-copy-source",
                "x",
            ),
        ),
        ("copy_object", COPY | {"ChecksumAlgorithm": "x"}, {"Code": "InvalidRequest"}),
        (
            "get_object_attributes",
            K | {"ObjectAttributes": ["x"]},
            {"Message": "Invalid attribute name specified."},
        ),
        ("get_object_attributes", K | {"ObjectAttributes": []}, {"Code": "InvalidRequest"}),
        # Versions, parts and ranges.
        (
            "get_object",
            K | {"VersionId": ""},
            _named("Version id cannot be the empty string", "versionId", None),
        ),
        (
            "get_object",
            K | {"Bucket": "versioned", "VersionId": "x"},
            _named("Invalid version id specified", "versionId", "x"),
        ),
        ("delete_object", K | {"Bucket": "versioned", "VersionId": "x"}, {"ArgumentValue": "x"}),
        (
            "list_object_versions",
            {"Bucket": "versioned", "KeyMarker": "a", "VersionIdMarker": ""},
            _named("A version-id marker cannot be empty.", "version-id-marker", None),
        ),
        (
            "list_object_versions",
            {"Bucket": "versioned", "KeyMarker": "a", "VersionIdMarker": "x"},
            _named("Invalid version id specified", "version-id-marker", "x"),
        ),
        (
            "get_object",
            K | {"PartNumber": 1, "Range": "bytes=0-1"},
            {
                "Code": "InvalidRequest",
                "Message": "Cannot specify both Range header and partNumber query parameter",
            },
        ),
        ("get_object", K | {"PartNumber": 0}, {"ArgumentName": "partNumber"}),
        (
            "get_object",
            K | {"Key": "archived"},
            {
                "Code": "InvalidObjectState",
                "Message": "The operation is not valid for the object's storage class",
                "StorageClass": "GLACIER",
            },
        ),
        ("copy_object", COPY | {"CopySource": "plain/archived"}, {"Code": "InvalidObjectState"}),
        # Owners.
        (
            "get_bucket_location",
            {"Bucket": "plain", "ExpectedBucketOwner": "1" * 12},
            {"Code": "AccessDenied"},
        ),
        (
            "put_object",
            PUT | {"ExpectedBucketOwner": "me"},
            {"Code": "InvalidBucketOwnerAWSAccountID"},
        ),
        ("copy_object", COPY | {"ExpectedSourceBucketOwner": "1" * 12}, {"Code": "AccessDenied"}),
        # Keys of clients.
        (
            "put_object",
            PUT | {"SSECustomerAlgorithm": "AES256"},
            {
                "Message": "Requests specifying Server Side Encryption with Customer provided keys"
                " must provide an appropriate secret key."
            },
        ),
        (
            "put_object",
            PUT | KEY | {"SSECustomerKey": "short"},
            {"Message": "The secret key was invalid for the specified algorithm."},
        ),
        (
            "put_object",
            PUT | KEY | {"SSECustomerKey": ENCODED, "SSECustomerKeyMD5": "x"},
            {
                "Message": "The calculated MD5 hash of the key did not match the hash that was"
                " provided."
            },
        ),
        (
            "put_object",
            PUT | KEY | {"SSECustomerAlgorithm": "x"},
            {"Code": "InvalidEncryptionAlgorithmError", "ArgumentValue": "x"},
        ),
        ("put_object", PUT | KEY | {"ServerSideEncryption": "AES256"}, {"ArgumentValue": "AES256"}),
        ("get_object", K | {"Key": "secret"}, {"Code": "InvalidRequest"}),
        (
            "get_object",
            K | {"Key": "secret"} | KEY | {"SSECustomerKey": "b" * 32},
            {"Code": "AccessDenied"},
        ),
        (
            "get_object",
            K | KEY,
            {"Message": "The encryption parameters are not applicable to this object."},
        ),
        (
            "copy_object",
            COPY
            | {"CopySource": "plain/secret"}
            | {**SOURCE_KEY, "CopySourceSSECustomerKey": "b" * 32},
            {"Code": "AccessDenied", "Message": "Access Denied"},
        ),
        # Uploads.
        (
            "create_multipart_upload",
            UPLOAD | {"ChecksumType": "COMPOSITE"},
            {
                "Message": "The x-amz-checksum-type header can only be used with the"
                " x-amz-checksum-algorithm header."
            },
        ),
        (
            "create_multipart_upload",
            UPLOAD | {"ChecksumAlgorithm": "SHA256", "ChecksumType": "FULL_OBJECT"},
            {
                "Message": "The FULL_OBJECT checksum type cannot be used with the sha256 checksum"
                " algorithm."
            },
        ),
        (
            "create_multipart_upload",
            UPLOAD | {"ChecksumAlgorithm": "SHA256", "ChecksumType": "x"},
            {"Message": "Value for x-amz-checksum-type header is invalid."},
        ),
        (
            "list_multipart_uploads",
            {"Bucket": "plain", "EncodingType": "x"},
            {"ArgumentName": "encoding-type"},
        ),
        # Documents of buckets.
        ("put_bucket_lifecycle_configuration", _rule(Filter=None), MALFORMED),
        ("put_bucket_lifecycle_configuration", _rule(Prefix="p"), MALFORMED),
        (
            "put_bucket_lifecycle_configuration",
            _rule(Filter={"Prefix": "p", "ObjectSizeLessThan": 1}),
            MALFORMED,
        ),
        (
            "put_bucket_lifecycle_configuration",
            _rule(Expiration={"Days": 1, "ExpiredObjectDeleteMarker": True}),
            MALFORMED,
        ),
        ("put_bucket_lifecycle_configuration", _rule(ID="i" * 256), {"Code": "InvalidArgument"}),
        (
            "put_bucket_lifecycle_configuration",
            _rule(Expiration={"Date": FUTURE + datetime.timedelta(hours=5)}),
            _named("'Date' must be at midnight GMT", "Date", "2090-01-01T05:00:00Z"),
        ),
        ("put_bucket_website", _site(RoutingRules=[]), MALFORMED),
        (
            "put_bucket_website",
            _site(
                RoutingRules=[{"Redirect": {"ReplaceKeyWith": "a", "ReplaceKeyPrefixWith": "b"}}]
            ),
            {"Message": "You can only define ReplaceKeyPrefix or ReplaceKey but not both."},
        ),
        (
            "put_bucket_website",
            _site(RoutingRules=[{"Condition": {}, "Redirect": {"HostName": "a"}}]),
            {"Code": "InvalidRequest"},
        ),
        (
            "put_bucket_website",
            _site(RoutingRules=[{"Redirect": {"HostName": "a", "Protocol": "ftp"}}]),
            {"Code": "InvalidRequest"},
        ),
        (
            "put_bucket_cors",
            _cors(AllowedOrigins=["*a*"]),
            {"Message": 'AllowedOrigin "*a*" can not have more than one wildcard.'},
        ),
        ("put_bucket_cors", _cors(ExposeHeaders=["*"]), {"Code": "InvalidRequest"}),
        (
            "put_bucket_logging",
            {
                "Bucket": "plain",
                "BucketLoggingStatus": {
                    "LoggingEnabled": {"TargetBucket": "far", "TargetPrefix": "p"}
                },
            },
            {"Code": "CrossLocationLoggingProhibitted", "TargetBucketLocation": "eu-west-1"},
        ),
        (
            "put_bucket_analytics_configuration",
            {
                "Bucket": "plain",
                "Id": "a",
                "AnalyticsConfiguration": {"Id": "b", "StorageClassAnalysis": {}},
            },
            MALFORMED,
        ),
        ("put_object_lock_configuration", _lock(), MALFORMED),
        ("put_object_lock_configuration", _lock(Mode="GOVERNANCE", Days=1, Years=1), MALFORMED),
        ("put_object_lock_configuration", _lock(Days=1), MALFORMED),
        (
            "put_object_lock_configuration",
            _lock(Mode="GOVERNANCE", Days=0),
            {"Message": "Default retention period must be a positive integer value."},
        ),
        (
            "put_object_retention",
            K | {"Bucket": "locked", "Retention": {"Mode": "GOVERNANCE"}},
            MALFORMED,
        ),
        (
            "put_object_retention",
            K
            | {
                "Bucket": "locked",
                "Retention": {
                    "Mode": "GOVERNANCE",
                    "RetainUntilDate": datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC),
                },
            },
            _named(
                "The retain until date must be in the future!",
                "RetainUntilDate",
                "Tue Dec 31 16:00:00 PST 2019",
            ),
        ),
        ("delete_object", K | {"BypassGovernanceRetention": True}, {"Code": "InvalidArgument"}),
        (
            "put_bucket_tagging",
            {
                "Bucket": "plain",
                "Tagging": {"TagSet": [{"Key": str(n), "Value": ""} for n in range(51)]},
            },
            {"Message": "Bucket tag count cannot be greater than 50"},
        ),
        (
            "put_bucket_tagging",
            {"Bucket": "plain", "Tagging": {"TagSet": [{"Key": "k" * 129, "Value": ""}]}},
            {"Code": "InvalidTag"},
        ),
        # Lists of access control.
        (
            "put_bucket_acl",
            {"Bucket": "lists", "AccessControlPolicy": {"Grants": []}},
            {"Code": "MalformedACLError"},
        ),
        (
            "put_bucket_acl",
            {"Bucket": "lists", "AccessControlPolicy": {"Owner": {"ID": "x"}, "Grants": []}},
            _named("Invalid id", "CanonicalUser/ID", "x"),
        ),
        (
            "put_bucket_acl",
            {"Bucket": "lists", "GrantRead": 'uri="http://x"'},
            _named("Invalid group uri", "uri", "http://x"),
        ),
        (
            "put_bucket_acl",
            {"Bucket": "lists", "GrantReadACP": "x"},
            _named("Argument format not recognized", "x-amz-grant-read-acp", "x"),
        ),
        # Locations.
        (
            "create_bucket",
            {"Bucket": "new", "CreateBucketConfiguration": {"LocationConstraint": "x"}},
            {"Code": "InvalidLocationConstraint", "LocationConstraint": "x"},
        ),
    ],
)
def test_it_is_refused(
    operation: str, request_: dict[str, Any], error: dict[str, Any], s3: Any
) -> None:
    found = error_of(getattr(s3, operation), **request_)
    assert {name: found.get(name) for name in error} == error


@pytest.mark.parametrize("location", [None, "eu-central-1"])
def test_a_bucket_is_made_where_it_was_asked_for(location: str | None, running: Running) -> None:
    s3 = running.client("s3", region="eu-west-1")
    place = {"CreateBucketConfiguration": {"LocationConstraint": location}} if location else {}
    found = error_of(s3.create_bucket, Bucket="elsewhere", **place)
    assert found["Code"] == "IllegalLocationConstraintException"
    assert found["Message"] == (
        f"The {location or 'unspecified'} location constraint is incompatible for the region"
        " specific endpoint this request was sent to."
    )


def test_who_has_the_key_reads(s3: Any) -> None:
    found = s3.get_object(Bucket="plain", Key="secret", **KEY)
    assert found["Body"].read() == b"0"
    assert found["SSECustomerAlgorithm"] == "AES256"
    assert "ServerSideEncryption" not in found
    s3.copy_object(Bucket="plain", Key="open", CopySource="plain/secret", **SOURCE_KEY)
    assert s3.get_object(Bucket="plain", Key="open")["Body"].read() == b"0"


def test_parts_have_the_key_of_their_upload(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="plain", Key="upload", **KEY)["UploadId"]
    part = {"Bucket": "plain", "Key": "upload", "UploadId": upload, "PartNumber": 1, "Body": b"0"}
    assert error_of(s3.upload_part, **part)["Message"].startswith("The multipart upload initiate")
    other = {**KEY, "SSECustomerKey": "b" * 32}
    assert error_of(s3.upload_part, **part, **other)["Message"] == (
        "The provided encryption parameters did not match the ones used originally."
    )
    s3.upload_part(**part, **KEY)
    s3.abort_multipart_upload(Bucket="plain", Key="upload", UploadId=upload)


def test_a_completion_says_what_its_upload_does(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="plain", Key="sums", ChecksumAlgorithm="SHA256")
    named = {"Bucket": "plain", "Key": "sums", "UploadId": upload["UploadId"]}
    part = {**named, "PartNumber": 1, "Body": b"0"}
    assert error_of(s3.upload_part, **part, ChecksumAlgorithm="CRC32")["Message"] == (
        "Checksum Type mismatch occurred, expected checksum Type: sha256, actual checksum Type:"
        " crc32"
    )
    made = s3.upload_part(**part, ChecksumAlgorithm="SHA256")
    whole = {"PartNumber": 1, "ETag": made["ETag"], "ChecksumSHA256": made["ChecksumSHA256"]}

    def refused(part: dict[str, Any], **more: Any) -> dict[str, Any]:
        parts = {"Parts": [part]}
        return error_of(s3.complete_multipart_upload, **named, MultipartUpload=parts, **more)

    assert (
        "It was missing for part 1" in refused({"PartNumber": 1, "ETag": made["ETag"]})["Message"]
    )
    assert refused({**whole, "ChecksumSHA256": "x"})["Code"] == "InvalidPart"
    assert refused(whole, ChecksumType="FULL_OBJECT")["Code"] == "InvalidRequest"
    assert refused(whole, ChecksumSHA256="x")["Code"] == "BadDigest"
    assert refused(whole, MpuObjectSize=9)["Message"].endswith("what was computed: 1")
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": [whole]})
    shown = s3.get_object_attributes(Bucket="plain", Key="sums", ObjectAttributes=["ObjectParts"])
    assert shown["ObjectParts"]["Parts"] == [
        {"PartNumber": 1, "Size": 1, "ChecksumSHA256": made["ChecksumSHA256"]}
    ]


def test_a_copy_is_one_piece(s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="plain", Key="parts")["UploadId"]
    named = {"Bucket": "plain", "Key": "parts", "UploadId": upload}
    part = s3.upload_part(**named, PartNumber=1, Body=b"hello")
    parts = {"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    s3.complete_multipart_upload(**named, MultipartUpload=parts)
    copied = s3.copy_object(Bucket="plain", Key="copy", CopySource="plain/parts")
    assert copied["CopyObjectResult"]["ETag"] == '"5d41402abc4b2a76b9719d911017c592"'
    again = s3.copy_object(
        Bucket="plain", Key="copy", CopySource="plain/parts", ChecksumAlgorithm="SHA256"
    )
    assert (
        again["CopyObjectResult"]["ChecksumSHA256"]
        == "LPJNul+wow4m6DsqxbninhsWHlwfp0JecwQzYpOLmCQ="
    )


def test_uploads_have_common_prefixes(s3: Any) -> None:
    s3.create_bucket(Bucket="uploads")
    for key in ("a/1", "a/2", "b", "c d"):
        s3.create_multipart_upload(Bucket="uploads", Key=key)
    first = s3.list_multipart_uploads(Bucket="uploads", Delimiter="/", MaxUploads=1)
    assert [each["Prefix"] for each in first["CommonPrefixes"]] == ["a/"]
    assert first["IsTruncated"]
    rest = s3.list_multipart_uploads(
        Bucket="uploads", Delimiter="/", KeyMarker=first["NextKeyMarker"], EncodingType="url"
    )
    assert [each["Key"] for each in rest["Uploads"]] == ["b", "c%20d"]
    assert "CommonPrefixes" not in rest


def test_a_marker_whose_upload_has_ended_hides_no_other(s3: Any) -> None:
    s3.create_bucket(Bucket="ended")
    ids = [
        s3.create_multipart_upload(Bucket="ended", Key=key)["UploadId"] for key in ("a", "a", "b")
    ]
    first = s3.list_multipart_uploads(Bucket="ended", MaxUploads=1)
    (shown,) = first["Uploads"]
    s3.abort_multipart_upload(Bucket="ended", Key="a", UploadId=shown["UploadId"])
    rest = s3.list_multipart_uploads(
        Bucket="ended",
        KeyMarker=first["NextKeyMarker"],
        UploadIdMarker=first["NextUploadIdMarker"],
    )
    left = {each["UploadId"] for each in rest["Uploads"]}
    assert left == set(ids) - {shown["UploadId"]}


@pytest.mark.parametrize("member", ["MaxParts", "PartNumberMarker"])
def test_numbers_of_parts_are_not_negative(member: str, s3: Any) -> None:
    upload = s3.create_multipart_upload(Bucket="plain", Key="counted", ChecksumAlgorithm="SHA256")
    named = {"Bucket": "plain", "Key": "counted", "UploadId": upload["UploadId"]}
    argument = member[0].lower() + member[1:]
    parameter = {"MaxParts": "max-parts", "PartNumberMarker": "part-number-marker"}[member]
    error = {
        "Code": "InvalidArgument",
        "Message": f"Argument {argument} must be an integer between 0 and 2147483647",
        "ArgumentName": parameter,
        "ArgumentValue": "-1",
    }

    def refused(call: Any, **request: Any) -> dict[str, Any]:
        found = error_of(call, **request, **{member: -1})
        return {name: found.get(name) for name in error}

    assert refused(s3.list_parts, **named) == error
    part = s3.upload_part(**named, PartNumber=1, Body=b"0", ChecksumAlgorithm="SHA256")
    parts = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumSHA256": part["ChecksumSHA256"]}]
    s3.complete_multipart_upload(**named, MultipartUpload={"Parts": parts})
    asked = {"Bucket": "plain", "Key": "counted", "ObjectAttributes": ["ObjectParts"]}
    assert refused(s3.get_object_attributes, **asked) == error


def test_numbers_that_come_as_texts_are_numbers() -> None:
    assert whole_number({"PartNumberMarker": "7"}, "PartNumberMarker") == 7
    assert whole_number({"PartNumberMarker": ""}, "PartNumberMarker") == 0
    with pytest.raises(AwsError, match="Provided part-number-marker not an integer") as caught:
        whole_number({"PartNumberMarker": "x"}, "PartNumberMarker")
    assert caught.value.code == "InvalidArgument"


def test_a_bucket_may_be_in_any_part_of_the_cloud(running: Running) -> None:
    region = "eusc-de-east-1"
    s3 = running.client("s3", region=region)
    place = {"LocationConstraint": region}
    s3.create_bucket(Bucket="sovereign", CreateBucketConfiguration=place)
    assert s3.get_bucket_location(Bucket="sovereign")["LocationConstraint"] == region


def test_compliance_is_not_weakened(s3: Any) -> None:
    made = s3.put_object(Bucket="locked", Key="kept", Body=b"0")
    named = {"Bucket": "locked", "Key": "kept", "VersionId": made["VersionId"]}
    kept = {"Mode": "COMPLIANCE", "RetainUntilDate": FUTURE}
    s3.put_object_retention(**named, Retention=kept)
    weaker = {**kept, "Mode": "GOVERNANCE"}
    found = error_of(
        s3.put_object_retention, **named, Retention=weaker, BypassGovernanceRetention=True
    )
    assert found["Code"] == "AccessDenied"


def test_documents_are_read_whole(s3: Any) -> None:
    s3.put_public_access_block(
        Bucket="plain", PublicAccessBlockConfiguration={"BlockPublicAcls": True}
    )
    found = s3.get_public_access_block(Bucket="plain")["PublicAccessBlockConfiguration"]
    assert found == {
        "BlockPublicAcls": True,
        "IgnorePublicAcls": False,
        "BlockPublicPolicy": False,
        "RestrictPublicBuckets": False,
    }
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}
    s3.put_bucket_encryption(Bucket="plain", ServerSideEncryptionConfiguration={"Rules": [rule]})
    found = s3.get_bucket_encryption(Bucket="plain")["ServerSideEncryptionConfiguration"]
    assert found["Rules"][0]["BucketKeyEnabled"] is False
    s3.put_bucket_lifecycle_configuration(**_rule())
    found = s3.get_bucket_lifecycle_configuration(Bucket="plain")
    assert found["Rules"][0]["ID"]
