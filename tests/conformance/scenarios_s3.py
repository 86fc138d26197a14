"""Scenarios of S3, as they were recorded."""

from __future__ import annotations

import datetime
import hashlib
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

from tests.conformance.recorded import Comparison
from tests.conformance.replay import new_name

KEY = "test-precondition"


class BucketScenario:
    """One scenario under way, with a bucket of its own."""

    def __init__(self, comparison: Comparison, clients: Callable[..., Any]) -> None:
        self.comparison, self.clients = comparison, clients
        self.client = clients("s3")
        self.bucket = self.new_bucket()

    def new_bucket(self) -> str:
        name = new_name("bucket")
        self.client.create_bucket(Bucket=name)
        return name

    def do(self, operation: str, step: str = "", *, sort: str = "", **request: Any) -> Any:
        """Make a call in the bucket; compare the answer, be it an error, where a step is named.

        Args:
            operation: Its name in boto3.
            step: The recorded step.
            sort: A list in the answer whose order AWS does not promise: it is put in order.
        """
        if operation != "list_buckets":
            request.setdefault("Bucket", self.bucket)
        try:
            answer = getattr(self.client, operation)(**request)
        except ClientError as error:
            if not step:
                raise
            answer = error.response
        if sort and sort in answer:
            answer[sort] = sorted(answer[sort], key=lambda each: str(each["Key"]))
        if step:
            self.comparison.match(step, answer)
        return answer

    def put(self, step: str = "", key: str = KEY, body: Any = "test", **request: Any) -> Any:
        return self.do("put_object", step, Key=key, Body=body, **request)

    def version(self, status: str = "Enabled") -> None:
        self.do("put_bucket_versioning", VersioningConfiguration={"Status": status})


def delete_bucket_with_objects(it: BucketScenario) -> None:
    it.put(key="foo", body="bar")
    it.do("delete_bucket", "delete-with-obj")
    it.do("delete_object", "delete-obj", Key="foo")
    it.do("delete_bucket", "delete-bucket")


def managed_key(it: BucketScenario) -> None:
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms"},
        "BucketKeyEnabled": True,
    }
    it.do(
        "put_bucket_encryption",
        "put-bucket-enc",
        ServerSideEncryptionConfiguration={"Rules": [rule]},
    )
    it.do("get_bucket_encryption", "get-bucket-enc")
    key = "test-encrypted"
    put = it.put(key=key, body="test-encrypted")
    # An ETag that is no digest is another one each time.
    recorded = it.comparison.recorded("put-object-encrypted")["ETag"]
    assert put["ETag"] != f'"{hashlib.md5(b"test-encrypted").hexdigest()}"'
    own = put["ETag"]

    def match(step: str, answer: dict[str, Any]) -> None:
        assert answer["ETag"] == own
        it.comparison.match(step, {**answer, "ETag": recorded})

    match("put-object-encrypted", put)
    it.comparison.match("managed-kms-key", it.clients("kms").describe_key(KeyId=put["SSEKMSKeyId"]))
    match("head-object-encrypted", it.do("head_object", Key=key))
    match("get-object-encrypted", it.do("get_object", Key=key))


def _create(it: BucketScenario, step: str, tags: Any) -> None:
    it.bucket = new_name("bucket")
    it.do("create_bucket", step, CreateBucketConfiguration={"Tags": tags})


def create_with_empty_tags(it: BucketScenario) -> None:
    it.bucket = new_name("bucket")
    it.do("create_bucket", "create-bucket-with-empty-tags", CreateBucketConfiguration={"Tags": []})
    it.do("get_bucket_tagging", "get-bucket-tags")
    it.do("delete_bucket")
    it.do("create_bucket", "create-bucket-with-none-tags", CreateBucketConfiguration={})


def create_with_tags(it: BucketScenario) -> None:
    _create(it, "create-bucket-with-tags", [{"Key": "tag1", "Value": "value1"}])
    it.do("get_bucket_tagging", "get-bucket-tags")


def create_with_bad_tags(it: BucketScenario) -> None:
    _create(
        it,
        "tags-key-aws-duplicated-key",
        [{"Key": "test", "Value": "1"}, {"Key": "test", "Value": "2"}],
    )
    _create(it, "tags-key-aws-prefix", [{"Key": "aws:test", "Value": "1"}])
    _create(it, "tags-key-aws-bad-key", [{"Key": "test,test2", "Value": "1"}])
    _create(it, "tags-key-aws-bad-value", [{"Key": "test", "Value": "value1,value2"}])
    _create(it, "tags-key-none", [{"Value": "1"}])
    _create(it, "tags-value-none", [{"Key": "test"}])


