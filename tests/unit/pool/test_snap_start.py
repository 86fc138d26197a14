"""SnapStart in the pool: snapshots, restores, their log lines and their failures."""

from __future__ import annotations

import asyncio
import json
import re

import pytest

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.model.lifecycle_events import EnvironmentRestored, Event, InvocationEnded
from emulator.model.sandbox import Exit
from emulator.model.simulated import SimulatedStart
from emulator.pool.host import PoolSettings
from emulator.pool.snap_start import SnapStartPool
from emulator.pool.states import EnvironmentState
from emulator.testing import RuntimeClient, echo, until_idle
from tests.unit.pool.conftest import World, make_world

_ON = {"SnapStart": {"ApplyOn": "PublishedVersions"}}


async def hooked(runtime: RuntimeClient) -> Exit | None:
    """A runtime with hooks: it waits at its snapshot, then serves."""
    status, _, _ = await runtime.call("GET", "restore/next")
    assert status == 200
    return await echo(runtime)


def published(world: World, name: str = "hello", **fields: object) -> FunctionVersion:
    return world.function(name, version="1", settings=_ON, **fields)


def pool_of(world: World, version: FunctionVersion) -> SnapStartPool:
    pool = world.pools.pool(version)
    assert isinstance(pool, SnapStartPool)
    return pool


@pytest.mark.parametrize("script", [hooked, echo])
async def test_a_version_is_initialised_once_ahead_and_restored_when_called(script: object) -> None:
    world = make_world()
    world.driver.script = script  # type: ignore[assignment]
    version = published(world)
    assert await pool_of(world, version).take_snapshot() is None
    (made,) = world.pools.environments.values()
    assert made.state is EnvironmentState.SNAPSHOT
    assert [line for line in world.lines() if line.startswith("INIT_REPORT")] == [
        "INIT_REPORT Init Duration: 0.00 ms"
    ]
    result = await world.invoke(version, b'{"a":1}')
    await until_idle()
    assert result.payload == b'{"a":1}'
    # What was initialised ahead of use is what serves; another one takes its place.
    assert next(iter(world.pools.environments)) == made.id
    assert [each.state for each in world.pools.environments.values()] == [
        EnvironmentState.READY,
        EnvironmentState.SNAPSHOT,
    ]
    await world.pools.close()


async def test_callers_at_once_have_their_spares_initialised_beside_each_other() -> None:
    world = make_world()

    async def slow(runtime: RuntimeClient) -> Exit | None:
        await world.clock.sleep(1)
        return await hooked(runtime)

    world.driver.script = slow
    version = published(world)
    taking = asyncio.create_task(pool_of(world, version).take_snapshot())
    await world.clock.advance(1.1)
    assert await taking is None
    calls = [world.begin(version, b'{"n":%d}' % n) for n in range(5)]
    await until_idle()
    assert [call.done() for call in calls] == [True] + [False] * 4
    await world.clock.advance(1.1)
    assert [(await call).payload for call in calls] == [b'{"n":%d}' % n for n in range(5)]
    # One waits ahead of use, as before, and nothing else is left.
    await world.clock.advance(1.1)
    states = [each.state for each in world.pools.environments.values()]
    assert states.count(EnvironmentState.SNAPSHOT) == 1
    assert states.count(EnvironmentState.READY) == len(states) - 1 == 5
    assert world.pools.count == 5
    await world.pools.close()
    assert not world.driver.live


async def test_callers_whose_own_spares_fail_are_told_and_leave_nothing() -> None:
    world = make_world()
    made = 0

    async def fails_later(runtime: RuntimeClient) -> Exit | None:
        nonlocal made
        made += 1
        if made > 1:
            await world.clock.sleep(1)
            await runtime.call("POST", "init/error", b'{"errorMessage":"no"}')
            return Exit(status=1)
        return await hooked(runtime)

    world.driver.script = fails_later
    version = published(world)
    await pool_of(world, version).take_snapshot()
    calls = [world.begin(version) for _ in range(4)]
    await world.clock.advance(1.1)
    results = [await call for call in calls]
    assert [each.function_error for each in results] == ["", *["Unhandled"] * 3]
    await until_idle()
    assert world.pools.count == 1
    await world.pools.close()
    assert not world.driver.live


