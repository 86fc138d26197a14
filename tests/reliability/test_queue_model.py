"""Queues against simple models of them, on a clock moved by hand (Hypothesis state machines)."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
)

from emulator.queues.engine import Engine
from emulator.queues.errors import ExpiredHandle, NotInFlight
from emulator.queues.message import Draft
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store
from emulator.testing import FakeClock

pytestmark = pytest.mark.thorough

T = TypeVar("T")

SECONDS = st.integers(0, 40).map(float)
PROFILE = settings(
    max_examples=40,
    stateful_step_count=40,
)


class _Machine(RuleBasedStateMachine):
    """An engine in memory, and a loop to run it on."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.number = 0
        self.run(self.open())

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(coroutine)

    async def open(self) -> None:
        self.store = Store.open(None)
        self.engine = await Engine.open(self.store.messages, self.clock)
        await self.open_queues()

    async def open_queues(self) -> None:
        raise NotImplementedError

    async def restart(self) -> None:
        """Close the engine and open it again over the same journal."""
        await self.engine.close()
        self.engine = await Engine.open(self.store.messages, self.clock)
        await self.open_queues()

    def teardown(self) -> None:
        async def close() -> None:
            await self.engine.close()
            await self.store.close()

        self.run(close())
        self.loop.close()

    def new_body(self) -> str:
        self.number += 1
        return str(self.number)


class Visibility(_Machine):
    """A standard queue: who can receive what, and when."""

    handles = Bundle("handles")

    def __init__(self) -> None:
        #: Body: when it is visible.
        self.visible: dict[str | bytes, float] = {}
        self.receives: dict[str | bytes, int] = {}
        self.in_flight: set[str | bytes] = set()
        #: Body: the handle of its last receive, which keeps it also when its time is over.
        self.last: dict[str | bytes, str] = {}
        super().__init__()

    async def open_queues(self) -> None:
        self.queue = await self.engine.open_queue("orders", QueueSettings(visibility=30))

    def available(self) -> set[str | bytes]:
        now = self.clock.now()
        self.in_flight = {body for body in self.in_flight if self.visible[body] > now}
        return {body for body, at in self.visible.items() if at <= now}

    @rule(delay=SECONDS)
    def send(self, delay: float) -> None:
        body = self.new_body()
        self.run(self.queue.send(Draft(body, delay=delay)))
        self.visible[body] = self.clock.now() + delay
        self.receives[body] = 0

    @rule(target=handles, limit=st.integers(1, 4), visibility=SECONDS)
    def receive(self, limit: int, visibility: float) -> Any:
        available = self.available()
        got = self.run(self.queue.receive(limit, visibility=visibility))
        assert len(got) == len({message.body for message in got}) == min(limit, len(available))
        for message in got:
            assert message.body in available
            self.receives[message.body] += 1
            assert message.receive_count == self.receives[message.body]
            self.visible[message.body] = self.clock.now() + visibility
            self.last[message.body] = message.handle
            if visibility:
                self.in_flight.add(message.body)
        return multiple(*[(message.body, message.handle) for message in got])

    @rule(handle=consumes(handles))
    def delete(self, handle: tuple[str, str]) -> None:
        body, text = handle
        self.run(self.queue.delete(text))
        self.available()
        self.visible.pop(body, None)
        self.in_flight.discard(body)

    @rule(handle=handles, timeout=SECONDS)
    def change_visibility(self, handle: tuple[str, str], timeout: float) -> None:
        body, text = handle
        self.available()
        is_held = body in self.in_flight or (body in self.visible and self.last[body] == text)
        try:
            self.queue.change_visibility(text, timeout)
        except NotInFlight:
            assert not is_held
            return
        assert is_held
        self.visible[body] = self.clock.now() + timeout
        if timeout:
            self.in_flight.add(body)

    @rule(seconds=SECONDS)
    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule()
    def start_again(self) -> None:
        self.run(self.restart())

    @invariant()
    def counters_tell_the_truth(self) -> None:
        available = self.available()
        waiting = len(self.visible) - len(available) - len(self.in_flight)
        assert self.queue.counts() == (len(available), len(self.in_flight), waiting)


