"""Lists page by page. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Request, Response


def page(member: str, items: Sequence[Any], request: Request, usual: int) -> Response:
    """Return a page of items, and where the next one begins.

    Args:
        member: The answer's member that has them.
        items: All of them.
        request: With Limit and Marker.
        usual: The items of a page that names no limit.

    Raises:
        AwsError: The marker is none.
    """
    marker = request.get("Marker")
    if marker is not None and not marker.isdecimal():
        raise AwsError("InvalidMarkerException", "The marker is none of this list.")
    start = int(marker or 0)
    end = start + (request.get("Limit") or usual)
    answer: Response = {member: list(items[start:end]), "Truncated": end < len(items)}
    if end < len(items):
        answer["NextMarker"] = str(end)
    return answer