async def test_the_lines_of_a_restore_are_awss() -> None:
    world = make_world()

    async def slow_hooks(runtime: RuntimeClient) -> Exit | None:
        await runtime.call("GET", "restore/next")
        await world.clock.sleep(0.1185)
        return await echo(runtime)

    world.driver.script = slow_hooks
    version = published(world)
    await pool_of(world, version).take_snapshot()
    call = world.begin(version)
    await world.clock.advance(0.2)
    await call
    await until_idle()
    lines = world.lines()
    start = next(n for n, line in enumerate(lines) if line.startswith("RESTORE_START"))
    assert re.fullmatch(
        r"RESTORE_START Runtime Version: python:3\.12\.v1\tRuntime Version ARN: arn:\S+",
        lines[start],
    )
    assert lines[start + 1] == "RESTORE_REPORT Restore Duration: 118.50 ms"
    assert lines[start + 2].startswith("START RequestId: ")
    report = next(line for line in lines if line.startswith("REPORT "))
    assert "Init Duration" not in report
    assert report.endswith("Restore Duration: 118.50 ms\tBilled Restore Duration: 119 ms\t")
    assert "Duration: 0.00 ms\tBilled Duration: 119 ms\t" in report
    # The next call is warm: neither billed for the restore nor told of it.
    await world.invoke(version)
    await until_idle()
    warm = [line for line in world.lines() if line.startswith("REPORT ")][-1]
    assert "Restore" not in warm
    assert "Billed Duration: 1 ms" in warm
    await world.pools.close()


async def test_listeners_hear_of_the_restore() -> None:
    world = make_world()
    world.driver.script = hooked
    heard: list[Event] = []
    world.pools.lifecycle.add(heard.append)
    version = published(world)
    await pool_of(world, version).take_snapshot()
    await world.invoke(version)
    await until_idle()
    (restored,) = (each for each in heard if isinstance(each, EnvironmentRestored))
    assert (restored.status, restored.error_type, restored.way) == ("success", "", "spare")
    (ended,) = (each for each in heard if isinstance(each, InvocationEnded))
    assert (ended.init_ms, ended.restore_ms) == (None, 0.0)
    await world.pools.close()


async def test_a_restore_that_takes_over_ten_seconds_is_awss_408() -> None:
    world = make_world()

    async def stuck(runtime: RuntimeClient) -> Exit | None:
        await runtime.call("GET", "restore/next")
        await asyncio.Event().wait()
        return None

    world.driver.script = stuck
    version = published(world)
    await pool_of(world, version).take_snapshot()
    call = world.begin(version)
    await world.clock.advance(9.9)
    assert not call.done()
    await world.clock.advance(0.2)
    with pytest.raises(AwsError) as caught:
        await call
    assert caught.value.code == "SnapStartTimeoutException"
    assert caught.value.message == (
        "Lambda couldn't restore the snapshot within the timeout limit."
    )
    assert "RESTORE_REPORT Restore Duration: 10000.00 ms\tStatus: timeout" in world.lines()
    await world.pools.close()


async def test_a_hook_that_fails_after_restore_is_awss_400() -> None:
    world = make_world()

    async def failing(runtime: RuntimeClient) -> Exit | None:
        await runtime.call("GET", "restore/next")
        kind = {"Lambda-Runtime-Function-Error-Type": "Runtime.AfterRestoreError"}
        status, _, _ = await runtime.call("POST", "restore/error", b"{}", kind)
        assert status == 202
        return Exit(status=65)

    world.driver.script = failing
    version = published(world)
    await pool_of(world, version).take_snapshot()
    with pytest.raises(AwsError) as caught:
        await world.invoke(version)
    assert caught.value.code == "SnapStartException"
    await until_idle()
    assert (
        "RESTORE_REPORT Restore Duration: 0.00 ms\tStatus: error\t"
        "Error Type: Runtime.AfterRestoreError" in world.lines()
    )
    await world.pools.close()


