"""A clock that can jump ahead: timers due in between then fire at once, in order."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from itertools import count
from typing import Any

from emulator.model.clock import Clock, SystemClock, Timer


class JumpingClock:
    """The time of another clock plus the sum of all jumps.

    Args:
        base: The other clock; None for the machine's own.
    """

    def __init__(self, base: Clock | None = None) -> None:
        self._base = base or SystemClock()
        self._ahead_s = 0.0
        self._order = count()
        self._pending: dict[int, _Due] = {}

    def now(self) -> float:
        return self._base.now() + self._ahead_s

    def monotonic(self) -> float:
        return self._base.monotonic() + self._ahead_s

    async def sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        due = self.call_later(seconds, _wake, woken)
        try:
            await woken
        finally:
            due.cancel()

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        number = next(self._order)
        due = self._pending[number] = _Due(self, number, self.monotonic() + seconds, call, args)
        due.arm(seconds)
        return due

    def jump(self, seconds: float) -> None:
        """Jump ahead by ``seconds``."""
        self._ahead_s += seconds
        for due in sorted(self._pending.values(), key=lambda each: (each.at, each.number)):
            due.arm(max(0.0, due.at - self.monotonic()))

    def later(self, seconds: float, call: Callable[[], None]) -> Timer:
        """Call ``call`` after ``seconds`` on the other clock, without jumps."""
        return self._base.call_later(seconds, call)

    def forget(self, number: int) -> None:
        """Forget a call that was made, or cancelled."""
        self._pending.pop(number, None)


class _Due:
    """A call that is due later."""

    def __init__(
        self,
        clock: JumpingClock,
        number: int,
        at: float,
        call: Callable[..., Any],
        args: tuple[Any, ...],
    ) -> None:
        self._clock, self.number, self.at = clock, number, at
        self._call, self._args = call, args
        self._timer: Timer | None = None

    def arm(self, seconds: float) -> None:
        """Fire after ``seconds`` on the clock underneath."""
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._clock.later(seconds, self._fire)

    def _fire(self) -> None:
        self._clock.forget(self.number)
        self._call(*self._args)

    def cancel(self) -> None:
        self._clock.forget(self.number)
        if self._timer is not None:
            self._timer.cancel()


def _wake(waiting: asyncio.Future[None]) -> None:
    if not waiting.done():
        waiting.set_result(None)
