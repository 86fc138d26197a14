"""Who gets which environment, and when one goes."""

from __future__ import annotations

import asyncio

import pytest

from emulator.driver.base import Sandbox
from emulator.model.causes import ColdCause, ColdStart
from emulator.model.errors import AwsError, ConfigurationError, DriverFault, LocalfaasError
from emulator.model.sandbox import EnvironmentSpec, Exit
from emulator.pool.host import PoolSettings
from emulator.testing import RuntimeClient, Script, until_idle
from tests.unit.pool.conftest import World, make_world


def held(release: asyncio.Event) -> Script:
    """A script that answers each invocation when ``release`` is set."""

    async def script(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, payload)

    return script


async def test_concurrent_calls_get_an_environment_each(world: World) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    calls = [world.begin(version, str(n).encode()) for n in range(10)]
    await until_idle()
    assert world.pools.count == 10
    release.set()
    assert [result.payload for result in await asyncio.gather(*calls)] == [
        str(n).encode() for n in range(10)
    ]


async def test_an_environment_that_does_not_come_back_is_waited_for_briefly(world: World) -> None:
    back = asyncio.Event()

    async def answer_once(runtime: RuntimeClient) -> Exit | None:
        request_id, payload = await runtime.next()
        await runtime.respond(request_id, payload)
        await back.wait()
        return None

    world.driver.script = answer_once
    version = world.function()
    await world.invoke(version)
    second = world.begin(version)
    await world.clock.advance(0.24)
    assert (world.pools.count, second.done()) == (1, False)
    await world.clock.advance(0.02)
    await second
    assert world.pools.count == 2


async def test_the_environment_used_last_is_used_next(world: World) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    calls = [world.begin(version) for _ in range(3)]
    await until_idle()
    release.set()
    await asyncio.gather(*calls)
    await until_idle()
    pool = world.pools.pool(version)
    last = pool.idle[-1]
    await world.invoke(version)
    await until_idle()
    assert pool.idle[-1] is last
    assert last.invokes == 2


async def test_idle_environments_are_reaped_oldest_first(world: World) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    calls = [world.begin(version) for _ in range(3)]
    await until_idle()
    release.set()
    await asyncio.gather(*calls)
    await world.clock.advance(200)
    await world.invoke(version)
    await world.clock.advance(101)
    assert world.pools.count == 1
    await world.clock.advance(200)
    assert world.pools.count == 0


async def test_an_update_drains_and_the_next_call_runs_anew(world: World) -> None:
    version = world.function()
    await world.invoke(version)
    function = world.registered()
    world.registry.reload(function)
    await until_idle()
    assert world.pools.count == 0
    await world.invoke(function.latest)
    assert len(world.driver.sandboxes) == 2


async def test_a_busy_environment_finishes_before_it_is_drained(world: World) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    call = world.begin(version, b"1")
    await until_idle()
    world.registry.reload(world.registered())
    await until_idle()
    assert world.pools.count == 1
    release.set()
    assert (await call).payload == b"1"
    await until_idle()
    assert world.pools.count == 0


