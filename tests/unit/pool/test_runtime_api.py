"""Whose TCP connections an environment's listener takes."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from types import SimpleNamespace
from typing import cast
from unittest.mock import Mock

import pytest

from emulator.driver.base import Sandbox
from emulator.model.function import FunctionVersion
from emulator.model.invocation import InvocationResult
from emulator.pool.connection_gate import Admits
from emulator.pool.extensions.subscriptions import Subscription
from emulator.pool.runtime_api import RuntimeApi
from emulator.pool.runtime_connection import RuntimeConnection
from emulator.pool.runtime_events import Answers, Refusal

SECRET = "4f1c.localfaas.internal"
NEXT = "GET /2018-06-01/runtime/invocation/next HTTP/1.1\r\n"


class Heard:
    """Notes what the runtime calls."""

    def __init__(self) -> None:
        self.waiting = asyncio.Event()

    version = cast(FunctionVersion, None)
    initialising = False

    def extensions_changed(self) -> None:
        raise NotImplementedError

    def subscribe(self, subscription: Subscription) -> None:
        raise NotImplementedError

    def extension_failed(self, failure: InvocationResult) -> None:
        raise NotImplementedError

    def runtime_waits(self) -> Refusal | None:
        self.waiting.set()
        return None

    def runtime_at_snapshot(self, captured: str) -> Refusal | None:
        return None

    def restore_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        return None

    def init_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        raise NotImplementedError

    def imports_measured(self, payload: bytes) -> None:
        raise NotImplementedError

    def runtime_disconnected(self) -> None: ...

    def runtime_hung_up(self, request_id: str) -> None: ...


class Listening:
    def __init__(self) -> None:
        self.heard = Heard()
        self.api = RuntimeApi(self.heard, Mock(spec=Answers))
        self.address = ("", 0)
        self.writers: list[asyncio.StreamWriter] = []

    async def open(self) -> None:
        host, _, port = (await self.api.listen("127.0.0.1")).rpartition(":")
        self.address = (host, int(port))

    def expect(self, admits: Admits, secret_host: str = "", lag: float = 0.0) -> None:
        self.api.expect(
            cast(
                Sandbox,
                SimpleNamespace(
                    admits=admits,
                    secret_host=secret_host,
                    output_lag=lag,
                    settle_output=None,
                    extensions={},
                ),
            )
        )

    async def call(self, text: str) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection(*self.address)
        self.writers.append(writer)
        writer.write(text.encode())
        return reader


async def said(reader: asyncio.StreamReader) -> bytes:
    """What the listener answers until it ends the connection, which it may do by a reset."""
    with contextlib.suppress(ConnectionResetError):
        return await reader.read()
    return b""


@pytest.fixture
async def listening() -> AsyncIterator[Listening]:
    opened = Listening()
    await opened.open()
    yield opened
    opened.api.close()
    for writer in opened.writers:
        writer.close()


async def test_what_comes_before_the_sandbox_is_known_waits_and_counts(
    listening: Listening,
) -> None:
    await listening.call(f"{NEXT}Host: x\r\n\r\n")
    while not listening.api._unproven:  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0)
    listening.expect(lambda peer, local: local == listening.address)
    await listening.heard.waiting.wait()
    assert listening.api.waiting


async def test_a_foreign_address_is_cut_off(listening: Listening) -> None:
    listening.expect(lambda peer, local: False)
    reader = await listening.call("")
    assert await said(reader) == b""


async def test_a_connection_that_was_reset_at_once_is_let_go(listening: Listening) -> None:
    listening.expect(lambda peer, local: True)
    transport = Mock(spec=asyncio.Transport)
    transport.get_extra_info.side_effect = {"sockname": ("127.0.0.1", 1)}.get  # as uvloop's
    RuntimeConnection(listening.api, tcp=True).connection_made(transport)
    transport.abort.assert_called_once()
    assert not listening.api.connections


@pytest.mark.parametrize("authority", [SECRET, f"{SECRET}:9001"])
async def test_the_secret_host_admits_whatever_the_address(
    listening: Listening, authority: str
) -> None:
    listening.expect(lambda peer, local: False, SECRET)
    await listening.call(f"{NEXT}Accept: */*\r\nHOST: {authority}\r\n\r\n")
    await listening.heard.waiting.wait()


@pytest.mark.parametrize(
    "rest",
    [
        "\r\n",
        "Host: localhost\r\n\r\n",
        f"Host: {SECRET}x\r\n\r\n",
        f"Host: x\r\nHost: {SECRET}\r\n\r\n",
        f"X-Host: {SECRET}\r\n\r\n",
        f"Host: x\r\n\r\nHost: {SECRET}\r\n\r\n",
        f"Host:\r\n {SECRET}\r\n\r\n",
        "X: " + "x" * 20_000,
    ],
)
async def test_no_other_request_is_heard(listening: Listening, rest: str) -> None:
    listening.expect(lambda peer, local: True, SECRET)
    reader = await listening.call(NEXT + rest)
    assert await said(reader) == b""
    assert not listening.heard.waiting.is_set()


async def test_a_request_in_pieces_is_put_together(listening: Listening) -> None:
    listening.expect(lambda peer, local: True, SECRET)
    await listening.call(f"{NEXT}Host: {SECRET[:3]}")
    while not listening.api._unproven:  # noqa: ASYNC110 (nothing tells)
        await asyncio.sleep(0)
    listening.writers[0].write(f"{SECRET[3:]}\r\n\r\n".encode())
    await listening.heard.waiting.wait()


async def test_a_flood_of_silent_connections_is_bounded(listening: Listening) -> None:
    listening.expect(lambda peer, local: True, SECRET)
    readers = [await listening.call("") for _ in range(80)]
    for reader in readers[64:]:
        assert await said(reader) == b""
    listening.api.close()
    for reader in readers:
        assert await said(reader) == b""


async def test_what_is_said_waits_for_output_that_comes_later(listening: Listening) -> None:
    listening.expect(lambda peer, local: True, SECRET, lag=0.01)
    await listening.call(f"{NEXT}Host: {SECRET}\r\n\r\n")
    await listening.heard.waiting.wait()


@pytest.mark.parametrize("says", ["HTTP/1.1\r\nConnection: close", "HTTP/1.0"])
async def test_a_connection_is_closed_after_its_answer_where_its_client_asks_for_that(
    listening: Listening, says: str
) -> None:
    """Node.js's agents send their next request on one that is not said to close."""
    listening.expect(lambda peer, local: True)
    reader = await listening.call(f"GET /nowhere {says}\r\n\r\n")
    head, _, body = (await said(reader)).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 404 ")
    assert b"Connection: close" in head.split(b"\r\n")
    assert b"404 page not found" in body
    reader = await listening.call(NEXT.replace("HTTP/1.1", says) + "\r\n")
    await listening.heard.waiting.wait()
    assert listening.api.waiting


