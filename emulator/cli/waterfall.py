"""A trace in the terminal: a row for each part, with a bar in time."""

from __future__ import annotations

import time
from typing import Any

from emulator.cli.tables import display_width
from emulator.cli.terminal import escape_controls

#: Characters of the bars, and of what took how long.
_BARS, _TIMES = 24, 9
#: Characters of what a row says at least.
_NARROWEST = 20
_MARKS = {"fault": "✗", "error": "!", "throttle": "!"}


def milliseconds(value: float) -> str:
    """Return how long something took: "3.2 ms", "1.25 s"."""
    return f"{value:.1f} ms" if value < 1000 else f"{value / 1000:.2f} s"


def draw(trace: dict[str, Any], width: int) -> list[str]:
    """Return the lines of a trace.

    Args:
        trace: As the admin API has it.
        width: The most characters of a line.
    """
    bars = _BARS if width >= _BARS + _TIMES + _NARROWEST else 8
    room = max(_NARROWEST, width - bars - _TIMES - 2)
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(trace["start"]))
    lines = [
        f"trace {trace['id']}",
        f"{at}, {milliseconds(trace['duration_ms'])}, {trace['status']}",
        "",
    ]
    whole = max(trace["duration_ms"], 0.001)
    for row in trace["rows"]:
        label = _cut(escape_controls(_label(row)), room)
        took = "…" if row["in_progress"] else milliseconds(row["duration_ms"])
        gap = " " * (room - display_width(label))
        lines.append(f"{label}{gap} {took:>{_TIMES}} {_bar(row, whole, bars)}".rstrip())
    left_out = trace["spans"] - len(trace["rows"])
    if left_out > 0:
        lines.append(f"… and {left_out} more")
    lines += [f"goes on in trace {each}" for each in trace["linked"]]
    return lines


def _label(row: dict[str, Any]) -> str:
    mark = _MARKS.get(row["status"], "")
    kind = row["kind"].removeprefix("AWS::").replace("::", " ") if row["is_segment"] else ""
    words = [f"{mark} {row['name']}" if mark else row["name"]]
    words += [f"({kind})"] if kind and kind.lower() != row["name"].lower() else []
    words += [row["detail"]] if row["detail"] else []
    return "  " * min(int(row["depth"]), 12) + " ".join(words)


def _bar(row: dict[str, Any], whole: float, length: int) -> str:
    start: int = min(length - 1, int(row["start_ms"] / whole * length))
    last = round((row["start_ms"] + row["duration_ms"]) / whole * length)
    end: int = min(length, max(start + 1, last))
    return " " * start + "█" * (end - start)


def _cut(text: str, room: int) -> str:
    if display_width(text) <= room:
        return text
    while text and display_width(text) > room - 1:
        text = text[:-1]
    return text + "…"
