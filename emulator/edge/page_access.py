"""What browsers want to be told before pages of other origins may read answers (CORS).

Only for origins that the user named (``--allow-origin``), and where no front has rules of its own.
https://fetch.spec.whatwg.org/#http-cors-protocol
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any

from emulator.edge.guard import Guard

_ASKED_METHOD = b"access-control-request-method"
_ASKED_HEADERS = b"access-control-request-headers"
#: Asked of servers at private addresses: https://wicg.github.io/private-network-access
_ASKED_PRIVATE = b"access-control-request-private-network"
_METHODS = b"GET, HEAD, POST, PUT, PATCH, DELETE"
#: Seconds for which a browser need not ask again.
_MAX_AGE = b"600"

_Message = MutableMapping[str, Any]
_Send = Callable[[_Message], Awaitable[None]]


async def share(
    guard: Guard, scope: Mapping[str, Any], headers: Mapping[bytes, bytes], send: _Send
) -> _Send | None:
    """Return the ``send`` for a request's answer; None where it was a browser's question.

    Args:
        guard: Knows the origins that the user named.
        scope: The request's.
        headers: The request's, names in lower case.
        send: ASGI's.
    """
    origin = guard.named_origin(headers)
    if origin is None:
        return send
    if scope["method"] != "OPTIONS" or _ASKED_METHOD not in headers:
        return _shared_with(origin, send)
    found = [*_shared(origin), (b"access-control-allow-methods", _METHODS)]
    found.append((b"access-control-max-age", _MAX_AGE))
    if _ASKED_HEADERS in headers:
        found.append((b"access-control-allow-headers", headers[_ASKED_HEADERS]))
    if _ASKED_PRIVATE in headers:
        found.append((b"access-control-allow-private-network", b"true"))
    await send({"type": "http.response.start", "status": 204, "headers": found})
    await send({"type": "http.response.body", "body": b""})
    return None


def _shared_with(origin: bytes, send: _Send) -> _Send:
    """Return a ``send`` that lets pages of an origin read the answer."""

    async def send_shared(message: _Message) -> None:
        if message["type"] == "http.response.start":
            more = [*_shared(origin), (b"access-control-expose-headers", b"*")]
            message["headers"] = [*message["headers"], *more]
        await send(message)

    return send_shared


def _shared(origin: bytes) -> list[tuple[bytes, bytes]]:
    return [(b"access-control-allow-origin", origin), (b"vary", b"Origin")]