@pytest.mark.skipif(not hasattr(socket, "TCP_QUICKACK"), reason="needs Linux")
@pytest.mark.parametrize(("mode", "acknowledges"), [("streaming", True), ("buffered", False)])
def test_what_is_streamed_is_acknowledged_at_once(mode: str, acknowledges: bool) -> None:
    """Else clients that gather small packets wait until the kernel does that: 40 ms."""
    transport, end = Mock(), Mock()
    transport.get_extra_info.return_value = end
    connection = RuntimeConnection(Mock(settle=None, lag=0.0), tcp=True)
    connection.connection_made(transport)
    connection.accepted()
    path = "/2018-06-01/runtime/invocation/some-id/response"
    connection.data_received(
        f"POST {path} HTTP/1.1\r\nHost: runtime\r\nTransfer-Encoding: chunked\r\n"
        f"Lambda-Runtime-Function-Response-Mode: {mode}\r\n".encode()
    )
    assert end.setsockopt.called is False
    connection.data_received(b"\r\n")
    asked = (socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
    assert end.setsockopt.called is acknowledges
    assert all(each.args == asked for each in end.setsockopt.call_args_list)


async def test_who_reads_no_answers_asks_no_more_questions() -> None:
    """Answers that nobody reads would fill the emulator's memory."""
    mine, theirs = socket.socketpair()
    mine.setblocking(False)
    theirs.setblocking(False)
    api = RuntimeApi(Heard(), Mock(spec=Answers))
    await api.adopt(mine)
    loop = asyncio.get_running_loop()
    question = b"GET /nothing HTTP/1.1\r\n\r\n"
    asked = 0

    async def ask() -> None:
        nonlocal asked
        while True:
            await loop.sock_sendall(theirs, question * 1000)
            asked += 1000

    asking = asyncio.create_task(ask())
    (connection,) = api.connections
    assert connection._transport is not None
    while not connection._answers_wait:  # noqa: ASYNC110 (a transport tells nobody else)
        await asyncio.sleep(0)
    held = connection._transport.get_write_buffer_size()
    for _ in range(1000):
        await asyncio.sleep(0)
    assert connection._transport.get_write_buffer_size() == held < 8 << 20
    # Once the answers are read, the questions are.
    before = asked
    while asked < before + 50_000:
        await loop.sock_recv(theirs, 1 << 20)
    asking.cancel()
    api.close()
    theirs.close()


async def test_an_environment_has_its_connections_and_no_more(listening: Listening) -> None:
    """Each costs the emulator a descriptor, of which all environments share some thousands."""
    listening.expect(lambda peer, local: True)
    readers = [await listening.call("") for _ in range(300)]
    closed = [asyncio.create_task(said(reader)) for reader in readers]
    _, open_ones = await asyncio.wait(closed, timeout=1)
    while len(open_ones) > 257:
        _, open_ones = await asyncio.wait(open_ones, return_when=asyncio.FIRST_COMPLETED)
    assert len(listening.api.connections) == len(open_ones) == 257
    for task in open_ones:
        task.cancel()