def put_no_object_tags(it: BucketScenario) -> None:
    it.put(key="k")
    it.do("put_object_tagging", "put-none-tag-set", Key="k", Tagging={"TagSet": []})
    it.do("get_object_tagging", "get-object-tags-none", Key="k")


def put_with_tags(it: BucketScenario) -> None:
    key = "test-put-object-tagging"
    tags = {"put-object": "tag1=tag1&tag2=tag2&tag", "": "tag3=tag3"}
    it.put("put-object", key=key, body="test-tagging", Tagging=tags["put-object"])
    it.do("get_object_tagging", "get-object-tags", Key=key, sort="TagSet")
    tag = [{"Key": "tag3", "Value": "tag3"}]
    it.do("put_object_tagging", "put-object-tags", Key=key, Tagging={"TagSet": tag})
    it.do("get_object_tagging", "get-object-tags-override", Key=key)
    it.do("head_object", "head-obj", Key=key)
    it.do("get_object", "get-obj", Key=key)
    for step, text in (
        ("get-object-tags-wrong-format-qs", "wrongquery&wrongagain"),
        ("get-object-tags-wrong-format-qs-2", "key1&&&key2"),
    ):
        it.put(key=key, body="test-tagging", Tagging=text)
        it.do("get_object_tagging", step, Key=key, sort="TagSet")


def refused_policies(it: BucketScenario) -> None:
    it.do("put_bucket_policy", "put-empty-bucket-policy", Policy="")
    it.do("put_bucket_policy", "put-bucket-policy-randomstring", Policy="invalid json")
    it.do("put_bucket_policy", "put-bucket-policy-empty-json", Policy="{}")


def version_id(it: BucketScenario) -> None:
    it.version()
    it.put("put-object", key="k", body=b"")


def delete_if_match_all(it: BucketScenario) -> None:
    it.put()
    it.do(
        "delete_object",
        "delete-obj-if-match-all",
        Key=KEY,
        IfMatch="etag",
        IfMatchLastModifiedTime=datetime.datetime(2015, 1, 1, tzinfo=datetime.UTC),
        IfMatchSize=10,
    )


def _put_metrics(it: BucketScenario, step: str = "") -> str:
    name = new_name("metrics")
    configuration = {"Id": name, "Filter": {"Prefix": "logs/"}}
    it.do("put_bucket_metrics_configuration", step, Id=name, MetricsConfiguration=configuration)
    return name


def get_metrics(it: BucketScenario) -> None:
    name = _put_metrics(it)
    it.do("get_bucket_metrics_configuration", "get_bucket_metrics_configuration", Id=name)


def no_metrics(it: BucketScenario) -> None:
    it.do("get_bucket_metrics_configuration", "get_bucket_metrics_configuration", Id="no")


def put_metrics(it: BucketScenario) -> None:
    name = _put_metrics(it, "put_bucket_metrics_configuration")
    it.do("get_bucket_metrics_configuration", "get_bucket_metrics_configuration", Id=name)


def part_copy_modified(it: BucketScenario) -> None:
    it.put(key="source", body="0123456789")
    upload = it.do("create_multipart_upload", Key="copy")["UploadId"]
    it.do(
        "upload_part_copy",
        "upload-part-copy-source-modified-since-match",
        Key="copy",
        UploadId=upload,
        PartNumber=1,
        CopySource=f"{it.bucket}/source",
        CopySourceIfModifiedSince=datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=1),
    )


def delete_objects(it: BucketScenario) -> None:
    it.put("put-object", key="test-delete", body="test-delete")
    wrong = [{"Key": "test-delete", "VersionId": "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"}]
    it.do("delete_objects", "delete-object-wrong-version-id", Delete={"Objects": wrong})
    keys = [{"Key": key} for key in ("c-wrong-key", "test-delete", "a-wrong-key")]
    it.do("delete_objects", "delete-objects", Delete={"Objects": keys}, sort="Deleted")


def ranges(it: BucketScenario) -> None:
    key = "test-key"
    it.put(key=key, body="0123456789")
    named = {
        "get-0-8": "0-8",
        "get-1-1": "1-1",
        "get-1-0": "1-0",
        "get-1-": "1-",
        "get--1-": "-1-",
        "get--2": "-2",
        "get--9": "-9",
        "get--15": "-15",
        "get-0--1": "0--1",
        "get--": "-",
        "get-0-0": "0-0",
        "get-0-100": "0-100",
        "get-100-200": "100-200",
        "get--0": "-0",
    }
    for step, text in named.items():
        it.do("get_object", step, Key=key, Range=f"bytes={text}")
    it.do("get_object", "get-0-8-checksum", Key=key, Range="bytes=0-8", ChecksumMode="ENABLED")
    it.do("get_object", "get-multiple-ranges", Key=key, Range="bytes=0-1,3-4,7-9")
    it.do("get_object", "get-wrong-format", Key=key, Range="0-1")
    it.put("put-after-failed", key=key, body="01234567890123456789")


