"""One timer for all that waits: a heap, and a call of the clock for the first of it."""

from __future__ import annotations

import heapq
from collections.abc import Callable

from emulator.model.clock import Clock, Timer

#: When it is due (milliseconds since the epoch), the execution, the thread, its turn.
Due = tuple[int, int, str, int]

#: The longest a timer of the loop is asked to wait: it looks again then, and a clock that was set
#: forward meanwhile is noticed.
_LOOK_AGAIN_S = 60.0
#: At most so many are woken in one turn of the loop.
_MOST = 200


class Timers:
    """What is due when. One that is no longer awaited is dropped by whoever is woken.

    Args:
        clock: The time.
        wake: Called with each when it is due.
    """

    def __init__(self, clock: Clock, wake: Callable[[Due], None]) -> None:
        self._clock, self._wake = clock, wake
        self._heap: list[Due] = []
        self._timer: Timer | None = None
        self._set_for = 0

    def __len__(self) -> int:
        return len(self._heap)

    def add(self, due: Due) -> None:
        """Wake a thread when it is due."""
        heapq.heappush(self._heap, due)
        if self._timer is None or due[0] < self._set_for:
            self._set()

    def load(self, all_due: list[Due]) -> None:
        """Take all that waited when the emulator ended."""
        self._heap.extend(all_due)
        heapq.heapify(self._heap)
        self._set()

    def clear(self) -> None:
        """Wake nobody any more."""
        self._heap.clear()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _set(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._heap:
            self._set_for = self._heap[0][0]
            left_s = self._set_for / 1000 - self._clock.now()
            left_s = min(max(0.0, left_s), _LOOK_AGAIN_S)
            self._timer = self._clock.call_later(left_s, self._run)

    def _run(self) -> None:
        self._timer = None
        # A timer may come a fraction of a millisecond early.
        now_ms = int(self._clock.now() * 1000 + 0.5)
        for _ in range(_MOST):
            if not self._heap or self._heap[0][0] > now_ms:
                break
            self._wake(heapq.heappop(self._heap))
        self._set()
