"""Makes lines of what a process prints that speaks no frames."""

from __future__ import annotations

from collections.abc import Callable

from emulator.telemetry.writer import EVENT_BYTES


class Lines:
    """Cuts output into lines.

    Args:
        write: Called with each line, without its newline.
    """

    def __init__(self, write: Callable[[str], None]) -> None:
        self._write = write
        #: The beginning of a line whose newline has not come yet.
        self._partial = b""

    def output(self, data: bytes) -> None:
        """Add output."""
        *lines, self._partial = (self._partial + data).split(b"\n")
        for line in lines:
            self._split(line)
        while len(self._partial) >= EVENT_BYTES:
            self._split(self._partial[:EVENT_BYTES])
            self._partial = self._partial[EVENT_BYTES:]

    def end_line(self) -> None:
        """Write the last line, if it had no newline."""
        if self._partial:
            self._split(self._partial)
            self._partial = b""

    flush = end_line

    def _split(self, line: bytes) -> None:
        for at in range(0, len(line) or 1, EVENT_BYTES):
            self._write(line[at : at + EVENT_BYTES].decode("utf-8", "replace"))
