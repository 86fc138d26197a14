"""Minimum instances: environments that stay initialised without provisioned concurrency."""

from __future__ import annotations

from dataclasses import replace

from emulator.model.causes import ColdCause
from emulator.model.errors import DriverFault
from emulator.model.lifecycle_events import EnvironmentRequested, Event, InvocationStarted
from emulator.pool.host import PoolSettings
from emulator.pool.minimum import Kept, MinimumInstances
from emulator.pool.states import EnvironmentState
from emulator.testing import until_idle
from tests.unit.pool.conftest import World, make_world

KEPT = Kept("000000000000", "us-east-1", "hello")


def ready(world: World, name: str = "hello") -> int:
    return sum(
        each.version.name == name and each.state is EnvironmentState.READY
        for each in world.pools.environments.values()
    )


async def test_environments_are_there_before_a_call_and_stay() -> None:
    world = make_world()
    minimum = MinimumInstances(world.pools, world.registry)
    minimum.set(KEPT, 2)  # before there is such a function
    assert minimum.status()[0].reason == "there is no such function, or version, yet"
    heard: list[Event] = []
    world.pools.lifecycle.add(heard.append)
    version = world.function()
    await until_idle()
    assert ready(world) == 2
    requested = [each for each in heard if isinstance(each, EnvironmentRequested)]
    assert {each.why.cause for each in requested} == {ColdCause.SCALED}
    assert {each.initialization_type for each in requested} == {"on-demand"}
    await world.invoke(version)
    (started,) = (each for each in heard if isinstance(each, InvocationStarted))
    assert started.cold is None
    await world.clock.advance(10_000)
    assert ready(world) == 2
    assert minimum.status()[0].ready == 2
    minimum.set(KEPT, 1)
    await world.clock.advance(301)
    assert ready(world) == 1
    minimum.set(KEPT, 0)
    await world.clock.advance(301)
    assert ready(world) == 0
    assert minimum.status() == []
    await world.pools.close()


async def test_more_are_started_when_all_are_busy_and_reaped_again() -> None:
    world = make_world()
    minimum = MinimumInstances(world.pools, world.registry)
    version = world.function()
    minimum.set(KEPT, 1)
    await until_idle()
    calls = [world.begin(version) for _ in range(3)]
    for each in calls:
        await each
    await until_idle()
    assert ready(world) == 3
    await world.clock.advance(301)
    assert ready(world) == 1
    await world.pools.close()


async def test_a_change_moves_them_to_the_new_version() -> None:
    world = make_world()
    minimum = MinimumInstances(world.pools, world.registry)
    version = world.function()
    minimum.set(KEPT, 2)
    await until_idle()
    changed = replace(version, generation=1, memory_mb=256)
    world.registry.update(world.registered(), changed, "code changed")
    await until_idle()
    found = [each.version.memory_mb for each in world.pools.environments.values()]
    assert found == [256, 256]
    await world.pools.close()


async def test_one_that_ends_is_replaced() -> None:
    world = make_world()
    minimum = MinimumInstances(world.pools, world.registry)
    version = world.function()
    minimum.set(KEPT, 1)
    await until_idle()
    (before,) = world.pools.environments
    world.pools.evict(version)
    await until_idle()
    (after,) = world.pools.environments
    assert before != after
    await world.pools.close()


async def test_they_make_no_room_for_others_and_say_when_they_cannot_be_had() -> None:
    world = make_world(PoolSettings(max_environments=2))
    minimum = MinimumInstances(world.pools, world.registry)
    world.function()
    other = world.function("other")
    minimum.set(KEPT, 1)
    await until_idle()
    for _ in range(3):
        await world.invoke(other)
    await until_idle()
    assert (ready(world), ready(world, "other")) == (1, 1)
    world.driver.fault = DriverFault("no memory")
    minimum.set(KEPT._replace(name="other"), 3)
    world.pools.evict(other)
    await until_idle()
    assert [each.reason for each in minimum.status()] == ["", "no memory"]
    await world.pools.close()


async def test_a_version_with_snapstart_is_restored_ahead() -> None:
    world = make_world()
    minimum = MinimumInstances(world.pools, world.registry)
    world.function(settings={"SnapStart": {"ApplyOn": "PublishedVersions"}}, version="1")
    function = world.registered()
    function.versions["1"] = function.latest
    minimum.set(KEPT._replace(qualifier="1"), 2)
    await until_idle()
    assert ready(world) == 2
    await world.pools.close()
