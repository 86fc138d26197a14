"""What was missed and is made up for is said in one line."""

from __future__ import annotations

from emulator.model.console import SilentConsole
from emulator.schedules.missed import Missed
from emulator.testing import FakeClock


class _Console(SilentConsole):
    def __init__(self) -> None:
        self.said: list[str] = []

    def info(self, text: str) -> None:
        self.said.append(text)


async def test_it_is_said_once_when_all_is_made_up_for() -> None:
    clock, console = FakeClock(), _Console()
    missed = Missed(clock, console, "rules")
    begin = clock.now() - 8 * 3600
    for minute in range(480):
        missed.note(begin + 60 * minute)
        await clock.advance(0.001)
    assert console.said == []
    await clock.advance(3)
    assert console.said == ["made up for 480 times of rules missed in the last 480 minutes"]
    await clock.advance(3600)
    assert len(console.said) == 1


async def test_what_is_punctual_is_not_told_of() -> None:
    clock, console = FakeClock(), _Console()
    missed = Missed(clock, console, "schedules")
    for late_s in (0, 30, 60):
        missed.note(clock.now() - late_s)
    await clock.advance(10)
    assert console.said == []
    missed.note(clock.now() - 120)
    await clock.advance(10)
    assert console.said == ["made up for 1 time of schedules missed in the last 2 minutes"]


async def test_nothing_is_said_after_the_end() -> None:
    clock, console = FakeClock(), _Console()
    missed = Missed(clock, console, "schedules")
    missed.note(clock.now() - 120)
    missed.close()
    await clock.advance(10)
    assert console.said == []
