"""A profile's times are added to real starts, marked, and the same for the same seed."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from emulator.model.function import Code, FunctionVersion
from emulator.model.lifecycle_events import (
    KINDS,
    EnvironmentInitialised,
    EnvironmentStopping,
    Event,
    InvocationEnded,
)
from emulator.model.sandbox import Exit
from emulator.simulation import profile
from emulator.simulation.starts import ProfiledStarts
from emulator.testing import RuntimeClient, until_idle
from tests.unit.pool.conftest import World, make_world

INIT_MS, FIRST_MS = 120.0, 30.0
OWN = f"""
name = "own"
[init.runtimes."python3.12"]
p1 = {INIT_MS}
p99 = {INIT_MS}
first_call_ms = {FIRST_MS}
[code]
free_mb = 1
ms_per_mb = 10
[idle]
keep_alive_s = [10, 20]
"""


def simulated(text: str, folder: Path, *, seed: int = 1) -> World:
    (folder / "own.toml").write_text(text)
    warnings: list[str] = []
    return make_world(
        starts=ProfiledStarts(profile.load(str(folder / "own.toml")), seed, warn=warnings.append)
    )


@pytest.fixture
async def own(tmp_path: Path) -> AsyncIterator[World]:
    world = simulated(OWN, tmp_path)
    yield world
    await world.pools.close()
    await until_idle()


def events_of(world: World) -> list[Event]:
    events: list[Event] = []
    world.pools.lifecycle.add(events.append)
    return events


async def test_init_and_first_call_are_longer_by_the_profiles_times(own: World) -> None:
    version, events = own.function(), events_of(own)
    call = own.begin(version)
    await own.clock.advance((INIT_MS + FIRST_MS - 1) / 1000)
    assert not call.done()
    await own.clock.advance(0.001)
    assert (await call).payload == b"{}"
    await own.invoke(version)
    await until_idle()
    first, second = (line for line in own.lines() if line.startswith("REPORT"))
    assert "\tDuration: 30.00 ms\tBilled Duration: 150 ms\t" in first
    assert first.endswith(
        "\tInit Duration: 120.00 ms\tSimulated Init Duration: 120.00 ms"
        "\tSimulated Duration: 30.00 ms\tProfile: own"
    )
    assert "\tDuration: 0.00 ms\t" in second
    assert "Simulated" not in second
    initialised = next(each for each in events if isinstance(each, EnvironmentInitialised))
    assert initialised.simulated_ms == INIT_MS
    ended = [each for each in events if isinstance(each, InvocationEnded)]
    assert ended[0].simulated == ("own", INIT_MS, FIRST_MS, 0.0)
    assert ended[1].simulated is None


async def test_code_above_the_free_size_costs_time(own: World) -> None:
    code = Code(sha256="x", size=1, folder=Path("/code"), unpacked_size=3_000_000)
    version = own.function(code=code)
    call = own.begin(version)
    await own.clock.advance((INIT_MS + 20 + FIRST_MS) / 1000)
    await call
    assert "\tInit Duration: 140.00 ms\t" in own.lines()[-1]


async def test_a_runtime_that_dies_meanwhile_fails_as_ever(own: World) -> None:
    async def dies(runtime: RuntimeClient) -> Exit | None:
        await runtime.send("GET", "invocation/next")
        return Exit(status=3)

    own.driver.script = dies
    call = own.begin(own.function())
    await own.clock.advance(5)
    assert b"exit status 3" in (await call).payload


async def test_init_that_takes_too_long_times_out_as_on_aws(tmp_path: Path) -> None:
    world = simulated(OWN.replace(str(INIT_MS), "20000.0"), tmp_path)
    call = world.begin(world.function(timeout_s=60))
    await world.clock.advance(10)
    assert any("INIT_REPORT" in line and "Status: timeout" in line for line in world.lines())
    # It starts again within the invocation, whose time is longer.
    await world.clock.advance(25)
    await call
    assert "\tSimulated Duration: 20030.00 ms" in world.lines()[-1]
    await world.pools.close()


async def test_json_reports_name_what_is_simulated(own: World) -> None:
    call = own.begin(own.function(log_format="JSON"))
    await own.clock.advance(1)
    await call
    assert '"simulated":{"profile":"own","initDurationMs":120.0,"durationMs":30.0}' in "".join(
        own.lines()
    )


async def test_idle_environments_are_kept_for_a_drawn_time(own: World) -> None:
    version, events = own.function(), events_of(own)
    kept = []
    for _ in range(20):
        call = own.begin(version)
        await own.clock.advance(1)
        await call
        await own.clock.advance(30)
        kept.append(next(e.idle_s for e in reversed(events) if isinstance(e, EnvironmentStopping)))
    assert all(10 <= each <= 20 for each in kept)
    assert len(set(kept)) == 20


async def test_a_runtime_without_figures_starts_as_it_does_here(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(OWN)
    warnings: list[str] = []
    starts = ProfiledStarts(profile.load(str(tmp_path / "own.toml")), 1, warn=warnings.append)
    version = FunctionVersion(
        account="0", region="r", name="f", runtime="cobol", code=Code(sha256="x", size=1)
    )
    assert starts.start(version) is starts.start(version) is None
    assert warnings == [
        "the profile own has no figures for cobol: its starts take what they take here"
    ]


async def timeline_of(seed: int) -> str:
    """Live through an hour with two functions; returns what happened as text."""
    starts = ProfiledStarts(profile.load("aws"), seed, warn=lambda text: None)
    world = make_world(starts=starts)
    events = events_of(world)
    one, two = world.function("one"), world.function("two", memory_mb=512)
    for n in range(12):
        calls = [world.begin(each) for each in (one, two, one)[: 1 + n % 3]]
        await world.clock.advance(2.0)
        await asyncio.gather(*calls)
        await world.clock.advance(340.0)
    await world.pools.close()
    names: dict[str, str] = {}

    def ordinal(match: re.Match[str]) -> str:
        return names.setdefault(match[0], f"#{len(names)}")

    text = "\n".join(
        f"{KINDS[type(each)]} {[v for v in each if not isinstance(v, FunctionVersion)]}"
        for each in events
    )
    # Environments and requests are named by chance.
    return re.sub(r"[0-9a-f]{32}|[0-9a-f]{8}-[0-9a-f-]{27}", ordinal, text)


async def test_the_same_seed_gives_the_same_timeline_byte_for_byte() -> None:
    first = await timeline_of(7)
    assert first == await timeline_of(7)
    assert first != await timeline_of(8)
    assert first.count("environment.requested") > 12
