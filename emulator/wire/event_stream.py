"""The binary event stream (``application/vnd.amazon.eventstream``), outgoing.

https://docs.aws.amazon.com/lexv2/latest/dg/event-stream-encoding.html
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Mapping

import orjson

_PRELUDE = struct.Struct("!II")
_CHECKSUM = struct.Struct("!I")
_STRING = 7


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """Frame one message.

    Args:
        headers: Names of at most 255 bytes, values of at most 65,535 bytes.
        payload: The message's content.
    """
    pieces = []
    for name, value in headers.items():
        key, text = name.encode(), value.encode()
        pieces.append(struct.pack("!B", len(key)) + key)
        pieces.append(struct.pack("!BH", _STRING, len(text)) + text)
    head = b"".join(pieces)
    # Prelude, its checksum, headers, payload, checksum of all.
    prelude = _PRELUDE.pack(16 + len(head) + len(payload), len(head))
    prelude += _CHECKSUM.pack(zlib.crc32(prelude))
    checksum = zlib.crc32(payload, zlib.crc32(head, zlib.crc32(prelude)))
    return b"".join((prelude, head, payload, _CHECKSUM.pack(checksum)))


def payload_chunk(payload: bytes) -> bytes:
    """Return a ``PayloadChunk`` of InvokeWithResponseStream."""
    return encode(
        {
            ":message-type": "event",
            ":event-type": "PayloadChunk",
            ":content-type": "application/octet-stream",
        },
        payload,
    )


def invoke_complete(
    *,
    error_code: str | None = None,
    error_details: str | None = None,
    log_result: str | None = None,
) -> bytes:
    """Return the ``InvokeComplete`` that ends a stream of InvokeWithResponseStream.

    Args:
        error_code: ``Unhandled`` and the like, when the function failed.
        error_details: The error's JSON, as text.
        log_result: The log's tail in base64, if it was asked for.
    """
    fields = {"ErrorCode": error_code, "ErrorDetails": error_details, "LogResult": log_result}
    return encode(
        {
            ":message-type": "event",
            ":event-type": "InvokeComplete",
            ":content-type": "application/json",
        },
        orjson.dumps({name: value for name, value in fields.items() if value is not None}),
    )


def exception(code: str, message: str) -> bytes:
    """Return a modelled exception in the middle of a stream."""
    return encode(
        {
            ":message-type": "exception",
            ":exception-type": code,
            ":content-type": "application/json",
        },
        orjson.dumps({"message": message}),
    )
