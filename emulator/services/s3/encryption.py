"""How objects are encrypted, as far as it shows: nothing is encrypted here, but KMS is asked.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context
from emulator.services.s3 import errors

#: The kind of the bucket's document.
KIND = "encryption"
_ALGORITHMS = ("AES256", "aws:fsx", "aws:kms", "aws:kms:dsse")
_BY_KMS = "aws:kms"
#: The key of objects that name none.
_MANAGED = "alias/aws/s3"
_ETAG_BYTES = 16


def check(body: Mapping[str, Any]) -> None:
    """Refuse a document that S3 does not take.

    Raises:
        AwsError: MalformedXML or InvalidArgument.
    """
    rules = body.get("Rules") or []
    usual = rules[0].get("ApplyServerSideEncryptionByDefault") if len(rules) == 1 else None
    if not usual or usual.get("SSEAlgorithm") not in _ALGORITHMS:
        raise errors.malformed()
    if not usual["SSEAlgorithm"].startswith(_BY_KMS) and "KMSMasterKeyID" in usual:
        raise errors.invalid(
            "a KMSMasterKeyID is not applicable if the default sse algorithm is not aws:kms or"
            " aws:kms:dsse",
            ArgumentName="ApplyServerSideEncryptionByDefault",
        )


def apply_default(document: Mapping[str, Any] | None, details: dict[str, Any]) -> None:
    """Give a new object the bucket's encryption, unless its request names one.

    Args:
        document: The bucket's; None for one that has not put any.
        details: What is kept with the object; it is changed.
    """
    if document is None:
        return
    if "ServerSideEncryption" not in details and "SSECustomerAlgorithm" not in details:
        rule = document["Rules"][0]
        usual = rule["ApplyServerSideEncryptionByDefault"]
        details["ServerSideEncryption"] = usual["SSEAlgorithm"]
        if usual.get("KMSMasterKeyID"):
            details["SSEKMSKeyId"] = usual["KMSMasterKeyID"]
        if rule.get("BucketKeyEnabled"):
            details["BucketKeyEnabled"] = True


async def ask_for_key(ctx: Context, bucket_region: str, details: dict[str, Any]) -> None:
    """Have KMS make a data key for a new object, as S3 does; its key is kept with the object.

    Args:
        ctx: The request's circumstances: its caller uses the key.
        bucket_region: Where the key has to be.
        details: What is kept with the object; it is changed.

    Raises:
        AwsError: InvalidArgument: a key without its algorithm; or what KMS says, with "KMS." before
            its code.
    """
    if not is_by_kms(details):
        if "SSEKMSKeyId" in details:
            raise errors.invalid(
                "Server Side Encryption with AWS KMS managed key requires HTTP header"
                " x-amz-server-side-encryption : aws:kms",
                ArgumentName="x-amz-server-side-encryption",
                ArgumentValue=str(details.get("ServerSideEncryption") or "null"),
            )
        return
    details["SSEKMSKeyId"] = await _use(ctx, bucket_region, details.get("SSEKMSKeyId") or _MANAGED)


async def ask_again(ctx: Context, bucket_region: str, details: Mapping[str, Any]) -> None:
    """Have KMS say whether an object may be read; see :func:`ask_for_key`."""
    if is_by_kms(details) and details.get("SSEKMSKeyId"):
        await _use(ctx, bucket_region, details["SSEKMSKeyId"])


def is_by_kms(details: Mapping[str, Any]) -> bool:
    """Say whether an object is encrypted by a key of KMS."""
    return str(details.get("ServerSideEncryption", "")).startswith(_BY_KMS)


def etag(details: Mapping[str, Any], digest: str) -> str:
    """Return an object's ETag: with a key of KMS or the client's it is no digest of the content."""
    return secrets.token_hex(_ETAG_BYTES) if hides_digest(details) else digest


def hides_digest(details: Mapping[str, Any]) -> bool:
    """Say whether an object's ETag says nothing of its content."""
    return is_by_kms(details) or "SSECustomerKeyMD5" in details


async def _use(ctx: Context, region: str, key: str) -> str:
    """Return the ARN of a key that can be used.

    Raises:
        AwsError: What KMS says.
    """
    request = {"KeyId": key, "KeySpec": "AES_256"}
    operation = "GenerateDataKeyWithoutPlaintext"
    try:
        answer = await ctx.parts.table.call(
            "kms", operation, request, account=ctx.account, region=region
        )
    except AwsError as error:
        raise errors.invalid(error.message, code=f"KMS.{error.code}") from error
    return str(answer["KeyId"])
