"""How fast a function may get new environments."""

from __future__ import annotations

import asyncio

import pytest

from emulator.model.errors import AwsError
from emulator.pool.host import PoolSettings
from emulator.pool.placement import Level, ScalingRate
from emulator.testing import until_idle
from tests.unit.pool.conftest import make_world
from tests.unit.pool.test_pool import held


def test_a_thousand_at_once_then_a_hundred_a_second() -> None:
    rate, level = ScalingRate(), None
    for _ in range(1000):
        level = rate.take(level, 0.0)
    assert level == Level(0.0, 0.0)
    assert rate.take(level, 0.005) is None
    assert rate.take(level, 0.01) == Level(0.0, 0.01)
    assert rate.take(level, 5.0) == Level(499.0, 5.0)


def test_what_is_not_used_does_not_add_up() -> None:
    assert ScalingRate().take(Level(900.0, 0.0), 3600.0) == Level(999.0, 3600.0)


async def test_who_asks_for_more_is_throttled_function_by_function() -> None:
    world = make_world(PoolSettings(scaling=ScalingRate(burst=3, per_second=0.3)))
    release = asyncio.Event()
    world.driver.script = held(release)
    version, other = (world.function(name, timeout_s=60) for name in ("hello", "other"))
    calls = [world.begin(version) for _ in range(3)]
    await until_idle()
    with pytest.raises(AwsError) as raised:
        await world.invoke(version)
    assert raised.value.code == "TooManyRequestsException"
    assert raised.value.fields["Reason"] == "FunctionInvocationRateLimitExceeded"
    assert world.pools.count == 3, "no room is kept for what was refused"
    calls.append(world.begin(other))
    await world.clock.advance(4)
    calls.append(world.begin(version))
    await until_idle()
    assert world.pools.count == 5
    release.set()
    await asyncio.gather(*calls)
    await until_idle()
    # What is warm is no new environment.
    for _ in range(5):
        await world.invoke(version)
        await until_idle()
    await world.pools.close()
