"""Conditional requests and ranges: pure decisions.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.s3 import errors
from emulator.services.s3.rows import StoredObject

_RANGE = re.compile(r"bytes=(\d*)-(\d*)")


def check_read(found: StoredObject, request: Mapping[str, Any], *, copy: bool = False) -> None:
    """Refuse a read whose conditions do not hold.

    Args:
        found: What is to be read.
        request: The members of the request.
        copy: The conditions are those of a copy's source.

    Raises:
        AwsError: PreconditionFailed (412), or 304.
    """
    prefix = "CopySource" if copy else ""
    match = request.get(f"{prefix}IfMatch")
    none_match = request.get(f"{prefix}IfNoneMatch")
    unmodified = request.get(f"{prefix}IfUnmodifiedSince")
    modified = request.get(f"{prefix}IfModifiedSince")
    moment = int(found.modified_at)
    named = "x-amz-copy-source-" if copy else ""
    if match is not None:
        if not _names(match, found.etag):
            raise errors.precondition_failed(f"{named}If-Match")
    elif unmodified is not None and moment > int(unmodified):
        raise errors.precondition_failed(f"{named}If-Unmodified-Since")

    def unchanged(condition: str) -> AwsError:
        return errors.precondition_failed(named + condition) if copy else errors.not_modified()

    if none_match is not None:
        if _names(none_match, found.etag):
            raise unchanged("If-None-Match")
    elif modified is not None and moment <= int(modified):
        raise unchanged("If-Modified-Since")


def check_taken(request: Mapping[str, Any]) -> None:
    """Refuse conditions that no write takes.

    Raises:
        AwsError: NotImplemented (501).
    """
    none_match, match = request.get("IfNoneMatch"), request.get("IfMatch")
    if none_match is not None and match is not None:
        raise errors.not_implemented(
            "If-Match,If-None-Match",
            additionalMessage="Multiple conditional request headers present in the request",
        )
    for header, is_taken in (
        ("If-None-Match", none_match is None or str(none_match).strip() == "*"),
        ("If-Match", match is None or str(match).strip() != "*"),
    ):
        if not is_taken:
            text = f"We don't accept the provided value of {header} header for this API"
            raise errors.not_implemented(header, additionalMessage=text)


def check_write(
    there: StoredObject | None,
    request: Mapping[str, Any],
    key: str,
    *,
    began_at: float | None = None,
    was_there: bool = False,
) -> None:
    """Refuse a write whose conditions do not hold.

    Args:
        there: The newest version of the object.
        request: The members of the request.
        key: The object's key.
        began_at: When the multipart upload began, in seconds since the epoch.
        was_there: There was such an object then.

    Raises:
        AwsError: PreconditionFailed (412); NoSuchKey for ``If-Match`` of what is not there;
            ConditionalRequestConflict (409): another write came during the upload.
    """
    present = there is not None and not there.is_delete_marker
    none_match, match = request.get("IfNoneMatch"), request.get("IfMatch")
    if none_match is not None:
        if present:
            raise errors.precondition_failed("If-None-Match")
        if was_there:
            raise errors.conflict("If-None-Match", key)
    if match is not None:
        if there is None or not present:
            raise errors.no_such_key(key)
        if not _names(match, there.etag):
            raise errors.precondition_failed("If-Match")
        if began_at is not None and began_at < there.modified_at:
            raise errors.conflict("If-Match", key)


def _names(header: Any, etag: str) -> bool:
    named = [part.strip().removeprefix("W/").strip('"') for part in str(header).split(",")]
    return "*" in named or etag in named


def byte_range(header: Any, size: int) -> tuple[int, int] | None:
    """Return start and length of the range that a request asks for; None for all of it.

    What is no range of bytes is not looked at, as in HTTP.

    Raises:
        AwsError: InvalidRange (416): it begins behind the end.
    """
    match = _RANGE.fullmatch(str(header).strip()) if header else None
    if match is None or not (match[1] or match[2]):
        return None
    if not match[1]:
        length = min(int(match[2]), size)
        start = size - length
    else:
        start = int(match[1])
        end = min(int(match[2]), size - 1) if match[2] else size - 1
        if match[2] and int(match[2]) < start:
            return None
        length = end - start + 1
    if length <= 0 or start >= size:
        raise AwsError(
            "InvalidRange",
            "The requested range is not satisfiable",
            status=416,
            ActualObjectSize=str(size),
            RangeRequested=str(header),
        )
    return start, length


def copied_range(header: Any, size: int) -> tuple[int, int] | None:
    """Return start and length of the range of a source that a part is copied from.

    Raises:
        AwsError: InvalidArgument: it is no such range, or not one of this source.
    """
    if not header:
        return None
    text = str(header)
    named = {"ArgumentName": "x-amz-copy-source-range", "ArgumentValue": text}
    match = _RANGE.fullmatch(text.strip())
    if match is None or not match[1] or not match[2] or int(match[1]) > int(match[2]):
        raise errors.invalid(
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first and"
            " last are the zero-based offsets of the first and last bytes to copy",
            **named,
        )
    start, end = int(match[1]), int(match[2])
    if end >= size:
        text = f"Range specified is not valid for source object of size: {size}"
        raise errors.invalid(text, **named)
    return start, end - start + 1