async def test_a_flood_stays_within_the_bound_and_is_served_in_order() -> None:
    world = make_world(PoolSettings(max_environments=4))
    release = asyncio.Event()
    order: list[bytes] = []

    async def script(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            order.append(payload)
            await release.wait()
            await runtime.respond(request_id, payload)

    world.driver.script = script
    version = world.function()
    calls = [world.begin(version, str(n).encode()) for n in range(40)]
    await until_idle()
    assert world.pools.count == 4
    release.set()
    await asyncio.gather(*calls)
    assert len(world.driver.sandboxes) == 4
    assert order == [str(n).encode() for n in range(40)]
    await world.pools.close()


async def test_an_idle_environment_makes_room_for_another_function() -> None:
    world = make_world(PoolSettings(max_environments=2))
    first, second, third = world.function("one"), world.function("two"), world.function("three")
    await world.invoke(first)
    await world.clock.advance(1)
    await world.invoke(second)
    assert (await world.invoke(third, b"3")).payload == b"3"
    assert world.pools.count == 2
    assert not world.pools.pool(first).environments, "the one idle the longest went"
    await world.pools.close()


async def test_reserved_concurrency_throttles_with_its_reason(world: World) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    world.registry.reserve(world.registered(), 1)
    call = world.begin(version)
    await until_idle()
    with pytest.raises(AwsError, match=r"Rate Exceeded\.") as raised:
        await world.invoke(version)
    assert raised.value.fields["Reason"] == "ReservedFunctionConcurrentInvocationLimitExceeded"
    release.set()
    await call
    await until_idle()
    await world.invoke(version)


async def test_account_concurrency(world: World) -> None:
    world.admission.limit = 2
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    calls = [world.begin(version) for _ in range(2)]
    await until_idle()
    with pytest.raises(AwsError) as raised:
        await world.invoke(version)
    assert raised.value.code == "TooManyRequestsException"
    assert raised.value.fields["Reason"] == "ConcurrentInvocationLimitExceeded"
    release.set()
    await asyncio.gather(*calls)


@pytest.mark.parametrize("kind", [DriverFault, ConfigurationError])
async def test_a_driver_fault_is_a_service_exception_and_leaves_nothing(
    world: World, kind: type[LocalfaasError]
) -> None:
    world.driver.fault = kind("no processes left")
    version = world.function()
    with pytest.raises(AwsError, match="no processes left") as raised:
        await world.invoke(version)
    assert raised.value.code == "ServiceException"
    await until_idle()
    assert world.pools.count == 0
    world.driver.fault = None
    assert (await world.invoke(version, b"1")).payload == b"1"


async def test_a_runtime_between_response_and_next_is_waited_for(world: World) -> None:
    async def slow_to_return(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await runtime.respond(request_id, payload)
            await until_idle()

    world.driver.script = slow_to_return
    version = world.function()
    for _ in range(5):
        await world.invoke(version)
    assert len(world.driver.sandboxes) == 1


async def test_close_answers_what_is_in_flight(world: World) -> None:
    world.driver.script = held(asyncio.Event())
    call = world.begin(world.function())
    await until_idle()
    await world.pools.close()
    assert b"signal: killed" in (await call).payload


async def test_evicting_ends_idle_environments_now_and_busy_ones_when_they_are_done(
    world: World,
) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    pool = world.pools.pool(version)
    calls = [world.begin(version) for _ in range(3)]
    await until_idle()
    release.set()
    await asyncio.gather(*calls)
    await until_idle()
    release.clear()
    busy = world.begin(version)
    await until_idle()
    assert world.pools.evict(version) == (2, 1)
    assert world.pools.evict(version) == (0, 0)
    await until_idle()
    assert len(world.driver.live) == 1
    release.set()
    assert (await busy).payload == b"{}"
    await until_idle()
    assert not pool.environments
    await world.invoke(version)
    (environment,) = pool.environments.values()
    assert environment.why == ColdStart(ColdCause.EVICTED, detail="by hand")
    assert environment.invokes == 1


async def test_nobody_waits_for_an_evicted_environment(world: World) -> None:
    """Its answer is out, and its runtime has not called ``next`` yet."""
    may_return = asyncio.Event()

    async def lingers(runtime: RuntimeClient) -> Exit | None:
        request_id, payload = await runtime.next()
        await runtime.respond(request_id, payload)
        await may_return.wait()
        return await held(may_return)(runtime)

    world.driver.script = lingers
    version = world.function()
    await world.invoke(version)
    await until_idle()
    assert world.pools.evict(version) == (0, 1)
    await world.invoke(version)  # without the clock moving on
    assert len(world.driver.live) == 2
    may_return.set()


async def test_one_environment_can_be_evicted(world: World) -> None:
    release = asyncio.Event()
    world.driver.script = held(release)
    version = world.function()
    calls = [world.begin(version) for _ in range(2)]
    await until_idle()
    release.set()
    await asyncio.gather(*calls)
    await until_idle()
    first, second = world.pools.pool(version).environments
    assert world.pools.evict(version, environment_id=first) == (1, 0)
    assert list(world.pools.pool(version).environments) == [second]
    assert world.pools.evict(version, environment_id="another") == (0, 0)


async def test_a_runtime_may_speak_before_the_emulator_has_looked(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a quick one does on a busy machine: its connection waits, with what it has said."""
    said = asyncio.Event()
    statuses: list[int] = []
    start = world.driver.start

    async def fails(runtime: RuntimeClient) -> Exit | None:
        other = await runtime.another()
        await other.send("POST", "init/error", b'{"errorType": "Early", "errorMessage": "no"}')
        said.set()
        status, _, _ = await other.receive()
        statuses.append(status)
        return Exit(status=1)

    async def looks_late(spec: EnvironmentSpec) -> Sandbox:
        sandbox = await start(spec)
        await said.wait()
        await until_idle()
        return sandbox

    world.driver.script = fails
    monkeypatch.setattr(world.driver, "start", looks_late)
    result = await world.invoke(world.function())
    assert b"Early" in result.payload
    assert set(statuses) == {202}
