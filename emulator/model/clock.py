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


#: Looks into which a watchdog's patience is divided.
_LOOKS = 4


class Watchdog:
    """Calls ``bite`` once nothing has come for a while of what is awaited.

    It goes by the machine's own clock: no process does more because the emulator's has jumped.
    Where all processes have stood still (Ctrl-Z), what came meanwhile is read, and what they were
    about to do is done, before the next look.

    Args:
        patience_s: How long a while is.
        bite: Called then, once; all that is awaited counts as given up.
    """

    def __init__(self, patience_s: float, bite: Callable[[], object]) -> None:
        self._patience_s, self._bite = patience_s, bite
        self._awaited = 0
        self._timer: Timer | None = None

    def expect(self) -> None:
        """Await one thing more."""
        self._awaited += 1
        if self._timer is None:
            self._wait()

    def came(self) -> None:
        """Take note that one of them has come; some come when they are given up already."""
        self._awaited = max(0, self._awaited - 1)
        self._wait()

    def rest(self) -> None:
        """Await nothing any more."""
        self._awaited = 0
        self._wait()

    def _wait(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._awaited:
            self._look_later(_LOOKS - 1)

    def _look_later(self, more: int) -> None:
        self._timer = SystemClock().call_later(self._patience_s / _LOOKS, self._look, more)

    def _look(self, more: int) -> None:
        if more:
            self._look_later(more - 1)
            return
        self.rest()
        self._bite()
