"""Logs that outlive the emulator: stored in batches in the background, loaded at the start.

Events are in memory at once and on the disk a second later. A crash loses that second. Who has to
answer for a change waits for :meth:`Recorder.flush`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from emulator.model.clock import Clock, Timer
from emulator.model.console import Console, SilentConsole
from emulator.model.errors import StorageError
from emulator.model.log_journal import EventRecord, GroupRecord, LogJournal, StreamRecord
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream
from emulator.telemetry.pending import PendingChanges

#: Seconds from an event to its batch.
DELAY_S = 1.0
#: The most events of one batch, bytes of memory; the rest waits for the next one.
_BATCH_BYTES = 8 * 1024 * 1024
#: The most events loaded at once, bytes; other work runs between the pages.
_PAGE_BYTES = 4 * 1024 * 1024


class Recorder:
    """Stores every change of the logs, a moment later.

    Events wait where the logs hold them anyway, so waiting costs next to no memory. Events that the
    logs have removed are not stored. A batch that fails is tried again.

    Args:
        journal: Where changes are stored.
        clock: For the delay.
        console: Warned once when the journal fails.
    """

    def __init__(self, journal: LogJournal, clock: Clock, console: Console | None = None) -> None:
        self._journal = journal
        self._clock = clock
        self._console = console or SilentConsole()
        self._pending = PendingChanges()
        self._timer: Timer | None = None
        self._writing: asyncio.Task[bool] | None = None
        self._loading: asyncio.Task[None] | None = None
        #: The last batch was stored.
        self._works = True

    # --- what the logs tell --------------------------------------------------------------------

    def event(self, stream: LogStream, event: LogEvent) -> None:
        """An event has come."""
        self._pending.add(stream, event)
        if self._timer is None:
            self._arm()

    def group(self, group: LogGroup) -> None:
        """A group is new or has changed."""
        self._pending.groups[group.id] = group
        self._arm()

    def stream(self, group: LogGroup, stream: LogStream) -> None:
        """A stream is new."""
        self._pending.streams[stream.id] = (group, stream)
        self._arm()

    def trimmed(self, stream: LogStream) -> None:
        """A stream has removed its oldest events."""
        self._pending.trimmed[stream.id] = stream
        self._arm()

    def dropped_group(self, group: LogGroup) -> None:
        """A group was deleted with its streams."""
        self._pending.groups.pop(group.id, None)
        self._pending.dropped_groups.append(group.id)
        self._arm()

    def dropped_stream(self, stream: LogStream) -> None:
        """A stream was deleted."""
        self._pending.dropped_streams.append(stream.id)
        self._arm()

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
        """Store a batch; return whether the journal took it."""
        batch = self._pending.take(_BATCH_BYTES)
        try:
            await self._journal.write(batch.changes())
        except StorageError as error:
            batch.join(self._pending)
            self._pending = batch
            if self._works:
                self._console.warn(f"Logs are not kept for now: {error}")
            self._works = False
        else:
            self._works = True
        if self._pending:
            self._arm()
        return self._works

    async def flush(self) -> None:
        """Return when all changes so far are stored, or the journal has refused them."""
        loop = asyncio.get_running_loop()
        before = self._writing
        if before is not None and not before.done():
            # It may have begun before the last change.
            await asyncio.shield(before)
        if self._writing is before and self._pending:
            self._writing = loop.create_task(self._write())
        if self._writing is not None:
            await asyncio.shield(self._writing)

    async def close(self) -> None:
        """Store everything that waits; nothing more may come."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        if self._writing is not None:
            await self._writing
        while self._pending and await self._write():
            pass
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._pending.events:
            self._console.warn(f"{len(self._pending.events)} lines of log were not kept.")

    # --- bringing back -------------------------------------------------------------------------

    async def load(
        self,
        restore: Callable[[list[GroupRecord], list[StreamRecord], int], None],
        put_back: Callable[[EventRecord], None],
    ) -> None:
        """Load groups and streams, and begin to load the events.

        Args:
            restore: Called with groups, streams and the last id that was used.
            put_back: Called with each event, oldest first.

        Raises:
            StorageError: They could not be read.
        """
        groups, streams, last = await self._journal.load()
        restore(groups, streams, last)
        self._loading = asyncio.get_running_loop().create_task(self._load_events(put_back, last))

    async def _load_events(self, put_back: Callable[[EventRecord], None], last: int) -> None:
        after = 0
        try:
            # Events after ``last`` are this emulator's own.
            while page := await self._journal.events(after, last, _PAGE_BYTES):
                for event in page:
                    put_back(event)
                after = page[-1].sequence
        except StorageError as error:
            self._console.warn(f"Log lines of earlier runs could not be read: {error}")

    async def loaded(self) -> None:
        """Return when all stored events are loaded."""
        if self._loading is not None:
            await asyncio.wait((self._loading,))
