"""Changes of the logs that wait to be stored."""

from __future__ import annotations

from collections import deque

from emulator.model.log_journal import EventRecord, GroupRecord, LogChanges, StreamRecord
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

#: The most memory of waiting events that the logs have removed already, bytes.
_SLACK_BYTES = 8 * 1024 * 1024


class PendingChanges:
    """Changes that wait to be stored."""

    def __init__(self) -> None:
        self.groups: dict[int, LogGroup] = {}
        self.streams: dict[int, tuple[LogGroup, LogStream]] = {}
        self.dropped_groups: list[int] = []
        self.dropped_streams: list[int] = []
        self.trimmed: dict[int, LogStream] = {}
        self.events: deque[tuple[LogStream, LogEvent]] = deque()
        #: Bytes of memory of the events; and of how many, those that the logs have removed are
        #: searched for.
        self._memory = 0
        self._limit = _SLACK_BYTES

    def __bool__(self) -> bool:
        return bool(
            self.groups
            or self.streams
            or self.dropped_groups
            or self.dropped_streams
            or self.trimmed
            or self.events
        )

    def add(self, stream: LogStream, event: LogEvent) -> None:
        """Add an event."""
        self.events.append((stream, event))
        self._memory += event.memory
        if self._memory > self._limit:
            self._forget()

    def _forget(self) -> None:
        """Remove the events that the logs have removed."""
        held = [(stream, event) for stream, event in self.events if stream.holds(event)]
        self.events = deque(held)
        self._memory = sum(event.memory for _, event in held)
        # So each search looks at a fixed share of new events.
        self._limit = _SLACK_BYTES + self._memory

    def take(self, limit: int) -> PendingChanges:
        """Move changes into a batch: all but the events beyond a limit.

        Args:
            limit: The most events of the batch, bytes of memory.
        """
        taken = PendingChanges()
        for name in ("groups", "streams", "dropped_groups", "dropped_streams", "trimmed"):
            setattr(taken, name, getattr(self, name))
            setattr(self, name, type(getattr(self, name))())
        while self.events and taken._memory < limit:
            stream, event = self.events.popleft()
            self._memory -= event.memory
            if stream.holds(event):
                taken.events.append((stream, event))
                taken._memory += event.memory
        return taken

    def join(self, later: PendingChanges) -> None:
        """Add changes that came later."""
        self.groups |= later.groups
        self.streams |= later.streams
        self.dropped_groups += later.dropped_groups
        self.dropped_streams += later.dropped_streams
        self.trimmed |= later.trimmed
        self.events += later.events
        self._memory += later._memory
        for id in self.dropped_groups:
            self.groups.pop(id, None)

    def changes(self) -> LogChanges:
        """Return the changes as the journal takes them, without what was deleted meanwhile."""
        return LogChanges(
            dropped_groups=self.dropped_groups,
            dropped_streams=self.dropped_streams,
            groups=[_group_record(group) for group in self.groups.values()],
            streams=[
                StreamRecord(stream.id, group.id, stream.name, stream.created, stream.of_lines)
                for group, stream in self.streams.values()
                if not stream.deleted
            ],
            events=[
                EventRecord(each.sequence, stream.id, each.timestamp, each.ingested, each.message)
                for stream, each in self.events
                if stream.holds(each)
            ],
            trimmed=[
                (stream.id, stream.events[0].sequence if stream.events else 1 << 62)
                for stream in self.trimmed.values()
                if not stream.deleted
            ],
        )


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
