"""A watchdog bites when nothing comes, not because everything stood still."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from emulator.model.clock import SystemClock, Watchdog


class Timers:
    """Timers that a test fires."""

    def __init__(self) -> None:
        self.due: list[tuple[float, Callable[[], object]]] = []

    def call_later(
        self, clock: Any, seconds: float, call: Callable[..., object], *args: Any
    ) -> Any:
        entry = (seconds, lambda: call(*args))
        self.due.append(entry)
        timers = self

        class Handle:
            def cancel(self) -> None:
                if entry in timers.due:
                    timers.due.remove(entry)

        return Handle()

    def fire(self) -> float:
        """Fire the only timer; return how long it was to wait."""
        ((seconds, call),) = self.due
        self.due.clear()
        call()
        return seconds


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    made = Timers()
    monkeypatch.setattr(SystemClock, "call_later", lambda *given: made.call_later(*given))
    return made


def test_it_bites_once_after_its_patience(timers: Timers) -> None:
    bites: list[None] = []
    watchdog = Watchdog(60, lambda: bites.append(None))
    watchdog.expect()
    watchdog.expect()
    waited = 0.0
    while timers.due:
        assert not bites
        waited += timers.fire()
    assert bites == [None]
    assert waited == 60


def test_what_came_while_all_stood_still_is_taken_note_of(timers: Timers) -> None:
    bites: list[None] = []
    watchdog = Watchdog(60, lambda: bites.append(None))
    watchdog.expect()
    timers.fire()  # late: whatever else came is read in the same turn of the loop
    watchdog.came()
    assert not timers.due
    assert not bites


def test_what_comes_renews_its_patience(timers: Timers) -> None:
    watchdog = Watchdog(60, lambda: None)
    watchdog.expect()
    watchdog.expect()
    timers.fire()
    watchdog.came()
    waited = 0.0
    while timers.due:
        waited += timers.fire()
    assert waited == 60
