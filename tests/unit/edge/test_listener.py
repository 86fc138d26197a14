"""The server behind a listening socket: while it waits, nothing runs; it ends when it is told."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from typing import Any

import pytest

from emulator.edge.listener import Listener
from emulator.testing import until_idle


class Held:
    """An application that answers once it may."""

    def __init__(self) -> None:
        self.asked, self.may_answer = asyncio.Event(), asyncio.Event()
        self.cut_off = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked.set()
        try:
            await self.may_answer.wait()
        except asyncio.CancelledError:
            self.cut_off.set()
            raise
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})


async def request(listener: Listener) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(listener.host, listener.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return reader, writer


async def test_who_waits_sets_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    listener, timers = Listener("127.0.0.1", 0), list[float]()
    loop = asyncio.get_running_loop()
    later = loop.call_later

    def noted(delay: float, *arguments: Any, **options: Any) -> asyncio.TimerHandle:
        timers.append(delay)
        return later(delay, *arguments, **options)

    monkeypatch.setattr(loop, "call_later", noted)
    listener.serve(Held(), drain_seconds=0)
    await until_idle()
    assert timers == []
    listener.end()
    await listener.close()
    assert timers == [], "nobody was there to wait for"


async def test_the_end_waits_for_who_has_asked() -> None:
    listener, held = Listener("127.0.0.1", 0), Held()
    listener.serve(held, drain_seconds=20)
    reader, writer = await request(listener)
    await held.asked.wait()
    listener.end()
    closing = asyncio.create_task(listener.close())
    await until_idle()
    assert not closing.done()
    held.may_answer.set()
    assert (await reader.read()).endswith(b"done"), "it is answered, then hung up"
    await closing
    writer.close()


async def test_an_end_now_waits_for_nobody() -> None:
    listener, held = Listener("127.0.0.1", 0), Held()
    listener.serve(held, drain_seconds=20)
    _, writer = await request(listener)
    await held.asked.wait()
    listener.end()
    closing = asyncio.create_task(listener.close())
    await until_idle()
    listener.end(now=True)
    writer.close()
    await closing
    held.may_answer.set()


async def test_who_is_not_answered_in_time_is_cut_off() -> None:
    listener, held = Listener("127.0.0.1", 0), Held()
    listener.serve(held, drain_seconds=-1)  # no time at all
    _, writer = await request(listener)
    await held.asked.wait()
    listener.end()
    await listener.close()
    await held.cut_off.wait()
    writer.close()


_CHUNKED = b"POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "begin",
    [
        b"GET /",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: ",
        _CHUNKED + b"1\r\nx\r\n0\r\nX: ",
        _CHUNKED + b"1;",
    ],
    ids=["address", "headers", "trailers", "extensions of chunks"],
)
async def test_headers_have_an_end(begin: bytes) -> None:
    listener, held = Listener("127.0.0.1", 0), Held()
    listener.serve(held, drain_seconds=0)
    reader, writer = await asyncio.open_connection(listener.host, listener.port)
    writer.write(begin)
    more = b"y" * 1000 + (b"\r\nX: " if b"X: " in begin else b"")
    sent = 0
    with contextlib.suppress(ConnectionError):
        while not reader.at_eof() and sent < 20_000_000:
            writer.write(more * 64)
            sent += 64_000
            await writer.drain()
            await asyncio.sleep(0)
    assert sent < 20_000_000
    writer.close()
    held.may_answer.set()
    listener.end(now=True)
    await listener.close()


async def test_bodies_are_no_headers() -> None:
    listener = Listener("127.0.0.1", 0)
    held = Held()
    held.may_answer.set()
    listener.serve(held, drain_seconds=0)
    reader, writer = await asyncio.open_connection(listener.host, listener.port)
    for _ in range(3):
        writer.write(b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3000000\r\n\r\n")
        writer.write(b"x" * 3_000_000)
        assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 OK")
    writer.close()
    listener.end()
    await listener.close()


def _take(port: int) -> None:
    """Listen at a port of IPv6's loopback as whoever wants to have it by all means."""
    with socket.socket(socket.AF_INET6) as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("::1", port))
        taken.listen()


def test_nobody_else_answers_for_localhost() -> None:
    """Names lead to IPv6 first: a function that listened there would get the clients' requests."""
    try:
        _take(0)
    except OSError:
        pytest.skip("there is no IPv6 here")
    listener = Listener("127.0.0.1", 0)
    with pytest.raises(OSError, match=os.strerror(errno.EADDRINUSE)):
        _take(listener.port)
    # Clients are told at once to try elsewhere.
    with socket.create_connection(("localhost", listener.port), timeout=60) as client:
        assert client.family is socket.AF_INET
    listener.abandon()
    _take(listener.port)
