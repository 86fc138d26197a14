"""What S3 refuses, in its words; and what its answers show."""

from __future__ import annotations

import datetime
import hashlib
import string
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.services.s3 import checksums
from tests.api.conftest import Running

PAST = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FUTURE = datetime.datetime(2090, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def s3(running: Running) -> Any:
    client = running.client("s3")
    client.create_bucket(Bucket="rules")
    client.put_object(Bucket="rules", Key="there", Body=b"0123456789")
    client.create_bucket(Bucket="a.dotted.bucket")
    client.create_bucket(Bucket="versioned")
    versioning = {"Status": "Enabled"}
    client.put_bucket_versioning(Bucket="versioned", VersioningConfiguration=versioning)
    client.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    return client


def _tags(*pairs: tuple[str, str]) -> dict[str, Any]:
    return {"TagSet": [{"Key": key, "Value": value} for key, value in pairs]}


PUT = {"Bucket": "rules", "Key": "k", "Body": b""}
LOCKED = PUT | {"Bucket": "locked"}
THERE = {"Bucket": "rules", "Key": "there"}
WRONG_VERSION = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
AES = {"SSEAlgorithm": "AES256"}
LOCK_UNTIL, LOCK_MODE = "x-amz-object-lock-retain-until-date", "x-amz-object-lock-mode"


@pytest.mark.parametrize(
    ("operation", "given", "error"),
    [
        (
            "put_bucket_tagging",
            {"Bucket": "rules", "Tagging": _tags(("aws:a", "1"))},
            {
                "Code": "InvalidTag",
                "Message": "System tags cannot be added/updated by requester",
                "TagKey": "aws:a",
            },
        ),
        (
            "put_object_tagging",
            THERE | {"Tagging": _tags(("aws:a", "1"))},
            {
                "Code": "InvalidTag",
                "Message": "Your TagKey cannot be prefixed with aws:",
                "TagKey": "aws:a",
            },
        ),
        (
            "put_object_tagging",
            THERE | {"Tagging": _tags(("a", "1"), ("a", "2"))},
            {
                "Code": "InvalidTag",
                "Message": "Cannot provide multiple Tags with the same key",
                "TagKey": "a",
            },
        ),
        ("put_object", PUT | {"Tagging": "a=1&a=2"}, {"ArgumentName": "x-amz-tagging"}),
        ("put_object", PUT | {"Tagging": "a=1,2"}, {"Code": "InvalidArgument"}),
        (
            "put_object",
            PUT | {"IfMatch": "*"},
            {"Code": "NotImplemented", "Header": "If-Match"},
        ),
        (
            "put_object",
            PUT | {"IfNoneMatch": "x"},
            {"Code": "NotImplemented", "Header": "If-None-Match"},
        ),
        (
            "delete_object",
            THERE | {"IfMatchSize": 3},
            {"Code": "NotImplemented", "Header": "x-amz-if-match-size"},
        ),
        (
            "get_object",
            THERE | {"VersionId": WRONG_VERSION},
            {
                "Code": "InvalidArgument",
                "Message": "Invalid version id specified",
                "ArgumentName": "versionId",
                "ArgumentValue": WRONG_VERSION,
            },
        ),
        ("delete_object", THERE | {"VersionId": WRONG_VERSION}, {"ArgumentName": "versionId"}),
        (
            "copy_object",
            {"Bucket": "rules", "Key": "k", "CopySource": "rules/there", "CopySourceIfMatch": "x"},
            {"Code": "PreconditionFailed", "Condition": "x-amz-copy-source-If-Match"},
        ),
        (
            "put_bucket_versioning",
            {"Bucket": "rules", "VersioningConfiguration": {"Status": "enabled"}},
            {"Code": "MalformedXML"},
        ),
        (
            "put_bucket_versioning",
            {"Bucket": "rules", "VersioningConfiguration": {}},
            {"Code": "IllegalVersioningConfigurationException"},
        ),
        (
            "put_object",
            PUT | {"WebsiteRedirectLocation": "x"},
            {"Code": "InvalidRedirectLocation"},
        ),
        (
            "put_bucket_cors",
            {
                "Bucket": "rules",
                "CORSConfiguration": {
                    "CORSRules": [{"AllowedMethods": ["FOO"], "AllowedOrigins": ["*"]}]
                },
            },
            {
                "Code": "InvalidRequest",
                "Message": "Found unsupported HTTP method in CORS config. Unsupported method is "
                "FOO",
            },
        ),
        (
            "put_bucket_website",
            {"Bucket": "rules", "WebsiteConfiguration": {}},
            {"Code": "InvalidArgument", "ArgumentName": "IndexDocument"},
        ),
        (
            "put_bucket_website",
            {"Bucket": "rules", "WebsiteConfiguration": {"IndexDocument": {"Suffix": "a/b"}}},
            {"Message": "The IndexDocument Suffix is not well formed", "ArgumentValue": "a/b"},
        ),
        (
            "put_bucket_website",
            {
                "Bucket": "rules",
                "WebsiteConfiguration": {
                    "IndexDocument": {"Suffix": "i"},
                    "RedirectAllRequestsTo": {"HostName": "h"},
                },
            },
            {"Code": "InvalidArgument", "ArgumentName": "RedirectAllRequestsTo"},
        ),
        (
            "put_bucket_logging",
            {
                "Bucket": "rules",
                "BucketLoggingStatus": {
                    "LoggingEnabled": {"TargetBucket": "nowhere", "TargetPrefix": ""}
                },
            },
            {"Code": "InvalidTargetBucketForLogging", "TargetBucket": "nowhere"},
        ),
        (
            "put_bucket_acl",
            {"Bucket": "rules"},
            {"Code": "MissingSecurityHeader", "MissingHeaderName": "x-amz-acl"},
        ),
        (
            "put_bucket_encryption",
            {"Bucket": "rules", "ServerSideEncryptionConfiguration": {"Rules": []}},
            {"Code": "MalformedXML"},
        ),
        (
            "put_bucket_encryption",
            {
                "Bucket": "rules",
                "ServerSideEncryptionConfiguration": {
                    "Rules": [{"ApplyServerSideEncryptionByDefault": AES | {"KMSMasterKeyID": "k"}}]
                },
            },
            {"Code": "InvalidArgument", "ArgumentName": "ApplyServerSideEncryptionByDefault"},
        ),
        (
            "put_bucket_ownership_controls",
            {"Bucket": "rules", "OwnershipControls": {"Rules": []}},
            {"Code": "MalformedXML"},
        ),
        (
            "create_bucket",
            {"Bucket": "another", "ObjectOwnership": "Nobody"},
            {
                "Code": "InvalidArgument",
                "Message": "Invalid x-amz-object-ownership header: Nobody",
                "ArgumentName": "x-amz-object-ownership",
            },
        ),
        (
            "put_public_access_block",
            {"Bucket": "rules", "PublicAccessBlockConfiguration": {}},
            {"Code": "MalformedXML"},
        ),
        (
            "put_bucket_accelerate_configuration",
            {"Bucket": "a.dotted.bucket", "AccelerateConfiguration": {"Status": "Enabled"}},
            {"Code": "InvalidRequest"},
        ),
        ("put_object", PUT | {"StorageClass": "CHEAP"}, {"Code": "InvalidStorageClass"}),
        (
            "put_object",
            PUT | {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": FUTURE},
            {"Code": "InvalidRequest", "Message": "Bucket is missing ObjectLockConfiguration"},
        ),
        (
            "put_object",
            LOCKED | {"ObjectLockMode": "GOVERNANCE"},
            {
                "Message": f"{LOCK_UNTIL} and {LOCK_MODE} must both be supplied",
                "ArgumentName": LOCK_UNTIL,
            },
        ),
        (
            "put_object",
            LOCKED | {"ObjectLockMode": "HARD", "ObjectLockRetainUntilDate": FUTURE},
            {"Message": "Unknown wormMode directive.", "ArgumentValue": "HARD"},
        ),
        (
            "put_object",
            LOCKED | {"ObjectLockMode": "GOVERNANCE", "ObjectLockRetainUntilDate": PAST},
            {"Message": "The retain until date must be in the future!"},
        ),
        (
            "put_object",
            LOCKED | {"ObjectLockLegalHoldStatus": "MAYBE"},
            {"Message": "Legal Hold must be either of 'ON' or 'OFF'"},
        ),
        ("list_objects_v2", {"Bucket": "rules", "EncodingType": "x"}, {"ArgumentValue": "x"}),
        (
            "list_objects_v2",
            {"Bucket": "rules", "ContinuationToken": "x" * 8},
            {"ArgumentName": "continuation-token"},
        ),
        (
            "list_objects_v2",
            {"Bucket": "rules", "ContinuationToken": "é"},
            {"Code": "InvalidArgument"},
        ),
    ],
)
def test_refusals_are_in_the_words_of_s3(
    s3: Any, operation: str, given: dict[str, Any], error: dict[str, str]
) -> None:
    with pytest.raises(ClientError) as caught:
        getattr(s3, operation)(**given)
    assert caught.value.response["Error"].items() >= error.items()


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bytes=0-3", None),
        ("bytes=0-10", "Range specified is not valid for source object of size: 10"),
        ("bytes=3-0", "must be of the form bytes=first-last"),
        ("bytes=-3", "must be of the form bytes=first-last"),
        ("bytes=1-", "must be of the form bytes=first-last"),
        ("0-3", "must be of the form bytes=first-last"),
    ],
)
def test_the_range_of_a_copied_part_has_two_ends(s3: Any, text: str, part: str | None) -> None:
    upload = s3.create_multipart_upload(Bucket="rules", Key="parts")["UploadId"]
    given = {"Bucket": "rules", "Key": "parts", "UploadId": upload, "PartNumber": 1}
    given |= {"CopySource": "rules/there", "CopySourceRange": text}
    if part is None:
        assert s3.upload_part_copy(**given)["CopyPartResult"]["ETag"]
        return
    with pytest.raises(ClientError, match=part) as caught:
        s3.upload_part_copy(**given)
    assert caught.value.response["Error"]["ArgumentName"] == "x-amz-copy-source-range"


