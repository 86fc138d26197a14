"""Logs of functions: groups, streams and events, bounded, followed live."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count

from emulator.model.clock import Clock

#: Most a stream keeps, bytes of messages; the oldest go first.
STREAM_BYTES = 4 * 1024 * 1024
#: The longest event CloudWatch Logs takes, bytes; a longer line is cut into several.
EVENT_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class LogEvent:
    """One line of log."""

    #: Rises by one with each event of the emulator: a place to continue from.
    sequence: int
    #: Milliseconds since the epoch.
    timestamp: int
    message: str


@dataclass(slots=True)
class LogStream:
    """The events of one environment (or of one client that puts its own)."""

    name: str
    created: int
    events: deque[LogEvent] = field(default_factory=deque)
    size: int = 0
    last_ingestion: int = 0


@dataclass(slots=True)
class LogGroup:
    """A named set of streams."""

    name: str
    created: int
    streams: dict[str, LogStream] = field(default_factory=dict)
    retention_days: int | None = None
    tags: dict[str, str] = field(default_factory=dict)


Listener = Callable[[LogGroup, LogStream, LogEvent], None]


class Logs:
    """All log groups, by account and region."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._sequence = count(1)
        self._listeners: list[Listener] = []
        self.groups: dict[tuple[str, str], dict[str, LogGroup]] = {}

    def group(self, account: str, region: str, name: str) -> LogGroup:
        """Return the group, made if it was not there, as Lambda does on its first line."""
        groups = self.groups.setdefault((account, region), {})
        found = groups.get(name)
        if found is None:
            found = groups[name] = LogGroup(name, int(self._clock.now() * 1000))
        return found

    def writer(self, account: str, region: str, group: str, stream: str) -> LogWriter:
        """Return a writer to one stream; group and stream appear with the first line."""
        return LogWriter(self, account, region, group, stream)

    def stream(self, group: LogGroup, name: str) -> LogStream:
        found = group.streams.get(name)
        if found is None:
            found = group.streams[name] = LogStream(name, int(self._clock.now() * 1000))
        return found

    def append(
        self, group: LogGroup, stream: LogStream, message: str, timestamp: int | None = None
    ) -> LogEvent:
        """Add one event; returns it."""
        now = int(self._clock.now() * 1000)
        event = LogEvent(next(self._sequence), now if timestamp is None else timestamp, message)
        stream.events.append(event)
        stream.last_ingestion = now
        stream.size += len(message) + 26  # what CloudWatch adds per event
        while stream.size > STREAM_BYTES and len(stream.events) > 1:
            stream.size -= len(stream.events.popleft().message) + 26
        for listener in self._listeners:
            listener(group, stream, event)
        return event

    def listen(self, listener: Listener) -> Callable[[], None]:
        """Call ``listener`` with each new event, on the loop; returns what ends that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)


class LogWriter:
    """Writes lines to one stream."""

    def __init__(self, logs: Logs, account: str, region: str, group: str, stream: str) -> None:
        self._logs = logs
        self._where = (account, region, group, stream)
        self._partial = b""
        self._written = 0

    def line(self, message: str) -> None:
        """Add one event."""
        account, region, group_name, stream_name = self._where
        group = self._logs.group(account, region, group_name)
        self._logs.append(group, self._logs.stream(group, stream_name), message)
        self._written += 1

    def output(self, data: bytes) -> None:
        """Add what a process printed; an event ends at each newline."""
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        for line in lines:
            self._split(line)
        while len(self._partial) >= EVENT_BYTES:
            self._split(self._partial[:EVENT_BYTES])
            self._partial = self._partial[EVENT_BYTES:]

    def flush(self) -> None:
        """End a last line that had no newline."""
        if self._partial:
            self._split(self._partial)
            self._partial = b""

    def _split(self, line: bytes) -> None:
        for at in range(0, len(line) or 1, EVENT_BYTES):
            self.line(line[at : at + EVENT_BYTES].decode("utf-8", "replace"))

    def tail(self, mark: int, until: int, limit: int) -> bytes:
        """Return the last ``limit`` bytes written from ``mark`` up to ``until``."""
        account, region, group_name, stream_name = self._where
        group = self._logs.group(account, region, group_name)
        events = self._logs.stream(group, stream_name).events
        lines: list[bytes] = []
        size = 0
        first = max(0, len(events) - (self._written - mark))
        last = max(0, len(events) - (self._written - until))
        for event in reversed(list(events)[first:last]):
            text = event.message.encode("utf-8", "replace") + b"\n"
            lines.append(text)
            size += len(text)
            if size >= limit:
                break
        return b"".join(reversed(lines))[-limit:]

    @property
    def written(self) -> int:
        """How many events this writer has written: a place in the stream."""
        return self._written
