"""Log groups, their streams and events, as they are in memory."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

#: What CloudWatch adds to the size of each event, bytes.
OVERHEAD = 26
#: What this process needs for an event beside the characters of its message, and for a stream
#: beside its events, bytes.
EVENT_MEMORY = 256
STREAM_MEMORY = 1024


class LogEvent(NamedTuple):
    """One log event: usually a line."""

    #: Rises with each event of the emulator, so readers can continue after it.
    sequence: int
    #: When it happened, milliseconds since the epoch.
    timestamp: int
    message: str
    #: When it was received, milliseconds since the epoch.
    ingested: int

    @property
    def memory(self) -> int:
        """The memory it takes, bytes."""
        return memory_of(self.message)


def memory_of(message: str) -> int:
    """Return the memory of an event, bytes: exact for ASCII, near it for most other text."""
    length = len(message)
    return EVENT_MEMORY + (length if message.isascii() else 3 * length)


@dataclass(slots=True, eq=False)
class LogStream:
    """The events of one environment, or of one client that writes its own."""

    #: From the same series as groups' ids and events' sequences.
    id: int
    name: str
    #: Milliseconds since the epoch.
    created: int
    #: In the order of arrival.
    events: deque[LogEvent] = field(default_factory=deque)
    #: Bytes as CloudWatch counts them.
    size: int = 0
    #: Bytes of this process's memory.
    memory: int = STREAM_MEMORY
    last_ingestion: int = 0
    #: Their timestamps never go back.
    ordered: bool = True
    #: An environment writes it line by line. The API adds a newline to its events, as AWS does.
    of_lines: bool = False
    #: It was deleted; a writer has to make a new one.
    deleted: bool = False

    def add(self, event: LogEvent) -> int:
        """Append an event; return the memory it takes, bytes."""
        events, message = self.events, event.message
        if events and event.timestamp < events[-1].timestamp:
            self.ordered = False
        events.append(event)
        self.last_ingestion = event.ingested
        self.size += len(message) + OVERHEAD
        memory = memory_of(message)
        self.memory += memory
        return memory

    def drop_oldest(self) -> None:
        """Remove the event that came first."""
        event = self.events.popleft()
        self.size -= len(event.message) + OVERHEAD
        self.memory -= event.memory

    def replace(self, events: Iterable[LogEvent]) -> None:
        """Replace all events; they are given in the order of arrival."""
        self.events = deque(events)
        self.size = sum(len(event.message) + OVERHEAD for event in self.events)
        self.memory = STREAM_MEMORY + sum(event.memory for event in self.events)

    def holds(self, event: LogEvent) -> bool:
        """Say whether an event that was added is still there."""
        return not self.deleted and bool(self.events) and event.sequence >= self.events[0].sequence

    def between(self, start: int, end: int) -> list[LogEvent]:
        """Return the events between two times, sorted by time.

        Args:
            start: Milliseconds since the epoch.
            end: Milliseconds since the epoch, included.
        """
        if not self.ordered:
            found = [event for event in self.events if start <= event.timestamp <= end]
            found.sort(key=lambda event: event.timestamp)
            return found
        found = []
        # Most callers want the newest.
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
    #: Bytes of memory of all its streams.
    memory: int = 0
    #: The user knows that its oldest events are being removed.
    full_warned: bool = False

    @property
    def size(self) -> int:
        """Bytes of all its streams, as CloudWatch counts them."""
        return sum(stream.size for stream in self.streams.values())
