"""Draws charts with characters, for terminals."""

from __future__ import annotations

from collections.abc import Iterator

from emulator.cli.charts.chart import Bar, BarChart, Flame
from emulator.cli.tables import display_width
from emulator.cli.terminal import escape_controls

#: Told apart without colour, too.
_FILLS = "█▓▒░▞╱╳·"
#: Colours of a terminal, by the same order.
_COLOURS = (34, 36, 96, 33, 31, 35, 32, 95)
#: The widest column of labels, and the narrowest bar.
_LABEL, _NARROWEST = 24, 10


def lines_of(chart: BarChart | Flame, width: int, *, colour: bool) -> list[str]:
    """Return a chart as lines of ``width`` characters.

    Args:
        chart: What is drawn.
        width: Characters in a line.
        colour: The terminal shows colours.
    """
    if isinstance(chart, Flame):
        return list(_flame(chart, width))
    return list(_bars(chart, width, colour))


def _bars(chart: BarChart, width: int, colour: bool) -> Iterator[str]:
    yield chart.title
    names = chart.names
    fills = {name: _fill(at, colour) for at, name in enumerate(names)}
    if len(names) > 1:
        yield from _legend(names, fills, width)
    figures = [_figures(chart, bar) for bar in chart.bars]
    left = width - max(map(len, figures)) - 4
    widest = max(display_width(bar.label) for bar in chart.bars)
    label_width = min(_LABEL, widest, max(1, left - _NARROWEST))
    room = left - label_width
    for bar, figure in zip(chart.bars, figures, strict=True):
        label = _fit(bar.label, label_width)
        yield f"  {label} {_drawn(bar, room / chart.most, fills, room)} {figure}"


def _figures(chart: BarChart, bar: Bar) -> str:
    text = chart.written(bar.value)
    if bar.interval is None:
        return text
    return f"{text} ±{(bar.interval[1] - bar.interval[0]) / 2:{chart.form}}"


def _drawn(bar: Bar, scale: float, fills: dict[str, tuple[str, str, str]], room: int) -> str:
    text, position, cells = "", 0.0, 0
    for segment in bar.segments:
        position += segment.value * scale
        count = min(room, round(position)) - cells
        if count > 0:
            start, fill, end = fills[segment.name]
            text += start + fill * count + end
            cells += count
    if cells == 0 and bar.value > 0:
        text, cells = "▏", 1
    return text + " " * (room - cells)


def _fill(at: int, colour: bool) -> tuple[str, str, str]:
    fill = _FILLS[at % len(_FILLS)]
    if not colour:
        return "", fill, ""
    return f"\x1b[{_COLOURS[at % len(_COLOURS)]}m", fill, "\x1b[0m"


def _legend(names: list[str], fills: dict[str, tuple[str, str, str]], width: int) -> Iterator[str]:
    line, used = " ", 1
    for name in names:
        start, fill, end = fills[name]
        needed = len(name) + 5
        if used + needed > width:
            yield line
            line, used = " ", 1
        line += f" {start}{fill * 2}{end} {name}"
        used += needed
    yield line


def _flame(flame: Flame, width: int) -> Iterator[str]:
    yield flame.title
    if not flame.boxes:
        return
    end = max(box.start + box.length for box in flame.boxes) or 1.0
    labels = ["  " * box.depth + box.label for box in flame.boxes]
    details = [f"{box.length:.1f} ms" for box in flame.boxes]
    detail_width = max(map(len, details))
    left = width - detail_width - 4
    wanted = min(max(_LABEL, width // 2 - 8), max(map(display_width, labels)))
    label_width = min(wanted, max(1, left - _NARROWEST))
    room = left - label_width
    for box, label, detail in zip(flame.boxes, labels, details, strict=True):
        before = min(room - 1, int(box.start / end * room))
        length = max(1, min(room - before, round(box.length / end * room)))
        drawn = " " * before + "█" * length
        yield f"  {_fit(label, label_width)} {drawn.ljust(room)} {detail:>{detail_width}}"


def _fit(text: str, width: int) -> str:
    text = escape_controls(text)
    if display_width(text) > width:
        text = text[: width - 1] + "…"
    return text + " " * (width - display_width(text))
