"""What the timeline keeps of what it hears, and what it drops: on a clock moved by hand."""

from __future__ import annotations

import asyncio
import sys
import tracemalloc
import uuid
from collections.abc import AsyncIterator

import pytest

from emulator.model.causes import ColdCause, ColdStart
from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.model.sandbox import Exit
from emulator.model.simulated import SimulatedStart, StartModel
from emulator.pool.host import PoolSettings
from emulator.pool.snap_start import SnapStartPool
from emulator.telemetry.timeline import history
from emulator.telemetry.timeline.filters import Filters, select
from emulator.telemetry.timeline.history import History
from emulator.telemetry.timeline.records import (
    EnvironmentRecord,
    InvocationRecord,
    PlainRow,
    read_plain,
)
from emulator.telemetry.timeline.timeline import Timeline
from emulator.testing import FakeClock, RuntimeClient, echo, until_idle
from tests.unit.pool.conftest import World, make_world

MB = 1024 * 1024


class Recorded:
    """A world whose timeline is recorded."""

    def __init__(self, world: World, limit_bytes: int = MB) -> None:
        self.world = world
        self.timeline = Timeline(world.pools.lifecycle, world.clock, limit_bytes)

    @property
    def invocations(self) -> list[InvocationRecord]:
        return list(self.timeline.history.snapshot())

    @property
    def environments(self) -> list[EnvironmentRecord]:
        self.timeline.history.count()
        return list(self.timeline.history.environments.values())


async def _recorded(
    settings: PoolSettings | None = None, *, starts: StartModel | None = None
) -> AsyncIterator[Recorded]:
    recorded = Recorded(make_world(settings, starts=starts))
    await recorded.timeline.open()
    yield recorded
    await recorded.world.pools.close()
    await until_idle()
    await recorded.timeline.close()


@pytest.fixture
async def recorded() -> AsyncIterator[Recorded]:
    async for each in _recorded():
        yield each


@pytest.fixture
async def freezing() -> AsyncIterator[Recorded]:
    async for each in _recorded(PoolSettings(freeze=True)):
        yield each


def names(environment: EnvironmentRecord) -> list[str]:
    return [phase.name for phase in environment.phases]


async def test_a_cold_call_and_a_warm_one(recorded: Recorded) -> None:
    world = recorded.world
    version = world.function(memory_mb=512)

    async def slow(runtime: RuntimeClient) -> Exit | None:
        await world.clock.sleep(0.25)
        request_id, payload = await runtime.next()
        await world.clock.sleep(0.5)
        await runtime.respond(request_id, payload)
        return await echo(runtime)

    world.driver.script = slow
    call = world.begin(version, b'"event"')
    await until_idle()
    assert list(recorded.timeline.recorder.waiting) != []
    await world.clock.advance(1)
    await call
    await world.invoke(version, b'"more"')
    await until_idle()
    assert recorded.timeline.recorder.waiting == {}
    cold, warm = recorded.invocations
    (environment,) = recorded.environments
    assert (cold.id, warm.id) == (1, 2)
    assert cold.cold == ColdStart(ColdCause.FIRST_CALL)
    assert warm.cold is None
    assert (cold.init_ms, cold.duration_ms, cold.billed_ms) == (250.0, 500.0, 750)
    assert (warm.init_ms, warm.billed_ms) == (None, 1)
    assert cold.waited_ms == pytest.approx(250)
    assert cold.total_ms == pytest.approx(750)
    assert (cold.version, warm.version) == (environment.version, environment.version)
    assert cold.version.memory_mb == 512
    assert warm.initialization_type == "on-demand"
    assert names(environment) == ["code", "boot", "init"]
    init = environment.phases[-1]
    assert init.end is not None
    assert init.end - init.start == pytest.approx(0.25)
    assert (environment.invokes, environment.init_ms, environment.state) == (2, 250.0, "idle")
    assert environment.requested_by == cold.request_id
    assert recorded.timeline.history.bodies(1) == (b'"event"', b'"event"')
    assert recorded.timeline.history.bodies(2) == (b'"more"', b'"more"')
    assert recorded.timeline.history.bodies(3) is None