async def test_a_runtime_that_ends_while_it_is_restored_fails_the_call() -> None:
    world = make_world()

    async def dying(runtime: RuntimeClient) -> Exit | None:
        await runtime.call("GET", "restore/next")
        return Exit(status=3)

    world.driver.script = dying
    version = published(world)
    await pool_of(world, version).take_snapshot()
    call = world.begin(version)
    await world.clock.advance(1)
    with pytest.raises(AwsError) as caught:
        await call
    assert caught.value.code == "SnapStartException"
    assert any("Error Type: Runtime.ExitError" in line for line in world.lines())
    await world.pools.close()


async def test_a_hook_that_fails_before_the_snapshot_is_told_to_who_publishes() -> None:
    world = make_world()

    async def failing(runtime: RuntimeClient) -> Exit | None:
        kind = {"Lambda-Runtime-Function-Error-Type": "Runtime.BeforeSnapshotError"}
        await runtime.call("POST", "init/error", b'{"errorMessage":"no"}', kind)
        return Exit(status=64)

    world.driver.script = failing
    version = published(world)
    failure = await pool_of(world, version).take_snapshot()
    assert failure is not None
    assert failure.error_type == "Runtime.BeforeSnapshotError"
    await until_idle()
    assert not world.pools.environments
    assert world.pools.count == 0


async def test_snapshots_take_no_place_and_are_bounded_of_their_own() -> None:
    world = make_world(PoolSettings(max_environments=1, max_snapshots=2))
    world.driver.script = hooked
    versions = [published(world, f"f{n}") for n in range(3)]
    for version in versions:
        await pool_of(world, version).take_snapshot()
    await until_idle()
    assert world.pools.count == 0
    assert [pool_of(world, each).has_snapshot for each in versions] == [False, True, True]
    # The one that was dropped is taken anew with the next call; all share one place.
    for version in versions:
        await world.invoke(version)
        await until_idle()
    assert world.pools.count == 1
    await world.pools.close()
    assert world.pools.count == 0
    assert not world.driver.live


async def test_a_runtime_that_ends_is_restored_and_not_started_anew() -> None:
    world = make_world()

    async def once(runtime: RuntimeClient) -> Exit | None:
        await runtime.call("GET", "restore/next")
        await runtime.next()
        return Exit(status=1)

    world.driver.script = once
    version = published(world)
    await pool_of(world, version).take_snapshot()
    for _ in range(2):
        call = world.begin(version)
        await world.clock.advance(1)
        assert (await call).error_type == "Runtime.ExitError"
        await until_idle()
    assert sum(line.startswith("RESTORE_START") for line in world.lines()) == 2
    assert not any("Phase: invoke" in line for line in world.lines())
    await world.pools.close()


async def test_a_profile_adds_its_restore_and_says_so() -> None:
    world = make_world()
    world.pools._simulated_starts = _Profile()
    world.driver.script = hooked
    version = published(world)
    await pool_of(world, version).take_snapshot()  # nobody waits for what is simulated of it
    call = world.begin(version)
    await world.clock.advance(0.3)
    assert not call.done()
    await world.clock.advance(0.2)
    await call
    await until_idle()
    report = next(line for line in world.lines() if line.startswith("REPORT "))
    assert "Restore Duration: 400.00 ms\tBilled Restore Duration: 0 ms" in report
    assert report.endswith(
        "Simulated Restore Duration: 400.00 ms\tSimulated Duration: 20.00 ms\tProfile: aws"
    )
    await world.pools.close()


