"""Pages of EventBridge's lists."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from emulator.services import paging
from emulator.services.events.errors import invalid


def page(every: Iterable[Any], request: Mapping[str, Any], member: str) -> dict[str, Any]:
    """Return the page that a request asks for.

    Args:
        every: All items.
        request: With ``Limit`` and ``NextToken``.
        member: The answer's member for the items.

    Raises:
        AwsError: The token is none.
    """
    try:
        items, following = paging.page(list(every), request.get("Limit"), request.get("NextToken"))
    except ValueError as error:
        raise invalid(f"Parameter NextToken is not valid. Reason: {error}.") from error
    return {member: items, "NextToken": following}
