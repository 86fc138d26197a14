"""What goes over the socket between the emulator and an engine's process.

A frame is four bytes with the length of its head, four with that of its body, a head in JSON, and a
body.
"""

from __future__ import annotations

import struct
from typing import Any, BinaryIO

import orjson

LENGTHS = struct.Struct("!II")


def pack(head: Any, body: bytes = b"") -> bytes:
    """Return a frame."""
    text = orjson.dumps(head)
    return LENGTHS.pack(len(text), len(body)) + text + body


def read(file: BinaryIO) -> tuple[Any, bytes] | None:
    """Read a frame; None at the end, or where the rest of a frame is missing."""
    lengths = file.read(LENGTHS.size)
    if len(lengths) < LENGTHS.size:
        return None
    head_length, body_length = LENGTHS.unpack(lengths)
    head, body = file.read(head_length), file.read(body_length)
    if len(head) < head_length or len(body) < body_length:
        return None
    return orjson.loads(head), body
