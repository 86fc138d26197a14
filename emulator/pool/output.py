"""What a function prints, read from its sandbox into its log."""

from __future__ import annotations

import asyncio
import os

from emulator.telemetry.logs import LogWriter

#: The most read at one go, bytes.
_READ = 64 * 1024
#: Reads in a row before other work gets its turn: a flood must not keep the loop.
_READS = 16


class Output:
    """Reads the output of one sandbox whenever there is some.

    Args:
        fd: A non-blocking descriptor, owned by the sandbox's driver; None: nothing to read.
    """

    __slots__ = ("_fd", "_log")

    def __init__(self, fd: int | None, log: LogWriter) -> None:
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

        For the end of an invocation, an exit or a time-out: what was printed before belongs before
        the platform's own lines on it.
        """
        self.drain()
        self._log.end_line()

    def close(self) -> None:
        """Let go of the descriptor, after a last look."""
        self.drain()
        self._log.flush()
        self._leave()

    def _leave(self) -> None:
        if self._fd is not None:
            asyncio.get_running_loop().remove_reader(self._fd)
            self._fd = None
