"""Keys that clients bring themselves (SSE-C): nothing is encrypted here, but who reads has to know.

What is kept of a key is its MD5, as S3 shows it.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
"""

from __future__ import annotations

import hashlib
from base64 import b64decode, b64encode
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.s3 import errors

_ALGORITHM = "AES256"
_KEY_BYTES = 32
_HEADER = "x-amz-server-side-encryption"
_MD5 = "SSECustomerKeyMD5"


def check_headers(request: Mapping[str, Any], prefix: str = "") -> str | None:
    """Return the MD5 of the key that a request brings; None where it brings none.

    Args:
        request: The request.
        prefix: "CopySource" for the key of a copy's source.

    Raises:
        AwsError: InvalidArgument or InvalidEncryptionAlgorithmError.
    """
    algorithm = request.get(f"{prefix}SSECustomerAlgorithm")
    key = request.get(f"{prefix}SSECustomerKey")
    if not algorithm and not key:
        return None
    other = None if prefix else request.get("ServerSideEncryption")
    if other:
        raise _invalid(
            "Server Side Encryption with Customer provided key is incompatible with the encryption"
            " method specified",
            str(other),
        )
    if not algorithm or not key:
        lacks = "an appropriate secret key" if algorithm else "a valid encryption algorithm"
        raise _invalid(
            "Requests specifying Server Side Encryption with Customer provided keys must provide"
            f" {lacks}."
        )
    if algorithm != _ALGORITHM:
        raise errors.invalid(
            "The Encryption request you specified is not valid. Supported value: AES256.",
            code="InvalidEncryptionAlgorithmError",
            ArgumentName=_HEADER,
            ArgumentValue=str(algorithm),
        )
    try:
        secret = b64decode(str(key), validate=True)
    except ValueError:
        secret = b""
    if len(secret) != _KEY_BYTES:
        raise _invalid("The secret key was invalid for the specified algorithm.")
    digest = b64encode(hashlib.md5(secret, usedforsecurity=False).digest()).decode()
    if request.get(f"{prefix}{_MD5}") != digest:
        raise _invalid(
            "The calculated MD5 hash of the key did not match the hash that was provided."
        )
    return digest


def refuse_reader(details: Mapping[str, Any], request: Mapping[str, Any], prefix: str = "") -> None:
    """Refuse to read an object without the key that it was written with.

    Args:
        details: What is kept with the object.
        request: The request.
        prefix: As in :func:`check_headers`.

    Raises:
        AwsError: InvalidRequest, or AccessDenied: it is another key; or as :func:`check_headers`.
    """
    given, kept = check_headers(request, prefix), details.get(_MD5)
    if given == kept:
        return
    if given is None:
        text = (
            "The object was stored using a form of Server Side Encryption. The correct parameters"
            " must be provided to retrieve the object."
        )
    elif kept is None:
        text = "The encryption parameters are not applicable to this object."
    else:
        denied = (
            "Access Denied"
            if prefix
            else "Requests specifying Server Side Encryption with Customer provided keys must"
            " provide the correct secret key."
        )
        raise AwsError("AccessDenied", denied, status=403)
    raise errors.invalid(text, code="InvalidRequest")


def refuse_part(details: Mapping[str, Any], request: Mapping[str, Any]) -> None:
    """Refuse a part of an upload that began with another key, or with one at all.

    Raises:
        AwsError: InvalidRequest; or as :func:`check_headers`.
    """
    given, kept = check_headers(request), details.get(_MD5)
    if given == kept:
        return
    if given is None:
        text = (
            "The multipart upload initiate requested encryption. Subsequent part requests must"
            " include the appropriate encryption parameters."
        )
    else:
        text = "The provided encryption parameters did not match the ones used originally."
    raise errors.invalid(text, code="InvalidRequest")


def _invalid(message: str, value: str = "null") -> AwsError:
    return errors.invalid(message, ArgumentName=_HEADER, ArgumentValue=value)
