"""A clock for tests to which a second matters: it does not go on while a busy machine does."""

from __future__ import annotations

import time

from emulator.model.clock import SystemClock


class StandingClock(SystemClock):
    """A clock that stands still until it is moved; its timers run as ever."""

    def __init__(self) -> None:
        self.moment = time.time()

    def now(self) -> float:
        return self.moment

    def monotonic(self) -> float:
        return self.moment
