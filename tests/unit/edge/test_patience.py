"""A client that never ends a request is given up; whoever waits for us is not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator.edge import patience
from emulator.edge.http import HttpProtocol
from emulator.edge.listener import Listener
from emulator.edge.patience import Patience

HEAD = b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n"
WHOLE = b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
#: Looks after which nobody would be left that is to be given up.
_MANY = 20


class App:
    """Reads what comes, and answers once it may."""

    def __init__(self) -> None:
        self.may_answer = asyncio.Event()
        self.gone = asyncio.Event()
        self.asked = 0

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.asked += 1
        more = True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.gone.set()
                return
            more = message.get("more_body", False)
        await self.may_answer.wait()
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})


class Looks:
    """Counts how often connections are looked at."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        self.looked = asyncio.Event()
        monkeypatch.setattr(patience, "TICK_S", 0.01)
        look = Patience.look

        def counted(each: Patience) -> None:
            self.count += 1
            self.looked.set()
            look(each)

        monkeypatch.setattr(Patience, "look", counted)

    async def until(self, more: int) -> None:
        end = self.count + more
        while self.count < end:
            self.looked.clear()
            await self.looked.wait()


@pytest.fixture
def looks(monkeypatch: pytest.MonkeyPatch) -> Looks:
    return Looks(monkeypatch)


@pytest.fixture
async def served(looks: Looks) -> AsyncIterator[tuple[Listener, App]]:
    listener, app = Listener("127.0.0.1", 0), App()
    listener.serve(app, drain_seconds=0)
    yield listener, app
    listener.end(now=True)
    await listener.close()


async def connected(
    served: tuple[Listener, App], sent: bytes
) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    reader, writer = await asyncio.open_connection(served[0].host, served[0].port)
    writer.write(sent)
    return reader, writer


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        (b"", b""),
        (b"\r\n\r\n", b""),
        (b"POST / HT", b"HTTP/1.1 408 "),
        (HEAD, b"HTTP/1.1 408 "),
        (HEAD + b"\r\n", b"HTTP/1.1 408 "),
        (HEAD + b"\r\n12345", b"HTTP/1.1 408 "),
    ],
)
async def test_what_never_ends_is_given_up(
    served: tuple[Listener, App], sent: bytes, answer: bytes
) -> None:
    reader, writer = await connected(served, sent)
    got = await reader.read()
    assert got.startswith(answer)
    assert bool(got) is bool(answer)
    writer.close()


@pytest.mark.parametrize("begun", [b"POST / HTTP/1.1\r\nHost: localhost\r\n", HEAD + b"\r\n"])
async def test_a_trickle_does_not_help(served: tuple[Listener, App], begun: bytes) -> None:
    reader, writer = await connected(served, begun.replace(b"10\r", b"100000\r"))
    # What is sent to a connection that is closed resets it, and may take the answer along.
    ended = asyncio.ensure_future(reader.read())
    while not ended.done():
        writer.write(b"X: y\r\n")
        await asyncio.wait({ended}, timeout=0.005)
    assert isinstance(ended.exception(), ConnectionError | None)
    writer.close()


async def test_the_next_request_of_a_connection_has_no_more_time(
    served: tuple[Listener, App],
) -> None:
    served[1].may_answer.set()
    reader, writer = await connected(served, WHOLE + b"GET / HT")
    got = await reader.read()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in got
    writer.close()


async def test_who_waits_for_us_is_not_given_up(served: tuple[Listener, App], looks: Looks) -> None:
    reader, writer = await connected(served, WHOLE)
    await looks.until(_MANY)
    assert not served[1].gone.is_set()
    served[1].may_answer.set()
    assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_a_head_that_has_begun_does_not_end_the_request_before_it(
    served: tuple[Listener, App], looks: Looks
) -> None:
    reader, writer = await connected(served, WHOLE + b"GET / HT")
    await looks.until(_MANY)
    assert not served[1].gone.is_set()
    served[1].may_answer.set()
    got = await reader.read()
    assert got.startswith(b"HTTP/1.1 200 ")
    assert b"HTTP/1.1 408 " in got
    writer.close()


@pytest.mark.parametrize(("what", "least_s"), [(patience.REQUEST, 75), (patience.HEAD, 50)])
async def test_how_long_it_is_waited_at_least(what: str, least_s: float) -> None:
    """Between requests longer than clients keep a connection: nginx, balancers, Java's SDK 60 s."""
    given_up: list[str] = []
    watching = Patience(asyncio.get_running_loop(), lambda: (what, None, 0), given_up.append)
    looks = 0
    while not given_up:
        watching.end()
        watching.look()
        looks += 1
    watching.end()
    # It may have come right before the first.
    assert (looks - 1) * patience.TICK_S > least_s


async def test_a_body_that_comes_on_is_not_given_up(
    served: tuple[Listener, App], looks: Looks
) -> None:
    served[1].may_answer.set()
    length = 2048 * _MANY
    reader, writer = await connected(
        served, b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n" % length
    )
    for _ in range(_MANY):
        writer.write(b"x" * 2048)
        await looks.until(1)
    assert (await reader.readuntil(b"done")).startswith(b"HTTP/1.1 200 ")
    writer.close()


async def test_no_timer_is_left_of_a_connection(
    served: tuple[Listener, App], monkeypatch: pytest.MonkeyPatch
) -> None:
    lost: asyncio.Future[HttpProtocol] = asyncio.get_running_loop().create_future()
    connection_lost = HttpProtocol.connection_lost

    def told(protocol: HttpProtocol, error: Exception | None) -> None:
        connection_lost(protocol, error)
        lost.set_result(protocol)

    monkeypatch.setattr(HttpProtocol, "connection_lost", told)
    served[1].may_answer.set()
    reader, writer = await connected(served, WHOLE)
    await reader.readuntil(b"done")
    writer.close()
    timer = (await lost)._patience._timer
    assert isinstance(timer, asyncio.TimerHandle)
    assert timer.cancelled()
