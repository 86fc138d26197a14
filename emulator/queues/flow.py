"""What goes through a queue, counted by the minute for whoever watches it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from emulator.model.clock import Clock


@dataclass(slots=True, kw_only=True)
class Passed:
    """What went through a queue in a minute."""

    #: Where the minute begins (seconds since the epoch).
    at: int
    #: Messages that were sent, and bytes: of all, of the smallest and of the largest one.
    sent: int = 0
    sent_bytes: int = 0
    least_bytes: int = 1 << 62
    most_bytes: int = 0
    received: int = 0
    #: Receives that found nothing.
    empty_receives: int = 0
    deleted: int = 0


class Flow:
    """Counts what goes through one queue.

    Args:
        clock: The time.
        on_first: Called with the first count of a minute.
        on_over: Told what a minute had, when another one has begun or :meth:`end` is called.
    """

    def __init__(
        self, clock: Clock, on_first: Callable[[], None], on_over: Callable[[Passed], None]
    ) -> None:
        self._now, self._on_first, self._on_over = clock.now, on_first, on_over
        self._passed: Passed | None = None

    def sent(self, sizes: Sequence[int]) -> None:
        """Count messages, at least one, by their sizes (bytes)."""
        passed = self._this_minute()
        passed.sent += len(sizes)
        passed.sent_bytes += sum(sizes)
        passed.least_bytes = min(passed.least_bytes, *sizes)
        passed.most_bytes = max(passed.most_bytes, *sizes)

    def received(self, count: int) -> None:
        """Count the messages of a receive."""
        passed = self._this_minute()
        if count:
            passed.received += count
        else:
            passed.empty_receives += 1

    def deleted(self, count: int) -> None:
        """Count messages that were deleted."""
        self._this_minute().deleted += count

    def end(self) -> None:
        """Tell what this minute has until now."""
        passed, self._passed = self._passed, None
        if passed is not None:
            self._on_over(passed)

    def _this_minute(self) -> Passed:
        at = int(self._now()) // 60 * 60
        passed = self._passed
        if passed is None or passed.at != at:
            self.end()
            passed = self._passed = Passed(at=at)
            self._on_first()
        return passed
