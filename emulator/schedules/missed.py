"""Says how many times were missed and made up for: once they all are, in one line."""

from __future__ import annotations

from emulator.model.clock import Clock, Timer
from emulator.model.console import Console

#: Seconds by which a time may be late and was not missed: AWS promises the minute.
PRECISION_S = 60.0
#: Seconds without another one, after which all are made up for.
_QUIET_S = 2.0


class Missed:
    """Counts missed times of schedules.

    Args:
        clock: The time.
        console: Where it is said.
        whose: What they are times of, in the plural.
    """

    def __init__(self, clock: Clock, console: Console, whose: str) -> None:
        self._clock, self._console, self._whose = clock, console, whose
        self._count = 0
        self._oldest = 0.0
        self._timer: Timer | None = None

    def note(self, at: float) -> None:
        """Note a time that is made up for now, if it was missed.

        Args:
            at: When it was due (seconds since the epoch).
        """
        if self._clock.now() - at <= PRECISION_S:
            return
        self._oldest = min(self._oldest, at) if self._count else at
        self._count += 1
        self.close()
        self._timer = self._clock.call_later(_QUIET_S, self._tell)

    def close(self) -> None:
        """Say nothing more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _tell(self) -> None:
        self._timer = None
        count, self._count = self._count, 0
        minutes = round((self._clock.now() - self._oldest) / 60)
        # What is meant is time on the wall: the emulator was down, or the machine slept.
        times = "1 time" if count == 1 else f"{count:,} times"
        self._console.info(
            f"made up for {times} of {self._whose} missed in the last {minutes:,} minutes"
        )
