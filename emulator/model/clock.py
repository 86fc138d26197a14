"""The clock. Every part gets it handed in, and decides by no other; tests hand in their own."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any, NamedTuple, Protocol


class Moment(NamedTuple):
    """When something happened."""

    #: Seconds since the epoch.
    at: float
    #: Seconds on a clock that never goes back.
    monotonic_s: float


class Timer(Protocol):
    """A call that is due later; the shape of :class:`asyncio.TimerHandle`."""

    def cancel(self) -> None: ...


class Clock(Protocol):
    """Wall time, monotonic time and waiting. All figures are seconds."""

    def now(self) -> float:
        """Return seconds since the epoch."""
        ...

    def monotonic(self) -> float:
        """Return seconds on a clock that never goes back."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Return after this many seconds."""
        ...

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        """Run ``call(*args)`` on the loop after ``seconds``, unless cancelled."""
        ...


class SystemClock:
    """The machine's own clock."""

    now = staticmethod(time.time)
    monotonic = staticmethod(time.monotonic)
    sleep = staticmethod(asyncio.sleep)

    def call_later(self, seconds: float, call: Callable[..., Any], *args: Any) -> Timer:
        return asyncio.get_running_loop().call_later(seconds, call, *args)
