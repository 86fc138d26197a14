"""Pages of X-Ray's lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emulator.services import paging
from emulator.services.xray.errors import invalid


def page(
    every: Sequence[Any], request: Mapping[str, Any], longest: int = 100
) -> tuple[list[Any], str | None]:
    """Return the items of a page, and the token of the next one.

    Raises:
        AwsError: The token is none of ours.
    """
    try:
        return paging.page(every, None, request.get("NextToken"), longest)
    except ValueError as error:
        raise invalid("NextToken is invalid.") from error