def test_object_lambdas_are_refused_in_words(running: Running) -> None:
    s3 = running.client("s3", inject_host_prefix=False)
    with pytest.raises(ClientError, match="object lambdas are not served"):
        s3.write_get_object_response(RequestRoute="r", RequestToken="t")


def test_versions_have_ids_as_those_of_aws_and_keep_their_place(s3: Any) -> None:
    ids = [
        s3.put_object(Bucket="versioned", Key="k", Body=b"%d" % number)["VersionId"]
        for number in range(4)
    ]
    for each in ids:
        assert len(each) == 32
        assert set(each) <= set(string.ascii_letters + string.digits + "._")
    s3.delete_object(Bucket="versioned", Key="k", VersionId=ids[2])
    behind = s3.list_object_versions(
        Bucket="versioned", KeyMarker="k", VersionIdMarker=ids[2], Prefix="k"
    )
    assert [each["VersionId"] for each in behind["Versions"]] == [ids[1], ids[0]]


def test_a_bucket_encrypts_what_says_nothing_of_it(running: Running, s3: Any) -> None:
    key = running.client("kms").create_key()["KeyMetadata"]["Arn"]
    usual = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    rules = [{"ApplyServerSideEncryptionByDefault": usual, "BucketKeyEnabled": True}]
    s3.create_bucket(Bucket="encrypted")
    s3.put_bucket_encryption(Bucket="encrypted", ServerSideEncryptionConfiguration={"Rules": rules})
    wanted = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key, "BucketKeyEnabled": True}
    put = s3.put_object(Bucket="encrypted", Key="k", Body=b"x")
    assert put.items() >= wanted.items()
    copy = s3.copy_object(Bucket="encrypted", Key="c", CopySource="rules/there")
    assert copy.items() >= wanted.items()
    own = s3.put_object(Bucket="encrypted", Key="o", Body=b"x", ServerSideEncryption="AES256")
    assert (own["ServerSideEncryption"], own.get("SSEKMSKeyId")) == ("AES256", None)
    s3.delete_bucket_encryption(Bucket="encrypted")
    put = s3.put_object(Bucket="encrypted", Key="k", Body=b"x")
    assert put["ServerSideEncryption"] == "AES256"