def put_suspended(it: BucketScenario) -> None:
    key = "test-version"
    it.version()
    for number in range(3):
        it.put(f"put-object-{number}", key=key, body=f"test-version-{number}")
    it.do("list_object_versions", "list-enabled")
    it.version("Suspended")
    it.do("list_object_versions", "list-suspended")
    it.put("put-object-suspended", key=key, body="test-version-suspended")
    it.do("list_object_versions", "list-suspended-after-put")
    it.put("put-object-suspended-overwrite", key=key, body="test-version-suspended")
    it.do("list_object_versions", "list-suspended-after-overwrite")
    it.do("get_object", "get-object-current", Key=key)


def copy_in_place(it: BucketScenario) -> None:
    etag = it.put(key="k", body="source content")["ETag"]
    it.do(
        "copy_object",
        "copy-obj-if-match-in-place",
        Key="k",
        CopySource=f"{it.bucket}/k",
        IfMatch=etag,
        MetadataDirective="REPLACE",
    )


def copy_versioned(it: BucketScenario) -> None:
    it.version()
    source = f"{it.bucket}/source-object"
    it.put(key="source-object", body="source content")
    to = {"Key": "dest-object", "CopySource": source}
    put = it.put("put-obj", key="dest-object", body="initial content")
    it.do("delete_object", "del-obj", Key="dest-object")
    it.do("copy_object", "copy-obj-after-del-exc", **to, IfMatch=put["ETag"])
    again = it.put("put-obj-after-del", key="dest-object", body="new content after delete")
    it.do("copy_object", "copy-obj-if-match-wrong-etag", **to, IfMatch=put["ETag"])
    it.do("copy_object", "copy-obj-if-match", **to, IfMatch=again["ETag"])
    it.do("list_object_versions", "list-object-versions")


def _upload(it: BucketScenario, step: str) -> dict[str, Any]:
    upload = it.do("create_multipart_upload", step, Key=KEY)["UploadId"]
    part = it.do("upload_part", Key=KEY, UploadId=upload, PartNumber=1, Body="test")
    parts = [{"ETag": part["ETag"], "PartNumber": 1}]
    return {"Key": KEY, "UploadId": upload, "MultipartUpload": {"Parts": parts}}


def multipart_after_delete(it: BucketScenario) -> None:
    etag = it.put("put-obj")["ETag"]
    upload = _upload(it, "create-multipart")
    it.do("delete_object", "del-obj", Key=KEY)
    it.do("complete_multipart_upload", "complete-multipart-after-del", **upload, IfMatch=etag)
    it.put("put-obj-2")
    it.do(
        "complete_multipart_upload",
        "complete-multipart-if-match-after-put",
        **upload,
        IfMatch=etag,
    )


def multipart_after_put(it: BucketScenario) -> None:
    etag = it.put("put-obj")["ETag"]
    upload = _upload(it, "create-multipart")
    it.put("put-obj-during")
    it.do(
        "complete_multipart_upload",
        "complete-multipart-if-match-put-during",
        **upload,
        IfMatch=etag,
    )
    upload = _upload(it, "create-multipart-again")
    it.do(
        "complete_multipart_upload",
        "complete-multipart-if-match-put-before-restart",
        **upload,
        IfMatch=etag,
    )


def both_preconditions(it: BucketScenario) -> None:
    it.put("put-obj-both-precondition", IfMatch="etag", IfNoneMatch="*")


def list_with_empty_token(it: BucketScenario) -> None:
    it.new_bucket()  # for there to be another page
    it.do(
        "list_buckets",
        "list-objects-with-empty-continuation-token",
        ContinuationToken="",
        MaxBuckets=1,
    )


def versions_with_prefix(it: BucketScenario) -> None:
    it.version()
    for _ in range(5):
        it.put(key="prefixed_key", body="")
    listing: dict[str, Any] = {"Prefix": "prefix"}
    it.do("list_object_versions", "list-object-version-prefix-full", **listing)
    page = it.do("list_object_versions", "list-object-version-prefix-page-1", **listing, MaxKeys=3)
    it.do(
        "list_object_versions",
        "list-object-version-prefix-key-marker-only",
        **listing,
        MaxKeys=4,
        KeyMarker=page["NextKeyMarker"],
    )
    rest: dict[str, Any] = {
        **listing,
        "MaxKeys": 5,
        "KeyMarker": page["NextKeyMarker"],
        "VersionIdMarker": page["NextVersionIdMarker"],
    }
    it.do("list_object_versions", "list-object-version-prefix-page-2", **rest)
    for version in page["Versions"]:
        it.do("delete_object", Key="prefixed_key", VersionId=version["VersionId"])
    it.do("list_object_versions", "list-object-version-prefix-page-2-after-delete", **rest)


