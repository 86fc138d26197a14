"""Scenarios: what a plan says, and that the same seed makes the same happen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.invoke.admission import Admission
from emulator.invoke.idleness import Idleness
from emulator.invoke.scenarios.invoker import ScenarioInvoker
from emulator.invoke.scenarios.plan import Fault, load, parse
from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.jumping_clock import JumpingClock
from emulator.model.lifecycle_events import KINDS, Event
from emulator.model.sandbox import Exit
from emulator.pool.pools import Pools
from emulator.registry.functions import Registry
from emulator.telemetry.logs import Logs
from emulator.testing import FakeClock, RuntimeClient, ScriptedDriver, until_idle
from tests.unit.pool.conftest import World

_PLAN = """
[[fault]]
function = "hello"
call = 3
do = "throttle"

[[fault]]
probability = 0.25
do = "kill"
after_ms = 5
"""


def make(text: str, seed: int = 0) -> tuple[World, FakeClock]:
    base = FakeClock()
    clock, driver = JumpingClock(base), ScriptedDriver()
    logs, registry = Logs(clock), Registry()
    pools = Pools(driver, logs, clock)
    registry.on_retired.append(pools.retire)
    admission = Admission(registry)
    invoker = ScenarioInvoker(
        registry,
        admission,
        pools,
        Idleness(registry, clock),
        faults=parse(text, "plan"),
        seed=seed,
        clock=clock,
    )
    world = World(clock, driver, logs, registry, pools, admission, invoker)  # type: ignore[arg-type]
    return world, base


def slow(world: World) -> Callable[[RuntimeClient], Awaitable[Exit | None]]:
    """Return a function whose calls take 20 ms of the emulator's clock."""

    async def serve(runtime: RuntimeClient) -> Exit | None:
        while True:
            request_id, payload = await runtime.next()
            await world.clock.sleep(0.02)
            await runtime.respond(request_id, payload)

    return serve


async def outcome(world: World, base: FakeClock, count: int) -> list[str]:
    """Return how each of some calls, one after the other, ended."""
    version = world.registry.find("000000000000", "us-east-1", "hello")
    subject = world.function() if version is None else version.latest
    found = []
    for _ in range(count):
        call = world.begin(subject)
        while not call.done():
            await until_idle()
            await base.advance(0.01)
        try:
            result = call.result()
            found.append(result.error_type or "ok")
        except AwsError as error:
            found.append(error.code)
    return found


async def run_plan(seed: int) -> tuple[list[str], list[str]]:
    world, base = make(_PLAN, seed)
    world.driver.script = slow(world)
    heard: list[Event] = []
    world.pools.lifecycle.add(heard.append)
    ends = await outcome(world, base, 12)
    await world.pools.close()
    return ends, [KINDS[type(each)] for each in heard]


async def test_the_same_seed_makes_the_same_timeline() -> None:
    (ends, kinds), again, other = await run_plan(7), await run_plan(7), await run_plan(8)
    assert (ends, kinds) == again
    assert ends != other[0]
    assert ends[2] == other[0][2] == "TooManyRequestsException"
    assert ends.count("Runtime.ExitError") in range(1, 9)
    assert "invocation.refused" in kinds


async def test_a_call_can_be_out_of_memory() -> None:
    world, base = make('[[fault]]\ncall = 1\ndo = "out-of-memory"\n')
    world.driver.script = slow(world)
    assert await outcome(world, base, 2) == ["Runtime.OutOfMemory", "ok"]
    await world.pools.close()


async def test_no_call_is_too_quick_to_be_killed() -> None:
    # The third one finds its runtime gone, and is killed when that has started anew.
    world, base = make('[[fault]]\ncall = [2, 3, 5]\ndo = "kill"\n')
    killed = "Runtime.ExitError"
    assert await outcome(world, base, 6) == ["ok", killed, killed, "ok", killed, "ok"]
    await base.advance(10)  # nothing is left that would end another call
    assert await outcome(world, base, 1) == ["ok"]
    await world.pools.close()


async def test_a_call_that_ends_before_its_kill_is_told_of() -> None:
    world, base = make('[[fault]]\ncall = 1\ndo = "kill"\nafter_ms = 500\n')
    warned: list[str] = []
    world.invoker._warn = warned.append  # type: ignore[attr-defined]
    assert await outcome(world, base, 1) == ["ok"]
    await base.advance(1)
    assert warned == ["the scenario's kill after 500 ms met no call of hello: it had ended before"]
    await world.pools.close()


