"""Events of a check that are delivered twice, by the queue of a function's asynchronous events."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from collections.abc import Sequence
from functools import partial
from typing import Any, cast

import pytest

from emulator.invoke.probing import Observed, Probe
from emulator.invoke.twice import Round, Send, Twice
from emulator.model.errors import ConfigurationError
from emulator.model.invocation import Invocation
from tests.unit.invoke.conftest import World

ARN = "arn:aws:lambda:us-east-1:000000000000:function:hello"


class MadeProbe:
    """Notes what is run behind the probe, and in which environment."""

    def __init__(self, events: int) -> None:
        self.events: Sequence[bytes] = [json.dumps({"n": n}).encode() for n in range(events)]
        #: The environment and the event of each call.
        self.calls: list[tuple[int, int]] = []
        self._environment = 0

    async def call(self, payload: bytes, number: int) -> Observed:
        assert json.loads(payload) == {"n": number}
        self.calls.append((self._environment, number))
        return Observed(event=number, answer=number)

    async def end(self) -> None:
        self._environment += 1


def twice(world: World, probe: MadeProbe, seed: int = 0, lost: Sequence[int] = ()) -> Twice:
    async def send(number: int) -> dict[str, int]:
        if number not in lost:
            await world.submit({"n": number}, request_id=f"own-{number}")
        return {f"own-{number}": number}

    version = world.registry.resolve("000000000000", "us-east-1", "hello", "$LATEST")
    sends: list[Send] = [partial(send, number) for number in range(len(probe.events))]
    rounds = [Round(sends)]
    return Twice(cast(Probe, probe), world.functions, version, rounds, world.clock, seed)


async def finish(world: World, subject: Twice) -> list[Any]:
    running = asyncio.create_task(subject.run())
    await world.settle()
    while not running.done():
        await world.clock.advance(1)
        await world.settle()
    return running.result()


async def test_first_deliveries_end_before_second_ones_which_meet_another_environment(
    world: World,
) -> None:
    world.function()
    probe = MadeProbe(6)
    found = await finish(world, twice(world, probe))
    assert sorted(number for environment, number in probe.calls[:6]) == list(range(6))
    assert sorted(number for environment, number in probe.calls[6:]) == list(range(6))
    assert [environment for environment, _ in probe.calls] == [0] * 6 + [1] * 6
    assert [each.second for each in found] == [False] * 6 + [True] * 6
    assert all(each.whole for each in found)
    # Neither was delivered to the function itself, and nothing is left of it.
    assert world.attempts == []
    assert world.asynchronous.pending == 0
    assert not world.functions.detours
    await world.submit({"n": 9}, request_id="later")
    await world.settle()
    assert [id for _, id, _ in world.attempts] == ["later"]


async def test_the_order_is_the_seeds(world: World) -> None:
    world.function()
    orders = []
    for seed in (3, 3, 4):
        probe = MadeProbe(8)
        await finish(world, twice(world, probe, seed))
        orders.append([number for _, number in probe.calls])
    assert orders[0] == orders[1] != orders[2]
    assert orders[0][:8] != orders[0][8:]


async def test_what_others_send_meanwhile_goes_where_it_always_goes(world: World) -> None:
    world.function()
    subject = twice(world, MadeProbe(2))
    running = asyncio.create_task(subject.run())
    await world.submit({"n": 5}, request_id="foreign")
    await world.settle()
    await running
    assert world.attempts == [("hello", "foreign", {"n": 5})]


async def test_an_event_that_does_not_come_is_told_of(world: World) -> None:
    world.function()
    subject = twice(world, MadeProbe(3), lost=[1])
    found = await finish(world, subject)
    assert subject.missing == (1,)
    assert sorted(each.events for each in found) == [(0,), (0,), (2,), (2,)]


async def test_a_function_is_checked_once_at_a_time(world: World) -> None:
    world.function()
    first = asyncio.create_task(twice(world, MadeProbe(1)).run())
    await asyncio.sleep(0)
    with pytest.raises(ConfigurationError, match="is being checked already"):
        await twice(world, MadeProbe(1)).run()
    await world.settle()
    await first


class Group:
    """Messages of which the next one comes when the one before is gone, as in a FIFO queue."""

    def __init__(self, world: World) -> None:
        self._functions = world.functions
        self._left: deque[str] = deque()
        self._tasks: list[asyncio.Task[None]] = []

    async def send(self, *ids: str) -> dict[str, int]:
        self._left.extend(ids)
        self._come()
        return {id: int(id[1:]) for id in ids}

    def _come(self) -> None:
        self._tasks.append(asyncio.create_task(self._deliver(self._left[0])))

    async def _deliver(self, id: str) -> None:
        event = {"Records": [{"eventSource": "aws:sqs", "messageId": id}]}
        invocation = Invocation(
            request_id=f"of-{id}",
            payload=json.dumps(event).encode(),
            invoked_arn=ARN,
            trace_id="",
        )
        assert await self._functions.detours[ARN](invocation) is not None
        if not self._functions.redelivery.comes_again(ARN, id, self._come, ordered=True):
            self._left.popleft()
            if self._left:
                self._come()


async def test_what_waits_for_a_second_delivery_comes_after_it(world: World) -> None:
    world.function()
    probe = GroupProbe(2)
    group = Group(world)
    version = world.registry.resolve("000000000000", "us-east-1", "hello", "$LATEST")
    rounds = [Round([partial(group.send, "m0", "m1")], ordered=True)]
    subject = Twice(cast(Probe, probe), world.functions, version, rounds, world.clock, 0)
    found = await finish(world, subject)
    # Each second delivery has an environment of its own, and precedes what waited for it.
    assert probe.calls == [(0, 0), (1, 0), (1, 1), (2, 1)]
    assert [(each.events, each.second) for each in found] == [
        ((0,), False),
        ((0,), True),
        ((1,), False),
        ((1,), True),
    ]
    assert subject.missing == ()


class GroupProbe(MadeProbe):
    """Notes what is run, whatever it is."""

    async def call(self, payload: bytes, number: int) -> Observed:
        self.calls.append((self._environment, number))
        return Observed(event=number, answer=number)
