"""Pages of lists: a token is the place where the next page begins."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any

from emulator.services.stepfunctions import errors

_DEFAULT = 100
_MOST = 1000
#: The highest number that the journal's file keeps.
_HIGHEST = 2**63 - 1


def size(request: Mapping[str, Any]) -> int:
    """Return how many items a page has: 100 unless the request says otherwise."""
    return int(request.get("maxResults") or _DEFAULT) or _DEFAULT


def place(request: Mapping[str, Any], kind: str) -> Any:
    """Return where a page begins; None for the first one.

    Args:
        request: The request, with its token.
        kind: What is listed: a token of another list is none of this one.

    Raises:
        AwsError: InvalidToken.
    """
    token = request.get("nextToken")
    if not token:
        return None
    try:
        made_for, found = json.loads(base64.urlsafe_b64decode(token.encode()))
    except (binascii.Error, ValueError, TypeError, RecursionError) as error:
        raise errors.invalid_token() from error
    numbers = found if isinstance(found, list) else [found]
    if made_for != kind or not all(map(_is_number, numbers)):
        raise errors.invalid_token()
    return found


def _is_number(value: Any) -> bool:
    """Whether a place's number can be one of ours: anyone may make up a token."""
    return type(value) in (int, float) and 0 <= value <= _HIGHEST


def token(place: Any, kind: str) -> str:
    """Return the token of a page that begins at ``place``."""
    return base64.urlsafe_b64encode(json.dumps([kind, place]).encode()).decode()


def page(
    every: list[dict[str, Any]], request: Mapping[str, Any], member: str, kind: str
) -> dict[str, Any]:
    """Return the page of a list that a request asks for.

    Args:
        every: All items.
        request: The request.
        member: The answer's member for the items.
        kind: What is listed.

    Raises:
        AwsError: InvalidToken.
    """
    start = place(request, kind) or 0
    if not isinstance(start, int):
        raise errors.invalid_token()
    end = start + min(size(request), _MOST)
    answer: dict[str, Any] = {member: every[start:end]}
    if end < len(every):
        answer["nextToken"] = token(end, kind)
    return answer
