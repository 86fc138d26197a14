"""Draws charts as SVG, without any library; light and dark as the reader's screen is."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from emulator.cli.charts.chart import Bar, BarChart, Box, Figure, Flame
from emulator.cli.terminal import escape_controls

_WIDTH, _MARGIN = 860, 24
_LABELS, _FIGURES = 190, 120
_ROW, _BAR = 30, 18
_BOX = 20
#: Pixels of a character, about.
_CHARACTER = 6.6
#: They differ in lightness, too: from dark to light and back.
COLOURS = ("#1d3557", "#457b9d", "#8ecae6", "#f4a261", "#c1440e", "#6d597a", "#2a9d8f", "#b5838d")
#: Dark enough for white letters.
_FLAME = ("#9c3208", "#b8440e", "#1d3557", "#2f5f85", "#5c4768", "#745d84")

_STYLE = """
text { font: 12px system-ui, sans-serif; fill: #1b1f24 }
.title { font-size: 17px; font-weight: 600 } .chart { font-size: 13px; font-weight: 600 }
.note, .axis { fill: #57606a } .figure { font-variant-numeric: tabular-nums }
.page { fill: #ffffff } .grid { stroke: #d0d7de } .interval { stroke: #1b1f24; stroke-width: 1.5 }
.box { stroke: #ffffff; stroke-width: 1 } .in { fill: #ffffff }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 } .note, .axis { fill: #9198a1 } .page { fill: #0d1117 }
  .grid { stroke: #30363d } .interval { stroke: #e6edf3 } .box { stroke: #0d1117 }
}
"""


def draw(figure: Figure) -> str:
    """Return a figure as an SVG document."""
    parts: list[str] = []
    y = _MARGIN + 14
    parts.append(_text(_MARGIN, y, figure.title, "title"))
    y += 16
    for chart in figure.charts:
        drawn, height = _bars(chart, y) if isinstance(chart, BarChart) else _flame(chart, y)
        parts += drawn
        y += height
    for note in figure.notes:
        y += 16
        parts.append(_text(_MARGIN, y, note, "note"))
    height = y + _MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_WIDTH}" height="{height}" '
        f'viewBox="0 0 {_WIDTH} {height}" role="img" aria-label="{_safe(figure.title)}">\n'
        f"<style>{_STYLE}</style>\n"
        f'<rect class="page" width="{_WIDTH}" height="{height}"/>\n'
        + "\n".join(parts)
        + "\n</svg>\n"
    )


def _bars(chart: BarChart, y: int) -> tuple[list[str], int]:
    colours = colours_of(chart)
    scale = (_WIDTH - 2 * _MARGIN - _LABELS - _FIGURES) / chart.most
    parts = [_text(_MARGIN, y + 22, chart.title, "chart")]
    top = y + 32
    if len(chart.names) > 1:
        parts += _legend(colours, top)
        top += 22
    for number, bar in enumerate(chart.bars):
        parts += _bar(chart, bar, top + number * _ROW, scale, colours)
    return parts, top + len(chart.bars) * _ROW - y


def _bar(chart: BarChart, bar: Bar, y: int, scale: float, colours: dict[str, str]) -> Iterator[str]:
    left = x = float(_MARGIN + _LABELS)
    yield _text(_MARGIN, y + 14, _cut(bar.label, _LABELS), "label")
    for segment in bar.segments:
        length = segment.value * scale
        yield (
            f'<rect x="{x:.1f}" y="{y}" width="{length:.1f}" height="{_BAR}" '
            f'fill="{colours[segment.name]}">'
            f"<title>{_safe(f'{bar.label}, {segment.name}: {chart.written(segment.value)}')}"
            "</title></rect>"
        )
        x += length
    if bar.interval is not None:
        low, high = (left + each * scale for each in bar.interval)
        middle = y + _BAR / 2
        yield (
            f'<path class="interval" fill="none" d="M{low:.1f} {middle - 4}v8M{low:.1f} {middle}'
            f'H{high:.1f}M{high:.1f} {middle - 4}v8"/>'
        )
        x = max(x, high)
    yield _text(x + 8, y + 14, chart.written(bar.value), "figure")


def _legend(colours: dict[str, str], y: int) -> Iterator[str]:
    x = float(_MARGIN)
    for name, colour in colours.items():
        yield f'<rect x="{x:.0f}" y="{y}" width="12" height="12" fill="{colour}"/>'
        yield _text(x + 17, y + 10, name, "axis")
        x += 17 + len(name) * _CHARACTER + 16


def _flame(flame: Flame, y: int) -> tuple[list[str], int]:
    parts = [_text(_MARGIN, y + 22, flame.title, "chart")]
    end = max((box.start + box.length for box in flame.boxes), default=0.0) or 1.0
    scale, top = (_WIDTH - 2 * _MARGIN) / end, y + 32
    for number, box in enumerate(flame.boxes):
        x, width = _MARGIN + box.start * scale, max(1.0, box.length * scale)
        row = top + box.depth * (_BOX + 1)
        colour = flame_colour(box, number)
        parts.append(
            f'<rect class="box" x="{x:.1f}" y="{row}" width="{width:.1f}" height="{_BOX}" '
            f'fill="{colour}"><title>{_safe(box.detail)}</title></rect>'
        )
        room = int((width - 8) / _CHARACTER)
        if room >= 3:
            parts.append(_text(x + 4, row + 14, _cut(box.label, width - 8), "in"))
    depth = max((box.depth for box in flame.boxes), default=0) + 1
    return parts, top + depth * (_BOX + 1) + 6 - y


def flame_colour(box: Box, number: int) -> str:
    """Return the colour of the n-th box of a flame: neighbours differ."""
    return _FLAME[(2 * box.depth + number % 2) % len(_FLAME)]


def colours_of(chart: BarChart) -> dict[str, str]:
    """Return the colour of each kind of segment."""
    return {name: COLOURS[at % len(COLOURS)] for at, name in enumerate(chart.names)}


def _safe(text: str) -> str:
    # XML has no control characters, and names come from functions.
    return escape(escape_controls(text))


def _cut(text: str, width: float) -> str:
    room = max(1, int(width / _CHARACTER))
    return text if len(text) <= room else text[: room - 1] + "…"


def _text(x: float, y: float, text: str, kind: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" class="{kind}">{_safe(text)}</text>'
