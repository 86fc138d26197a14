"""Documents in buckets: templates, policies, and what they include."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from emulator.model.errors import AwsError
from emulator.services.whole_objects import TooLarge, whole

if TYPE_CHECKING:
    from emulator.services.context import Services

#: Bytes of a template in a bucket at most.
LARGEST_TEMPLATE = 1_000_000
#: Hosts of buckets: ``bucket.s3.region.amazonaws.com`` and the like.
_BUCKET_HOST = re.compile(r"(?P<bucket>[^/]+?)\.s3[.-][^/]*")


async def read_from_bucket(services: Services, account: str, region: str, address: str) -> str:
    """Return the text of an object.

    Args:
        services: S3 among them.
        account: Whose it is.
        region: Of the caller.
        address: ``s3://bucket/key``, or the object's address in S3, here or at AWS.

    Raises:
        AwsError: ValidationError: there is none, it is too large, or no text.
    """
    bucket, key = _place(address)
    try:
        answer = await services.call(
            "s3", "GetObject", {"Bucket": bucket, "Key": key}, account=account, region=region
        )
    except LookupError as error:
        raise _refused(str(error)) from error
    except AwsError as error:
        raise _refused(f"S3 error: {error.message}: {address}") from error
    try:
        return (await whole(answer, LARGEST_TEMPLATE)).decode()
    except TooLarge:
        raise _refused(f"Template may not exceed {LARGEST_TEMPLATE} bytes in size.") from None
    except UnicodeDecodeError:
        raise _refused("Template format error: it is not UTF-8 text") from None


def _place(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    match = _BUCKET_HOST.fullmatch(parts.hostname or "")
    if parts.scheme == "s3":
        bucket, key = parts.netloc, parts.path.lstrip("/")
    elif match is not None:
        bucket, key = match["bucket"], unquote(parts.path.lstrip("/"))
    else:
        bucket, _, key = unquote(parts.path.lstrip("/")).partition("/")
    if parts.scheme not in ("http", "https", "s3") or not bucket or not key:
        raise _refused("TemplateURL must be a supported URL.")
    return bucket, key


def _refused(message: str) -> AwsError:
    return AwsError("ValidationError", message, status=400)
