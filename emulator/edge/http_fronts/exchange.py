"""A request that a front serves, and its answer."""

from __future__ import annotations

import base64
import random
from dataclasses import dataclass
from typing import NamedTuple

import orjson

from emulator.edge.router import Receive, Scope, Send, answer, read_body

Headers = list[tuple[bytes, bytes]]

JSON = (b"content-type", b"application/json")
#: Statuses without a body.
EMPTY = frozenset({204, 304})


class BodyTooLarge(Exception):
    """A request's body is over the limit, or its client went away before it had sent it."""


class HttpResponse(NamedTuple):
    """An answer to a client."""

    status: int
    #: Names in lower case.
    headers: Headers
    body: bytes


class DomainMapping(NamedTuple):
    """What a base path of a custom domain name stands for."""

    domain: str
    #: Without slashes at its ends; "" for the whole name.
    base_path: str
    api_id: str
    #: "" where the path names the stage.
    stage: str


@dataclass(slots=True, kw_only=True)
class HttpRequest:
    """A request to an API or a function URL, at the address it was sent to."""

    method: str
    #: As sent: percent-encoded, without the query, with the stage, and behind the base path.
    raw_path: str
    query: str
    #: Names in lower case, in order, as often as they were sent.
    headers: list[tuple[str, str]]
    http_version: str
    source_ip: str
    #: The port and scheme that it was sent to.
    port: int
    scheme: str
    request_id: str
    #: The trace header that goes on to functions.
    trace_id: str
    #: Seconds since the epoch.
    now: float
    #: The API or function URL it is for; as its host says, or as if it had.
    api_id: str
    domain_name: str
    #: Where a custom domain name leads; None for other addresses.
    mapping: DomainMapping | None = None
    #: There once :meth:`read` has returned.
    body: bytes = b""
    is_read: bool = False
    scope: Scope
    receive: Receive
    send: Send

    @property
    def is_websocket(self) -> bool:
        """Whether it opens a WebSocket."""
        return bool(self.scope["type"] == "websocket")

    def header(self, name: str) -> str:
        """Return the first value of a header, by its name in lower case; "" without one."""
        return next((value for each, value in self.headers if each == name), "")

    async def read(self, limit: int) -> bytes:
        """Return the body, which is kept as ``body`` as well, for those who ask again.

        Raises:
            BodyTooLarge: It has more than ``limit`` bytes, or never came.
        """
        if not self.is_read:
            body = await read_body(self.receive, limit)
            if body is None:
                raise BodyTooLarge
            self.body, self.is_read = body, True
        return self.body

    async def answer(self, response: HttpResponse, added: Headers = []) -> None:  # noqa: B006
        """Send a response, with further headers."""
        headers = [*response.headers, *added]
        if response.status in EMPTY:
            await self.send(
                {"type": "http.response.start", "status": response.status, "headers": headers}
            )
            await self.send({"type": "http.response.body", "body": b""})
            return
        await answer(self.send, response.status, headers, response.body)

    async def refuse(self, response: HttpResponse) -> None:
        """Answer the handshake of a WebSocket with a response: it does not begin."""
        headers = [*response.headers, (b"content-length", b"%d" % len(response.body))]
        await self.send(
            {
                "type": "websocket.http.response.start",
                "status": response.status,
                "headers": headers,
            }
        )
        await self.send({"type": "websocket.http.response.body", "body": response.body})


def message(status: int, text: str, *headers: tuple[bytes, bytes]) -> HttpResponse:
    """Return an error as API Gateway words it: ``{"message": …}``."""
    return HttpResponse(status, [JSON, *headers], orjson.dumps({"message": text}))


def new_gateway_id() -> str:
    """Return an id as API Gateway gives its requests and connections: "JKJaXmPLvHcESHA="."""
    return base64.b64encode(random.randbytes(11)).decode().replace("+", "a").replace("/", "b")
