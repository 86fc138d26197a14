"""One ASGI application that picks the handler of each request.

::

    Host refused            ─> 403
    claimed by a front      ─> that front (a function URL …); its own CORS applies
    Origin refused          ─> 403
    a WebSocket             ─> closed: only fronts serve them
    /_emulator/, …/ui/…     ─> dashboard (imported on its first request)
    /_emulator/…            ─> admin API (FastAPI, imported when it is first needed)
    GET / from a browser    ─> the dashboard's address
    everything else         ─> AWS: the service, operation, account and region of the caller
"""

from __future__ import annotations

import asyncio
import hmac
from collections.abc import (
    AsyncGenerator,
    Awaitable,
    Callable,
    Mapping,
    MutableMapping,
    Sequence,
)
from contextlib import aclosing
from typing import Any, Protocol

import orjson

from emulator.edge import page_access
from emulator.edge.guard import Guard

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
AsgiApp = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = dict[bytes, bytes]
#: The key of a scope whose path was changed: the path as it was sent, which is what is signed.
SIGNED_PATH = "localfaas.signed_path"
#: Host and port.
Address = tuple[str, int]

#: Where the emulator shows itself: the dashboard and the admin API.
ADMIN = "/_emulator"
_PAGES = f"{ADMIN}/ui/"
#: ADMIN, and the paths by which set-ups made for LocalStack look after their emulator.
ADMIN_PATHS = (ADMIN, "/_localstack/")
#: The paths of the admin API that sandboxes may read: answers of AWS's APIs point there.
_ARCHIVES = ("/_emulator/code/", "/_emulator/layers/", "/_emulator/public/")
_NOT_FOR_FUNCTIONS = "The admin API does not answer functions."

#: The code that closes a WebSocket which nobody serves ("policy violation"); before it is
#: accepted, the client gets a 403 instead.
_NOT_SERVED = 1008


class Handler(Protocol):
    """Serves the requests of one kind of caller."""

    async def __call__(
        self, scope: Scope, headers: Headers, receive: Receive, send: Send
    ) -> None: ...


class Front(Handler, Protocol):
    """Serves HTTP, and WebSockets if it claims them, at addresses of its own.

    Pages of every origin may call it: its own CORS rules say which it answers.
    """

    def claims(self, scope: Scope, headers: Headers) -> bool:
        """Say whether a request is for an address of this front."""
        ...