class Redrive(_Machine):
    """A queue with a dead-letter queue: after three receives a message is there, once."""

    MOST = 3

    def __init__(self) -> None:
        self.visible: dict[str | bytes, float] = {}
        self.receives: dict[str | bytes, int] = {}
        self.dead: set[str | bytes] = set()
        super().__init__()

    async def open_queues(self) -> None:
        self.target = await self.engine.open_queue("dead", QueueSettings())
        policy = QueueSettings(dead_letter="dead", max_receives=self.MOST, source="orders")
        self.queue = await self.engine.open_queue("orders", policy)

    @rule(count=st.integers(1, 3))
    def send(self, count: int) -> None:
        bodies = [self.new_body() for _ in range(count)]
        self.run(self.queue.send_many([Draft(body) for body in bodies]))
        for body in bodies:
            self.visible[body], self.receives[body] = self.clock.now(), 0

    @rule(visibility=SECONDS, counted=st.booleans())
    def receive(self, visibility: float, counted: bool) -> Any:
        now = self.clock.now()
        available = {body for body, at in self.visible.items() if at <= now}
        dying = {body for body in available if self.receives[body] >= self.MOST}
        got = self.run(self.queue.receive(1000, visibility=visibility))
        assert {message.body for message in got} == available - dying
        for body in dying:
            del self.visible[body]
        self.dead |= dying
        for message in got:
            self.receives[message.body] += 1
            assert message.receive_count == self.receives[message.body] <= self.MOST
            self.visible[message.body] = now + visibility
            if not counted and visibility:
                self.queue.release(message.handle, counted=False)
                self.receives[message.body] -= 1
                self.visible[message.body] = now
        # Moves are committed by now: this read waits behind them.
        self.run(self.store.messages.expire(self.queue.id, 0.0, 1))

    @rule(seconds=SECONDS)
    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule()
    def start_again(self) -> None:
        self.run(self.restart())

    @invariant()
    def each_message_is_in_one_place(self) -> None:
        assert sum(self.target.counts()) == len(self.dead)
        assert sum(self.queue.counts()) == len(self.visible)

    def teardown(self) -> None:
        got = self.run(self.target.receive(1000))
        assert {message.body for message in got} == self.dead
        assert {message.source for message in got} <= {"orders"}
        super().teardown()


class Fifo(_Machine):
    """A FIFO queue: groups in order, and nothing behind what is in flight."""

    handles = Bundle("handles")
    NAMES = ("a", "b", "c")

    def __init__(self) -> None:
        #: Group: [body, when it is visible, the handle of its last receive].
        self.groups: dict[str, list[list[Any]]] = {name: [] for name in self.NAMES}
        #: Deduplication id: until when.
        self.remembered: dict[str, float] = {}
        super().__init__()

    async def open_queues(self) -> None:
        self.queue = await self.engine.open_queue("orders.fifo", QueueSettings(fifo=True))

    def find(self, body: str | bytes) -> Any:
        for messages in self.groups.values():
            for message in messages:
                if message[0] == body:
                    return messages, message
        return None, None

    @rule(group=st.sampled_from(NAMES), id=st.integers(0, 5).map(str))
    def send(self, group: str, id: str) -> None:
        now = self.clock.now()
        body = self.new_body()
        self.run(self.queue.send(Draft(body, group=group, deduplication=id)))
        if self.remembered.get(id, 0.0) <= now:
            self.remembered[id] = now + 300
            self.groups[group].append([body, now, None])

    @rule(target=handles, limit=st.integers(1, 6), visibility=SECONDS)
    def receive(self, limit: int, visibility: float) -> Any:
        now = self.clock.now()
        free = {}
        for name, messages in self.groups.items():
            blocked = [n for n, message in enumerate(messages) if message[1] > now]
            free[name] = messages[: blocked[0] if blocked else len(messages)]
        got = self.run(self.queue.receive(limit, visibility=visibility))
        assert len(got) == min(limit, sum(map(len, free.values())))
        for name in self.NAMES:
            bodies = [message.body for message in got if message.group == name]
            assert bodies == [message[0] for message in free[name][: len(bodies)]]
        for message in got:
            known = self.find(message.body)[1]
            known[1], known[2] = now + visibility, message.handle
        return multiple(*[(message.body, message.handle) for message in got])

    @rule(handle=handles)
    def delete(self, handle: tuple[str, str]) -> None:
        body, text = handle
        messages, message = self.find(body)
        try:
            self.run(self.queue.delete(text))
        except ExpiredHandle:
            assert message[1] <= self.clock.now() or message[2] != text
            return
        if message is not None:
            assert message[1] > self.clock.now()
            assert message[2] == text
            messages.remove(message)

    @rule(handle=handles, timeout=SECONDS)
    def change_visibility(self, handle: tuple[str, str], timeout: float) -> None:
        body, text = handle
        _, message = self.find(body)
        now = self.clock.now()
        try:
            self.queue.change_visibility(text, timeout)
        except (ExpiredHandle, NotInFlight):
            assert message is None or message[1] <= now or message[2] != text
            return
        assert message[2] == text
        message[1] = now + timeout

    @rule(seconds=st.integers(0, 200).map(float))
    def advance(self, seconds: float) -> None:
        self.run(self.clock.advance(seconds))

    @rule()
    def start_again(self) -> None:
        self.run(self.restart())

    @invariant()
    def counters_tell_the_truth(self) -> None:
        now = self.clock.now()
        known = [message for messages in self.groups.values() for message in messages]
        flying = sum(message[1] > now for message in known)
        assert self.queue.counts() == (len(known) - flying, flying, 0)


TestVisibility = Visibility.TestCase
TestVisibility.settings = PROFILE
TestRedrive = Redrive.TestCase
TestRedrive.settings = PROFILE
TestFifo = Fifo.TestCase
TestFifo.settings = PROFILE
