"""Logs of functions: groups, streams and events, bounded, followed live."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from emulator.model.clock import Clock
from emulator.model.console import Console, SilentConsole
from emulator.model.log_journal import EventRecord, GroupRecord, StreamRecord
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream
from emulator.telemetry.recorder import Recorder
from emulator.telemetry.writer import LogWriter

#: The most memory that the events of a stream take, bytes; the oldest go first.
STREAM_BYTES = 8 * 1024 * 1024
#: The same of a group and of all groups together; the streams written to longest ago go first.
GROUP_BYTES = 24 * 1024 * 1024
ALL_BYTES = 96 * 1024 * 1024
#: The share that stays when a bound was passed. Less than all, or the next line would pass it.
_STREAM_LEFT = 15 / 16
_GROUP_LEFT = 3 / 4
_DAY_MS = 86_400_000


Listener = Callable[[LogGroup, LogStream, LogEvent], None]


class Logs:
    """All log groups, by account and region.

    Args:
        clock: The time of events.
        recorder: Stores them; without, they end with the emulator.
        console: Warned once for each group whose oldest events are removed.
    """

    def __init__(
        self, clock: Clock, recorder: Recorder | None = None, console: Console | None = None
    ) -> None:
        self._clock = clock
        self._recorder = recorder
        self._console = console or SilentConsole()
        #: Bytes of memory of all groups.
        self.memory = 0
        self._sequence = count(1)
        self._listeners: list[Listener] = []
        #: Those who hear of JSON objects alone: three lines of each warm call are none.
        self._object_listeners: list[Listener] = []
        self.groups: dict[tuple[str, str], dict[str, LogGroup]] = {}

    def group(self, account: str, region: str, name: str) -> LogGroup:
        """Return a group; make it if there is none, as Lambda does at a function's first line."""
        groups = self.groups.setdefault((account, region), {})
        found = groups.get(name)
        if found is None:
            now = int(self._clock.now() * 1000)
            found = LogGroup(next(self._sequence), account, region, name, now)
            groups[name] = found
            self.changed(found)
        return found

    def changed(self, group: LogGroup) -> None:
        """Store a group whose retention or tags were changed."""
        if self._recorder is not None:
            self._recorder.group(group)

    def writer(self, account: str, region: str, group: str, stream: str) -> LogWriter:
        """Return a writer to one stream. Its first line makes the group and the stream."""
        return LogWriter(self, account, region, group, stream)

    def stream(self, group: LogGroup, name: str, *, of_lines: bool = False) -> LogStream:
        """Return a stream; make it if there is none.

        Args:
            group: The stream's group.
            name: The stream's name.
            of_lines: An environment writes it, line by line.
        """
        found = group.streams.get(name)
        if found is None:
            self.expire(group)
            now = int(self._clock.now() * 1000)
            found = group.streams[name] = LogStream(next(self._sequence), name, now)
            found.of_lines = of_lines
            self._count(group, found.memory)
            if self._recorder is not None:
                self._recorder.stream(group, found)
        return found

    def delete_group(self, account: str, region: str, name: str) -> None:
        """Delete a group with all its streams.

        Raises:
            KeyError: There is no such group.
        """
        group = self.groups[account, region].pop(name)
        self.memory -= group.memory
        for stream in group.streams.values():
            stream.deleted = True
        if self._recorder is not None:
            self._recorder.dropped_group(group)

    def delete_stream(self, group: LogGroup, name: str) -> None:
        """Delete a stream.

        Raises:
            KeyError: There is no such stream.
        """
        stream = group.streams.pop(name)
        stream.deleted = True
        self._count(group, -stream.memory)
        if self._recorder is not None:
            self._recorder.dropped_stream(stream)

    def append(
        self, group: LogGroup, stream: LogStream, message: str, timestamp: int | None = None
    ) -> LogEvent:
        """Add one event and return it.

        Args:
            group: The stream's group.
            stream: The stream.
            message: The event's text.
            timestamp: When it happened, milliseconds since the epoch; now, without.
        """
        now = int(self._clock.now() * 1000)
        event = LogEvent(
            next(self._sequence), now if timestamp is None else timestamp, message, now
        )
        self._add(group, stream, event)
        if self._recorder is not None:
            self._recorder.event(stream, event)
        for listener in self._listeners:
            listener(group, stream, event)
        if message[:1] == "{":
            for listener in self._object_listeners:
                listener(group, stream, event)
        return event

    def _add(self, group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        memory = stream.add(event)
        group.memory += memory
        self.memory += memory
        if stream.memory > STREAM_BYTES or group.memory > GROUP_BYTES or self.memory > ALL_BYTES:
            self._make_room(group, stream)

    def _count(self, group: LogGroup, memory: int) -> None:
        group.memory += memory
        self.memory += memory

    def _make_room(self, group: LogGroup, writing: LogStream) -> None:
        if writing.memory > STREAM_BYTES:
            self._tell_full(group, STREAM_BYTES, "log stream")
            while writing.memory > STREAM_BYTES * _STREAM_LEFT and len(writing.events) > 1:
                self._drop_oldest(group, writing)
        if group.memory > GROUP_BYTES:
            self._tell_full(group, GROUP_BYTES, "log group")
            streams = [(group, stream) for stream in group.streams.values()]
            left = GROUP_BYTES * _GROUP_LEFT
            self._drop_streams(streams, writing, lambda: group.memory <= left)
        if self.memory > ALL_BYTES:
            self._tell_full(group, ALL_BYTES, "emulator")
            groups = [each for scope in self.groups.values() for each in scope.values()]
            streams = [(each, stream) for each in groups for stream in each.streams.values()]
            self._drop_streams(streams, writing, lambda: self.memory <= ALL_BYTES * _GROUP_LEFT)

    def _drop_streams(
        self,
        streams: list[tuple[LogGroup, LogStream]],
        writing: LogStream,
        is_enough: Callable[[], bool],
    ) -> None:
        """Delete the streams that were written to longest ago, but for the one being written."""
        streams.sort(key=lambda each: each[1].last_ingestion)
        for group, stream in streams:
            if is_enough():
                return
            if stream is not writing:
                self.delete_stream(group, stream.name)

    def _tell_full(self, group: LogGroup, limit: int, whole: str) -> None:
        if not group.full_warned:
            group.full_warned = True
            self._console.warn(
                f"{group.name}: the {whole} keeps {limit >> 20} MB, and its oldest lines are"
                " removed now."
            )

    def expire(self, group: LogGroup) -> None:
        """Remove the events that are older than the group's retention."""
        if group.retention_days is None:
            return
        oldest = int(self._clock.now() * 1000) - group.retention_days * _DAY_MS
        for stream in group.streams.values():
            if stream.ordered:
                while stream.events and stream.events[0].timestamp < oldest:
                    self._drop_oldest(group, stream)
                continue
            kept = [event for event in stream.events if event.timestamp >= oldest]
            if len(kept) < len(stream.events):
                before = stream.memory
                stream.replace(kept)
                self._count(group, stream.memory - before)

    def _drop_oldest(self, group: LogGroup, stream: LogStream) -> None:
        before = stream.memory
        stream.drop_oldest()
        self._count(group, stream.memory - before)
        if self._recorder is not None:
            self._recorder.trimmed(stream)

    def listen(self, listener: Listener, *, objects_only: bool = False) -> Callable[[], None]:
        """Call ``listener`` with each new event, on the loop; return a function that ends this.

        Args:
            listener: What is called.
            objects_only: With those alone whose message begins as a JSON object does.
        """
        listeners = self._object_listeners if objects_only else self._listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener)

    # --- over a restart ------------------------------------------------------------------------

    async def open(self) -> None:
        """Load groups and streams of an earlier emulator; their events follow in the background.

        Raises:
            StorageError: It could not be read.
        """
        if self._recorder is None:
            return
        streams: dict[int, tuple[LogGroup, LogStream]] = {}

        def restore(
            group_records: list[GroupRecord], stream_records: list[StreamRecord], last: int
        ) -> None:
            groups: dict[int, LogGroup] = {}
            for each in group_records:
                group = groups[each.id] = LogGroup(
                    each.id,
                    each.account,
                    each.region,
                    each.name,
                    each.created,
                    retention_days=each.retention_days,
                    tags=dict(each.tags),
                )
                self.groups.setdefault((each.account, each.region), {})[each.name] = group
            for kept in stream_records:
                owner = groups.get(kept.group)
                if owner is not None:
                    stream = LogStream(kept.id, kept.name, kept.created, of_lines=kept.of_lines)
                    owner.streams[kept.name] = stream
                    self._count(owner, stream.memory)
                    streams[kept.id] = (owner, stream)
            self._sequence = count(last + 1)

        def put_back(kept: EventRecord) -> None:
            group, stream = streams.get(kept.stream, (None, None))
            if group is not None and stream is not None and not stream.deleted:
                event = LogEvent(kept.sequence, kept.timestamp, kept.message, kept.ingested)
                self._add(group, stream, event)

        await self._recorder.load(restore, put_back)

    async def stored(self) -> None:
        """Return when all changes so far outlive a crash, where logs are kept."""
        if self._recorder is not None:
            await self._recorder.flush()

    async def loaded(self) -> None:
        """Return when all stored events are loaded."""
        if self._recorder is not None:
            await self._recorder.loaded()

    async def close(self) -> None:
        """Store all events; nothing more may be added."""
        if self._recorder is not None:
            await self._recorder.close()
