"""A pool over scripted runtimes and a clock moved by hand."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from emulator.invoke.admission import Admission
from emulator.invoke.idleness import Idleness
from emulator.invoke.invoker import Invoker
from emulator.model.function import Code, FunctionVersion
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.simulated import StartModel
from emulator.pool.host import PoolSettings
from emulator.pool.pools import Pools
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.telemetry.logs import Logs
from emulator.testing import FakeClock, ScriptedDriver, until_idle


@dataclass
class World:
    """The invoke path over fakes."""

    clock: FakeClock
    driver: ScriptedDriver
    logs: Logs
    registry: Registry
    pools: Pools
    admission: Admission
    invoker: Invoker

    def function(self, name: str = "hello", **fields: object) -> FunctionVersion:
        given: dict[str, object] = {
            "account": "000000000000",
            "region": "us-east-1",
            "name": name,
            "runtime": "python3.12",
            "handler": "app.handler",
            "code": Code(sha256="x", size=1, folder=Path("/code")),
            **fields,
        }
        version = FunctionVersion(**given)  # type: ignore[arg-type]
        self.registry.add(Function(latest=version))
        return version

    def registered(self, name: str = "hello") -> Function:
        function = self.registry.find("000000000000", "us-east-1", name)
        assert function is not None
        return function

    async def invoke(self, version: FunctionVersion, payload: bytes = b"{}") -> InvocationResult:
        request_id = str(uuid.uuid4())
        return await self.invoker.invoke(
            version,
            Invocation(
                request_id=request_id,
                payload=payload,
                invoked_arn=version.function_arn,
                trace_id="Root=1-0-0;Sampled=0",
            ),
        )

    def begin(
        self, version: FunctionVersion, payload: bytes = b"{}"
    ) -> asyncio.Task[InvocationResult]:
        return asyncio.create_task(self.invoke(version, payload))

    def lines(self, name: str = "hello") -> list[str]:
        """All log lines of a function, in the order they were written."""
        groups = self.logs.groups.get(("000000000000", "us-east-1"), {})
        group = groups.get(f"/aws/lambda/{name}")
        if group is None:
            return []
        events = [event for stream in group.streams.values() for event in stream.events]
        return [event.message for event in sorted(events, key=lambda event: event.sequence)]


def make_world(settings: PoolSettings | None = None, *, starts: StartModel | None = None) -> World:
    clock, driver = FakeClock(), ScriptedDriver()
    logs, registry = Logs(clock), Registry()
    pools = Pools(driver, logs, clock, settings, starts=starts)
    registry.on_retired.append(pools.retire)
    admission = Admission(registry)
    return World(
        clock,
        driver,
        logs,
        registry,
        pools,
        admission,
        Invoker(registry, admission, pools, Idleness(registry, clock)),
    )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    world = make_world()
    yield world
    await world.pools.close()
    await until_idle()
    assert not world.driver.live, "a sandbox outlived its pool"
    assert world.pools.count == 0
