"""One heap of timers for any number of schedules."""

from __future__ import annotations

import heapq
import logging
from collections.abc import Callable
from typing import Generic, TypeVar

from emulator.model.clock import Clock, Timer

log = logging.getLogger(__name__)

K = TypeVar("K")

#: Seconds after which the clock is looked at again, if it jumped: a suspended machine, a clock
#: that was set.
_LOOK_AGAIN_S = 30.0


class Timers(Generic[K]):
    """Calls back when keys are due. Whatever the number of keys, one timer waits.

    Args:
        clock: The time; due is what wall time says.
        on_due: Called with each key that is due, and when it was. It may set the key again.
    """

    def __init__(self, clock: Clock, on_due: Callable[[K, float], None]) -> None:
        self._clock, self._on_due = clock, on_due
        self._due: dict[K, float] = {}
        #: May hold what was changed or cancelled since; `_due` says what counts.
        self._heap: list[tuple[float, int, K]] = []
        #: Keys of the same instant stay in order, and are never compared.
        self._count = 0
        self._timer: Timer | None = None
        self._timer_at = 0.0

    def __len__(self) -> int:
        return len(self._due)

    def due(self, key: K) -> float | None:
        """Return when a key is due, or None."""
        return self._due.get(key)

    def set(self, key: K, at: float) -> None:
        """Have a key called back once, at an instant (seconds since the epoch)."""
        self._due[key] = at
        self._count += 1
        heapq.heappush(self._heap, (at, self._count, key))
        if len(self._heap) > 64 and len(self._heap) > 2 * len(self._due):
            self._compact()
        if self._timer is None or at < self._timer_at:
            self._wait()

    def cancel(self, key: K) -> None:
        """Forget a key, if there is one."""
        self._due.pop(key, None)
        if not self._due:
            self.close()

    def close(self) -> None:
        """Forget all keys."""
        self._due.clear()
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _compact(self) -> None:
        self._heap = [each for each in self._heap if self._due.get(each[2]) == each[0]]
        heapq.heapify(self._heap)

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        while self._heap and self._due.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if self._heap:
            self._timer_at = self._heap[0][0]
            delay_s = max(0.0, self._timer_at - self._clock.now())
            self._timer = self._clock.call_later(min(delay_s, _LOOK_AGAIN_S), self._fire)

    def _fire(self) -> None:
        self._timer = None
        # What is set meanwhile waits for the next turn: nothing keeps the loop for ever.
        now = self._clock.now()
        due: list[tuple[K, float]] = []
        while self._heap and self._heap[0][0] <= now:
            at, _, key = heapq.heappop(self._heap)
            if self._due.get(key) == at:
                del self._due[key]
                due.append((key, at))
        for key, at in due:
            try:
                self._on_due(key, at)
            except Exception:  # A bug of ours: told in full, and the others are due all the same.
                log.exception("%s was due, and could not be seen to", key)
        self._wait()