_FILES = ("aSubfolder/subFile1", "aSubfolder/subFile2", "file1", "file2")


def _put_folder(it: BucketScenario) -> None:
    for name in _FILES:
        it.put(key=f"folder/{name}", body="content 123")


def list_common_prefixes(it: BucketScenario) -> None:
    _put_folder(it)
    it.do("list_objects", "list-objects-all-keys")
    listing: dict[str, Any] = {"Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    first = it.do("list_objects", "list-objects-start", **listing)
    second = it.do("list_objects", "list-objects-next-1", **listing, Marker=first["NextMarker"])
    it.do("list_objects", "list-objects-end", **listing, Marker=second["NextMarker"])
    it.do(
        "list_objects",
        "list-objects-manual-first-file",
        **listing,
        Marker="folder/aSubfolder/subFile1",
    )


def list_v2_common_prefixes(it: BucketScenario) -> None:
    _put_folder(it)
    it.do("list_objects_v2", "list-objects-v2-all-keys")
    listing: dict[str, Any] = {"Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    page = it.do("list_objects_v2", "list-objects-v2-start", **listing)
    for step in ("list-objects-v2-next-1", "list-objects-v2-end"):
        token = page["NextContinuationToken"]
        page = it.do("list_objects_v2", step, **listing, ContinuationToken=token)


def list_v2_start_after(it: BucketScenario) -> None:
    for number in range(12):
        it.put(key=f"test_{number}", body="content 123")
    token = it.do("list_objects_v2", "list-objects-v2-max-5", MaxKeys=5)["NextContinuationToken"]
    it.do("list_objects_v2", "list-objects-v2-rest", ContinuationToken=token)
    it.do("list_objects_v2", "list-objects-start-after", StartAfter="test_7", MaxKeys=2)
    it.do(
        "list_objects_v2",
        "list-objects-start-after-token",
        StartAfter="test_7",
        ContinuationToken=token,
    )
    it.do("list_objects_v2", "exc-continuation-token", ContinuationToken="")


def encoding_type(it: BucketScenario) -> None:
    it.do("list_objects", "list_objects-error-empty-value", EncodingType="")
    it.do("list_objects", "list_objects-error-wrong-value", EncodingType="value")


#: By the recordings' names.
SCENARIOS: dict[str, Callable[[BucketScenario], None]] = {
    "test_delete_bucket_with_objects": delete_bucket_with_objects,
    "test_s3_bucket_encryption_sse_kms_aws_managed_key": managed_key,
    "test_create_bucket_with_empty_tags": create_with_empty_tags,
    "test_create_bucket_with_tags": create_with_tags,
    "test_create_bucket_with_tags_exc": create_with_bad_tags,
    "test_put_object_tagging_none_value": put_no_object_tags,
    "test_put_object_with_tags": put_with_tags,
    "test_bucket_policy_exc": refused_policies,
    "test_object_version_id_format": version_id,
    "test_delete_object_if_match_all_non_express": delete_if_match_all,
    "test_get_bucket_metrics_configuration": get_metrics,
    "test_get_bucket_metrics_configuration_not_exist": no_metrics,
    "test_put_bucket_metrics_configuration": put_metrics,
    "test_upload_part_copy_with_if_modified_since_failed": part_copy_modified,
    "test_delete_objects": delete_objects,
    "test_get_object_range": ranges,
    "test_put_object_on_suspended_bucket": put_suspended,
    "test_copy_object_if_match_in_place": copy_in_place,
    "test_copy_object_if_match_versioned_bucket": copy_versioned,
    "test_multipart_if_match_with_delete": multipart_after_delete,
    "test_multipart_if_match_with_put_identical": multipart_after_put,
    "test_put_object_if_match_and_if_none_match_validation": both_preconditions,
    "test_list_buckets_when_continuation_token_is_empty": list_with_empty_token,
    "test_list_objects_versions_with_prefix_only_and_pagination": versions_with_prefix,
    "test_list_objects_marker_common_prefixes": list_common_prefixes,
    "test_list_objects_v2_continuation_common_prefixes": list_v2_common_prefixes,
    "test_list_objects_v2_continuation_start_after": list_v2_start_after,
    "test_list_ops_encoding_type_validation[list_objects]": encoding_type,
}
