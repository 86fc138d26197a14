"""Keeps the timeline: writes what is new a second later, brings back what earlier runs wrote."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emulator.model.clock import Clock, Timer
from emulator.model.console import Console
from emulator.model.errors import StorageError
from emulator.model.lazy import LazyModule
from emulator.model.timeline_journal import (
    TimelineJournal,
    TimelineNumbers,
    TimelinePage,
    TimelineState,
)
from emulator.telemetry.timeline.history import Bodies, History
from emulator.telemetry.timeline.recorder import Recorder
from emulator.telemetry.timeline.records import EnvironmentRecord, InvocationRecord

if TYPE_CHECKING:
    from emulator.telemetry.timeline import pages
else:
    pages = LazyModule("emulator.telemetry.timeline.pages")

#: Seconds from a record to its page. A crash loses them.
DELAY_S = 1.0
#: Numbers that a crash may have used without writing them: those who follow may have seen them.
_GAP = 1_000_000


class Keeper:
    """Writes a history into a journal, and brings back what is there.

    Args:
        journal: Where it is kept.
        history: What is kept.
        recorder: Numbers the records.
        clock: For the delay.
        console: Warned once when the journal fails.
        limit_bytes: The most bytes that the journal keeps.
    """

    def __init__(
        self,
        journal: TimelineJournal,
        history: History,
        recorder: Recorder,
        *,
        clock: Clock,
        console: Console,
        limit_bytes: int,
    ) -> None:
        self._journal = journal
        self._history = history
        self._recorder = recorder
        self._clock = clock
        self._console = console
        self._limit = limit_bytes
        self._timer: Timer | None = None
        self._writing: asyncio.Task[bool] | None = None
        self._loading: asyncio.Task[None] | None = None
        self._written = TimelineNumbers()
        self._works = True
        self._state = TimelineState("", TimelineNumbers(), 0.0)

    async def open(self, identity: str) -> str:
        """Begin to write; returns the name of the journal, which is ``identity`` if it is new.

        Raises:
            StorageError: The journal can't be read.
        """
        self._state = await self._journal.open(identity, self._history.known_from)
        last = self._state.last
        if last.number:
            last = TimelineNumbers(last.number, last.id + _GAP, last.revision + _GAP)
        self._history.continue_after(last.id)
        self._recorder.revision = last.revision
        self._written = last
        self._recorder.on_change = self._arm
        return self._state.identity

    # --- writing -------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(DELAY_S, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._arm()  # the disk is slow
            return
        self._writing = asyncio.get_running_loop().create_task(self._write())

    async def _write(self) -> bool:
        """Write what is new; return whether the journal took it."""
        history, written = self._history, self._written
        numbers = TimelineNumbers(written.number + 1, history.last_id, self._recorder.revision)
        if numbers[1:] == written[1:]:
            return True
        history.count()
        invocations = history.snapshot(after=written.id)
        # With the environment of each: a plain row does not say what it knows.
        called = invocations.environments()
        environments = pages.freeze(
            each
            for each in history.environments.values()
            if each.revision > written.revision or each.id in called
        )
        bodies = history.snapshot_of_bodies(after=written.id)
        try:
            content = await asyncio.to_thread(pages.pack, environments, invocations, bodies)
            page = TimelinePage(numbers, self._clock.now(), content)
            await self._journal.write(page, self._limit)
        except StorageError as error:
            if self._works:
                self._console.warn(f"The timeline is not kept for now: {error}")
            self._works = False
            self._arm()
        else:
            self._written, self._works = numbers, True
        return self._works

    async def close(self) -> None:
        """Write what is new; nothing more may come."""
        self._recorder.on_change = None
        if self._loading is not None:
            await asyncio.wait((self._loading,))
        if self._writing is not None:
            await self._writing
        await self._write()
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    # --- bringing back -------------------------------------------------------------------------

    async def loaded(self) -> None:
        """Return once the history has what earlier runs wrote: it is read when first asked for."""
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load())
        await asyncio.wait((self._loading,))

    async def _load(self) -> None:
        if not self._state.last.number:
            return
        try:
            written = await self._journal.pages(self._state.last.number)
            environments, invocations, bodies = await asyncio.to_thread(_join, written)
        except StorageError as error:
            self._console.warn(f"The timeline of earlier runs could not be read: {error}")
            return
        self._history.put_before(environments.values(), invocations, bodies, self._state.known_from)


def _join(
    written: list[TimelinePage],
) -> tuple[dict[str, EnvironmentRecord], list[InvocationRecord], dict[int, Bodies]]:
    environments: dict[str, EnvironmentRecord] = {}
    invocations: list[InvocationRecord] = []
    bodies: dict[int, Bodies] = {}
    for each in written:
        page = pages.unpack(each.content)
        environments |= {record.id: record for record in page.environments}
        invocations += page.invocations
        bodies |= page.bodies
    for record in environments.values():
        if record.ended is None:  # its emulator was killed
            record.end(written[-1].at)
            record.state, record.ended, record.ended_cause = "stopped", written[-1].at, "lost"
    return environments, invocations, bodies
