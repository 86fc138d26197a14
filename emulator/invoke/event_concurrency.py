"""How many asynchronous events run at once, and what makes room for those that just come."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import inf

from emulator.model.clock import Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class EventConcurrency:
    """How many events run at once."""

    #: Of all functions together, not counting each function's first.
    total: int = 64
    #: Of one function.
    function: int = 32
    #: Of one function, when events begin to come.
    first: int = 4
    #: When an event has run for this long and no further one may begin, one more may. What ends
    #: sooner ends before another environment has started.
    growth_s: float = 0.02
    #: When this many callers wait for a 202, or this many events come from topics, buses and the
    #: like within ``while_busy_s``, new events win: for that long each function falls back to
    #: ``first`` concurrent events.
    busy: int = 4
    while_busy_s: float = 0.05


class Intake:
    """Knows whether many callers wait, or just waited, for their events to be kept."""

    def __init__(self, concurrency: EventConcurrency, clock: Clock) -> None:
        self._concurrency, self._clock = concurrency, clock
        self._accepting = 0
        self._busy_until_s = 0.0
        #: When the last events were placed (monotonic seconds).
        self._placed_s = deque((-inf,) * concurrency.busy, concurrency.busy)

    @contextmanager
    def accepting(self) -> Iterator[None]:
        """Count a caller that waits."""
        self._accepting += 1
        if self._accepting >= self._concurrency.busy:
            self._busy_until_s = self._clock.monotonic() + self._concurrency.while_busy_s
        try:
            yield
        finally:
            self._accepting -= 1

    def note_placed(self) -> None:
        """Note an event that comes with the commit of another service."""
        now_s = self._clock.monotonic()
        self._placed_s.append(now_s)
        if now_s - self._placed_s[0] < self._concurrency.while_busy_s:
            self._busy_until_s = now_s + self._concurrency.while_busy_s

    @property
    def is_busy(self) -> bool:
        """Whether new events come before those that wait to be run."""
        return self._clock.monotonic() < self._busy_until_s
