"""What S3's operations are called in policies, and what they are done to.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.authorization import Rules
from emulator.services.context import Context
from emulator.services.s3 import public_access
from emulator.services.s3.state import S3

_ACTIONS = {
    "AbortMultipartUpload": "AbortMultipartUpload",
    "CompleteMultipartUpload": "PutObject",
    "CopyObject": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteBucketCors": "PutBucketCORS",
    "DeleteBucketEncryption": "PutEncryptionConfiguration",
    "DeleteBucketLifecycle": "PutLifecycleConfiguration",
    "DeleteBucketReplication": "PutReplicationConfiguration",
    "DeleteBucketTagging": "PutBucketTagging",
    "DeleteObjects": "DeleteObject",
    "GetBucketCors": "GetBucketCORS",
    "GetBucketEncryption": "GetEncryptionConfiguration",
    "GetBucketLifecycleConfiguration": "GetLifecycleConfiguration",
    "GetBucketNotificationConfiguration": "GetBucketNotification",
    "GetBucketReplication": "GetReplicationConfiguration",
    "GetPublicAccessBlock": "GetBucketPublicAccessBlock",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListBuckets": "ListAllMyBuckets",
    "ListMultipartUploads": "ListBucketMultipartUploads",
    "ListObjectVersions": "ListBucketVersions",
    "ListObjects": "ListBucket",
    "ListObjectsV2": "ListBucket",
    "ListParts": "ListMultipartUploadParts",
    "PutBucketCors": "PutBucketCORS",
    "PutBucketEncryption": "PutEncryptionConfiguration",
    "PutBucketLifecycleConfiguration": "PutLifecycleConfiguration",
    "PutBucketNotificationConfiguration": "PutBucketNotification",
    "PutBucketReplication": "PutReplicationConfiguration",
    "PutPublicAccessBlock": "PutBucketPublicAccessBlock",
    "UploadPart": "PutObject",
    "UploadPartCopy": "PutObject",
}


def _resources(ctx: Context, request: Mapping[str, Any]) -> Sequence[str]:
    bucket = request.get("Bucket")
    if not bucket:
        return ["*"]
    keys = [each.get("Key") for each in (request.get("Delete") or {}).get("Objects") or ()]
    keys = keys or [request.get("Key")]
    return [f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}" for key in keys]


async def _policy(ctx: Context, resource: str) -> Mapping[str, Any] | None:
    bucket = resource.rpartition(":")[2].partition("/")[0]
    try:
        found = await ctx.parts.table.call(
            "s3", "GetBucketPolicy", {"Bucket": bucket}, account=ctx.account, region=ctx.region
        )
    except AwsError:
        return None
    policy: Mapping[str, Any] = json.loads(found["Policy"])
    state: S3 = await ctx.parts.table.state("s3")
    kept = state.find_bucket(bucket)
    return policy if kept is None else public_access.restricted(state, kept, policy)


def _keys(ctx: Context, request: Mapping[str, Any]) -> Mapping[str, str]:
    known = {
        "s3:prefix": request.get("Prefix"),
        "s3:delimiter": request.get("Delimiter"),
        "s3:max-keys": request.get("MaxKeys"),
        "s3:x-amz-acl": request.get("ACL"),
        "s3:x-amz-server-side-encryption": request.get("ServerSideEncryption"),
        "s3:versionid": request.get("VersionId"),
    }
    return {name: str(value) for name, value in known.items() if value is not None}


RULES = Rules(
    prefix="s3",
    mismatched="SignatureDoesNotMatch",
    anonymous=True,
    signs_paths_as_sent=True,
    quotes=True,
    actions={operation: (action,) for operation, action in _ACTIONS.items()},
    resources=_resources,
    policy=_policy,
    keys=_keys,
)