class Router:
    """The ASGI application.

    Args:
        aws: Serves AWS's API.
        fronts: Asked in this order.
        admin: Makes the admin application when it is first asked for.
        early: Answers what it can without the admin application, while that is not made, and
            returns None; else it returns what gives the request to the application.
        dashboard: Makes the dashboard when it is first asked for.
        is_sandbox: Says of a connection, by its remote and local (host, port), whether a function
            may have made it: the admin API does not answer functions.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        aws: Handler,
        fronts: Sequence[Front],
        admin: Callable[[], AsgiApp],
        dashboard: Callable[[], AsgiApp],
        early: Callable[[Scope, Receive, Send], Awaitable[Receive | None]] | None = None,
        is_sandbox: Callable[[Address, Address], bool] = lambda peer, local: False,
    ) -> None:
        self._guard = guard
        self._aws = aws
        self._fronts = tuple(fronts)
        self._make_admin = admin
        self._admin: AsgiApp | None = None
        self._early = early
        self._make_dashboard = dashboard
        self._dashboard: AsgiApp | None = None
        #: What makes an application now, by the function that does.
        self._making: dict[Callable[[], AsgiApp], asyncio.Task[AsgiApp]] = {}
        self._is_sandbox = is_sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            return
        headers: Headers = dict(scope["headers"])
        front = self._front(scope, headers)
        refusal = self._guard.refuse(
            headers,
            # The handshake of a WebSocket is a GET.
            method=scope.get("method", "GET"),
            query=scope["query_string"],
            any_origin=front is not None,
        )
        if refusal is not None:
            await refuse(scope, send, refusal)
        elif front is not None:
            await front(scope, headers, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _NOT_SERVED})
        elif scope["path"].startswith(ADMIN_PATHS):
            if not is_open_to_sandboxes(scope["path"]) and self._comes_from_sandbox(scope):
                await refuse(scope, send, _NOT_FOR_FUNCTIONS)
                return
            shared = await page_access.share(self._guard, scope, headers, send)
            if shared is not None:
                await self._show(scope, receive, shared)
        elif scope["path"] == "/" and _is_browser(scope, headers):
            await answer(send, 307, [(b"location", f"{ADMIN}/".encode())], b"")
        else:
            await self._aws(scope, headers, receive, send)

    async def _show(self, scope: Scope, receive: Receive, send: Send) -> None:
        if is_page(scope["path"]):
            await (await self._pages())(scope, receive, send)
            return
        if self._admin is None and self._early is not None:
            left = await self._early(scope, receive, send)
            if left is None:
                return
            receive = left
        await (await self._api())(scope, receive, send)

    async def _api(self) -> AsgiApp:
        if self._admin is None:
            self._admin = await self._made_once(self._make_admin)
        return self._admin

    async def _pages(self) -> AsgiApp:
        if self._dashboard is None:
            self._dashboard = await self._made_once(self._make_dashboard)
        return self._dashboard

    async def _made_once(self, make: Callable[[], AsgiApp]) -> AsgiApp:
        """Return what ``make`` returns, called once for all who wait for it."""
        making = self._making.get(make)
        if making is None:
            # FastAPI takes a third of a second to import: not on the loop.
            making = asyncio.create_task(asyncio.to_thread(make))
            self._making[make] = making
            making.add_done_callback(lambda _: self._making.pop(make))
        return await asyncio.shield(making)

    def _comes_from_sandbox(self, scope: Scope) -> bool:
        client, server = scope.get("client"), scope.get("server")
        if client is None or server is None:
            return True
        return self._is_sandbox((client[0], client[1]), (server[0], server[1]))

    def _front(self, scope: Scope, headers: Headers) -> Front | None:
        for front in self._fronts:
            if front.claims(scope, headers):
                return front
        return None


class SandboxRouter:
    """The application at the address for sandboxes: without the emulator's controls.

    Args:
        router: Serves the requests that are let through.
        secret_host: The name that only sandboxes know, where others reach the address as well; ""
            where they don't.
    """

    def __init__(self, router: Router, secret_host: str) -> None:
        self._router = router
        self._secret_host = secret_host.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope.get("path", "")
        named = dict(scope.get("headers", ())).get(b"host", b"").partition(b":")[0]
        if self._secret_host and not hmac.compare_digest(named, self._secret_host):
            await refuse(scope, send, "Only functions may call this address.")
        elif path.startswith(ADMIN_PATHS) and not is_open_to_sandboxes(path):
            await refuse(scope, send, _NOT_FOR_FUNCTIONS)
        else:
            await self._router(scope, receive, send)


def is_page(path: str) -> bool:
    """Say whether a path of the admin API is one of the dashboard's."""
    return path in (ADMIN, f"{ADMIN}/") or path.startswith(_PAGES)


def _is_browser(scope: Scope, headers: Headers) -> bool:
    """Say whether somebody typed the emulator's bare address into a browser.

    Names under localhost are buckets' and others'; SDKs don't ask for HTML.
    """
    if scope["method"] not in ("GET", "HEAD") or scope["query_string"]:
        return False
    host = headers.get(b"host", b"").partition(b":")[0].lower()
    asks = b"text/html" in headers.get(b"accept", b"") and b"authorization" not in headers
    return asks and not host.endswith(b".localhost")


def is_open_to_sandboxes(path: str) -> bool:
    """Say whether functions may call a path of the admin API."""
    return path.startswith(_ARCHIVES)


async def refuse(scope: Scope, send: Send, reason: str) -> None:
    """Send a 403, or close a WebSocket."""
    if scope["type"] == "websocket":
        await send({"type": "websocket.close", "code": _NOT_SERVED, "reason": reason})
        return
    await answer(
        send,
        403,
        [(b"content-type", b"application/json"), (b"x-amzn-errortype", b"AccessDenied")],
        orjson.dumps({"__type": "AccessDenied", "message": reason}),
    )


async def answer(
    send: Send,
    status: int,
    headers: list[tuple[bytes, bytes]],
    body: bytes | AsyncGenerator[bytes, None],
) -> None:
    """Send a response.

    Args:
        send: ASGI's. It waits while the client is slow and does nothing once it is gone: a body
            that streams is then read to its end for nobody.
        status: The HTTP status.
        headers: A ``content-length`` among them stands: an answer to HEAD has the length of what
            GET would have answered.
        body: The whole body, or what yields it.
    """
    if not isinstance(body, bytes):
        await send({"type": "http.response.start", "status": status, "headers": headers})
        async with aclosing(body):
            async for chunk in body:
                await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})
        return
    if body or all(name != b"content-length" for name, _ in headers):
        headers.append((b"content-length", b"%d" % len(body)))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def read_body(
    receive: Receive, limit: int, first: Mapping[str, Any] | None = None
) -> bytes | None:
    """Return a request's body; None if it is over ``limit`` bytes or the client went away.

    Args:
        receive: ASGI's.
        limit: The most bytes.
        first: The message that has been received already, if one has.
    """
    message = await receive() if first is None else first
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
