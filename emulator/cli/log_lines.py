"""Lines of functions' logs for people: whose they are, and which the platform wrote."""

from __future__ import annotations

import re
import textwrap
import zlib

from emulator.cli.terminal import make_safe

_COLOURS = (36, 33, 32, 35, 34, 96, 93, 92, 95, 94)
_DIM, _PLAIN = "\x1b[2m", "\x1b[0m"
#: The platform's own lines, as text and as JSON. A function can print the same: nothing but the
#: look of a line hangs on it.
_PLATFORM = re.compile(
    r"(START|END|REPORT) RequestId: |INIT_START Runtime Version: |INIT_REPORT Init Duration: "
    r"|\S+Z [0-9a-f-]{36} (Task timed out after|throttled for) "
    r'|\{"time":"[^"]+","type":"(platform|localfaas)\.'
)
#: The fewest characters that a line is wrapped to.
_NARROWEST = 20


def log_line(function: str, message: str, width: int | None, *, time: str = "") -> str:
    """Return a line of log with its function's name before it.

    Args:
        function: The function's name; empty for none before the line.
        message: The line, or lines, with or without an end.
        width: Characters in a line of the terminal, which has the function's name in colour and
            the platform's lines dimmed and wrapped between words; None where there is no
            terminal, which has them as they are.
        time: What comes before the name.
    """
    # AWS's runtimes write \r for the line ends within one message.
    text = make_safe(re.sub(r"\r\n?", "\n", message).rstrip("\n"))
    before = f"{time} " if time else ""
    name = f"{function} | " if function else ""
    if width is None:
        return f"{before}{name}{text}"
    indent = len(before) + len(name)
    if _PLATFORM.match(text):
        lines = _wrapped(text, width - indent)
        text = f"\n{' ' * indent}".join(f"{_DIM}{line}{_PLAIN}" for line in lines)
    if not function:
        return before + text
    colour = _COLOURS[zlib.crc32(function.encode()) % len(_COLOURS)]
    return f"{before}\x1b[{colour}m{function} |{_PLAIN} {text}{_PLAIN}"


def _wrapped(text: str, room: int) -> list[str]:
    """Return a line of the platform in lines of ``room`` characters.

    Its fields, which tabs separate, stay whole where they can.
    """
    if room < _NARROWEST:
        return [text]
    lines = [""]
    for field in filter(None, text.split("\t")):
        joined = f"{lines[-1]}  {field}" if lines[-1] else field
        if len(joined) <= room:
            lines[-1] = joined
        else:
            lines += textwrap.wrap(field, room, break_on_hyphens=False)
    return [line for line in lines if line]