async def test_an_init_can_take_too_long_without_anybody_waiting_for_it() -> None:
    world, base = make('[[fault]]\nstart = 1\ndo = "init-timeout"\n')
    assert await outcome(world, base, 1) == ["ok"]
    assert any("Status: timeout" in line and "INIT_REPORT" in line for line in world.lines())
    await world.pools.close()


async def test_a_call_can_be_done_twice_and_late() -> None:
    world, base = make(
        '[[fault]]\ncall = 1\ndo = "twice"\n[[fault]]\ncall = 2\ndo = "late"\nseconds = 60\n'
    )
    version = world.function()
    await world.invoke(version)
    await until_idle()
    assert sum(line.startswith("START") for line in world.lines()) == 2
    call = world.begin(version)
    await base.advance(59)
    assert not call.done()
    await base.advance(2)
    await call
    await world.pools.close()


async def test_the_clock_can_jump_and_what_was_due_happens() -> None:
    world, base = make('[[fault]]\ncall = 2\ndo = "jump"\nseconds = 301\n')
    version = world.function()
    await world.invoke(version)
    await base.advance(1)
    (before,) = world.pools.environments
    call = world.begin(version)
    await base.advance(1)
    await call
    now = world.pools.clock.now()
    assert now == pytest.approx(base.now() + 301)
    # Idle for too long by then: reaped, and the call was cold.
    assert before not in world.pools.environments
    await world.pools.close()


async def test_a_jumping_clock_keeps_the_order_and_what_is_cancelled() -> None:
    base = FakeClock()
    clock = JumpingClock(base)
    fired: list[str] = []
    clock.call_later(20, fired.append, "second")
    clock.call_later(10, fired.append, "first")
    clock.call_later(15, fired.append, "never").cancel()
    clock.call_later(100, fired.append, "later")
    clock.jump(50)
    await base.advance(0)
    assert fired == ["first", "second"]
    await base.advance(51)
    assert fired == ["first", "second", "later"]


def test_a_fault_meets_the_calls_it_names() -> None:
    def met(**fields: Any) -> list[int]:
        fault = Fault(number=0, deed="kill", **{"function": "*", **fields})
        return [n for n in range(1, 11) if fault.meets("hello", n, 1)]

    assert met(at=(2, 5)) == [2, 5]
    assert met(every=4) == [4, 8]
    assert met(every=4, function="other") == []
    assert met(probability=0.0) == []
    assert met(probability=1.0) == list(range(1, 11))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "line 1, column 1: the plan has no [[fault]]"),
        ("[[fault]]\ncall = \n", "line 2, column 8: Invalid value"),
        ("[[fault]]\ncall = 1\ndo = 'explode'\n", "line 3, column 6: do is one of throttle, kill"),
        ("[[fault]]\ncall = 1\n", "line 1, column 1: do is one of"),
        ("[[fault]]\ndo = 'kill'\n", "line 1, column 1: a fault has one of call, every and"),
        (
            "[[fault]]\ncall = 1\ndo = 'kill'\n\n[[fault]]\n  call = 0\n  do = 'kill'\n",
            "line 6, column 10: call is a whole number from 1 on, or a list of them",
        ),
        ("[[fault]]\ncall = 1\nevery = 2\ndo = 'kill'\n", "line 3, column 9: a fault has one of"),
        ("[[fault]]\ncall = 1\ndo = 'jump'\n", "line 3, column 6: jump needs seconds"),
        ("[[fault]]\ncall = 1\ndo = 'kill'\nsecond = 1\n", "line 4, column 10: kill has no second"),
        ("[[fault]]\ncall = 1\ndo = 'init-timeout'\n", "line 2, column 8: init-timeout has no"),
        ("[[fault]]\nprobability = 2\ndo = 'kill'\n", "line 2, column 15: probability is a number"),
        ("[[fault]]\ncall = true\ndo = 'kill'\n", "line 2, column 8: call is a whole number"),
        ("[[fault]]\nfunction = 1\ncall = 1\ndo = 'kill'\n", "line 2, column 12: function is"),
        ("[[faults]]\ncall = 1\n", "line 1, column 3: a plan has [[fault]] tables, not 'faults'"),
    ],
)
def test_a_broken_plan_says_where(text: str, said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse(text, "plan.toml")
    assert str(caught.value).startswith(f"plan.toml: {said}"), str(caught.value)


def test_a_plan_that_is_not_there_says_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="can't read the scenario"):
        load(tmp_path / "none.toml")
