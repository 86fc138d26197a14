"""Logs that outlive the emulator: written in batches behind its back, brought back at start.

What is said to be logged is in memory; the disk has it a moment later. A crash loses that moment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from emulator.model.clock import Clock, Timer
from emulator.model.errors import StorageError
from emulator.model.log_journal import (
    EventRecord,
    GroupRecord,
    LogChanges,
    LogJournal,
    StreamRecord,
)
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

log = logging.getLogger(__name__)

#: Seconds from a line to its being written.
DELAY = 1.0
#: Lines that wait to be written; of more, the oldest are not kept.
MOST_WAITING = 50_000
#: Lines of all functions that are kept over a restart, the newest.
MOST_KEPT = 200_000
#: Lines brought back at one go: other work gets its turn between.
_PAGE = 2_000


class Recorder:
    """Hears of every change of the logs and writes it down later."""

    def __init__(self, journal: LogJournal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._groups: dict[int, LogGroup] = {}
        self._streams: dict[int, tuple[LogGroup, LogStream]] = {}
        self._dropped_groups: list[int] = []
        self._dropped_streams: list[int] = []
        self._trimmed: dict[int, LogStream] = {}
        self._events: list[tuple[LogStream, LogEvent]] = []
        self._timer: Timer | None = None
        self._writing: asyncio.Task[None] | None = None
        self._loading: asyncio.Task[None] | None = None

    # --- what the logs tell --------------------------------------------------------------------

    def event(self, stream: LogStream, event: LogEvent) -> None:
        self._events.append((stream, event))
        if self._timer is None:
            self._arm()
        elif len(self._events) > MOST_WAITING:
            del self._events[: MOST_WAITING // 2]

    def group(self, group: LogGroup) -> None:
        """A group is new or has changed."""
        self._groups[group.id] = group
        self._arm()

    def stream(self, group: LogGroup, stream: LogStream) -> None:
        self._streams[stream.id] = (group, stream)
        self._arm()

    def trimmed(self, stream: LogStream) -> None:
        self._trimmed[stream.id] = stream
        self._arm()

    def dropped_group(self, group: LogGroup) -> None:
        self._groups.pop(group.id, None)
        self._dropped_groups.append(group.id)
        self._arm()

    def dropped_stream(self, stream: LogStream) -> None:
        self._dropped_streams.append(stream.id)
        self._arm()

    # --- writing -------------------------------------------------------------------------------

    def _arm(self) -> None:
        if self._timer is None:
            self._timer = self._clock.call_later(DELAY, self._due)

    def _due(self) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self._arm()  # the disk is slow: the next batch is larger
            return
        self._writing = asyncio.get_running_loop().create_task(self._write(self._take()))

    def _take(self) -> LogChanges:
        changes = LogChanges(
            dropped_groups=self._dropped_groups,
            dropped_streams=self._dropped_streams,
            groups=[_group_record(group) for group in self._groups.values()],
            streams=[
                StreamRecord(stream.id, group.id, stream.name, stream.created, stream.of_lines)
                for group, stream in self._streams.values()
                if not stream.deleted
            ],
            events=[
                EventRecord(each.sequence, stream.id, each.timestamp, each.ingested, each.message)
                for stream, each in self._events
                if not stream.deleted
            ],
            trimmed=[
                (stream.id, stream.events[0].sequence if stream.events else 1 << 62)
                for stream in self._trimmed.values()
                if not stream.deleted
            ],
        )
        self._groups, self._streams, self._trimmed = {}, {}, {}
        self._dropped_groups, self._dropped_streams, self._events = [], [], []
        return changes

    async def _write(self, changes: LogChanges) -> None:
        try:
            await self._journal.write(changes)
        except StorageError as error:
            log.error("%d lines of log are not kept: %s", len(changes.events), error)

    async def close(self) -> None:
        """Write down what there is; nothing more is to come."""
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            await self._writing
        await self._write(self._take())

    # --- bringing back -------------------------------------------------------------------------

    async def load(
        self,
        restore: Callable[[list[GroupRecord], list[StreamRecord], int], None],
        put_back: Callable[[EventRecord], None],
    ) -> None:
        """Bring groups and streams back, and begin with the events.

        Raises:
            StorageError: They could not be read.
        """
        groups, streams, last = await self._journal.load(MOST_KEPT)
        restore(groups, streams, last)
        self._loading = asyncio.get_running_loop().create_task(self._load_events(put_back, last))

    async def _load_events(self, put_back: Callable[[EventRecord], None], last: int) -> None:
        after = 0
        try:
            # What comes after ``last`` is of this emulator.
            while page := await self._journal.events(after, last, _PAGE):
                for event in page:
                    put_back(event)
                after = page[-1].sequence
        except StorageError as error:
            log.error("lines of log from before could not be read: %s", error)

    async def loaded(self) -> None:
        """Return when all that was kept is back."""
        if self._loading is not None:
            await asyncio.wait((self._loading,))


def _group_record(group: LogGroup) -> GroupRecord:
    return GroupRecord(
        group.id,
        group.account,
        group.region,
        group.name,
        group.created,
        group.retention_days,
        dict(group.tags),
    )
