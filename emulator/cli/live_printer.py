"""Printing from a thread of its own, with a line of status below what is printed."""

from __future__ import annotations

import contextlib
import os
import queue
import threading
from typing import TextIO

from emulator.cli.terminal import DEFAULT_WIDTH, is_terminal

#: Lines that may wait for a slow terminal.
_MOST_WAITING = 10_000


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
        self._lines: queue.Queue[str | None] = queue.Queue(_MOST_WAITING)
        self._skipped = 0
        self._thread = threading.Thread(target=self._run, name="printing", daemon=True)
        self._thread.start()

    def print(self, line: str) -> None:
        """Print a line soon; returns at once."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._skipped += 1

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
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait("")

    def close(self, timeout_s: float = 2.0) -> None:
        """Print the lines that still wait, for at most ``timeout_s``."""
        try:
            self._lines.put(None, timeout=timeout_s)
        except queue.Full:
            return
        self._thread.join(timeout_s)

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            text = [line]
            while len(text) < 100 and not self._lines.empty():
                more = self._lines.get()
                if more is None:
                    self._write(text)
                    return
                text.append(more)
            if self._skipped:
                text.append(f"({self._skipped} lines not shown: the terminal was too slow)")
                self._skipped = 0
            if not self._write(text):
                return

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
