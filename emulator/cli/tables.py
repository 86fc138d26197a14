"""Tables of text: a row takes one line where it fits, and several where it does not."""

from __future__ import annotations

import textwrap
import unicodedata
from collections.abc import Sequence

from emulator.cli.terminal import escape_controls, terminal_width

#: What a cell without a value shows.
NOTHING = "-"
#: Between two columns.
_GAP = "  "
#: The fewest characters that the last column may be wrapped to.
_NARROWEST = 30

Row = Sequence[str]


def show_table(columns: Row, rows: Sequence[Row], *, details: int = 0) -> None:
    """Print a table; see :func:`layout`. Where stdout is no terminal, each row is one line."""
    width = terminal_width()
    lines = layout(columns, rows, width, details=details)
    if width is not None:
        lines[0] = f"\x1b[1m{lines[0]}\x1b[0m"
    print("\n".join(lines))


def layout(columns: Row, rows: Sequence[Row], width: int | None, *, details: int = 0) -> list[str]:
    """Return the lines of a table that is ``width`` characters wide at most.

    Nothing is cut. Where a row is too long for a line, its last column is wrapped within the
    column; if it has no room even then, columns are taken out of the line and written below it,
    each with its name: details first, then the widest ones.

    Args:
        columns: Their names.
        rows: Their cells, one for each column.
        width: Characters in a line; None for as many as it takes.
        details: How many of the last columns are less important than the others, and left out
            where no row has a value in them.
    """
    cells = [[_one_line(cell) for cell in row] for row in rows]
    # A detail that no row has is left out.
    shown = [
        at
        for at in range(len(columns))
        if at < len(columns) - details or any(row[at] != NOTHING for row in cells)
    ]
    details -= len(columns) - len(shown)
    columns = [columns[at] for at in shown]
    cells = [[row[at] for at in shown] for row in cells]
    widths = [max(map(display_width, column)) for column in zip(columns, *cells, strict=True)]
    kept = list(range(len(columns)))
    below: list[int] = []
    while width is not None and not _fits(kept, widths, cells, width):
        if len(kept) == 1:
            break
        taken = kept[-1] if len(below) < details else max(kept[1:], key=lambda at: widths[at])
        kept.remove(taken)
        below.append(taken)
    lines = []
    for row in (columns, *cells):
        lines += _line(row, kept, widths, width)
        if row is not columns:
            lines += _below(columns, row, sorted(below), width)
    return lines


def _fits(kept: Sequence[int], widths: Sequence[int], cells: Sequence[Row], width: int) -> bool:
    *others, last = (widths[at] for at in kept)
    room = width - sum(others) - len(_GAP) * len(others)
    if last <= room:
        return True
    words = (word for row in cells for word in row[kept[-1]].split())
    return room >= _NARROWEST and max(map(display_width, words), default=0) <= room


def _line(row: Row, kept: Sequence[int], widths: Sequence[int], width: int | None) -> list[str]:
    """Return a row's cells of the columns ``kept``: one line, or more if the last is wrapped."""
    start = "".join(_padded(row[at], widths[at]) + _GAP for at in kept[:-1])
    last = row[kept[-1]]
    room = None if width is None else width - display_width(start)
    if room is None or display_width(last) <= room or room <= 0:
        return [(start + last).rstrip()]
    first, *more = _wrapped(last, room)
    indent = " " * display_width(start)
    return [start + first, *(indent + each for each in more)]


def _below(columns: Row, row: Row, below: Sequence[int], width: int | None) -> list[str]:
    lines = []
    for at in below:
        if row[at] == NOTHING:
            continue
        start = f"  {columns[at].lower()}: "
        room = 0 if width is None else width - display_width(start)
        first, *more = _wrapped(row[at], room) if room > _NARROWEST else [row[at]]
        lines += [start + first, *(" " * len(start) + each for each in more)]
    return lines


def _wrapped(text: str, room: int) -> list[str]:
    """Return ``text`` in lines of ``room`` characters; longer words stay whole."""
    return textwrap.wrap(text, room, break_long_words=False, break_on_hyphens=False) or [""]


def _padded(text: str, width: int) -> str:
    return text + " " * (width - display_width(text))


def display_width(text: str) -> int:
    """Return the width of ``text`` on a terminal, where some characters take two cells or none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(each) else 2 if unicodedata.east_asian_width(each) in "WF" else 1
        for each in text
    )


def _one_line(text: str) -> str:
    return escape_controls(" ".join(text.split()) or NOTHING)