def test_what_comes_without_a_checksum_gets_the_usual_one(running: Running) -> None:
    s3 = running.client("s3", request_checksum_calculation="when_required")
    s3.create_bucket(Bucket="sums")
    put = s3.put_object(Bucket="sums", Key="k", Body=b"123456789")
    # The check value of CRC-64/NVME: https://reveng.sourceforge.io/crc-catalogue/all.htm
    assert put["ChecksumCRC64NVME"] == "rosUhgp5mIg="
    upload = s3.create_multipart_upload(Bucket="sums", Key="m")["UploadId"]
    bodies = [b"a" * (5 << 20), b"tail"]
    parts = []
    for number, body in enumerate(bodies, 1):
        part = s3.upload_part(Bucket="sums", Key="m", UploadId=upload, PartNumber=number, Body=body)
        parts.append({"ETag": part["ETag"], "PartNumber": number})
    whole = s3.complete_multipart_upload(
        Bucket="sums", Key="m", UploadId=upload, MultipartUpload={"Parts": parts}
    )
    digest = checksums.Digest({"CRC64NVME"})
    digest.update(b"".join(bodies))
    assert whole["ChecksumCRC64NVME"] == digest.sums()["CRC64NVME"]
    assert whole["ChecksumType"] == "FULL_OBJECT"
    md5s = b"".join(hashlib.md5(body).digest() for body in bodies)
    assert whole["ETag"] == f'"{hashlib.md5(md5s).hexdigest()}-2"'


