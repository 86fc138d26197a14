"""Printing from a thread of its own, with a line of status below what is printed."""

from __future__ import annotations

import os
import queue
import threading
from typing import TextIO

from emulator.cli.terminal import DEFAULT_WIDTH, is_terminal

#: Characters of lines that may wait for a slow terminal, with what each line takes beside them.
_MOST_WAITING = 4 * 1024 * 1024
_LINE = 128


class LivePrinter:
    """Prints lines from a thread of its own, so that a slow terminal does not block the caller.

    Where too many lines wait already, it counts the new ones instead, and prints the count.

    Args:
        stream: Where the lines go.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = not stream.closed and is_terminal(stream)
        self._status = self._shown = ""
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        #: Characters put into the queue, and taken from it by the thread.
        self._put = self._taken = 0
        self._skipped = 0
        self._thread = threading.Thread(target=self._run, name="printing", daemon=True)
        self._thread.start()

    def print(self, line: str) -> None:
        """Print a line soon; returns at once."""
        size = len(line) + _LINE
        if self._put - self._taken + size > _MOST_WAITING and not self._lines.empty():
            self._skipped += 1
            return
        self._put += size
        self._lines.put(line)

    @property
    def width(self) -> int:
        """Return how many characters fit into a line of the terminal."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or DEFAULT_WIDTH
        except (OSError, ValueError):
            return DEFAULT_WIDTH

    def status(self, text: str) -> None:
        """Keep ``text`` on the terminal's last line, below the printed lines.

        Args:
            text: No wider than the terminal, as only one line can be replaced; empty for none.
        """
        if self._terminal and text != self._status:
            self._status = text
            self.print("")

    def close(self, timeout_s: float = 2.0) -> None:
        """Print the lines that still wait, for at most ``timeout_s``."""
        self._lines.put(None)
        self._thread.join(timeout_s)

    def _run(self) -> None:
        ended = False
        while not ended:
            text: list[str] = []
            while not text or (len(text) < 100 and not self._lines.empty()):
                line = self._take()
                if line is None:
                    ended = True
                    break
                text.append(line)
            if self._skipped:
                text.append(f"({self._skipped} lines not shown: the terminal was too slow)")
                self._skipped = 0
            if text and not self._write(text):
                return

    def _take(self) -> str | None:
        line = self._lines.get()
        if line is not None:
            self._taken += len(line) + _LINE
        return line

    def _write(self, lines: list[str]) -> bool:
        text = "".join(f"{line}\n" for line in lines if line)
        if self._status or self._shown:
            self._shown = self._status
            text = f"\r\x1b[2K{text}{self._shown}"
        try:
            self._stream.write(text)
            self._stream.flush()
        except (OSError, ValueError):
            return False  # nobody reads any more; the emulator goes on
        return True
