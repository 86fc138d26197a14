"""What the commands print, on a terminal and elsewhere."""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
import time
from typing import Any, TextIO

from emulator.model.errors import LocalfaasError

#: Control characters except tabs and line ends, and escape sequences except colours: what a
#: function prints must not control the terminal.
_UNSAFE = re.compile(r"\x1b(?!\[[0-9;]*m)|[\x00-\x08\x0b-\x1a\x1c-\x1f\x7f-\x9f]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
#: Characters in a line of a terminal that does not say how wide it is.
DEFAULT_WIDTH = 80


class CommandError(LocalfaasError):
    """A command could not do what it was asked; the text is for its user."""


def error(text: str) -> None:
    """Print an error on stderr."""
    _say("error: ", 31, text)


def note(text: str) -> None:
    """Print on stderr what the user should know and need not act on."""
    _say("note: ", 33, text)


def _say(start: str, colour: int, text: str) -> None:
    text = make_safe(text)
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


def make_safe(text: str) -> str:
    """Return ``text`` with escapes for the control characters that the terminal would obey.

    Tabs, line ends and colours stay.
    """
    if text.isprintable():
        return text
    return _UNSAFE.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def escape_controls(text: str) -> str:
    """Return ``text`` with escapes for all its control characters, on one line."""
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", text)


def is_terminal(stream: TextIO | None = None) -> bool:
    """Say whether people read ``stream`` (stdout where none is given)."""
    return (stream or sys.stdout).isatty()


def terminal_width(stream: TextIO | None = None) -> int | None:
    """Return how many characters fit into a line of ``stream``; None if it is no terminal."""
    stream = stream or sys.stdout
    if not is_terminal(stream):
        return None
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given) > 0:
        return int(given)
    try:
        return os.get_terminal_size(stream.fileno()).columns or DEFAULT_WIDTH
    except (OSError, ValueError):
        return DEFAULT_WIDTH


def show_json(value: Any) -> None:
    """Print a value as JSON that people can read."""
    print(json.dumps(value, indent=2, ensure_ascii=False))


def age(age_s: float) -> str:
    """Return a span of seconds for people: 5s, 3m, 2h, 4d."""
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60)):
        if age_s >= size:
            return f"{age_s // size:.0f}{unit}"
    return f"{age_s:.0f}s"


def megabytes(size_bytes: int | None) -> str:
    """Return a size for people; "-" if it is not known."""
    return "-" if size_bytes is None else f"{size_bytes / 1048576:.0f} MB"


def local_time(timestamp_ms: int) -> str:
    """Return the time of day of a timestamp, with milliseconds, on the user's own clock."""
    moment = time.localtime(timestamp_ms / 1000)
    return f"{time.strftime('%H:%M:%S', moment)}.{timestamp_ms % 1000:03d}"
