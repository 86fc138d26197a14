"""JSON that is kept in memory."""

from __future__ import annotations

import orjson


def kept_json(value: object) -> bytes:
    """Return a value as JSON, in no more memory than it needs.

    What orjson returns holds on to the room that it was written in: four kilobytes for a short
    text, eight times its length for a long one.
    """
    return bytes(memoryview(orjson.dumps(value)))
