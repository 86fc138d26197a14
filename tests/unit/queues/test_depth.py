"""Queues deeper than memory holds: the front is in memory, the rest on the disk."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from emulator.model.errors import StorageError
from emulator.queues import memory, rules, spill, standard
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store
from emulator.testing import FakeClock, until_idle


@pytest.fixture(autouse=True)
def small_window(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(standard, "WINDOW", 20)
    monkeypatch.setattr(standard, "LOW_WATER", 5)
    monkeypatch.setattr(memory, "CHUNK", 8)
    monkeypatch.setattr(rules, "FIFO_LOOK_AHEAD", 30)
    monkeypatch.setattr(memory, "PAYLOAD_LIMIT", 100)


async def _drain(queue: Queue) -> list[str | bytes]:
    bodies = []
    while got := await queue.receive(10):
        bodies += [message.body for message in got]
        await queue.delete_many([message.handle for message in got])
    return bodies


def _drafts(count: int, **options: Any) -> list[Draft]:
    return [Draft(f"{n:04}", **options) for n in range(count)]


async def test_a_deep_queue_is_delivered_once_and_in_order(engine: Engine) -> None:
    queue = await engine.open_queue("deep", QueueSettings())
    await queue.send_many(_drafts(500))
    assert len(queue._memory.messages) == 20
    assert queue.counts() == (500, 0, 0)
    assert await _drain(queue) == [f"{n:04}" for n in range(500)]
    assert queue.counts() == (0, 0, 0)
    assert queue._memory.messages == {}
    assert engine.budget.used == 0


async def test_sends_while_the_front_is_loaded_are_not_lost(engine: Engine) -> None:
    queue = await engine.open_queue("deep", QueueSettings())
    await queue.send_many(_drafts(200))
    got: list[str | bytes] = []

    async def send(part: int) -> None:
        for n in range(100):
            await queue.send(Draft(f"s{part}{n:03}"))

    async def receive() -> None:
        while len(got) < 500:
            messages = await queue.receive(10, wait=20)
            got.extend(message.body for message in messages)
            await queue.delete_many([message.handle for message in messages])
        # Ends the polls of the others.
        await queue.send(Draft("end", delay=0))

    await asyncio.gather(*[send(part) for part in range(3)], *[receive() for _ in range(3)])
    await _drain(queue)
    got = [body for body in got if body != "end"]
    assert sorted(got) == sorted(
        [f"{n:04}" for n in range(200)] + [f"s{n // 100}{n % 100:03}" for n in range(300)]
    )
    assert queue.counts() == (0, 0, 0)


async def test_early_messages_pass_a_front_full_of_late_ones(
    engine: Engine, clock: FakeClock
) -> None:
    queue = await engine.open_queue("deep", QueueSettings())
    await queue.send_many([Draft(f"late {n}", delay=500) for n in range(100)])
    await queue.send_many([Draft(f"{n}", delay=0) for n in range(100)])
    assert queue.counts() == (100, 0, 100)
    assert len(queue._memory.messages) <= 41
    assert await _drain(queue) == [f"{n}" for n in range(100)]
    await clock.advance(501)
    assert queue.counts() == (100, 0, 0)
    assert await _drain(queue) == [f"late {n}" for n in range(100)]


async def test_late_messages_beyond_the_front_are_counted_as_delayed(
    engine: Engine, clock: FakeClock
) -> None:
    queue = await engine.open_queue("deep", QueueSettings(delay=100))
    await queue.send_many(_drafts(60))
    assert queue.counts() == (0, 0, 60)
    await clock.advance(101)
    assert queue.counts() == (60, 0, 0)


async def test_in_flight_messages_do_not_stop_the_front_from_being_filled(
    engine: Engine, clock: FakeClock
) -> None:
    queue = await engine.open_queue("deep", QueueSettings(visibility=30))
    await queue.send_many(_drafts(100))
    taken = []
    while got := await queue.receive(10):
        taken += got
    assert len(taken) == 100
    assert queue.counts() == (0, 100, 0)
    await clock.advance(30)
    assert len(await _drain(queue)) == 100


async def test_a_deep_queue_resumes(engine: Engine, store: Store, clock: FakeClock) -> None:
    queue = await engine.open_queue("deep", QueueSettings())
    await queue.send_many([*_drafts(100), *_drafts(10, delay=50)])
    await queue.receive(10)
    await clock.advance(1)
    await engine.close()
    engine = await Engine.open(store.messages, clock)
    queue = await engine.open_queue("deep", QueueSettings())
    counts = queue.counts()
    assert sum(counts) == 110
    assert counts.delayed == 10
    assert len(await _drain(queue)) == 90
    await clock.advance(60)
    assert len(await _drain(queue)) == 20
    assert queue.counts() == (0, 0, 0)
    await engine.close()


async def test_a_deep_fifo_queue_keeps_its_order(
    engine: Engine, store: Store, clock: FakeClock
) -> None:
    settings = QueueSettings(fifo=True)
    queue = await engine.open_queue("deep.fifo", settings)
    for n in range(200):
        await queue.send(Draft(f"{n:04}", group=str(n % 7)))
    assert len(queue._memory.messages) == 30
    await engine.close()
    engine = await Engine.open(store.messages, clock)
    queue = await engine.open_queue("deep.fifo", settings)
    bodies = await _drain(queue)
    assert sorted(bodies) == [f"{n:04}" for n in range(200)]
    for group in range(7):
        mine = [body for body in bodies if int(body) % 7 == group]
        assert mine == sorted(mine)
    await engine.close()


async def test_large_payloads_are_read_at_the_receive(engine: Engine) -> None:
    queue = await engine.open_queue("deep", QueueSettings())
    await queue.send_many([Draft(f"{n}" + "x" * 1000) for n in range(50)])
    assert [body[:-1000] for body in await _drain(queue)] == [str(n) for n in range(50)]


async def test_the_payload_budget_holds(store: Store, clock: FakeClock) -> None:
    engine = await Engine.open(store.messages, clock, budget=1000)
    queue = await engine.open_queue("orders", QueueSettings())
    # Headers count as well: an event's error stands there.
    await queue.send_many([Draft("x" * 250, headers='"' + "x" * 48 + '"') for _ in range(10)])
    assert engine.budget.used == 900
    assert len(await queue.receive(10)) == 10
    assert engine.budget.used == 0
    await engine.close()


async def test_expiry_reaches_what_is_on_the_disk_only(
    engine: Engine, store: Store, clock: FakeClock
) -> None:
    queue = await engine.open_queue("short", QueueSettings(retention=60))
    await queue.send_many(_drafts(100))
    await clock.advance(30)
    await queue.send(Draft("young"))
    await clock.advance(30)
    await engine.maintain()
    assert await _drain(queue) == ["young"]
    assert queue.counts() == (0, 0, 0)


async def test_a_purge_of_a_deep_queue_empties_it(engine: Engine, store: Store) -> None:
    queue = await engine.open_queue("deep", QueueSettings())
    await queue.send_many(_drafts(100))
    before = queue.id
    await engine.purge_queue("deep")
    assert queue.counts() == (0, 0, 0)
    assert await queue.receive(10) == []
    await engine.maintain()
    assert (await store.messages.depth(before, 0.0))[0] == 0


async def test_a_poll_parked_on_a_deep_queue_is_served(engine: Engine, clock: FakeClock) -> None:
    queue = await engine.open_queue("deep", QueueSettings(delay=10))
    await queue.send_many(_drafts(60))
    polls = [asyncio.ensure_future(queue.receive(10, wait=20)) for _ in range(6)]
    await clock.advance(11)
    answers = await asyncio.gather(*polls)
    assert all(answers)
    got = [message.body for answer in answers for message in answer] + await _drain(queue)
    assert len(got) == len(set(got)) == 60
    await until_idle()


class _Failing:
    """A journal whose writes fail while ``broken``."""

    def __init__(self, journal: Any) -> None:
        self._journal = journal
        self.broken = False

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._journal, name)
        if name not in ("append", "remove", "move"):
            return method

        def call(*args: Any, **named: Any) -> None:
            *rest, done = args
            if self.broken:
                asyncio.get_running_loop().call_soon(done, None, StorageError("broken"))
            else:
                method(*rest, done, **named)

        return call


@pytest.fixture
async def failing(store: Store) -> _Failing:
    return _Failing(store.messages)


@pytest.fixture
async def fragile(failing: _Failing, clock: FakeClock) -> AsyncIterator[Engine]:
    engine = await Engine.open(failing, clock)
    yield engine
    await engine.close()


async def test_a_send_that_cannot_be_written_did_not_happen(
    fragile: Engine, failing: _Failing
) -> None:
    queue = await fragile.open_queue("orders", QueueSettings())
    failing.broken = True
    with pytest.raises(StorageError):
        await queue.send(Draft("a"))
    assert queue.counts() == (0, 0, 0)
    failing.broken = False
    await queue.send(Draft("b"))
    assert await _drain(queue) == ["b"]


async def test_a_fifo_send_that_failed_may_be_repeated(fragile: Engine, failing: _Failing) -> None:
    queue = await fragile.open_queue("orders.fifo", QueueSettings(fifo=True))
    failing.broken = True
    draft = Draft("a", group="g", deduplication="id")
    outcomes = await asyncio.gather(queue.send(draft), queue.send(draft), return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [StorageError, StorageError]
    failing.broken = False
    await queue.send(draft)
    assert await _drain(queue) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
async def test_a_delete_that_cannot_be_written_leaves_the_message(
    fragile: Engine, failing: _Failing, clock: FakeClock, fifo: bool
) -> None:
    queue = await fragile.open_queue("orders", QueueSettings(fifo=fifo))
    await queue.send(Draft("a", group="g"))
    (message,) = await queue.receive()
    failing.broken = True
    with pytest.raises(StorageError):
        await queue.delete(message.handle)
    failing.broken = False
    assert queue.counts() == (0, 1, 0)
    await clock.advance(30)
    assert await _drain(queue) == ["a"]


@pytest.mark.parametrize("fifo", [False, True])
async def test_a_dead_letter_that_cannot_be_moved_stays(
    fragile: Engine, failing: _Failing, clock: FakeClock, fifo: bool
) -> None:
    await fragile.open_queue("dead", QueueSettings(fifo=fifo))
    settings = QueueSettings(fifo=fifo, dead_letter="dead", max_receives=1)
    queue = await fragile.open_queue("orders", settings)
    await queue.send(Draft("a", group="g"))
    await queue.receive()
    await clock.advance(30)
    failing.broken = True
    assert await queue.receive() == []
    await until_idle()
    assert queue.counts() == (1, 0, 0)
    failing.broken = False
    assert await queue.receive() == []
    (message,) = await fragile.queue("dead").receive(wait=20)
    assert message.body == "a"


async def test_a_transfer_that_cannot_be_written_leaves_the_message(
    fragile: Engine, failing: _Failing, clock: FakeClock
) -> None:
    queue = await fragile.open_queue("orders", QueueSettings())
    other = await fragile.open_queue("other", QueueSettings())
    await queue.send(Draft("a"))
    (message,) = await queue.receive()
    failing.broken = True
    with pytest.raises(StorageError):
        await fragile.transfer(message, queue, other)
    failing.broken = False
    assert (queue.counts(), other.counts()) == ((0, 1, 0), (0, 0, 0))
    await clock.advance(30)
    assert await _drain(queue) == ["a"]


def test_the_spill_counts_the_delayed_by_second() -> None:
    part = spill.Spill()
    part.add(10.0, 10.0)
    part.add(12.5, 10.0)
    part.add(12.9, 10.0)
    assert (part.count, part.delayed(10.0)) == (3, 2)
    part.take(12.5)
    assert (part.count, part.delayed(12.0)) == (2, 1)
    assert part.delayed(14.0) == 0