def test_keys_of_kms_are_asked_for(running: Running, s3: Any) -> None:
    kms = running.client("kms")
    s3.create_bucket(Bucket="sealed")
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_alias(AliasName="alias/mine", TargetKeyId=key)
    rule = {
        "ApplyServerSideEncryptionByDefault": {
            "SSEAlgorithm": "aws:kms",
            "KMSMasterKeyID": "alias/mine",
        }
    }
    s3.put_bucket_encryption(Bucket="sealed", ServerSideEncryptionConfiguration={"Rules": [rule]})
    put = s3.put_object(Bucket="sealed", Key="a", Body=b"a")
    assert (put["ServerSideEncryption"], put["SSEKMSKeyId"]) == ("aws:kms", key)
    upload = s3.create_multipart_upload(Bucket="sealed", Key="b")
    assert upload["SSEKMSKeyId"] == key
    copied = s3.copy_object(Bucket="sealed", Key="c", CopySource="sealed/a")
    assert copied["SSEKMSKeyId"] == key
    plain = s3.put_object(Bucket="sealed", Key="d", Body=b"a", ServerSideEncryption="AES256")
    assert "SSEKMSKeyId" not in plain

    def refused(code: str, call: Any, **request: Any) -> None:
        with pytest.raises(ClientError) as raised:
            call(Bucket="sealed", **request)
        answer = raised.value.response
        assert answer["Error"]["Code"] == code
        assert answer["ResponseMetadata"]["HTTPStatusCode"] == 400

    kms.disable_key(KeyId=key)
    refused("KMS.DisabledException", s3.get_object, Key="a")
    refused("KMS.DisabledException", s3.put_object, Key="a", Body=b"b")
    refused("KMS.DisabledException", s3.copy_object, Key="e", CopySource="sealed/a")
    # What needs no key is there all the same.
    assert s3.head_object(Bucket="sealed", Key="a")["SSEKMSKeyId"] == key
    assert s3.get_object(Bucket="sealed", Key="d")["Body"].read() == b"a"
    kms.schedule_key_deletion(KeyId=key)
    refused("KMS.KMSInvalidStateException", s3.get_object, Key="a")
    named = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": "alias/none"}
    refused("KMS.NotFoundException", s3.put_object, Key="a", Body=b"b", **named)
    refused("InvalidArgument", s3.put_object, Key="a", Body=b"b", SSEKMSKeyId=key,
            ServerSideEncryption="AES256")  # fmt: skip
