"""Stem cells of a zygote: which are kept, and what becomes of those that are lost."""

from __future__ import annotations

import asyncio
from typing import cast

import pytest

from emulator.driver.languages.base import StemKind
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.driver.process.stem_cells import StemCells
from emulator.model.errors import DriverFault
from emulator.model.sandbox import Exit
from emulator.testing import FakeClock, until_idle

SMALL, LARGE, HUGE = (StemKind(options=(size,)) for size in ("small", "large", "huge"))


class _Stem:
    """As much of a sandbox as is looked at."""

    def __init__(self, kind: StemKind) -> None:
        self.kind = kind
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()


class _World:
    def __init__(self, *, kinds: int = 2, of_a_kind: int = 1) -> None:
        self.clock = FakeClock()
        self.made: list[_Stem] = []
        self.discarded: list[object] = []
        #: Whether those that are made get ready.
        self.ready = True
        #: None is made while it is clear.
        self.go = asyncio.Event()
        self.go.set()
        self.fault: DriverFault | None = None
        self.stems = StemCells(
            self._make,
            self.discarded.append,
            kinds=kinds,
            of_a_kind=of_a_kind,
            pause_s=1.0,
            clock=self.clock,
        )

    async def _make(self, kind: StemKind) -> ProcessSandbox | None:
        await self.go.wait()
        if self.fault is not None:
            raise self.fault
        self.made.append(_Stem(kind))
        return cast(ProcessSandbox, self.made[-1]) if self.ready else None

    async def use(self, kind: StemKind) -> _Stem | None:
        """Take one, and let what follows from that happen."""
        found = self.stems.take(kind)
        await self.clock.advance(1.0)
        await until_idle()
        return cast("_Stem | None", found)


async def test_one_that_is_taken_is_replaced_after_a_pause() -> None:
    world = _World()
    assert await world.use(SMALL) is None
    assert await world.use(SMALL) is world.made[0]
    assert len(world.made) == 2
    assert world.discarded == []


async def test_the_kind_that_was_used_longest_ago_makes_room() -> None:
    world = _World(kinds=2)
    for kind in (SMALL, LARGE, HUGE):
        await world.use(kind)
    assert world.discarded == [world.made[0]]
    assert await world.use(SMALL) is None
    assert [each.kind for each in world.made] == [SMALL, LARGE, HUGE, SMALL]


async def test_one_that_nobody_wants_any_more_when_it_is_ready_goes() -> None:
    world = _World(kinds=1)
    world.go.clear()
    await world.use(SMALL)
    await world.use(LARGE)
    world.go.set()
    await until_idle()
    assert [each.kind for each in world.made] == [SMALL, LARGE]
    assert world.discarded == [world.made[0]]


async def test_those_who_wait_wait_for_the_same_ones() -> None:
    world = _World(of_a_kind=2)
    world.stems.expect(SMALL)
    world.go.clear()
    waiting = [asyncio.create_task(world.stems.fill()) for _ in range(3)]
    await until_idle()
    waiting.pop().cancel()
    world.stems.expect(LARGE)
    world.go.set()
    await asyncio.gather(*waiting)
    assert sorted(str(each.kind.options) for each in world.made) == sorted(
        str(kind.options) for kind in (SMALL, SMALL, LARGE, LARGE)
    )


async def test_a_kind_that_does_not_get_ready_is_tried_again_later_and_ever_more_seldom() -> None:
    world = _World()
    world.ready = False
    tries: list[float] = []
    for _ in range(6):
        for _ in range(20):
            await world.use(SMALL)
        assert len(world.made) == len(tries) + 1
        tries.append(world.clock.monotonic())
        await world.clock.advance(60 * 2 ** len(tries))
    world.ready = True
    await world.use(SMALL)
    assert await world.use(SMALL) is world.made[len(tries)], "and it is as others again"
    world.ready = False
    await world.use(SMALL)
    before = len(world.made)
    await world.clock.advance(60)
    await world.use(SMALL)
    assert len(world.made) == before + 1, "the pauses begin anew"


async def test_what_keeps_a_kind_from_getting_ready_keeps_no_other() -> None:
    world = _World()
    world.ready = False
    await world.use(SMALL)
    world.ready = True
    await world.use(LARGE)
    assert await world.use(LARGE) is world.made[1]


async def test_one_that_ends_before_its_use_is_let_go_of_at_once() -> None:
    world = _World()
    await world.use(SMALL)
    world.made[0].exited.set_result(Exit(signal=9))
    await until_idle()
    assert world.discarded == [world.made[0]]
    assert await world.use(SMALL) is None
    assert len(world.made) == 1, "a machine without memory is left alone for a while"
    await world.clock.advance(60)
    await world.use(SMALL)
    assert await world.use(SMALL) is world.made[1]


async def test_one_that_has_just_ended_is_not_taken() -> None:
    world = _World(of_a_kind=2)
    world.stems.expect(SMALL)
    await world.stems.fill()
    world.made[0].exited.set_result(Exit(signal=9))
    assert cast("_Stem | None", world.stems.take(SMALL)) is world.made[1]
    assert world.discarded == [world.made[0]]


async def test_what_is_taken_is_its_taker_s_also_when_it_ends() -> None:
    world = _World()
    await world.use(SMALL)
    taken = await world.use(SMALL)
    assert taken is not None
    taken.exited.set_result(Exit(status=0))
    await until_idle()
    assert world.discarded == []


async def test_where_there_can_be_none_all_who_wait_are_told() -> None:
    world = _World()
    world.fault = DriverFault("no room")
    world.stems.expect(SMALL)
    told = await asyncio.gather(world.stems.fill(), world.stems.fill(), return_exceptions=True)
    assert [str(each) for each in told] == ["no room", "no room"]
    world.fault = None
    await world.stems.fill()
    assert len(world.made) == 1


async def test_after_the_end_none_is_kept() -> None:
    world = _World()
    await world.use(SMALL)
    world.go.clear()
    await world.use(LARGE)
    closing = asyncio.create_task(world.stems.close())
    await until_idle()
    assert not closing.done(), "one is being made"
    world.go.set()
    await closing
    assert world.discarded == world.made


async def test_no_fault_but_a_driver_s_is_kept_quiet() -> None:
    world = _World()
    world.stems.expect(SMALL)
    world.fault = cast(DriverFault, ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        await world.stems.fill()
