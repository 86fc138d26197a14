"""How new objects are encrypted, as far as it shows: nothing is encrypted here.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-encryption.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.s3 import errors

#: The kind of the bucket's document.
KIND = "encryption"
_ALGORITHMS = ("AES256", "aws:fsx", "aws:kms", "aws:kms:dsse")


def check(body: Mapping[str, Any]) -> None:
    """Refuse a document that S3 does not take.

    Raises:
        AwsError: MalformedXML or InvalidArgument.
    """
    rules = body.get("Rules") or []
    usual = rules[0].get("ApplyServerSideEncryptionByDefault") if len(rules) == 1 else None
    if not usual or usual.get("SSEAlgorithm") not in _ALGORITHMS:
        raise errors.malformed()
    if not usual["SSEAlgorithm"].startswith("aws:kms") and "KMSMasterKeyID" in usual:
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
