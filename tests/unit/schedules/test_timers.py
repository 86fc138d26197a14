"""One heap of timers, on a clock that is moved by hand."""

from __future__ import annotations

import random

from emulator.schedules.timers import Timers
from emulator.testing import FakeClock


class JumpingClock(FakeClock):
    """A clock whose wall time can be set."""

    def jump(self, seconds: float) -> None:
        self._epoch += seconds


async def test_keys_are_called_when_they_are_due_and_never_when_cancelled() -> None:
    clock = FakeClock()
    called: list[tuple[str, float]] = []
    timers: Timers[str] = Timers(clock, lambda key, at: called.append((key, at - clock.now())))
    now = clock.now()
    timers.set("b", now + 20)
    timers.set("a", now + 10)
    timers.set("gone", now + 15)
    timers.cancel("gone")
    await clock.advance(10)
    assert called == [("a", 0.0)]
    timers.set("b", now + 100)
    await clock.advance(80)
    assert called == [("a", 0.0)]
    await clock.advance(10)
    assert called == [("a", 0.0), ("b", 0.0)]
    assert len(timers) == 0


async def test_a_key_may_be_set_again_while_it_is_called() -> None:
    clock = FakeClock()
    called: list[float] = []

    def again(key: str, at: float) -> None:
        called.append(at)
        timers.set(key, at + 60)

    timers: Timers[str] = Timers(clock, again)
    timers.set("each minute", clock.now() + 60)
    for _ in range(10):
        await clock.advance(60)
    assert len(called) == 10


async def test_a_key_whose_call_fails_holds_up_no_other() -> None:
    clock = FakeClock()
    called: list[str] = []

    def call(key: str, at: float) -> None:
        if key == "bad":
            raise ValueError(key)
        called.append(key)

    timers: Timers[str] = Timers(clock, call)
    timers.set("bad", clock.now() + 1)
    timers.set("good", clock.now() + 1)
    await clock.advance(1)
    assert called == ["good"]


async def test_a_jump_of_the_clock_is_noticed() -> None:
    clock = JumpingClock()
    called: list[str] = []
    timers: Timers[str] = Timers(clock, lambda key, at: called.append(key))
    timers.set("in an hour", clock.now() + 3_600)
    clock.jump(3_600)
    await clock.advance(30)
    assert called == ["in an hour"]
    # Back: what has been called is not called again, and what waits waits longer.
    timers.set("soon", clock.now() + 60)
    clock.jump(-600)
    await clock.advance(600)
    assert called == ["in an hour"]
    await clock.advance(90)
    assert called == ["in an hour", "soon"]


async def test_any_number_of_keys_is_called_in_order() -> None:
    seed = random.randrange(1 << 32)
    print("seed", seed)
    rng = random.Random(seed)
    clock = FakeClock()
    called: list[int] = []
    timers: Timers[int] = Timers(clock, lambda key, at: called.append(key))
    due = {key: clock.now() + rng.randrange(1000) for key in range(2000)}
    for key, at in due.items():
        timers.set(key, at)
    for key in rng.sample(sorted(due), 500):
        due[key] += rng.randrange(1000)
        timers.set(key, due[key])
    for key in rng.sample(sorted(due), 500):
        del due[key]
        timers.cancel(key)
    for _ in range(2000):
        await clock.advance(1)
    assert sorted(called) == sorted(due)
    assert [due[key] for key in called] == sorted(due.values())
