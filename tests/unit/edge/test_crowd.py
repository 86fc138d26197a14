"""How many connections clients may hold: too many give way to new ones, the idle ones first."""

from __future__ import annotations

import asyncio
import contextlib
import resource
from typing import Any
from unittest.mock import Mock

import pytest

from emulator.edge import crowd
from emulator.edge.crowd import Crowd
from emulator.edge.http2 import Http2Connection
from emulator.edge.listener import Listener
from tests.unit.edge.test_listener import Held, request


@pytest.fixture
def most(monkeypatch: pytest.MonkeyPatch) -> Crowd:
    made = Crowd(5)
    for module in ("http", "http2", "websocket"):
        monkeypatch.setattr(f"emulator.edge.{module}.CROWD", made)
    return made


async def is_over(reader: asyncio.StreamReader) -> bool:
    with contextlib.suppress(ConnectionError):
        return await reader.read() == b""
    return True


async def test_idle_connections_give_way_to_new_ones(most: Crowd) -> None:
    listener, held = Listener("127.0.0.1", 0), Held()
    listener.serve(held, drain_seconds=0)
    busy = await request(listener)
    await held.asked.wait()
    preface = await asyncio.open_connection(listener.host, listener.port)
    preface[1].write(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    half = await asyncio.open_connection(listener.host, listener.port)
    half[1].write(b"GET / HTTP/1.1\r\n")
    links: list[Any] = [busy, preface, half]
    for _ in range(4):
        links.append(await asyncio.open_connection(listener.host, listener.port))
    # Seven are there, five may be: the two oldest that wait for nothing are gone.
    assert await is_over(half[0])
    held.may_answer.set()
    assert b"200 OK" in await busy[0].readuntil(b"done")
    new = await request(listener)
    assert b"200 OK" in await new[0].readuntil(b"done")
    for _, writer in [*links, new]:
        writer.close()
    listener.end(now=True)
    await listener.close()
    assert not most._open


async def test_where_all_are_busy_the_oldest_gives_way(most: Crowd) -> None:
    listener, held = Listener("127.0.0.1", 0), Held()
    listener.serve(held, drain_seconds=0)
    links = []
    for _ in range(6):
        held.asked.clear()
        links.append(await request(listener))
        await held.asked.wait()
    assert await is_over(links[0][0])
    held.may_answer.set()
    for reader, writer in links[1:]:
        assert b"200 OK" in await reader.readuntil(b"done")
        writer.close()
    links[0][1].close()
    listener.end(now=True)
    await listener.close()


class Large:
    """An application whose answers are larger than what a connection takes at once."""

    def __init__(self) -> None:
        self.body, self.answered = b"x" * (16 << 20), asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": self.body})
        self.answered.set()


async def test_who_still_gets_an_answer_is_not_idle(most: Crowd) -> None:
    listener, large = Listener("127.0.0.1", 0), Large()
    listener.serve(large, drain_seconds=0)
    reader, writer = await asyncio.open_connection(listener.host, listener.port)
    writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
    await large.answered.wait()
    idle = [await asyncio.open_connection(listener.host, listener.port) for _ in range(5)]
    assert await is_over(idle[0][0])
    assert (await reader.read()).count(b"x") >= len(large.body)
    for _, each in [(reader, writer), *idle]:
        each.close()
    listener.end(now=True)
    await listener.close()


def test_nor_is_who_gets_one_by_http_2() -> None:
    transport = Mock(spec=asyncio.Transport)
    connection = Http2Connection(Large(), Mock(connections=set()))
    connection.connection_made(transport)
    transport.get_write_buffer_size.return_value = 1
    assert not connection.is_idle()
    transport.get_write_buffer_size.return_value = 0
    assert connection.is_idle()


def test_half_of_what_a_process_may_open_is_for_clients(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (1024, 4096))
    assert crowd._half_of_all() == 512
    infinite = resource.RLIM_INFINITY
    monkeypatch.setattr(resource, "getrlimit", lambda kind: (infinite, infinite))
    assert crowd._half_of_all() > 1 << 30
