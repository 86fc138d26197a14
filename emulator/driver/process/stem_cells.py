"""Stem cells of one zygote: sandboxes that are started ahead of use, by kind."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, deque
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from emulator.driver.languages.base import StemKind
from emulator.driver.process.sandbox import ProcessSandbox
from emulator.model.clock import Clock, Timer
from emulator.model.errors import DriverFault

#: Seconds before a kind is tried again of which one was lost: after the first, and at most.
_AGAIN_S = (60.0, 3600.0)


class _Lost(NamedTuple):
    """That stem cells of a kind ended before their use, or never got ready."""

    in_a_row: int
    #: When one may be tried again, on the monotonic clock.
    again: float


class StemCells:
    """Keeps stem cells of the kinds that were used last.

    Args:
        make: Makes one; None where such a runtime does not get ready. Raises DriverFault where
            there can be no sandbox.
        discard: Removes one, in the background.
        kinds: How many kinds to keep, at most.
        of_a_kind: How many of each.
        pause_s: Seconds without a start before those taken are replaced.
        clock: For pauses.
    """

    def __init__(
        self,
        make: Callable[[StemKind], Awaitable[ProcessSandbox | None]],
        discard: Callable[[ProcessSandbox], None],
        *,
        kinds: int,
        of_a_kind: int,
        pause_s: float,
        clock: Clock,
    ) -> None:
        self._make, self._discard = make, discard
        self._kinds, self._of_a_kind, self._pause_s = max(1, kinds), of_a_kind, pause_s
        self._clock = clock
        #: By kind, those that are ready; the kind used last is the last.
        self._ready: OrderedDict[StemKind, deque[ProcessSandbox]] = OrderedDict()
        self._lost: dict[StemKind, _Lost] = {}
        self._refill: Timer | None = None
        self._filling: asyncio.Task[DriverFault | None] | None = None

    def take(self, kind: StemKind) -> ProcessSandbox | None:
        """Return one that is ready, and have it replaced; None where there is none."""
        ready = self.expect(kind)
        if self._refill is not None:
            self._refill.cancel()
        self._refill = self._clock.call_later(self._pause_s, self._fill)
        while ready:
            stem = ready.popleft()
            if not stem.exited.done():
                return stem
            self._discard(stem)
        return None

    def expect(self, kind: StemKind) -> deque[ProcessSandbox]:
        """Keep a kind ready from now on, rather than the one that was used longest ago."""
        found = self._ready.setdefault(kind, deque())
        self._ready.move_to_end(kind)
        while len(self._ready) > self._kinds:
            for stem in self._ready.popitem(last=False)[1]:
                self._discard(stem)
        return found

    async def fill(self) -> None:
        """Return when all are ready that can be.

        Raises:
            DriverFault: There can be no sandbox.
        """
        # Several wait for the same ones; none of them may cancel that for the others.
        fault = await asyncio.shield(self._fill())
        if fault is not None:
            raise DriverFault(str(fault)) from fault

    def _fill(self) -> asyncio.Task[DriverFault | None]:
        if self._filling is None or self._filling.done():
            self._filling = asyncio.get_running_loop().create_task(self._make_missing())
        return self._filling

    async def _make_missing(self) -> DriverFault | None:
        """Make what is missing; return what keeps it from being made, which fails a start too."""
        try:
            while (kind := self._missing()) is not None:
                await self._add(kind)
        except DriverFault as fault:
            return fault
        return None

    def _missing(self) -> StemKind | None:
        """Return a kind of which one is missing, the one that was used last first."""
        now = self._clock.monotonic()
        put_off = {kind for kind, lost in self._lost.items() if lost.again > now}
        wanted = (kind for kind in reversed(self._ready) if self._has_room(kind))
        return next((kind for kind in wanted if kind not in put_off), None)

    def _has_room(self, kind: StemKind) -> bool:
        ready = self._ready.get(kind)
        return ready is not None and len(ready) < self._of_a_kind

    async def _add(self, kind: StemKind) -> None:
        stem = await self._make(kind)
        if stem is None:
            self._put_off(kind)
        elif not self._has_room(kind):  # other kinds were used since
            self._discard(stem)
        else:
            self._lost.pop(kind, None)
            self._ready[kind].append(stem)
            stem.exited.add_done_callback(lambda _: self._ended(kind, stem))

    def _ended(self, kind: StemKind, stem: ProcessSandbox) -> None:
        ready = self._ready.get(kind, ())
        if stem in ready:
            self._ready[kind].remove(stem)
            self._discard(stem)
            self._put_off(kind)

    def _put_off(self, kind: StemKind) -> None:
        """Let the next use of a kind try it again after a while, which grows."""
        now = self._clock.monotonic()
        before = self._lost.pop(kind, None)
        # What could have been tried again by now, and was not, is used no more.
        self._lost = {each: lost for each, lost in self._lost.items() if lost.again > now}
        in_a_row = 1 if before is None else before.in_a_row + 1
        pause_s = min(_AGAIN_S[1], _AGAIN_S[0] * 2.0 ** min(in_a_row - 1, 20))
        self._lost[kind] = _Lost(in_a_row, now + pause_s)

    def drop(self) -> None:
        """Keep none any more, until they are used again."""
        if self._refill is not None:
            self._refill.cancel()
            self._refill = None
        while self._ready:
            for stem in self._ready.popitem()[1]:
                self._discard(stem)

    async def close(self) -> None:
        """Return when none is being made; what they are forked from is gone."""
        self.drop()
        if self._filling is not None:
            await asyncio.wait((self._filling,))
        self.drop()
