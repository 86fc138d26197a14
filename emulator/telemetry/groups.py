"""Log groups, their streams and events, as they are in memory."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import NamedTuple

#: What CloudWatch adds to the size of each event, bytes.
OVERHEAD = 26


class LogEvent(NamedTuple):
    """One line of log."""

    #: Rises by one with each event of the emulator: a place to continue from.
    sequence: int
    #: Milliseconds since the epoch: of the event, and of when it came.
    timestamp: int
    message: str
    ingested: int


@dataclass(slots=True, eq=False)
class LogStream:
    """The events of one environment (or of one client that puts its own)."""

    #: Of one series with groups' ids and events' sequences.
    id: int
    name: str
    #: Milliseconds since the epoch.
    created: int
    #: In the order they came; their timestamps rise where ``ordered``.
    events: deque[LogEvent] = field(default_factory=deque)
    size: int = 0
    last_ingestion: int = 0
    ordered: bool = True
    #: An environment writes it, line by line: read through the API, its events end in a newline.
    of_lines: bool = False
    #: It was deleted: who still writes to it has to make it anew.
    deleted: bool = False

    def add(self, event: LogEvent) -> int:
        """Take an event in; returns its size."""
        if self.events and event.timestamp < self.events[-1].timestamp:
            self.ordered = False
        self.events.append(event)
        size = len(event.message) + OVERHEAD
        self.last_ingestion = event.ingested
        self.size += size
        return size

    def between(self, start: int, end: int) -> list[LogEvent]:
        """Return the events from ``start`` up to and with ``end``, milliseconds, by time."""
        if not self.ordered:
            found = [event for event in self.events if start <= event.timestamp <= end]
            found.sort(key=lambda event: event.timestamp)
            return found
        found = []
        # What is asked for is mostly the end.
        for event in reversed(self.events):
            if event.timestamp < start:
                break
            if event.timestamp <= end:
                found.append(event)
        found.reverse()
        return found


@dataclass(slots=True, eq=False)
class LogGroup:
    """A named set of streams."""

    id: int
    account: str
    region: str
    name: str
    #: Milliseconds since the epoch.
    created: int
    streams: dict[str, LogStream] = field(default_factory=dict)
    retention_days: int | None = None
    tags: dict[str, str] = field(default_factory=dict)
    #: Bytes of all its streams.
    size: int = 0