class _Profile:
    def start(self, version: FunctionVersion) -> SimulatedStart | None:
        return SimulatedStart("aws", 250.0, 20.0, 400.0)

    def idle_timeout_s(self, version: FunctionVersion) -> float | None:
        return None


async def test_the_latest_version_is_never_restored() -> None:
    world = make_world()
    version = world.function(settings=_ON)
    assert not version.snap_start
    await world.invoke(version)
    await until_idle()
    assert not any("RESTORE" in line for line in world.lines())
    await world.pools.close()


async def test_a_version_that_goes_takes_its_snapshot_along() -> None:
    world = make_world()
    world.driver.script = hooked
    version = published(world)
    await pool_of(world, version).take_snapshot()
    world.pools.retire(version, "deleted")
    await until_idle()
    assert not world.pools.environments
    assert not world.driver.live


async def test_a_snapshot_that_is_being_taken_holds_up_no_end() -> None:
    world = make_world()

    async def never(runtime: RuntimeClient) -> Exit | None:
        await asyncio.Event().wait()
        return None

    world.driver.script = never
    version = published(world)
    taking = asyncio.create_task(pool_of(world, version).take_snapshot())
    await until_idle()
    ending = asyncio.create_task(world.pools.drain(30.0))
    await world.clock.advance(0.1)
    await ending
    assert not world.driver.live
    failure = await taking
    assert failure is not None


async def test_restore_next_is_refused_without_snapstart() -> None:
    world = make_world()
    told: list[int] = []

    async def asks(runtime: RuntimeClient) -> Exit | None:
        told.append((await runtime.call("GET", "restore/next"))[0])
        return await echo(runtime)

    world.driver.script = asks
    await world.invoke(world.function())
    assert told == [403]
    await world.pools.close()


@pytest.mark.parametrize(("timeout_s", "limit_s"), [(3, 130), (300, 300)])
async def test_an_init_before_a_snapshot_has_130_seconds_or_the_functions_timeout(
    timeout_s: int, limit_s: int
) -> None:
    for lasts_s, fails in ((limit_s - 1, False), (limit_s + 1, True)):
        world = make_world()

        async def loads(
            runtime: RuntimeClient, world: World = world, lasts_s: float = lasts_s
        ) -> Exit | None:
            await world.clock.sleep(lasts_s)
            return await hooked(runtime)

        world.driver.script = loads
        pool = pool_of(world, published(world, timeout_s=timeout_s))
        taking = asyncio.create_task(pool.take_snapshot())
        await until_idle()
        await world.clock.advance(limit_s + 2)
        failure = await taking
        assert (failure is not None) is fails
        if failure is not None:
            assert failure.error_type == "Sandbox.Timedout"
        await world.pools.close()


async def test_the_events_of_a_restore_are_awss() -> None:
    world = make_world()
    world.driver.script = hooked
    version = published(world, log_format="JSON", system_log_level="DEBUG")
    await pool_of(world, version).take_snapshot()
    await world.invoke(version)
    await until_idle()
    events = [json.loads(line) for line in world.lines()]
    kinds = [each["type"] for each in events]
    at = kinds.index("platform.restoreStart")
    assert kinds[at : at + 4] == [
        "platform.restoreStart",
        "platform.restoreRuntimeDone",
        "platform.restoreReport",
        "platform.start",
    ]
    start, done, report = (each["record"] for each in events[at : at + 3])
    assert (start["functionName"], start["functionVersion"]) == ("hello", "1")
    assert start["runtimeVersion"].startswith("python:3.12")
    assert done["status"] == report["status"] == "success"
    assert "durationMs" in report["metrics"]
    (ended,) = (each["record"] for each in events if each["type"] == "platform.report")
    assert {"restoreDurationMs", "billedRestoreDurationMs"} <= set(ended["metrics"])
    assert "initDurationMs" not in ended["metrics"]
    await world.pools.close()
