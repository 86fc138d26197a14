"""Pages of lists: the token of the next page says where it begins."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any


def page(
    every: Sequence[Any], limit: int | None, token: str | None, longest: int = 100
) -> tuple[list[Any], str | None]:
    """Return the items of a page, and the token of the next one (None: it was the last).

    Args:
        every: All items.
        limit: The most that the caller wants; None: as many as a page takes.
        token: Of the page; None for the first.
        longest: The most that a page takes.

    Raises:
        ValueError: The token is none.
    """
    start = 0
    if token:
        try:
            start = int(base64.b64decode(token, validate=True))
        except (binascii.Error, ValueError) as error:
            raise ValueError("it is no token of this list") from error
        if start < 0:
            raise ValueError("it is no token of this list")
    end = start + min(limit or longest, longest)
    following = base64.b64encode(str(end).encode()).decode() if end < len(every) else None
    return list(every[start:end]), following
