"""Lists, page by page: ``position`` says where the next page begins.

https://docs.aws.amazon.com/apigateway/latest/api/API_GetRestApis.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services.apigateway.errors import bad_request

#: The most items of a page, and how many there are without a limit.
MOST, USUAL = 500, 25


def page(
    items: Sequence[Any], request: Mapping[str, Any], *, usual: int = USUAL, member: str = "items"
) -> dict[str, Any]:
    """Return a page of ``items`` and where the next one begins.

    Raises:
        AwsError: ``position`` is none of ours.
    """
    begin = _index(request.get("position"))
    limit = min(max(request.get("limit") or usual, 1), MOST)
    end = begin + limit
    shown: dict[str, Any] = {member: list(items[begin:end])}
    if end < len(items):
        shown["position"] = base64.urlsafe_b64encode(b"position:%d" % end).decode()
    return shown


def _index(position: str | None) -> int:
    if not position:
        return 0
    try:
        name, _, number = base64.urlsafe_b64decode(position.encode()).partition(b":")
        if name == b"position" and number.isdigit():
            return int(number)
    except (binascii.Error, ValueError):
        pass
    raise bad_request("Invalid position parameter specified")
