"""What a subscriber of the Telemetry API is sent, and what becomes of what it does not take."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from types import SimpleNamespace
from typing import Any, cast

import orjson
import pytest

from emulator.driver.base import Sandbox
from emulator.model.clock import SystemClock
from emulator.pool.extensions import sender as module
from emulator.pool.extensions.sender import Connection, Sender
from emulator.pool.extensions.subscriptions import Subscription
from emulator.pool.extensions.telemetry import Telemetry
from emulator.testing import FakeClock, until_idle


def subscription(**fields: Any) -> Subscription:
    given: dict[str, Any] = {
        "api": "telemetry",
        "name": "hears",
        "types": ("platform", "function"),
        "protocol": "HTTP",
        "port": 1,
        "path": "/",
        "host": "sandbox.localdomain",
        "max_items": 1000,
        "max_bytes": 262_144,
        "timeout_s": 1.0,
    }
    return Subscription(**{**given, **fields})


class Subscriber:
    """The other end: takes what it is sent while ``takes`` is set, and says ``answer``."""

    def __init__(self) -> None:
        self.awake, self.takes = asyncio.Event(), asyncio.Event()
        self.awake.set()
        self.takes.set()
        self.answer = True
        self.tries = 0
        self.batches: list[list[dict[str, Any]]] = []

    async def send(self, _: Subscription, batch: list[bytes]) -> bool:
        self.tries += 1
        await self.takes.wait()
        if self.answer:
            self.batches.append([orjson.loads(each) for each in batch])
        return self.answer

    def abort(self) -> None: ...

    def close(self) -> None: ...

    @property
    def heard(self) -> list[object]:
        return [each["record"] for batch in self.batches for each in batch]


class World:
    """A sender, its subscriber and a clock that is moved by hand."""

    def __init__(self, **fields: Any) -> None:
        self.clock, self.subscriber = FakeClock(), Subscriber()
        connection = cast(Connection, self.subscriber)
        self.sender = Sender(subscription(**fields), self.clock, connection)

    def add(self, *records: object) -> None:
        for record in records:
            self.sender.add("function", "now", record)


@pytest.mark.parametrize(
    ("fields", "records"),
    [
        ({"max_items": 2}, ["a", "b"]),
        ({"max_bytes": 100}, ["x" * 100]),
    ],
)
async def test_a_full_batch_goes_out_at_once(fields: dict[str, int], records: list[str]) -> None:
    world = World(**fields)
    world.add(*records)
    await until_idle()
    assert world.subscriber.heard == records


async def test_what_fills_no_batch_goes_out_in_time() -> None:
    world = World(timeout_s=0.5)
    world.add("a")
    await world.clock.advance(0.4)
    world.add("b")
    assert world.subscriber.heard == []
    await world.clock.advance(0.1)
    assert world.subscriber.heard == ["a", "b"]


async def test_what_nobody_takes_is_bounded_and_its_loss_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_WAITING_BYTES", 1000)
    world = World(max_items=1)
    world.subscriber.takes.clear()
    world.add(*range(1000))
    await until_idle()
    world.subscriber.takes.set()
    await until_idle()
    kept = len(world.subscriber.heard)
    assert world.subscriber.heard == list(range(kept))
    world.add("later")
    await until_idle()
    told, later = world.subscriber.heard[kept:]
    assert later == "later"
    assert isinstance(told, dict)
    assert told["droppedRecords"] == 1000 - kept > 900
    assert told["droppedBytes"] > 1000
    assert told["reason"]
    assert world.subscriber.batches[-2][0]["type"] == "platform.logsDropped"


async def test_what_is_refused_is_tried_again_and_then_dropped() -> None:
    world = World(max_items=1)
    world.subscriber.answer = False
    world.add("lost")
    await world.clock.advance(10)
    assert world.subscriber.tries == 3
    world.subscriber.answer = True
    world.add("later")
    await until_idle()
    told, later = world.subscriber.heard
    assert isinstance(told, dict)
    assert (told["droppedRecords"], later) == (1, "later")


async def test_one_that_hangs_is_given_up() -> None:
    world = World(max_items=1)
    world.subscriber.takes.clear()
    world.add("lost")
    await world.clock.advance(60)
    assert world.subscriber.tries == 3
    world.subscriber.takes.set()
    world.add("later")
    await until_idle()
    assert world.subscriber.heard[-1] == "later"


@pytest.mark.parametrize("frozen_first", [True, False])
async def test_a_frozen_sandbox_is_not_slow(frozen_first: bool) -> None:
    """Its last events come in once it runs again, once each, however long that takes."""
    world = World(timeout_s=1.0)
    world.subscriber.takes.clear()
    world.add("report")
    if frozen_first:
        world.sender.rest()
        await world.clock.advance(1)
    else:
        await world.clock.advance(1)
        world.sender.rest()
    await world.clock.advance(3600)
    assert world.subscriber.tries == (0 if frozen_first else 1)
    world.subscriber.takes.set()
    world.sender.wake()
    await until_idle()
    assert world.subscriber.heard == ["report"]
    # From now on it may be slow again.
    world.subscriber.takes.clear()
    world.add("lost")
    await world.clock.advance(60)
    assert world.subscriber.tries == 4


class Receiver:
    """A TCP server in the place of an extension's."""

    def __init__(self) -> None:
        self.answer = b""
        self.answers = True
        self.reads = True
        self.connections: list[asyncio.StreamWriter] = []
        self.port = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[Receiver]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for each in self.connections:
                each.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        if not self.reads:
            writer.transport.pause_reading()  # type: ignore[attr-defined]
            return
        with contextlib.suppress(asyncio.IncompleteReadError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(self.answer)
            writer.close()


async def until(holds: Callable[[], object]) -> None:
    for _ in range(20_000):
        if holds():
            return
        await asyncio.sleep(0.001)
    raise AssertionError("it does not come to be so")


def connection() -> Connection:
    return Connection("127.0.0.1", lambda peer, local: True, SystemClock())


@pytest.mark.parametrize(
    ("answer", "taken"),
    [
        (b"HTTP/1.1 200 OK\r\n\r\n", True),
        (b"HTTP/1.1 200\r\n\r\n", True),
        (b"HTTP/1.0 204 No Content\r\n\r\n", True),
        (b"HTTP/1.1 500 Internal Server Error\r\n\r\n", False),
        (b"HTTP/1.1 302 Found\r\n\r\n", False),
        (b"\r\n", False),
        (b"nonsense\r\n", False),
    ],
)
async def test_a_batch_is_taken_where_the_answer_says_so(answer: bytes, taken: bool) -> None:
    async with Receiver().open() as receiver:
        receiver.answer = answer
        sent = connection()
        assert await sent.send(subscription(port=receiver.port), [b'"a"']) is taken
        sent.close()


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.1 200", b"x" * 200_000])
async def test_an_answer_that_is_none_is_one_try_not_the_end(answer: bytes) -> None:
    async with Receiver().open() as receiver:
        receiver.answer = answer
        wanted = subscription(port=receiver.port, max_items=1)
        clock = FakeClock()
        sender = Sender(wanted, clock, Connection("127.0.0.1", lambda *_: True, clock))
        sender.add("function", "now", "lost")
        for tries in (1, 2, 3):
            while len(receiver.connections) < tries:
                await clock.advance(0.1)
                await asyncio.sleep(0.001)
        while sender._sending is not None:
            await clock.advance(0.1)
            await asyncio.sleep(0.001)
        assert sender._dropped == 1
        assert sender._waiting_bytes == 0


async def test_what_nobody_reads_is_forgotten_when_it_is_given_up() -> None:
    async with Receiver().open() as receiver:
        receiver.reads = False
        sent = connection()
        wanted = subscription(protocol="TCP", port=receiver.port)

        async def send() -> None:
            while True:
                await sent.send(wanted, [b"x" * 100_000] * 10)

        sending = asyncio.ensure_future(send())
        await until(lambda: sent._writer)
        assert sent._writer is not None
        transport = sent._writer.transport
        await until(transport.get_write_buffer_size)
        sending.cancel()
        sent.abort()
        await until(lambda: not transport.get_write_buffer_size())


async def test_lines_go_to_a_new_connection_once_the_other_end_has_closed_the_first() -> None:
    async with Receiver().open() as receiver:
        sent = connection()
        wanted = subscription(protocol="TCP", port=receiver.port)
        assert await sent.send(wanted, [b'"a"'])
        await until(lambda: receiver.connections)
        receiver.connections[0].close()
        await until(lambda: sent.is_over)
        assert await sent.send(wanted, [b'"b"'])
        await until(lambda: len(receiver.connections) == 2)
        sent.close()


def test_nothing_is_kept_after_the_init_phase() -> None:
    """Who has not subscribed by then can't; a function may print for days."""
    sandbox = cast(Sandbox, SimpleNamespace(host="127.0.0.1", admits=lambda *_: True))
    telemetry = Telemetry(sandbox, FakeClock())
    telemetry.printed("function", "early", structured=False)
    assert telemetry._kept
    telemetry.initialised()
    telemetry.printed("function", "late", structured=False)
    assert telemetry._kept is None
