"""The front: one ASGI application that picks the door for each request.

::

    Host refused            ─> 403
    a function URL          ─> its function; its own CORS applies
    Origin refused          ─> 403
    /_emulator/…            ─> admin API (FastAPI, imported on its first request)
    everything else         ─> AWS: the service, operation, account and region of the caller
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Protocol

import orjson

from emulator.edge.guard import Guard

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]

#: Where function URLs are for clients that cannot resolve names under localhost.
URL_PATH = "/_function_url/"


#: What of the admin API sandboxes may see: where GetFunction and GetLayerVersion point.
_ARCHIVES = ("/_emulator/code/", "/_emulator/layers/")


class Door(Protocol):
    """Serves the requests of one kind of caller."""

    async def __call__(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None: ...


class Gateway:
    """The ASGI application.

    Args:
        admin: Makes the admin application when it is first asked for.
    """

    def __init__(
        self, *, guard: Guard, aws: Door, urls: Door, admin: Callable[[], AsgiApp]
    ) -> None:
        self._guard = guard
        self._aws = aws
        self._urls = urls
        self._make_admin = admin
        self._admin: AsgiApp | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            if scope["type"] == "websocket":
                await send({"type": "websocket.close", "code": 1008})
            return
        headers: Headers = dict(scope["headers"])
        for_url = is_for_url(scope, headers)
        refusal = self._guard.refuse(
            headers,
            method=scope["method"],
            query=scope["query_string"],
            any_origin=for_url,
        )
        if refusal is not None:
            await refuse(send, refusal)
        elif for_url:
            await self._urls(scope, headers, receive, send)
        elif scope["path"].startswith("/_emulator"):
            if self._admin is None:
                # FastAPI takes a third of a second to import: not on the loop.
                self._admin = await asyncio.to_thread(self._make_admin)
            await self._admin(scope, receive, send)
        else:
            await self._aws(scope, headers, receive, send)


class SandboxGateway:
    """The same, at the address that sandboxes alone use: without the emulator's own controls.

    Args:
        gateway: Serves what is let through.
        secret_host: The name that only sandboxes know, where others reach the address as well; ""
            where they don't.
    """

    def __init__(self, gateway: Gateway, secret_host: str) -> None:
        self._gateway = gateway
        self._secret_host = secret_host.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        named = dict(scope.get("headers", ())).get(b"host", b"").partition(b":")[0]
        if self._secret_host and not hmac.compare_digest(named, self._secret_host):
            await refuse(send, "Only functions may call this address.")
        elif path.startswith("/_emulator") and not path.startswith(_ARCHIVES):
            await refuse(send, "The admin API does not answer functions.")
        else:
            await self._gateway(scope, receive, send)


def is_for_url(scope: Scope, headers: Headers) -> bool:
    """Say whether a request is for a function URL, by its host or by its path."""
    return b".lambda-url." in headers.get(b"host", b"") or scope["path"].startswith(URL_PATH)


async def refuse(send: Send, reason: str) -> None:
    """Send a 403."""
    await answer(
        send,
        403,
        [(b"content-type", b"application/json"), (b"x-amzn-errortype", b"AccessDenied")],
        orjson.dumps({"__type": "AccessDenied", "message": reason}),
    )


async def answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    """Send a whole response."""
    headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(receive: Receive, limit: int) -> bytes | None:
    """Return a request's body; None if it is over ``limit`` bytes or the client went away."""
    message = await receive()
    if message["type"] == "http.disconnect":
        return None
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body if len(body) <= limit else None
    chunks, size = [body], len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunk = message.get("body", b"")
        size += len(chunk)
        if size <= limit:
            chunks.append(chunk)
    return b"".join(chunks) if size <= limit else None
