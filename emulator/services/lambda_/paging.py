"""Marker and MaxItems, as every list operation has them."""

from __future__ import annotations

import base64
import binascii
from bisect import bisect_right
from collections.abc import Callable, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Request
from emulator.services.lambda_.errors import invalid

#: The most that AWS returns at once.
DEFAULT = 50


def _itself(key: str) -> Any:
    return key


def page(
    keys: Sequence[str],
    request: Request,
    most: int = DEFAULT,
    order: Callable[[str], Any] = _itself,
) -> tuple[Sequence[str], str | None]:
    """Return a page of ``keys`` and the marker of the next one, None at the end.

    A binary search finds the page, so a key deleted between two pages moves no other.

    Args:
        keys: Sorted by ``order``.
        request: Says Marker and MaxItems.
        most: The most keys of a page.
        order: What the keys are sorted by.

    Raises:
        AwsError: The marker was not made here.
    """
    after = last_of(request)
    start = 0
    if after is not None:
        try:
            start = bisect_right(keys, order(after), key=order)
        except ValueError as error:
            raise _unknown(request) from error
    end = start + min(request.get("MaxItems") or most, most)
    chosen = keys[start:end]
    if end >= len(keys):
        return chosen, None
    return chosen, base64.urlsafe_b64encode(chosen[-1].encode()).decode()


def last_of(request: Request) -> str | None:
    """Return the last key of the previous page, as the request's marker encodes it.

    Raises:
        AwsError: The marker was not made here.
    """
    marker = request.get("Marker")
    if not marker:
        return None
    try:
        return base64.b64decode(marker.encode("ascii"), b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise _unknown(request) from error


def _unknown(request: Request) -> AwsError:
    return invalid(f"Invalid marker: {request['Marker']}")


def by_number(version: str) -> int:
    """Order versions: $LATEST first, then by number."""
    return -1 if version.startswith("$") else int(version)
