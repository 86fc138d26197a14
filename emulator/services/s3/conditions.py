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
    if match is not None:
        if not _names(match, found.etag):
            raise errors.precondition_failed("If-Match")
    elif unmodified is not None and moment > int(unmodified):
        raise errors.precondition_failed("If-Unmodified-Since")
    unchanged = errors.precondition_failed("If-None-Match") if copy else errors.not_modified()
    if none_match is not None:
        if _names(none_match, found.etag):
            raise unchanged
    elif modified is not None and moment <= int(modified):
        raise unchanged


def check_write(there: StoredObject | None, request: Mapping[str, Any], key: str) -> None:
    """Refuse a write whose conditions do not hold.

    Raises:
        AwsError: PreconditionFailed (412), or NoSuchKey for ``If-Match`` of what is not there.
    """
    present = there is not None and not there.is_delete_marker
    none_match, match = request.get("IfNoneMatch"), request.get("IfMatch")
    if none_match is not None:
        if str(none_match).strip() != "*":
            raise AwsError(
                "NotImplemented",
                "A header you provided implies functionality that is not implemented",
                status=501,
                Header="If-None-Match",
            )
        if present:
            raise errors.precondition_failed("If-None-Match")
    if match is not None:
        if there is None or not present:
            raise errors.no_such_key(key)
        if not _names(match, there.etag):
            raise errors.precondition_failed("If-Match")


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