async def test_a_crash_and_the_start_inside_the_next_invocation(recorded: Recorded) -> None:
    async def dies(runtime: RuntimeClient) -> Exit | None:
        await runtime.next()
        return Exit(status=3)

    world = recorded.world
    world.driver.script = dies
    version = world.function()
    await world.invoke(version)
    await until_idle()
    (environment,) = recorded.environments
    assert environment.state == "reset"
    assert environment.phases[-1].detail == "exited"
    world.driver.script = echo
    await world.invoke(version)
    await until_idle()
    assert names(environment) == ["code", "boot", "init", "reset", "reboot", "reinit"]
    assert environment.state == "idle"
    died, after = recorded.invocations
    assert (died.status, died.error_type, died.has_failed) == ("error", "Runtime.ExitError", True)
    assert after.cold == ColdStart(ColdCause.RESTART, detail="exited")


async def test_an_init_that_fails_is_said(recorded: Recorded) -> None:
    async def breaks(runtime: RuntimeClient) -> Exit | None:
        return Exit(status=1)

    recorded.world.driver.script = breaks
    await recorded.world.invoke(recorded.world.function())
    await until_idle()
    (environment,) = recorded.environments
    init = next(phase for phase in environment.phases if phase.name == "init")
    assert init.detail == "Runtime.ExitError"
    assert environment.init_ms is None
    assert names(environment)[:6] == ["code", "boot", "init", "reset", "reboot", "reinit"]


async def test_an_idle_environment_is_frozen_thawed_and_reaped(freezing: Recorded) -> None:
    world = freezing.world
    version = world.function()
    await world.invoke(version)
    await world.clock.advance(10)
    (environment,) = freezing.environments
    assert environment.state == "frozen"
    await world.invoke(version)
    await until_idle()
    assert environment.state == "idle"
    await world.clock.advance(400)
    assert names(environment) == ["code", "boot", "init", "frozen", "frozen", "stopping"]
    assert all(phase.end is not None for phase in environment.phases)
    assert environment.phases[3].end == pytest.approx(world.clock.now() - 400)
    assert (environment.state, environment.ended_cause) == ("stopped", "idle")
    assert environment.ended_reason == "idle for 300 s"
    await world.invoke(version)
    await until_idle()
    newest = freezing.invocations[-1]
    assert newest.cold == ColdStart(ColdCause.IDLE, idle_s=300.0)


async def test_freezing_without_end_keeps_the_start_and_the_newest(freezing: Recorded) -> None:
    world = freezing.world
    version = world.function()
    for _ in range(300):
        await world.invoke(version)
        await world.clock.advance(1)
    (environment,) = freezing.environments
    assert len(environment.phases) == 200
    assert names(environment)[:4] == ["code", "boot", "init", "frozen"]
    assert environment.phases[-1].start == pytest.approx(world.clock.now() - 1, abs=0.1)
    assert environment.invokes == 300


async def test_what_is_refused_has_no_environment(recorded: Recorded) -> None:
    world = recorded.world
    version = world.function()
    world.registered().reserved_concurrency = 0
    with pytest.raises(AwsError):
        await world.invoke(version, b'"no"')
    (refused,) = recorded.invocations
    assert (refused.status, refused.started, refused.environment_id) == ("throttled", None, "")
    assert refused.reason == "ReservedFunctionConcurrentInvocationLimitExceeded"
    assert refused.billed_ms == 0
    assert recorded.timeline.history.bodies(refused.id) == (b'"no"', None)
    assert recorded.environments == []


async def test_a_caller_that_leaves_while_it_waits_is_not_waited_for(recorded: Recorded) -> None:
    world = recorded.world

    async def never(runtime: RuntimeClient) -> Exit | None:
        await asyncio.Event().wait()
        return None

    world.driver.script = never
    call = world.begin(world.function())
    await until_idle()
    assert len(recorded.timeline.recorder.waiting) == 1
    call.cancel()
    await until_idle()
    assert recorded.timeline.recorder.waiting == {}
    (left,) = recorded.invocations
    assert (left.status, left.error_type) == ("refused", "Cancelled")


