"""Draws charts as PNG where matplotlib is installed."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from emulator.cli.charts.chart import BarChart, Figure, Flame
from emulator.cli.charts.svg import colours_of, flame_colour
from emulator.cli.terminal import escape_controls


def is_possible() -> bool:
    """Say whether matplotlib is installed."""
    return find_spec("matplotlib") is not None


def draw(figure: Figure, path: Path) -> None:
    """Write a figure to a file.

    Raises:
        OSError: It can't be written.
    """
    from matplotlib.figure import Figure as Canvas

    heights = [_height(chart) for chart in figure.charts]
    canvas = Canvas(figsize=(9.0, sum(heights) + 0.8), dpi=150, layout="constrained")
    canvas.suptitle(_plain(figure.title), fontsize=12, x=0.02, ha="left")
    axes = canvas.subplots(len(heights), 1, height_ratios=heights, squeeze=False)
    for each, chart in zip(axes.flat, figure.charts, strict=True):
        each.set_title(_plain(chart.title), fontsize=10, loc="left")
        if isinstance(chart, BarChart):
            _bars(each, chart)
        else:
            _flame(each, chart)
    if figure.notes:
        canvas.supxlabel(_plain("\n".join(figure.notes)), fontsize=7, x=0.02, ha="left")
    with warnings.catch_warnings():
        # A character that the font lacks is drawn as a box.
        warnings.simplefilter("ignore", UserWarning)
        canvas.savefig(path, format="png")


def _plain(text: str) -> str:
    """Return a text that matplotlib does not take for a formula."""
    return "\n".join(map(escape_controls, text.splitlines())).replace("$", r"\$")


def _height(chart: BarChart | Flame) -> float:
    if isinstance(chart, BarChart):
        return 0.9 + 0.36 * len(chart.bars)
    return 0.6 + 0.26 * (1 + max((box.depth for box in chart.boxes), default=0))


def _bars(axes: Any, chart: BarChart) -> None:
    colours = colours_of(chart)
    places = range(len(chart.bars))
    left = [0.0] * len(chart.bars)
    for name in chart.names:
        values = [sum(s.value for s in bar.segments if s.name == name) for bar in chart.bars]
        axes.barh(places, values, left=left, color=colours[name], label=name, height=0.6)
        left = [start + value for start, value in zip(left, values, strict=True)]
    for place, bar in enumerate(chart.bars):
        end = bar.value
        if bar.interval is not None:
            low, high = bar.interval
            axes.plot([low, high], [place, place], color="black", marker="|", linewidth=1)
            end = max(end, high)
        axes.annotate(
            chart.written(bar.value),
            (end, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center",
            fontsize=8,
        )
    axes.set_yticks(places, [_plain(bar.label) for bar in chart.bars], fontsize=8)
    axes.invert_yaxis()
    axes.set_xlim(0, chart.most * 1.15)
    axes.set_xlabel(chart.unit.strip(), fontsize=7, loc="right")
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right"]].set_visible(False)
    if len(chart.names) > 1:
        axes.legend(fontsize=7, ncols=min(6, len(chart.names)), loc="best", frameon=False)


def _flame(axes: Any, flame: Flame) -> None:
    for number, box in enumerate(flame.boxes):
        colour = flame_colour(box, number)
        axes.barh(
            box.depth,
            box.length,
            left=box.start,
            height=0.95,
            color=colour,
            edgecolor="white",
            linewidth=0.5,
        )
        end = max(each.start + each.length for each in flame.boxes)
        if box.length > end * 0.012 * len(box.label):
            axes.text(
                box.start + end * 0.005,
                box.depth,
                _plain(box.label),
                va="center",
                fontsize=7,
                color="white",
            )
    axes.invert_yaxis()
    axes.set_yticks([])
    axes.set_xlabel("ms", fontsize=7, loc="right")
    axes.tick_params(axis="x", labelsize=7)
    axes.spines[["top", "right", "left"]].set_visible(False)
