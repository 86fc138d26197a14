"""WebSockets come through to whoever serves them; nobody else's are accepted."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from wsproto import ConnectionType, WSConnection
from wsproto.events import (
    AcceptConnection,
    BytesMessage,
    CloseConnection,
    RejectConnection,
    Request,
    TextMessage,
)

from emulator.edge.guard import Guard
from emulator.edge.listener import Listener
from emulator.edge.router import Router, SandboxRouter
from emulator.settings import Settings
from emulator.testing import ScriptedDriver

from .conftest import Running


class Client:
    """One WebSocket, from its handshake on."""

    def __init__(self, port: int, path: str, **headers: str) -> None:
        self._wire = WSConnection(ConnectionType.CLIENT)
        self._socket = socket.create_connection(("127.0.0.1", port), 60)
        extra = [(name.encode(), value.encode()) for name, value in headers.items()]
        self.send(Request(host=f"localhost:{port}", target=path, extra_headers=extra))
        self._events: list[Any] = []

    def send(self, event: Any) -> None:
        self._socket.sendall(self._wire.send(event))

    def event(self) -> Any:
        while not self._events:
            self._wire.receive_data(self._socket.recv(65536) or None)
            self._events += self._wire.events()
        return self._events.pop(0)

    def close(self) -> None:
        self._socket.close()


class Echo:
    """A front that serves WebSockets below /echo."""

    def claims(self, scope: Any, headers: dict[bytes, bytes]) -> bool:
        return bool(scope["type"] == "websocket" and scope["path"].startswith("/echo"))

    async def __call__(self, scope: Any, headers: Any, receive: Any, send: Any) -> None:
        assert (await receive())["type"] == "websocket.connect"
        await send({"type": "websocket.accept", "headers": [(b"x-query", scope["query_string"])]})
        while (message := await receive())["type"] == "websocket.receive":
            kind = "text" if message.get("text") is not None else "bytes"
            await send({"type": "websocket.send", kind: message[kind]})
            if message.get("text") == "bye":
                await send({"type": "websocket.close", "code": 4000})


async def nobody(scope: Any, headers: Any, receive: Any, send: Any) -> None:
    raise AssertionError("a WebSocket went to somebody who does not serve them")


@pytest.fixture
async def ports() -> AsyncIterator[tuple[int, int]]:
    """The ports of a router with a front, for clients and for sandboxes."""

    def admin() -> Any:
        return nobody

    router = Router(guard=Guard(), aws=nobody, fronts=[Echo()], admin=admin, dashboard=admin)
    listeners = [Listener("127.0.0.1", 0), Listener("127.0.0.1", 0)]
    listeners[0].serve(router, drain_seconds=0)
    listeners[1].serve(SandboxRouter(router, "secret.localhost"), drain_seconds=0)
    yield listeners[0].port, listeners[1].port
    for listener in listeners:
        listener.end(now=True)
        await listener.close()


async def test_a_front_serves_what_it_claims(ports: tuple[int, int]) -> None:
    def talk() -> None:
        # A front answers pages of every origin, or refuses them itself.
        client = Client(ports[0], "/echo?a=b", Origin="https://page.example")
        accepted = client.event()
        assert isinstance(accepted, AcceptConnection)
        assert (b"x-query", b"a=b") in accepted.extra_headers
        for data in ("hello", "x" * 100_000):
            client.send(TextMessage(data=data))
            received = ""
            while len(received) < len(data):
                received += client.event().data
            assert received == data
        client.send(BytesMessage(data=b"\0\1"))
        assert client.event().data == b"\0\1"
        client.send(TextMessage(data="bye"))
        assert client.event().data == "bye"
        closed = client.event()
        assert isinstance(closed, CloseConnection)
        assert closed.code == 4000
        client.close()

    await asyncio.to_thread(talk)


@pytest.mark.parametrize("path", ["/", "/_emulator/health", "/2015-03-31/functions"])
async def test_no_other_is_accepted(ports: tuple[int, int], path: str) -> None:
    def talk() -> None:
        client = Client(ports[0], path)
        rejected = client.event()
        assert isinstance(rejected, RejectConnection)
        assert rejected.status_code == 403
        client.close()

    await asyncio.to_thread(talk)


async def test_a_sandbox_without_the_secret_name_is_refused(ports: tuple[int, int]) -> None:
    def talk() -> None:
        client = Client(ports[1], "/echo")
        assert isinstance(client.event(), RejectConnection)
        client.close()

    await asyncio.to_thread(talk)


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    yield running.emulator.port
    running.stop()


@pytest.mark.parametrize("origin", ["", "https://evil.example"])
def test_the_emulator_refuses_what_it_does_not_serve(port: int, origin: str) -> None:
    client = Client(
        port, "/2015-03-31/functions/f/invocations", **{"Origin": origin} if origin else {}
    )
    rejected = client.event()
    assert isinstance(rejected, RejectConnection)
    assert rejected.status_code == 403
    client.close()


def test_a_request_that_is_no_handshake_is_http(port: int) -> None:
    """Without its key it is a GET with a wish, which a server may ignore."""
    with socket.create_connection(("127.0.0.1", port), 60) as connection:
        connection.sendall(
            b"GET /2015-03-31/functions HTTP/1.1\r\nHost: localhost\r\n"
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 200 ")


def test_a_handshake_that_is_cut_into_pieces(port: int) -> None:
    key = base64.b64encode(os.urandom(16)).decode()
    head = (
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n"
    ).encode()
    for at in range(0, len(head), 7):
        with socket.create_connection(("127.0.0.1", port), 60) as connection:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            connection.sendall(head[:at])
            connection.sendall(head[at:])
            assert connection.makefile("rb").readline().startswith(b"HTTP/1.1 403 ")
