"""Provisioned concurrency, tenants and freezing."""

from __future__ import annotations

import asyncio

import pytest

from emulator.model.errors import AwsError
from emulator.model.invocation import Invocation
from emulator.model.sandbox import Exit
from emulator.pool.host import PoolSettings
from emulator.pool.provisioned import Provisioning
from emulator.testing import RuntimeClient, until_idle
from tests.unit.pool.conftest import World, make_world


async def test_environments_are_initialised_ahead_and_never_reaped(world: World) -> None:
    provisioning = Provisioning(world.pools)
    version = world.function(version="1")
    provisioning.set(version, 2)
    assert provisioning.status(version).status == "IN_PROGRESS"
    await until_idle()
    status = provisioning.status(version)
    assert (status.status, status.available) == ("READY", 2)
    kinds = {s.spec.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] for s in world.driver.sandboxes}
    assert kinds == {"provisioned-concurrency"}
    await world.invoke(version)
    assert len(world.driver.sandboxes) == 2
    await world.clock.advance(3600)
    assert provisioning.status(version).available == 2
    provisioning.set(version, 0)
    await until_idle()
    assert world.pools.count == 0


async def test_calls_beyond_spill_over_to_on_demand(world: World) -> None:
    release = asyncio.Event()

    async def held(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, payload)

    world.driver.script = held
    provisioning = Provisioning(world.pools)
    version = world.function(version="1")
    provisioning.set(version, 1)
    await until_idle()
    calls = [world.begin(version) for _ in range(2)]
    await until_idle()
    kinds = [s.spec.environ["AWS_LAMBDA_INITIALIZATION_TYPE"] for s in world.driver.sandboxes]
    assert kinds == ["provisioned-concurrency", "on-demand"]
    release.set()
    await asyncio.gather(*calls)


async def test_a_failing_init_is_told(world: World) -> None:
    async def fails(runtime: RuntimeClient) -> Exit | None:
        return Exit(status=1)

    world.driver.script = fails
    provisioning = Provisioning(world.pools)
    version = world.function(version="1")
    provisioning.set(version, 1)
    await until_idle()
    status = provisioning.status(version)
    assert (status.status, status.reason) == ("FAILED", "FUNCTION_ERROR_INIT_FAILURE")
    assert world.pools.count == 0


async def test_one_that_dies_is_replaced(world: World) -> None:
    provisioning = Provisioning(world.pools)
    version = world.function(version="1")
    provisioning.set(version, 1)
    await until_idle()
    await world.driver.sandboxes[0].kill()
    await until_idle()
    assert provisioning.status(version).available == 1
    assert len(world.driver.sandboxes) == 2
    provisioning.set(version, 0)


async def test_a_busy_one_that_is_wanted_no_more_goes_when_it_is_done(world: World) -> None:
    release = asyncio.Event()

    async def held(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, payload)

    world.driver.script = held
    provisioning = Provisioning(world.pools)
    version = world.function(version="1")
    provisioning.set(version, 2)
    await until_idle()
    call = world.begin(version, b"1")
    await until_idle()
    provisioning.set(version, 0)
    await until_idle()
    assert world.pools.count == 1
    provisioning.set(version, 1)
    await until_idle()
    assert provisioning.status(version).status == "READY"
    release.set()
    assert (await call).payload == b"1"
    await until_idle()
    assert (world.pools.count, provisioning.status(version).available) == (1, 1)


async def test_what_is_to_go_serves_until_what_takes_its_place_is_ready(world: World) -> None:
    provisioning = Provisioning(world.pools)
    old, new = world.function(version="1"), world.function(version="2")
    provisioning.move([(old, 2)])
    await until_idle()
    gate = asyncio.Event()
    world.driver.gate = gate.wait
    provisioning.move([(old, 0), (new, 2)])
    await until_idle()
    status = provisioning.status(new)
    assert (status.status, status.available) == ("IN_PROGRESS", 2)
    assert len(world.pools.pool(old).environments) == 2
    gate.set()
    await until_idle()
    status = provisioning.status(new)
    assert (status.status, status.available) == ("READY", 2)
    assert not world.pools.pool(old).environments
    provisioning.move([(new, 0)])
    await until_idle()
    assert world.pools.count == 0


async def test_what_is_to_go_goes_though_its_place_is_not_taken(world: World) -> None:
    async def fails(runtime: RuntimeClient) -> Exit | None:
        return Exit(status=1)

    provisioning = Provisioning(world.pools)
    old, new = world.function(version="1"), world.function(version="2")
    provisioning.move([(old, 1)])
    await until_idle()
    world.driver.script = fails
    provisioning.move([(old, 0), (new, 1)])
    await until_idle()
    assert provisioning.status(new).status == "FAILED"
    assert world.pools.count == 0


async def test_a_version_that_is_deleted_meanwhile_is_not_waited_for(world: World) -> None:
    provisioning = Provisioning(world.pools)
    old, new = world.function(version="1"), world.function(version="2")
    provisioning.move([(old, 1)])
    await until_idle()
    gate = asyncio.Event()
    world.driver.gate = gate.wait
    provisioning.move([(old, 0), (new, 1)])
    await until_idle()
    provisioning.retire(new, "version deleted")
    world.pools.retire(new, "version deleted")
    gate.set()
    await until_idle()
    assert world.pools.count == 0


async def test_an_environment_never_serves_two_tenants(world: World) -> None:
    version = world.function()

    async def invoke(tenant: str) -> None:
        await world.invoker.invoke(
            version,
            Invocation(
                request_id="1",
                payload=b"{}",
                invoked_arn=version.function_arn,
                trace_id="",
                tenant_id=tenant,
            ),
        )

    for tenant in ("a", "b", "a", "b"):
        await invoke(tenant)
    assert len(world.driver.sandboxes) == 2
    world.registry.reload(world.registered())
    await until_idle()
    assert world.pools.count == 0


async def test_idle_environments_are_frozen_and_thawed() -> None:
    world = make_world(PoolSettings(freeze=True))
    version = world.function()
    for _ in range(3):
        await world.invoke(version)
        await until_idle()
        assert not world.driver.sandboxes[0].frozen, "calls come in rows"
        await world.clock.advance(0.01)
        assert world.driver.sandboxes[0].frozen
    assert len(world.driver.sandboxes) == 1
    await world.pools.close()


async def test_one_environment_that_is_nearly_free_is_promised_to_one_caller(world: World) -> None:
    pause = asyncio.Event()

    async def slow_to_return(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            if payload == b'"hold"':
                await asyncio.Event().wait()
            await runtime.respond(request_id, payload)
            await pause.wait()

    world.driver.script = slow_to_return
    version = world.function(version="1")
    Provisioning(world.pools).set(version, 1)
    await until_idle()
    world.admission.limit = 1
    held = world.begin(world.function("other"), b'"hold"')
    await until_idle()
    await world.invoke(version)
    first = world.begin(version, b"1")
    await asyncio.sleep(0)
    with pytest.raises(AwsError) as raised:
        await world.invoke(version, b"2")
    assert raised.value.fields["Reason"] == "ConcurrentInvocationLimitExceeded"
    pause.set()
    assert (await first).payload == b"1"
    await world.pools.close()
    await held