async def test_who_waits_for_room_stands_in_line() -> None:
    async for recorded in _recorded(PoolSettings(max_environments=1)):
        world = recorded.world
        release = asyncio.Event()

        async def held(runtime: RuntimeClient, release: asyncio.Event = release) -> Exit | None:
            request_id, payload = await runtime.next()
            await release.wait()
            await runtime.respond(request_id, payload)
            return await echo(runtime)

        world.driver.script = held
        version = world.function()
        first = world.begin(version)
        await until_idle()
        second = world.begin(version)
        await until_idle()
        await world.clock.advance(1)
        release.set()
        await asyncio.gather(first, second)
        _, waited = recorded.invocations
        assert waited.queued is not None
        assert waited.for_room
        assert waited.cold is None
        assert waited.waited_ms == pytest.approx(1000)


async def restores(runtime: RuntimeClient) -> Exit | None:
    """A runtime that waits at its snapshot."""
    await runtime.call("GET", "restore/next")
    return await echo(runtime)


async def test_a_restore_stands_in_the_place_of_init() -> None:
    async for recorded in _recorded():
        world = recorded.world
        world.driver.script = restores
        settings = {"SnapStart": {"ApplyOn": "PublishedVersions"}}
        version = world.function(version="1", settings=settings)
        await world.clock.advance(5)
        pool = world.pools.pool(version)
        assert isinstance(pool, SnapStartPool)
        await pool.take_snapshot()
        await world.clock.advance(5)
        await world.invoke(version)
        await until_idle()
        restored, spare = recorded.environments
        (cold,) = recorded.invocations
        assert (cold.restore_ms, cold.init_ms) == (0.0, None)
        assert cold.environment_id == restored.id
        assert names(restored) == ["code", "boot", "init", "restore"]
        assert restored.phases[-1].detail == "spare"
        assert restored.phases[-1].start == pytest.approx(world.clock.now())
        # It was initialised long before.
        assert restored.phases[2].end == pytest.approx(world.clock.now() - 5)
        assert restored.restore_ms == 0.0
        assert spare.why.detail == "snapshot"


async def test_what_a_profile_adds_is_marked() -> None:
    class Slow:
        """INIT takes 100 ms more, the first call 20 ms."""

        def start(self, version: FunctionVersion) -> SimulatedStart:
            return SimulatedStart("slow", 100.0, 20.0)

        def idle_timeout_s(self, version: FunctionVersion) -> float | None:
            return None

    async for recorded in _recorded(starts=Slow()):
        world = recorded.world

        async def slow(runtime: RuntimeClient, clock: FakeClock = world.clock) -> Exit | None:
            await clock.sleep(0.05)
            return await echo(runtime)

        world.driver.script = slow
        call = world.begin(world.function())
        await world.clock.advance(1)
        await call
        (environment,) = recorded.environments
        real, added = environment.phases[-2:]
        assert (real.name, real.simulated, added.name, added.simulated) == (
            *("init", False),
            *("init", True),
        )
        assert real.end == added.start
        assert added.end is not None
        assert added.end - added.start == pytest.approx(0.1)
        (cold,) = recorded.invocations
        assert (cold.simulated_init_ms, cold.simulated_call_ms) == (100.0, 20.0)
        assert cold.init_ms == pytest.approx(150)


# --- the bounds -----------------------------------------------------------------------------------


def plain(environment_id: str, at: float) -> PlainRow:
    return (str(uuid.uuid4()), environment_id, "", at, at, "success", "", 1.5, None, 20, 10, 10)


def environment(name: str, requested: float) -> EnvironmentRecord:
    return EnvironmentRecord(
        id=name,
        version=read_plain(0, plain("", 0), {}).version,
        revision=1,
        requested=requested,
        requested_by="",
        why=ColdStart(ColdCause.FIRST_CALL),
        initialization_type="on-demand",
        tenant_id="",
    )


