"""Reads what a function prints from its sandbox into its log."""

from __future__ import annotations

import asyncio
import os
from typing import Protocol

#: The most bytes of one read.
_READ = 64 * 1024
#: Reads in a row before other work gets its turn: a flood must not block the loop.
_READS = 16


class Printed(Protocol):
    """Where output goes."""

    def output(self, data: bytes) -> None: ...

    def end_line(self) -> None:
        """Add the last line, if it had no newline."""
        ...

    def flush(self) -> None:
        """Add all that is held back; the process has ended."""
        ...


class Output:
    """Reads the output of one sandbox as it comes.

    Args:
        fd: A non-blocking descriptor, owned by the sandbox's driver; None: nothing to read.
    """

    __slots__ = ("_fd", "_log")

    def __init__(self, fd: int | None, log: Printed) -> None:
        self._fd = fd
        self._log = log
        if fd is not None:
            asyncio.get_running_loop().add_reader(fd, self.drain)

    def drain(self) -> None:
        """Log what has been printed so far."""
        for _ in range(_READS):
            if self._fd is None:
                return
            try:
                data = os.read(self._fd, _READ)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._leave()
                return
            self._log.output(data)
            if len(data) < _READ:
                return

    def end_line(self) -> None:
        """Log all that has been printed so far, a last line without a newline as well.

        For the end of an invocation, an exit or a timeout: output printed before it comes before
        the platform's lines on it.
        """
        self.drain()
        self._log.end_line()

    def close(self) -> None:
        """Read a last time, then close the descriptor."""
        self.drain()
        self._log.flush()
        self._leave()

    def _leave(self) -> None:
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = None
