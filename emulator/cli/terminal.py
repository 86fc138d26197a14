"""What the commands print: rich tables on a terminal, plain text everywhere else."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import re
import shutil
import sys
import threading
import time
import zlib
from collections.abc import Sequence
from typing import Any, TextIO

import typer

from emulator.model.errors import LocalfaasError

#: Control characters but for tab, and escape sequences but for colours: a function's output must
#: not drive the terminal.
_UNSAFE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
#: Characters in a line of a terminal that does not say how wide it is.
_WIDTH = 80
#: What a table's last column may be narrowed to, and what rules take beside each column.
_NARROWEST, _BETWEEN = 20, 3
#: Lines that may wait for a slow terminal.
_WAITING = 10_000


class CommandError(LocalfaasError):
    """A command could not do what it was asked; the text is for its user."""


def error(text: str) -> None:
    """Print an error on stderr."""
    prefix = "\x1b[31merror:\x1b[0m" if is_terminal(sys.stderr) else "error:"
    print(f"{prefix} {clean(text)}", file=sys.stderr, flush=True)


def note(text: str) -> None:
    """Print on stderr what the user should know and need not act on."""
    prefix = "\x1b[33mnote:\x1b[0m" if is_terminal(sys.stderr) else "note:"
    print(f"{prefix} {clean(text)}", file=sys.stderr, flush=True)


def clean(text: str) -> str:
    """Return ``text`` with its control characters shown, not obeyed."""
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def pairs(given: list[str] | None, option: str) -> dict[str, str]:
    """Return what an option of the form NAME=VALUE was given, by name."""
    pairs = {}
    for text in given or ():
        name, equals, value = text.partition("=")
        if not (name and equals and value):
            raise typer.BadParameter(f"{text!r} is not NAME=VALUE", param_hint=option)
        pairs[name] = value
    return pairs


def is_terminal(stream: TextIO | None = None) -> bool:
    return (stream or sys.stdout).isatty()


def show_json(value: Any) -> None:
    print(json.dumps(value, indent=2, ensure_ascii=False))


def show_table(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a table: with rules where a terminal has room for it, else as plain lines.

    Nothing is cut. The last column may be wrapped between the rules.
    """
    cells = [[clean(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    room = sum(widths[:-1]) + min(widths[-1], _NARROWEST) + _BETWEEN * len(widths)
    if is_terminal() and room <= shutil.get_terminal_size().columns:
        _show_rich(columns, cells)
        return
    for row in (columns, *cells):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        print(line.rstrip())


def _show_rich(columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        table.add_column(column, no_wrap=column is not columns[-1])
    for row in rows:
        table.add_row(*map(Text.from_ansi, row))
    Console().print(table)


def age(seconds: float) -> str:
    """Return a span of time for people: 5s, 3m, 2h, 4d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"


def megabytes(size: int | None) -> str:
    return "-" if size is None else f"{size / 1048576:.0f} MB"


def log_line(function: str, message: str, *, colour: bool) -> str:
    """Return a line of log with its function's name before it, in the function's colour."""
    # AWS's runtimes write \r for the line ends within one message.
    text = clean(re.sub(r"\r\n?", "\n", message).rstrip("\n"))
    if not colour:
        return f"{function} | {text}"
    chosen = _COLOURS[zlib.crc32(function.encode()) % len(_COLOURS)]
    return f"\x1b[{chosen}m{function} |\x1b[0m {text}\x1b[0m"


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
