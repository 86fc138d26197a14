"""The outbox: one commit for all deliveries of an event, retries, dead letters, lanes, order."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.lanes import Limits
from emulator.invoke.outbox.outbox import EXPANDS, Outbox
from emulator.invoke.outbox.sender import DeadLetter, Outcome
from emulator.invoke.targets import (
    Delivery,
    DeliveryError,
    DeliveryFailed,
    DeliveryRefused,
    Placed,
    Taker,
    Targets,
)
from emulator.model.errors import AwsError, StorageFull
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store
from emulator.testing import FakeClock
from tests.unit.commits import Commits

QUEUE = "arn:aws:sqs:us-east-1:000000000000:{}"
LOGS = "arn:aws:logs:us-east-1:000000000000:group"
PAGE = "https://example.com/{}"
DEAD = QUEUE.format("dead")


@dataclass
class Scripted:
    """A sender: three attempts, ten seconds apart, then a dead-letter queue if there is one."""

    targets: Targets
    clock: FakeClock
    dead: str | None = DEAD
    #: What attempts of a target meet, the next one first.
    errors: dict[str, list[Exception]] = field(default_factory=dict)
    #: Targets whose attempts do not end until they are told to.
    hangs: dict[str, asyncio.Event] = field(default_factory=dict)
    #: (target, payload, seconds) of each attempt.
    attempts: list[tuple[str, str, float]] = field(default_factory=list)
    endings: list[tuple[str, Outcome]] = field(default_factory=list)

    async def attempt(self, dispatch: Dispatch) -> None:
        text = dispatch.delivery.payload.decode()
        self.attempts.append((dispatch.target, text, self.clock.monotonic()))
        if dispatch.target in self.hangs:
            await self.hangs[dispatch.target].wait()
        waiting = self.errors.get(dispatch.target)
        if waiting:
            raise waiting.pop(0)

    def next_attempt(self, dispatch: Dispatch, error: DeliveryError, now: float) -> float | None:
        return 10.0 if isinstance(error, DeliveryFailed) and dispatch.failures < 3 else None

    def dead_letter(self, dispatch: Dispatch, error: DeliveryError) -> DeadLetter | None:
        return None if self.dead is None else DeadLetter(self.dead, dispatch.delivery)

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        self.endings.append((dispatch.delivery.payload.decode(), outcome))


class World:
    """An outbox over a real store in memory, with three queues as targets."""

    def __init__(self, store: Store) -> None:
        self.store, self.clock = store, FakeClock()
        self.commits = Commits(store)
        self.refuses: dict[str, AwsError] = {}
        self.sent: list[int] = []
        self.engine: Engine
        self.outbox: Outbox
        self.sender: Scripted
        self.limits = Limits()
        #: Where the expansion of a delivery hangs.
        self.stops_at = -1

    async def open(self) -> None:
        self.engine = await Engine.open(self.store.messages, self.clock)
        for name in ("one", "two", "dead"):
            await self.engine.open_queue(name, QueueSettings())
        targets = Targets(lambda service: True, self._find, self._send)
        before = getattr(self, "sender", None)
        self.sender = Scripted(targets, self.clock)
        if before is not None:
            self.sender = before
        self.outbox = await Outbox.open(
            "topics",
            self.sender,
            engine=self.engine,
            targets=targets,
            clock=self.clock,
            limits=self.limits,
            expand=self._expand,
        )

    async def _expand(self, dispatch: Dispatch) -> list[Dispatch]:
        """Return the next two of seven deliveries, and what stands for the others."""
        begin = dispatch.context.get("done", 0)
        if self.stops_at == begin:
            await asyncio.Event().wait()
        end = min(7, begin + 2)
        found = [self.dispatch(QUEUE.format("one"), str(each)) for each in range(begin, end)]
        if end < 7:
            found.append(replace(self.dispatch(EXPANDS, "m"), context={"done": end}))
        return found

    async def crash(self) -> None:
        """Lose everything that is not on the disk, and start again."""
        await self.outbox.close()
        await self.engine.close()
        await self.open()

    async def _find(self, service: str) -> Taker:
        if service == "sqs":
            return Taker(place=self._place)
        return Taker(deliver=self._deliver)

    async def _place(self, arn: str, delivery: Delivery) -> list[Placed]:
        name = arn.rpartition(":")[2]
        if name in self.refuses:
            raise self.refuses[name]
        return [Placed(self.engine.queue(name), Draft(delivery.payload))]

    async def _deliver(self, arn: str, delivery: Delivery) -> None:
        raise AssertionError("the sender attempts what is not placed")

    async def _send(self, items: Iterable[tuple[Queue, Draft]]) -> None:
        items = list(items)
        self.sent.append(len(items))
        await self.engine.send_together(items)

    def dispatch(self, target: str, text: str, lane: str = "", group: str = "") -> Dispatch:
        return Dispatch(
            target=target,
            delivery=Delivery(payload=text.encode(), group_id=group),
            lane=lane or target,
            accepted=self.clock.now(),
        )

    async def accept(self, *dispatches: Dispatch, ordered: bool = False) -> None:
        await self.outbox.accept(dispatches, ordered=ordered)
        await self.commits.until_idle()

    async def pass_time(self, seconds: float) -> None:
        for _ in range(round(seconds)):
            await self.clock.advance(1.0)
            await self.commits.until_idle()

    async def texts(self, name: str) -> list[str]:
        found = await self.engine.queue(name).peek(10_000)
        return [each.body.decode() for each in found if isinstance(each.body, bytes)]


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = Store.open(None)
    world = World(store)
    await world.open()
    yield world
    await world.outbox.close()
    await world.engine.close()
    await store.close()


async def test_a_queue_that_is_deleted_before_the_commit_takes_its_messages_with_it(
    world: World,
) -> None:
    one, two = QUEUE.format("one"), QUEUE.format("two")
    placed = await world.outbox.place([world.dispatch(one, "a"), world.dispatch(two, "a")])
    await world.engine.drop_queue("one")
    await world.sender.targets.send(placed)
    await world.commits.until_idle()
    assert await world.texts("two") == ["a"]
    assert world.sender.endings == [("a", "delivered")] * 2


async def test_an_event_that_is_known_by_something_is_accepted_once(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = QUEUE.format("one"), QUEUE.format("two")

    async def accept(text: str, *targets: str) -> None:
        dispatches = [world.dispatch(each, text) for each in targets]
        await world.outbox.accept(dispatches, once="known")

    def fails(*given: Any, **named: Any) -> None:
        given[3](None, StorageFull("the disk is full"))

    with monkeypatch.context() as disk:
        disk.setattr(world.engine.journal, "append", fails)
        for each in (accept("a", one, LOGS), accept("b", two)):
            with pytest.raises(StorageFull):
                await each
    await asyncio.gather(accept("a", one, LOGS), accept("b", two))
    await world.crash()
    await accept("c", one, two)
    await world.commits.until_idle()
    assert (await world.texts("one"), await world.texts("two")) == (["a"], [])
    assert [each[:2] for each in world.sender.attempts] == [(LOGS, "a")]
    await world.pass_time(301)
    await accept("d", two)
    assert await world.texts("two") == ["d"]


async def test_what_stands_for_many_is_expanded_piece_by_piece(world: World) -> None:
    world.stops_at = 4
    await world.accept(world.dispatch(EXPANDS, "m", "topic"))
    assert world.sent == [1]
    assert await world.texts("one") == ["0", "1", "2", "3"]
    assert await world.outbox.by_lane() == {EXPANDS: (1, 0)}
    world.stops_at = -1
    await world.crash()
    await world.commits.until_idle()
    assert await world.texts("one") == [str(each) for each in range(7)]
    assert world.outbox.counts() == (0, 0)


async def test_lanes_are_counted_without_their_payloads(world: World) -> None:
    world.sender.errors["https://example.com/x"] = [DeliveryFailed("x", "no")]
    world.sender.hangs["https://example.com/y"] = asyncio.Event()
    await world.accept(
        world.dispatch(PAGE.format("x"), "a", "x"),
        world.dispatch(PAGE.format("y"), "a", "y"),
        world.dispatch(PAGE.format("y"), "b", "y"),
    )
    assert await world.outbox.by_lane() == {"x": (0, 1), "y": (2, 0)}


async def test_queues_have_the_event_in_the_commit_that_accepts_it(world: World) -> None:
    one, two = QUEUE.format("one"), QUEUE.format("two")
    await world.accept(
        world.dispatch(one, "a"), world.dispatch(two, "a"), world.dispatch(LOGS, "a")
    )
    assert world.sent == [3]
    assert await world.texts("one") == await world.texts("two") == ["a"]
    assert [each[:2] for each in world.sender.attempts] == [(LOGS, "a")]
    assert world.sender.endings == [("a", "delivered")] * 3
    assert world.outbox.counts() == (0, 0)


async def test_nothing_is_accepted_where_the_commit_fails(world: World) -> None:
    async def fails(items: Any) -> None:
        raise StorageFull("the disk is full")

    world.outbox._targets._send = fails
    with pytest.raises(StorageFull):
        await world.accept(world.dispatch(QUEUE.format("one"), "a"))
    assert world.sender.endings == []
    assert world.outbox.outcomes == Counter()


async def test_attempts_follow_the_senders_plan_and_end_in_the_dead_letter_queue(
    world: World,
) -> None:
    page = PAGE.format(1)
    world.sender.errors[page] = [DeliveryFailed(page, "503") for _ in range(3)]
    await world.accept(world.dispatch(page, "a"))
    assert world.outbox.counts() == (0, 1)
    await world.pass_time(25)
    assert [round(at) for _, _, at in world.sender.attempts] == [0, 10, 20]
    assert await world.texts("dead") == ["a"]
    assert world.sender.endings == [("a", "dead-lettered")]
    assert world.outbox.counts() == (0, 0)


async def test_what_will_never_be_taken_is_dead_lettered_at_once(world: World) -> None:
    world.refuses["one"] = AwsError("QueueDoesNotExist", "gone")
    page = PAGE.format(1)
    world.sender.errors[page] = [DeliveryRefused(page, "404")]
    await world.accept(world.dispatch(QUEUE.format("one"), "a"), world.dispatch(page, "b"))
    assert sorted(await world.texts("dead")) == ["a", "b"]
    assert world.sent == [2]


async def test_a_queue_that_takes_it_later_gets_it_then(world: World) -> None:
    world.refuses["one"] = AwsError("ThrottlingException", "Rate exceeded")
    await world.accept(world.dispatch(QUEUE.format("one"), "a"))
    await world.pass_time(5)
    assert world.outbox.counts() == (0, 1)
    del world.refuses["one"]
    await world.pass_time(6)
    assert await world.texts("one") == ["a"]
    assert world.sender.endings == [("a", "delivered")]


async def test_without_a_dead_letter_queue_it_is_dropped_and_counted(world: World) -> None:
    world.sender.dead = None
    page = PAGE.format(1)
    world.sender.errors[page] = [DeliveryRefused(page, "404")]
    await world.accept(world.dispatch(page, "a"))
    assert world.outbox.outcomes == {"dropped": 1}
    assert world.outbox.counts() == (0, 0)


async def test_a_dead_letter_queue_that_is_gone_loses_it_and_a_throttled_one_does_not(
    world: World,
) -> None:
    page = PAGE.format(1)
    world.refuses["dead"] = AwsError("ThrottlingException", "Rate exceeded")
    world.sender.errors[page] = [DeliveryRefused(page, "404") for _ in range(3)]
    await world.accept(world.dispatch(page, "a"))
    assert world.outbox.outcomes == {}
    world.refuses["dead"] = AwsError("QueueDoesNotExist", "gone")
    await world.pass_time(6)
    assert world.outbox.outcomes == {"dropped": 1}


async def test_a_dead_target_holds_up_nobody_else(world: World) -> None:
    slow, quick = PAGE.format("slow"), PAGE.format("quick")
    world.sender.hangs[slow] = asyncio.Event()
    await world.accept(*(world.dispatch(slow, f"slow {n}") for n in range(500)))
    assert len(world.sender.attempts) == world.limits.per_lane
    await world.accept(*(world.dispatch(quick, f"quick {n}") for n in range(50)))
    assert sum(target == quick for target, _, _ in world.sender.attempts) == 50
    world.sender.hangs.pop(slow).set()
    await world.pass_time(20)
    assert world.outbox.outcomes == {"delivered": 550}


async def test_order_is_kept_within_a_group_and_a_lane(world: World) -> None:
    page = PAGE.format(1)
    world.sender.errors[page] = [DeliveryFailed(page, "503"), DeliveryFailed(page, "503")]
    for n in range(3):
        await world.accept(world.dispatch(page, f"a{n}", group="a"), ordered=True)
    await world.accept(world.dispatch(page, "b0", group="b"), ordered=True)
    await world.pass_time(40)
    texts = [text for _, text, _ in world.sender.attempts]
    assert [text for text in texts if text[0] == "a"] == ["a0", "a0", "a0", "a1", "a2"] or (
        [text for text in texts if text[0] == "a"] == ["a0", "a0", "a1", "a2"]
        and texts.count("b0") == 2
    )
    assert Counter(world.sender.endings)[("b0", "delivered")] == 1


async def test_what_a_queue_can_take_does_not_overtake_what_waits(world: World) -> None:
    world.refuses["one"] = AwsError("ThrottlingException", "Rate exceeded")
    one = QUEUE.format("one")
    await world.accept(world.dispatch(one, "first", group="g"), ordered=True)
    del world.refuses["one"]
    await world.accept(world.dispatch(one, "second", group="g"), ordered=True)
    assert await world.texts("one") == []
    await world.pass_time(11)
    assert await world.texts("one") == ["first", "second"]


async def test_an_attempt_that_breaks_is_told_and_tried_again(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    page = PAGE.format(1)
    world.sender.errors[page] = [RuntimeError("a bug")]
    await world.accept(world.dispatch(page, "a"))
    assert "could not be tried" in caplog.text
    caplog.clear()
    await world.pass_time(6)
    assert world.outbox.outcomes == {"delivered": 1}


async def test_it_ends_where_the_engine_has_ended_first(world: World) -> None:
    world.engine.drain()
    await world.commits.until_idle()
    await world.outbox.close()


async def test_it_goes_on_after_a_receive_that_found_nothing(world: World) -> None:
    queue = world.outbox._lanes[0].queue
    queue.end_polls()  # as for what was purged between its receive and its reading
    await world.commits.until_idle()
    await world.accept(world.dispatch(PAGE.format(1), "a"))
    assert world.outbox.outcomes == {"delivered": 1}


async def test_each_ends_exactly_once_whatever_crashes(world: World) -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    chance = random.Random(seed)
    accepted: Counter[str] = Counter()
    for n in range(120):
        target = chance.choice([QUEUE.format("one"), PAGE.format(chance.randrange(4)), LOGS])
        if chance.random() < 0.3:
            kind = chance.choice([DeliveryFailed, DeliveryRefused])
            world.sender.errors.setdefault(target, []).append(kind(target, "no"))
        await world.accept(world.dispatch(target, f"event {n}"))
        accepted[f"event {n}"] += 1
        if chance.random() < 0.1:
            await world.crash()
        if chance.random() < 0.2:
            await world.pass_time(chance.randrange(12))
    await world.pass_time(60)
    assert world.outbox.counts() == (0, 0)
    assert Counter(text for text, _ in world.sender.endings) == accepted
    there = Counter(await world.texts("dead"))
    dead = Counter(text for text, how in world.sender.endings if how == "dead-lettered")
    assert there == dead


@pytest.mark.parametrize("jump_s", [3600.0, -60.0])
async def test_a_clock_that_jumps_loses_and_repeats_no_delivery(
    world: World, jump_s: float
) -> None:
    page = PAGE.format("x")
    world.sender.errors[page] = [DeliveryFailed("x", "no"), DeliveryFailed("x", "no")]
    await world.accept(world.dispatch(page, "a"), world.dispatch(QUEUE.format("one"), "b"))
    # Between two attempts the wall's clock is set; the time that passes goes on as before.
    world.clock._epoch += jump_s
    await world.pass_time(10 - min(0.0, jump_s))
    assert len(world.sender.attempts) == 2
    world.clock._epoch += jump_s
    await world.pass_time(10 - min(0.0, jump_s))
    assert [each[:2] for each in world.sender.attempts] == [(page, "a")] * 3
    await world.pass_time(600)
    assert sorted(world.sender.endings) == [("a", "delivered"), ("b", "delivered")]
    assert await world.texts("one") == ["b"]
    assert world.outbox.counts() == (0, 0)
