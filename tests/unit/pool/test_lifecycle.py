"""What listeners hear of environments and invocations: whole lives, in order."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from emulator.model import lifecycle_events
from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.errors import AwsError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.lifecycle import Lifecycle
from emulator.model.lifecycle_events import (
    KINDS,
    EnvironmentInitialised,
    EnvironmentRequested,
    EnvironmentStopping,
    Event,
    InvocationEnded,
    InvocationRefused,
    InvocationStarted,
    InvocationWaiting,
)
from emulator.model.sandbox import Exit
from emulator.pool.host import PoolSettings
from emulator.pool.provisioned import Provisioning
from emulator.testing import FakeClock, RuntimeClient, echo, until_idle
from tests.unit.pool.conftest import World, make_world

COLD = """
    invocation.requested environment.requested environment.code environment.booted
    environment.initialised environment.idle invocation.started invocation.answered
    invocation.ended environment.idle
""".split()
WARM = """
    invocation.requested invocation.started invocation.answered invocation.ended environment.idle
""".split()


class Heard:
    """A listener that remembers."""

    def __init__(self, world: World) -> None:
        self.events: list[Event] = []
        self.stop = world.pools.lifecycle.add(self.events.append)

    def take(self) -> list[str]:
        """Return the names of what came since the last time."""
        names = [KINDS[type(event)] for event in self.events]
        self.events.clear()
        return names

    def of(self, kind: type[Event]) -> list[Event]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def cold(self) -> list[ColdStart | None]:
        """Why each invocation that started was cold."""
        return [event.cold for event in self.events if isinstance(event, InvocationStarted)]


async def _hang(runtime: RuntimeClient) -> Exit | None:
    await runtime.next()
    await asyncio.Event().wait()
    return None


@pytest.fixture
async def heard(world: World) -> AsyncIterator[Heard]:
    heard = Heard(world)
    yield heard
    heard.stop()


async def test_a_cold_call_then_a_warm_one(world: World, heard: Heard) -> None:
    version = world.function()

    async def slow(runtime: RuntimeClient) -> Exit | None:
        await world.clock.sleep(0.25)
        request_id, payload = await runtime.next()
        await world.clock.sleep(0.5)
        await runtime.respond(request_id, payload)
        return await echo(runtime)

    world.driver.script = slow
    call = world.begin(version)
    await world.clock.advance(1)
    await call
    (requested,) = heard.of(EnvironmentRequested)
    (initialised,) = heard.of(EnvironmentInitialised)
    (ended,) = heard.of(InvocationEnded)
    assert isinstance(requested, EnvironmentRequested)
    assert isinstance(initialised, EnvironmentInitialised)
    assert isinstance(ended, InvocationEnded)
    assert (requested.why, requested.initialization_type) == (
        ColdStart(ColdCause.FIRST_CALL),
        "on-demand",
    )
    assert (initialised.phase, initialised.duration_ms, initialised.status) == (
        "init",
        250.0,
        "success",
    )
    assert (ended.duration_ms, ended.init_ms, ended.billed_ms) == (500.0, 250.0, 750)
    assert (ended.used_mb, ended.memory_mb, ended.status) == (10, 128, "success")
    assert ended.moment.at - requested.moment.at == pytest.approx(0.75)
    assert heard.cold == [ColdStart(ColdCause.FIRST_CALL)]
    assert heard.take() == COLD
    await world.invoke(version)
    await until_idle()
    assert heard.cold == [None]
    assert heard.take() == WARM


async def test_a_crash_and_what_comes_after_it(world: World, heard: Heard) -> None:
    async def dies(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        return Exit(status=3)

    world.driver.script = dies
    version = world.function()
    await world.invoke(version)
    await until_idle()
    assert heard.take() == [*COLD[:-1], "environment.reset"]
    world.driver.script = echo
    await world.invoke(version)
    await until_idle()
    assert heard.cold == [ColdStart(ColdCause.RESTART, detail="exited")]
    (restarted,) = heard.of(EnvironmentInitialised)
    assert isinstance(restarted, EnvironmentInitialised)
    assert restarted.phase == "invoke"
    assert heard.take() == [
        *WARM[:2],
        "environment.booted",
        "environment.initialised",
        *WARM[2:],
    ]
    await world.driver.sandboxes[-1].kill()
    await until_idle()
    assert heard.take() == ["environment.stopping", "environment.stopped"]
    await world.invoke(version)
    assert heard.cold == [ColdStart(ColdCause.CRASHED, detail="runtime exited while idle")]


async def test_a_timeout(world: World, heard: Heard) -> None:
    world.driver.script = _hang
    version = world.function(timeout_s=2)
    call = world.begin(version)
    await world.clock.advance(2)
    await call
    (ended,) = heard.of(InvocationEnded)
    assert isinstance(ended, InvocationEnded)
    assert (ended.status, ended.error_type, ended.duration_ms) == (
        "timeout",
        "Sandbox.Timedout",
        2000.0,
    )
    assert heard.take() == [*COLD[:-1], "environment.reset"]


async def test_an_environment_idle_for_long_goes(world: World, heard: Heard) -> None:
    version = world.function()
    await world.invoke(version)
    await world.clock.advance(299)
    assert heard.take() == COLD
    await world.clock.advance(1)
    (stopping,) = heard.of(EnvironmentStopping)
    assert isinstance(stopping, EnvironmentStopping)
    assert (stopping.cause, stopping.idle_s) == (StopCause.IDLE, 300.0)
    assert heard.take() == ["environment.stopping", "environment.stopped"]
    await world.invoke(version)
    assert heard.cold == [ColdStart(ColdCause.IDLE, idle_s=300.0)]


async def test_frozen_between_calls() -> None:
    world = make_world(PoolSettings(freeze=True))
    heard = Heard(world)
    version = world.function()
    await world.invoke(version)
    await world.clock.advance(1)
    assert heard.take() == [*COLD, "environment.frozen"]
    await world.invoke(version)
    await until_idle()
    assert heard.cold == [None]
    assert heard.take() == [WARM[0], "environment.thawed", *WARM[1:]]
    await world.pools.close()


async def test_provisioned_concurrency(world: World, heard: Heard) -> None:
    version = world.function(version="1")
    provisioning = Provisioning(world.pools)
    provisioning.set(version, 1)
    await until_idle()
    (requested,) = heard.of(EnvironmentRequested)
    assert isinstance(requested, EnvironmentRequested)
    assert requested.why == ColdStart(ColdCause.SCALED)
    assert requested.initialization_type == "provisioned-concurrency"
    assert heard.take() == COLD[1:6]
    await world.invoke(version)
    await until_idle()
    assert heard.cold == [None]
    assert heard.take() == WARM
    provisioning.set(version, 0)
    await until_idle()
    (stopping,) = heard.of(EnvironmentStopping)
    assert isinstance(stopping, EnvironmentStopping)
    assert stopping.cause is StopCause.UNWANTED


async def test_throttles_and_other_refusals(world: World, heard: Heard) -> None:
    world.driver.script = _hang
    version = world.function(timeout_s=2)
    function = world.registry.find(version.account, version.region, version.name)
    assert function is not None
    world.registry.reserve(function, 1)
    call = world.begin(version)
    await until_idle()
    heard.take()
    with pytest.raises(AwsError):
        await world.invoke(version)
    (refused,) = heard.of(InvocationRefused)
    assert isinstance(refused, InvocationRefused)
    assert refused.is_throttled
    assert refused.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert heard.take() == ["invocation.requested", "invocation.refused"]
    await world.clock.advance(2)
    await call
    world.driver.fault = DriverFault("no processes left")
    heard.take()
    with pytest.raises(AwsError):
        await world.invoke(world.function("other"))
    await until_idle()
    (refused,) = heard.of(InvocationRefused)
    assert isinstance(refused, InvocationRefused)
    assert not refused.is_throttled
    assert heard.take() == [
        "invocation.requested",
        "environment.requested",
        "environment.code",
        "environment.stopping",
        "environment.stopped",
        "invocation.refused",
    ]


async def test_waiting_in_line_and_making_room() -> None:
    world = make_world(PoolSettings(max_environments=1))
    heard = Heard(world)
    first, second = world.function("one"), world.function("two")
    await world.invoke(first)
    await until_idle()
    heard.take()
    await world.invoke(second)
    await until_idle()
    waiting = [event for event in heard.events if isinstance(event, InvocationWaiting)]
    assert [each.for_room for each in waiting] == [True]
    assert heard.take() == [
        "invocation.requested",
        "environment.stopping",
        "invocation.waiting",
        "environment.stopped",
        *COLD[1:],
    ]
    await world.invoke(first)
    assert heard.cold == [ColdStart(ColdCause.EVICTED, detail="made room")]
    await world.pools.close()


async def test_why_a_call_is_cold(world: World, heard: Heard) -> None:
    release = asyncio.Event()

    async def held(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, payload)

    world.driver.script = held
    version = world.function()
    calls = [world.begin(version) for _ in range(3)]
    await until_idle()
    assert [cold and cold.sentence for cold in heard.cold] == [
        "it is the first call",
        "1 environment is busy",
        "2 environments are busy",
    ]
    release.set()
    await asyncio.gather(*calls)
    await until_idle()
    function = world.registry.find(version.account, version.region, version.name)
    assert function is not None
    world.registry.reload(function)
    await until_idle()
    heard.take()
    await world.invoke(function.latest)
    assert [cold and cold.sentence for cold in heard.cold] == [
        "the version is new: code or configuration changed"
    ]
    published = FunctionVersion(
        **{
            name: getattr(function.latest, name)
            for name in ("account", "region", "name", "code", "runtime", "handler")
        },
        version="1",
    )
    heard.take()
    await world.invoke(published)
    assert [cold and cold.sentence for cold in heard.cold] == ["the version is new: version 1"]


async def test_every_life_ends_and_every_invocation_that_starts(world: World, heard: Heard) -> None:
    world.driver.script = _hang
    calls = [world.begin(world.function(name)) for name in ("one", "two")]
    await until_idle()
    await world.pools.close()
    await asyncio.gather(*calls)
    await until_idle()
    names = heard.take()
    for begin, end in (
        ("environment.requested", "environment.stopped"),
        ("invocation.started", "invocation.ended"),
    ):
        assert names.count(begin) == names.count(end) == 2


async def test_without_listeners_no_event_is_made(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*arguments: object) -> None:
        raise AssertionError(f"an event was made: {arguments}")

    for kind in KINDS:
        monkeypatch.setattr(kind, "__new__", refuse)
    version = world.function(timeout_s=2)
    await world.invoke(version)
    world.driver.script = _hang
    await until_idle()
    await world.driver.sandboxes[0].kill()
    call = world.begin(version)
    await world.clock.advance(2)
    await call
    await world.clock.advance(400)
    assert world.pools.count == 0
    world.pools.lifecycle.add(lambda event: None)
    with pytest.raises(AssertionError, match="an event was made"):
        await world.invoke(version)
    world.pools.lifecycle.listeners = ()


def test_a_listener_that_fails_stops_nobody(caplog: pytest.LogCaptureFixture) -> None:
    def fails(event: Event) -> None:
        raise ValueError("a bug")

    lifecycle = Lifecycle(FakeClock())
    heard: list[Event] = []
    remove = lifecycle.add(fails)
    lifecycle.add(heard.append)
    version = FunctionVersion.__new__(FunctionVersion)
    event = lifecycle_events.EnvironmentIdle(lifecycle.moment(), version, "an-id")
    with caplog.at_level(logging.ERROR):
        lifecycle.notify(event)
    assert heard == [event]
    assert "a listener failed at EnvironmentIdle" in caplog.text
    remove()
    assert lifecycle.listeners == (heard.append,)


async def test_one_that_does_not_listen_closely_hears_no_steps_of_warm_invocations(
    world: World,
) -> None:
    events: list[Event] = []
    stop = world.pools.lifecycle.add(events.append, closely=False)
    version = world.function()
    await world.invoke(version)
    await until_idle()
    steps = ("invocation.requested", "invocation.answered")
    expected = [name for name in COLD if name not in steps][:-1]
    assert [KINDS[type(event)] for event in events] == expected
    events.clear()
    await world.invoke(version)
    await until_idle()
    assert [KINDS[type(event)] for event in events] == ["invocation.ended"]
    stop()
    await world.invoke(version)
    await until_idle()
    assert len(events) == 1
