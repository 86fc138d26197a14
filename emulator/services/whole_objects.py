"""Objects of S3 that other services read whole: a bucket may hold more than fits in the memory."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import aclosing
from typing import Any

#: The most bytes that the definition of an API may have, of each kind.
LARGEST_DEFINITION = 6_291_456


class TooLarge(ValueError):
    """An object has more bytes than may be read of it. The text says so."""


async def whole(answer: Mapping[str, Any], most: int) -> bytes:
    """Return the content of an object.

    Args:
        answer: What GetObject gave.
        most: The most bytes.

    Raises:
        TooLarge: There are more.
    """
    body = answer["Body"]
    if isinstance(body, (bytes, bytearray)):
        content = bytes(body)
    else:
        pieces = bytearray()
        async with aclosing(body):
            async for piece in body:
                pieces += piece
                if len(pieces) > most:
                    break
        content = bytes(pieces)
    if len(content) > most:
        raise TooLarge(f"it has more than {most} bytes")
    return content
