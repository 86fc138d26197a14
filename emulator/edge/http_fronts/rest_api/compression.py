"""Bodies that are sent compressed, where an API has a minimum compression size.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-gzip-compression-decompression.html
"""

from __future__ import annotations

import zlib

from emulator.services.apigateway.execution.call import Answer, Pairs

#: What zlib is told, by the content codings.
_CODINGS = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}


class Undecodable(Exception):
    """A body is not what its header says, or it would be too large."""


def coding_of(header: str) -> str:
    """Return the content coding of a request's body that is decoded here; "" for none."""
    name = header.strip().lower()
    return name if name in _CODINGS else ""


def decoded(body: bytes, coding: str, largest: int) -> bytes:
    """Return the body of a request as it was before it was compressed.

    Args:
        body: As it was sent.
        coding: See :func:`coding_of`.
        largest: The most bytes that it may become.

    Raises:
        Undecodable: It was not compressed so, or is larger.
    """
    unpacked = zlib.decompressobj(_CODINGS[coding])
    try:
        found = unpacked.decompress(body, largest + 1)
    except zlib.error as error:
        raise Undecodable from error
    if len(found) > largest or not unpacked.eof:
        raise Undecodable
    return found


def compressed(answer: Answer, accepted: str, smallest: int) -> None:
    """Compress an answer whose client accepts it, in place.

    Args:
        answer: One that does not stream.
        accepted: The client's ``Accept-Encoding``.
        smallest: Bytes of a body from which on bodies are compressed.
    """
    coding = _chosen(accepted)
    if not coding or not answer.body or len(answer.body) < smallest or _is_encoded(answer.headers):
        return
    packed = zlib.compressobj(wbits=_CODINGS[coding])
    answer.body = packed.compress(answer.body) + packed.flush()
    answer.headers.append(("Content-Encoding", coding))


def _is_encoded(headers: Pairs) -> bool:
    return any(name.lower() == "content-encoding" for name, _ in headers)


def _chosen(accepted: str) -> str:
    """Return the first coding that a client accepts and that is known here."""
    for each in accepted.split(","):
        name, _, quality = each.partition(";")
        refused = quality.replace(" ", "").lower() in ("q=0", "q=0.0", "q=0.00", "q=0.000")
        name = "gzip" if name.strip() == "*" else name.strip().lower()
        if name in _CODINGS and not refused:
            return name
    return ""
