"""The pool of stem cells: what becomes of those that die."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import cast

from emulator.driver.docker.images import Plan
from emulator.driver.docker.sandbox import DockerSandbox
from emulator.driver.stems import StemPool, pause_after
from emulator.model.sandbox import Exit
from emulator.testing import FakeClock, until_idle

PLAN = Plan(image="an-image", platform="linux/amd64", language="python", version="3.12")


class _Stem:
    """As much of a container as the pool looks at."""

    def __init__(self) -> None:
        self.exited: asyncio.Future[Exit] = asyncio.get_running_loop().create_future()

    def die(self) -> None:
        self.exited.set_result(Exit(status=1))


class _World:
    def __init__(self, *, short_lived: bool = False) -> None:
        self.clock = FakeClock()
        self.short_lived = short_lived
        self.made: list[_Stem] = []
        self.discarded: list[DockerSandbox] = []
        self.pool = StemPool(self._make, self.discarded.append, 1, self.clock)

    async def _make(self, plan: Plan) -> DockerSandbox:
        stem = _Stem()
        self.made.append(stem)
        if self.short_lived:
            asyncio.get_running_loop().call_soon(stem.die)
        return cast(DockerSandbox, stem)


def test_the_pauses_grow_and_have_a_bound() -> None:
    pauses = [pause_after(losses) for losses in range(12)]
    assert pauses[:4] == [0.0, 0.0, 0.5, 1.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == 60.0


async def test_one_that_dies_is_replaced_at_once() -> None:
    world = _World()
    await world.pool.fill(PLAN)
    world.made[0].die()
    await until_idle()
    assert len(world.made) == 2
    assert world.pool.count(PLAN) == 1
    await world.pool.close()


async def test_those_that_die_as_soon_as_they_are_there_are_made_more_and_more_slowly() -> None:
    world = _World(short_lived=True)
    world.pool.take(PLAN)
    made = []
    for _ in range(5):
        await world.clock.advance(60)
        made.append(len(world.made))
    each = [after - before for before, after in pairwise(made)]
    assert made[0] <= 9
    assert each[-1] <= 2, "about one a minute in the end"
    assert made[-1] > made[-2] or made[-1] > made[-3], "but it goes on trying"
    assert len(world.discarded) == len(world.made)
    await world.pool.close()


async def test_one_that_lives_ends_the_pauses() -> None:
    world = _World(short_lived=True)
    world.pool.take(PLAN)
    await world.clock.advance(120)
    world.short_lived = False
    await world.clock.advance(120)
    assert world.pool.count(PLAN) == 1, "it lives"
    before = len(world.made)
    world.made[-1].die()
    await until_idle()
    assert len(world.made) == before + 1, "replaced at once again"
    await world.pool.close()
