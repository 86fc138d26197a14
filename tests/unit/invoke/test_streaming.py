"""Streamed invocations whose clients go away."""

from __future__ import annotations

import asyncio

from emulator.invoke.streaming import StreamedInvocation
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Invocation
from emulator.model.sandbox import Exit
from emulator.testing import RuntimeClient, until_idle
from tests.unit.pool.conftest import World, make_world


def _stream(world: World, version: FunctionVersion) -> StreamedInvocation:
    invocation = Invocation(
        request_id="00000000-0000-4000-8000-000000000000",
        payload=b"{}",
        invoked_arn=version.function_arn,
        trace_id="Root=1-0-0;Sampled=0",
    )
    return StreamedInvocation(world.invoker, version, invocation)


async def test_a_client_that_goes_away_during_a_cold_start_leaves_nothing_behind() -> None:
    world = make_world()
    held = asyncio.Event()
    world.driver.gate = held.wait
    version = world.function()
    streamed = _stream(world, version)
    await until_idle()
    streamed.close()
    held.set()
    await until_idle()
    assert [each.state for each in world.pools.environments.values()] == ["ready"]
    assert (await world.invoke(version, b"1")).payload == b"1"
    assert len(world.driver.sandboxes) == 1
    await world.pools.close()


async def test_a_function_whose_client_has_gone_counts_until_it_ends() -> None:
    world = make_world()
    release = asyncio.Event()

    async def slow(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, payload)

    world.driver.script = slow
    streamed = _stream(world, world.function())
    await until_idle()
    streamed.close()
    await until_idle()
    assert sum(world.admission._running.values()) == 1
    release.set()
    await until_idle()
    assert sum(world.admission._running.values()) == 0
    await world.pools.close()
