"""The templates, and the formats of figures in them."""

from __future__ import annotations

import datetime
import re
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from emulator import __version__
from emulator.edge.dashboard.static_files import stamp
from emulator.edge.router import ADMIN

#: Sequences that colour a terminal's text (ECMA-48: CSI, OSC and the two-character ones).
_ESCAPES = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\-_])")
#: Control characters that a page can't show.
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_PAGES = f"{ADMIN}/ui"


def plain(text: str) -> str:
    """Return a text without a terminal's colours and control characters."""
    return _CONTROLS.sub("�", _ESCAPES.sub("", text))


def duration(seconds: float | None) -> str:
    """Return a duration for people: "4 ms", "1.2 s", "3 m 20 s", "2 d 4 h"."""
    if seconds is None:
        return "–"
    if seconds < 1:
        return f"{max(0.0, seconds) * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    for large, small, units in ((86_400, 3600, "dh"), (3600, 60, "hm"), (60, 1, "ms")):
        if whole >= large:
            rest = whole % large // small
            return f"{whole // large} {units[0]}" + (f" {rest} {units[1]}" if rest else "")
    return f"{whole} s"


def size(count: float | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return "–"
    for unit in ("B", "KB", "MB"):
        if count < 1024:
            return f"{count:.0f} {unit}" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1024
    return f"{count:.1f} GB"


def iso(seconds: float) -> str:
    """Return a time (seconds since the epoch) in the form of HTML's ``time`` element."""
    return datetime.datetime.fromtimestamp(seconds, datetime.UTC).isoformat(timespec="milliseconds")


def clock(seconds: float) -> str:
    """Return the local time of day; for another day than today with the date."""
    at = datetime.datetime.fromtimestamp(seconds).astimezone()
    today = at.date() == datetime.datetime.now().astimezone().date()
    return at.strftime("%H:%M:%S" if today else "%d %b %H:%M:%S")


@cache
def templates() -> Environment:
    """Return the templates; each is compiled at first use and escapes all its values."""
    environment = Environment(
        loader=PackageLoader("emulator.edge.dashboard", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(
        plain=plain, duration=duration, bytes=size, iso=iso, clock=clock, stamp=stamp
    )
    environment.globals.update(
        version=__version__, prefix=ADMIN, ui=_PAGES, static=f"{_PAGES}/static"
    )
    return environment


def render(name: str, /, **values: Any) -> bytes:
    """Return the template ``name``, filled with ``values``, as UTF-8 HTML."""
    return templates().get_template(name).render(values).encode()
