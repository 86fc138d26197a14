"""What a cold start consists of is measured apart from all other traffic."""

from __future__ import annotations

import asyncio
from pathlib import Path

import orjson
import pytest

from emulator.invoke.cold_starts import ColdStartRun, measure
from emulator.model.errors import ConfigurationError
from emulator.model.lifecycle_events import EnvironmentRequested
from emulator.model.sandbox import Exit
from emulator.simulation import profile
from emulator.simulation.starts import ProfiledStarts
from emulator.testing import RuntimeClient, until_idle
from tests.unit.pool.conftest import World, make_world

IMPORTS = {
    "total_ms": 120.0,
    "imports": [
        {"module": "app", "parent": None, "start_ms": 0, "total_ms": 120.0, "self_ms": 20},
        {"module": "boto3", "parent": 0, "start_ms": 5, "total_ms": 100.0, "self_ms": 100},
    ],
}


def slow_world(*, fails: bool = False) -> World:
    """Sandboxes take 200 ms, INIT 300, calls 50."""
    world = make_world()

    async def script(runtime: RuntimeClient) -> Exit | None:
        await world.clock.sleep(0.3)
        if "LOCALFAAS_TRACE_IMPORTS" in runtime.environ:
            await runtime.call("POST", "init/imports", orjson.dumps(IMPORTS))
        while True:
            request_id, payload = await runtime.next()
            await world.clock.sleep(0.05)
            if fails:
                await runtime.call(
                    "POST",
                    f"invocation/{request_id}/error",
                    b"{}",
                    {"Lambda-Runtime-Function-Error-Type": "KeyError"},
                )
            else:
                await runtime.respond(request_id, payload)

    world.driver.script = script
    world.driver.gate = lambda: world.clock.sleep(0.2)
    return world


async def run(world: World, **given: bool | int) -> ColdStartRun:
    version = world.function()
    task = asyncio.create_task(measure(world.pools, version, b"{}", **given))  # type: ignore[arg-type]
    await world.clock.advance(10)
    done = await task
    await until_idle()
    assert world.pools.count == 0, "it leaves an environment behind"
    assert not world.pools.lifecycle.listeners
    return done


async def test_each_part_is_told_apart() -> None:
    done = await run(slow_world(), warm=3)
    assert done.code_ms == pytest.approx(0)
    assert done.sandbox_ms == pytest.approx(200)
    assert done.boot_ms == pytest.approx(180)
    assert done.imports_ms == pytest.approx(120)
    assert done.init_ms == pytest.approx(500)
    assert done.first_call_ms == pytest.approx(50)
    assert done.total_ms == pytest.approx(550)
    assert done.warm_ms == pytest.approx([50, 50, 50])
    assert done.imports is not None
    assert [each.module for each in done.imports.imports] == ["app", "boto3"]
    assert done.error == ""


async def test_without_measured_imports_boot_has_them() -> None:
    done = await run(slow_world(), trace_imports=False)
    assert done.imports is None
    assert done.imports_ms is None
    assert done.boot_ms == pytest.approx(300)


async def test_a_start_ahead_of_use_costs_its_caller_nothing() -> None:
    done = await run(slow_world(), provisioned=True)
    assert done.total_ms == pytest.approx(50)
    assert done.init_ms == pytest.approx(500)


async def test_a_functions_error_is_told() -> None:
    assert (await run(slow_world(fails=True))).error == "KeyError"


async def test_nothing_is_simulated(tmp_path: Path) -> None:
    starts = ProfiledStarts(profile.load("aws-bad-day"), 1, warn=lambda text: None)
    world = make_world(starts=starts)
    done = await run(world)
    assert done.total_ms == done.init_ms == pytest.approx(0)


async def test_what_is_measured_is_no_reason_for_others() -> None:
    """Each measured start says that it is one, and the function's own first call is its first."""
    world = slow_world()
    whys: list[str] = []

    def heard(event: object) -> None:
        if isinstance(event, EnvironmentRequested):
            whys.append(event.why.sentence)

    world.pools.lifecycle.add(heard)
    for _ in range(2):
        measuring = asyncio.create_task(measure(world.pools, world.function(), b"{}"))
        await world.clock.advance(10)
        await measuring
    call = world.begin(world.function())
    await world.clock.advance(10)
    await call
    measured = "it is the first call in an environment that is measured"
    assert whys == [measured, measured, "it is the first call"]
    await world.pools.close()


async def test_other_environments_stay_as_they_are() -> None:
    world = make_world()
    version = world.function()
    await world.invoke(version)
    await until_idle()
    [other] = world.pools.environments.values()
    await measure(world.pools, version, b"{}")
    assert list(world.pools.environments.values()) == [other]
    assert other.invokes == 1
    await world.invoke(version)
    assert other.invokes == 2
    await world.pools.close()


async def test_managed_instances_are_refused() -> None:
    world = make_world()
    provider = {"CapacityProviderArn": "arn:aws:lambda:us-east-1:0:capacity-provider:p"}
    managed = {"LambdaManagedInstancesCapacityProviderConfig": provider}
    version = world.function(settings={"CapacityProviderConfig": managed})
    with pytest.raises(ConfigurationError, match="Managed Instances"):
        await measure(world.pools, version, b"{}")


async def test_a_restore_takes_the_place_of_init() -> None:
    done = await run(slow_world(), snapstart=True)
    assert (done.init_ms, done.boot_ms, done.sandbox_ms) == (0, 0, 0)
    assert done.restore_ms == pytest.approx(0)
    assert done.total_ms == pytest.approx(50)
    assert done.first_call_ms == pytest.approx(50)
