"""Replaying a recorded run with its own settings predicts its cold starts exactly."""

from __future__ import annotations

import asyncio
import contextlib
import json
from random import Random
from types import SimpleNamespace
from typing import Any, cast

import pytest

from emulator.edge.admin.timeline.documents import document
from emulator.edge.admin.timeline.routes import take_snapshot
from emulator.invoke import cold_starts
from emulator.model.errors import AwsError
from emulator.model.sandbox import Exit
from emulator.pool.host import PoolSettings
from emulator.services.context import Parts
from emulator.simulation import bill, cost, recorded
from emulator.simulation.trace import Trace
from emulator.simulation.what_if import Scenario, compare
from emulator.telemetry.timeline.filters import Filters
from emulator.telemetry.timeline.timeline import Timeline
from emulator.testing import RuntimeClient
from tests.unit.pool.conftest import World, make_world

IDLE_S = 300.0
REQUESTS = 100
#: Most calls of "c" at once.
RESERVED = 2


def recording(seed: int, *, most: int) -> tuple[World, Timeline]:
    """Return a world whose starts and calls take what a seed and events say, and its timeline."""
    settings = PoolSettings(idle_timeout_s=IDLE_S, max_environments=most)
    world, random = make_world(settings), Random(seed)

    async def script(runtime: RuntimeClient) -> Exit | None:
        await world.clock.sleep(random.uniform(0.05, 2.0))
        while True:
            request_id, payload = await runtime.next()
            asked = json.loads(payload)
            await world.clock.sleep(asked["seconds"])
            if asked["crashes"]:
                return Exit(status=1)
            await runtime.respond(request_id, b"1")

    world.driver.script = script
    return world, Timeline(world.pools.lifecycle, world.clock, 100_000_000)


async def invoke(world: World, name: str, payload: dict[str, float | bool]) -> None:
    with contextlib.suppress(AwsError):  # throttled
        await world.invoke(world.registered(name).latest, json.dumps(payload).encode())


async def live(world: World, seed: int, *, requests: int, disturbed: bool) -> None:
    """Call three functions in bursts and after pauses, for hours."""
    random = Random(seed + 1)
    calls: set[asyncio.Task[None]] = set()
    for number in range(requests):
        pause = random.choice((0.001, 0.3, 5.0, 60.0, 290.0, 330.0))
        await world.clock.advance(random.uniform(0.5, 1.5) * pause)
        payload = {
            "seconds": random.uniform(0.01, 2.9),
            "crashes": disturbed and random.random() < 0.02,
        }
        calls.add(asyncio.create_task(invoke(world, random.choice("aabc"), payload)))
        if disturbed and number % 25 == 24:
            await world.clock.advance(0.02)
            if random.random() < 0.5:
                world.registry.reload(world.registered("a"))
            else:
                world.pools.evict(world.registered("b").latest)
    await world.clock.advance(60)
    await asyncio.gather(*calls)


def forget(told: dict[str, Any], lost: int) -> None:
    """Take the first invocations out of a document, up to a moment when none ran."""
    calls = sorted(told["invocations"], key=lambda each: each["requested"])
    while calls[lost]["requested"] <= max(each["ended"] or 0 for each in calls[:lost]):
        lost += 1
    told["invocations"], told["dropped"] = calls[lost:], lost


async def record(
    seed: int, *, most: int, requests: int = REQUESTS, disturbed: bool = False, lost: int = 0
) -> tuple[Trace, list[float]]:
    """Return the trace of a run of the real pool, and what its callers waited, milliseconds.

    The first ``lost`` requests, and those that ran beside them, are gone as where a record is full.
    """
    world, timeline = recording(seed, most=most)
    await timeline.open()
    for name in "abc":
        world.function(name, timeout_s=60)
    world.registry.reserve(world.registered("c"), RESERVED)
    await live(world, seed, requests=requests, disturbed=disturbed)
    parts = cast(Parts, SimpleNamespace(clock=world.clock, pools=world.pools))
    snapshot = take_snapshot(parts, timeline)
    await timeline.close()
    told = document(snapshot, Filters(), limit=10_000)
    if lost:
        forget(told, lost)
    await world.pools.close()
    pool = {
        "idle_timeout_s": IDLE_S,
        "max_environments": most,
        "account_concurrency": 1000,
        "functions": {f"{world.registered('c').arn}:$LATEST": {"reserved": RESERVED}},
    }
    totals_ms = [each["total_ms"] for each in told["invocations"] if each["started"] is not None]
    return recorded.of_document(json.loads(json.dumps({**told, "pool": pool}))), totals_ms


def percentile(totals_ms: list[float], share: float) -> float:
    return sorted(totals_ms)[min(len(totals_ms) - 1, int(share * len(totals_ms)))]


@pytest.mark.parametrize(
    "seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 10))]
)
@pytest.mark.parametrize("disturbed", [False, True])
@pytest.mark.parametrize("most", [3, 256])
async def test_cold_starts_are_predicted_exactly(seed: int, disturbed: bool, most: int) -> None:
    trace, totals_ms = await record(seed, most=most, disturbed=disturbed)
    [replayed] = compare(trace, [Scenario(name="as recorded")], profile=None, prices=cost.load())
    assert replayed.requests == len(trace) == REQUESTS
    assert 20 < trace.observed_cold < REQUESTS - 10, "the run has both, cold and warm calls"
    assert replayed.cold == trace.observed_cold
    assert replayed.p50_ms == pytest.approx(percentile(totals_ms, 0.5), rel=0.05)
    assert replayed.p99_ms == pytest.approx(percentile(totals_ms, 0.99), rel=0.05)


@pytest.mark.parametrize("seed", range(8))
async def test_they_are_where_the_record_has_lost_its_oldest_calls(seed: int) -> None:
    trace, _ = await record(seed, most=256, lost=40)
    [replayed] = compare(trace, [Scenario(name="as recorded")], profile=None, prices=cost.load())
    assert 10 < replayed.requests == len(trace) <= REQUESTS - 40
    assert sum(trace.there.values()) > 0
    assert replayed.cold == trace.observed_cold


async def test_what_was_measured_is_no_traffic() -> None:
    world, timeline = recording(1, most=256)
    await timeline.open()
    version = world.function("a", timeout_s=60)
    payload = b'{"seconds": 0.1, "crashes": false}'
    calls = [world.begin(version, payload) for _ in range(2)]
    await world.clock.advance(30)
    await asyncio.gather(*calls)
    measured = asyncio.create_task(cold_starts.measure(world.pools, version, payload, warm=3))
    await world.clock.advance(30)
    await measured
    parts = cast(Parts, SimpleNamespace(clock=world.clock, pools=world.pools))
    told = document(take_snapshot(parts, timeline), Filters(), limit=10_000)
    await timeline.close()
    await world.pools.close()
    assert len(told["invocations"]) == 6
    trace = recorded.of_document(told)
    assert (len(trace), trace.observed_cold) == (2, 2)
    assert [each.calls for each in bill.of_document(told)] == [2]


async def test_other_settings_give_other_figures() -> None:
    trace, _ = await record(3, most=256)
    rows = compare(
        trace,
        [
            Scenario(name="as recorded"),
            Scenario(name="longer", keep_alive_s=3000),
            Scenario(name="none", policy="none"),
            Scenario(name="ready", provisioned=4),
        ],
        profile=None,
        prices=cost.load(),
    )
    as_recorded, longer, none, ready = rows
    assert longer.cold < as_recorded.cold < none.cold == none.requests
    assert ready.cold < longer.cold
    assert ready.cost > as_recorded.cost
    assert none.p50_ms > as_recorded.p50_ms
