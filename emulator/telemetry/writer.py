"""Writes what one environment prints into its log stream."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from typing import Protocol

from emulator.telemetry.frames import FrameReader
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

#: The longest event CloudWatch Logs takes, bytes; a longer line is cut into several.
EVENT_BYTES = 256 * 1024


class LogSink(Protocol):
    """Where events go; :class:`emulator.telemetry.logs.Logs` is one."""

    def group(self, account: str, region: str, name: str) -> LogGroup:
        """Return a group; make it if there is none."""
        ...

    def stream(self, group: LogGroup, name: str, *, of_lines: bool = False) -> LogStream:
        """Return a stream; make it if there is none."""
        ...

    def append(
        self, group: LogGroup, stream: LogStream, message: str, timestamp: int | None = None
    ) -> LogEvent:
        """Add one event and return it."""
        ...


class LogWriter:
    """Writes what one environment prints to its stream."""

    def __init__(self, logs: LogSink, account: str, region: str, group: str, stream: str) -> None:
        self._logs = logs
        self._where = (account, region, group, stream)
        self._frames = FrameReader()
        #: The beginning of a line whose newline has not come yet.
        self._partial = b""
        self._written = 0
        #: Hears each line that the process prints.
        self.on_output: Callable[[str], None] | None = None
        #: The group and stream of the last line; looked up again only after they were deleted.
        self._group: LogGroup | None = None
        self._stream: LogStream | None = None

    def line(self, *messages: str) -> None:
        """Add an event for each message."""
        group, stream = self._group, self._stream
        if group is None or stream is None or stream.deleted:
            group, stream = self._open()
        for message in messages:
            self._logs.append(group, stream, message)
        self._written += len(messages)

    def _open(self) -> tuple[LogGroup, LogStream]:
        account, region, group_name, stream_name = self._where
        self._group = group = self._logs.group(account, region, group_name)
        self._stream = stream = self._logs.stream(group, stream_name, of_lines=True)
        return group, stream

    def output(self, data: bytes) -> None:
        """Add output of the process: one event for each line or framed message."""
        for piece, is_message in self._frames.feed(data):
            if is_message:
                self._split(piece.removesuffix(b"\n"))
            else:
                self._text(piece)

    def _text(self, data: bytes) -> None:
        lines = (self._partial + data).split(b"\n")
        self._partial = lines.pop()
        for line in lines:
            self._split(line)
        while len(self._partial) >= EVENT_BYTES:
            self._split(self._partial[:EVENT_BYTES])
            self._partial = self._partial[EVENT_BYTES:]

    def end_line(self) -> None:
        """Add the last line, if it had no newline, as an event."""
        if self._partial:
            self._split(self._partial)
            self._partial = b""

    def flush(self) -> None:
        """Add all output that is held back as events; the process has ended."""
        self._text(self._frames.end())
        self.end_line()

    def _split(self, line: bytes) -> None:
        for at in range(0, len(line) or 1, EVENT_BYTES):
            text = line[at : at + EVENT_BYTES].decode("utf-8", "replace")
            self.line(text)
            if self.on_output is not None:
                self.on_output(text)

    def tail(self, mark: int, until: int, limit: int, naming: str) -> bytes:
        """Return the last ``limit`` bytes written from ``mark`` up to ``until``.

        Args:
            mark: The place in the log that it begins at.
            until: The place that it ends before.
            limit: The most bytes.
            naming: Only events with this text; "" takes all.
        """
        lines: list[bytes] = []
        size = 0
        for event in self._written_between(mark, until):
            if naming not in event.message:
                continue
            text = event.message.encode("utf-8", "replace") + b"\n"
            lines.append(text)
            size += len(text)
            if size >= limit:
                break
        return b"".join(reversed(lines))[-limit:]

    def _written_between(self, mark: int, until: int) -> Iterator[LogEvent]:
        """Yield this writer's events between two places, the newest first."""
        if self._stream is None or self._stream.deleted:
            return iter(())
        newest_first = reversed(self._stream.events)
        return islice(newest_first, self._written - until, self._written - mark)

    @property
    def written(self) -> int:
        """The number of events this writer has added: a place in the stream."""
        return self._written