def test_the_oldest_go_first_and_it_says_from_when_it_knows() -> None:
    kept = History(100 * history.INVOCATION_BYTES, MB, 0.0)
    old, lives = environment("old", 0.0), environment("lives", 0.5)
    for each in (old, lives):
        kept.add_environment(each)
    old.ended = 10.0
    kept.changed(old, 0)
    for n in range(1000):
        kept.add_plain(plain("lives", float(n)), (b"{}", b"{}"))
    kept.count()
    found = list(kept.snapshot())
    assert [each.id for each in found] == list(range(1001 - len(found), 1001))
    assert 90 <= len(found) < 100
    assert list(kept.environments) == ["lives"]
    assert kept.environments["lives"].invokes == 1000
    assert kept.dropped == kept.dropped_id == 1000 - len(found)
    assert kept.known_from == pytest.approx(found[0].ended - 1)
    assert kept.bodies(found[0].id) is not None
    assert kept.bodies(found[0].id - 1) is None
    assert [each.id for each in kept.snapshot(after=990)] == list(range(991, 1001))
    assert list(kept.snapshot(after=2000)) == []
    assert list(reversed(kept.snapshot(990))) == list(kept.snapshot(990))[::-1]


def test_events_and_answers_are_bounded_by_themselves() -> None:
    kept = History(MB, 100_000, 0.0)
    for n in range(100):
        kept.add_plain(plain("", float(n)), (b"x" * 10_000, None))
    kept.count()
    assert len(kept.snapshot()) == 100
    held = [n for n in range(1, 101) if kept.bodies(n) is not None]
    assert held == list(range(101 - len(held), 101))
    assert 8 <= len(held) <= 9
    assert [id for id, *_ in kept.snapshot_of_bodies(after=95)] == [96, 97, 98, 99, 100]


def test_many_invocations_take_no_more_memory_than_they_may() -> None:
    kept = History(MB // 2, MB // 2, 0.0)
    tracemalloc.start()
    try:
        for n in range(3000):
            payload = b'{"number": %d, "text": "%d"}' % (n, n)
            kept.add_plain(plain("e" * 31 + str(n % 10), float(n)), (payload, payload))
        now, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert 500 < len(kept.snapshot()) < 1000
    assert now <= MB, f"{now / len(kept.snapshot())} bytes each"


def test_a_row_is_smaller_than_it_is_counted() -> None:
    row = plain("e" * 32, 1.5)
    size = sys.getsizeof(row) + sum(map(sys.getsizeof, (row[0], row[3], row[4], row[7])))
    assert size < history.INVOCATION_BYTES


def test_large_events_are_cut() -> None:
    kept = History(MB, MB, 0.0)
    record = read_plain(1, plain("", 0), {})
    kept.add(record, b"x" * 100_000, None)
    bodies = kept.bodies(1)
    assert bodies is not None
    assert (len(bodies.event), bodies.answer) == (64 * 1024, None)


# --- filters --------------------------------------------------------------------------------------


def test_a_page_says_whether_there_are_more() -> None:
    kept = History(MB, MB, 0.0)
    for n in range(10):
        kept.add_plain(plain("", float(n)), (b"{}", b'"Needle"' if n % 2 else None))
    rows = kept.snapshot()

    def pages(filters: Filters, limit: int) -> list[list[int]]:
        found, before = [], None
        while True:
            chosen = select(reversed(rows), filters, kept.bodies, limit=limit, before=before)
            found.append([each.id for each in chosen.page])
            if not chosen.more:
                return found
            before = chosen.page[-1].id

    assert pages(Filters(), 4) == [[10, 9, 8, 7], [6, 5, 4, 3], [2, 1]]
    assert pages(Filters(), 10) == [[10, 9, 8, 7, 6, 5, 4, 3, 2, 1]]
    assert pages(Filters(text="nEEdle"), 2) == [[10, 8], [6, 4], [2]]
    assert pages(Filters(since=5.0, until=7.5), 9) == [[8, 7, 6]]
    assert pages(Filters(slow_ms=1.4), 10) == pages(Filters(), 10)
    assert pages(Filters(slow_ms=1.6), 10) == [[]]
