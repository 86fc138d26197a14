"""What the commands print, on a terminal and elsewhere."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import sys
import textwrap
import threading
import time
from typing import Any, TextIO

from emulator.model.errors import LocalfaasError

#: Control characters but for tab, and escape sequences but for colours: a function's output must
#: not drive the terminal.
_UNSAFE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Characters in a line of a terminal that does not say how wide it is.
_WIDTH = 80
#: Lines that may wait for a slow terminal.
_WAITING = 10_000


class CommandError(LocalfaasError):
    """A command could not do what it was asked; the text is for its user."""


def error(text: str) -> None:
    """Print an error on stderr."""
    _say("error: ", 31, text)


def note(text: str) -> None:
    """Print on stderr what the user should know and need not act on."""
    _say("note: ", 33, text)


def _say(start: str, colour: int, text: str) -> None:
    text = clean(text)
    width = terminal_width(sys.stderr)
    if width is not None:
        text = wrap(f"{start}{text}", width).removeprefix(start)
        start = f"\x1b[{colour}m{start.rstrip()}\x1b[0m "
    print(f"{start}{text}", file=sys.stderr, flush=True)


def wrap(text: str, width: int) -> str:
    """Return ``text`` in lines of ``width`` characters, broken between words.

    A command in backticks stays on one line, however long: it is there to be copied.
    """
    kept = re.sub("`[^`]*`", lambda command: command[0].replace(" ", "\0"), text)
    lines = (
        textwrap.fill(line, width, break_long_words=False, break_on_hyphens=False)
        for line in kept.split("\n")
    )
    return "\n".join(lines).replace("\0", " ")


def clean(text: str) -> str:
    """Return ``text`` with its control characters shown, not obeyed."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def show_control_characters(text: str) -> str:
    """Return ``text`` with each of its control characters as an escape, colours included."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Say whether people read ``stream`` (stdout where none is given)."""
    return (stream or sys.stdout).isatty()


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return how many characters fit into a line of ``stream``; None if it is no terminal."""
    stream = stream or sys.stdout
    if not is_terminal(stream):
        return None
    try:
        return int(os.environ["COLUMNS"])
    except (KeyError, ValueError):
        pass
    try:
        return os.get_terminal_size(stream.fileno()).columns or _WIDTH
    except (OSError, ValueError):
        return _WIDTH


def show_json(value: Any) -> None:
    """Print a value as JSON that people can read."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def age(seconds: float) -> str:
    """Return a span of time for people: 5s, 3m, 2h, 4d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"


def megabytes(size: int | None) -> str:
    """Return a size in bytes as whole megabytes; empty where it is not known."""
    return "-" if size is None else f"{size / 1048576:.0f} MB"


class LivePrinter:
    """Prints lines from a thread of its own: a slow terminal must not hold up the caller.

    Lines that would wait behind too many others are counted, and the count printed.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._terminal = not stream.closed and is_terminal(stream)
        self._status = self._shown = ""
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING)
        self._skipped = 0
        self._thread = threading.Thread(target=self._run, name="printing", daemon=True)
        self._thread.start()

    def print(self, line: str) -> None:
        """Print a line, soon."""
        try:
            self._lines.put_nowait(line)
        except queue.Full:
            self._skipped += 1

    @property
    def width(self) -> int:
        """Return how many characters fit into the terminal's line."""
        try:
            return os.get_terminal_size(self._stream.fileno()).columns or _WIDTH
        except (OSError, ValueError):
            return _WIDTH

    def status(self, text: str) -> None:
        """Keep ``text`` on the terminal's last line, below what is printed; empty for none.

        It must not be wider than the terminal: only one line is taken back.
        """
        if self._terminal and text != self._status:
            self._status = text
            with contextlib.suppress(queue.Full):
                self._lines.put_nowait("")

    def close(self, seconds: float = 2.0) -> None:
        """Print what still waits, for at most so many seconds."""
        try:
            self._lines.put(None, timeout=seconds)
        except queue.Full:
            return
        self._thread.join(seconds)

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


def local_time(milliseconds: int) -> str:
    """Return a time of day with milliseconds, on the user's own clock."""
    moment = time.localtime(milliseconds / 1000)
    return f"{time.strftime('%H:%M:%S', moment)}.{milliseconds % 1000:03d}"
