"""What a chart shows; how it is drawn is said in ``text``, ``svg`` and ``png``."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple


class Segment(NamedTuple):
    """A part of a bar."""

    name: str
    value: float


@dataclass(frozen=True, slots=True)
class Bar:
    """One bar, of one or several parts in a row."""

    label: str
    segments: Sequence[Segment]
    #: The 95 % confidence interval of the whole; None: none is known.
    interval: tuple[float, float] | None = None

    @property
    def value(self) -> float:
        """The length of the whole bar."""
        return sum(each.value for each in self.segments)


@dataclass(frozen=True, slots=True)
class BarChart:
    """Bars on one scale."""

    title: str
    #: Follows each figure: " ms".
    unit: str
    bars: Sequence[Bar]
    #: How a figure is written.
    form: str = ".1f"

    @property
    def names(self) -> list[str]:
        """The names of all segments, in the order in which they come first."""
        return list(dict.fromkeys(each.name for bar in self.bars for each in bar.segments))

    @property
    def most(self) -> float:
        """The end of the scale."""
        ends = (max(bar.value, bar.interval[1] if bar.interval else 0.0) for bar in self.bars)
        return max(ends, default=0.0) or 1.0

    def written(self, value: float) -> str:
        """Return a figure with its unit."""
        return f"{value:{self.form}}{self.unit}"


class Box(NamedTuple):
    """One box of a flame."""

    label: str
    depth: int
    start: float
    length: float
    #: What is told of it: "boto3: 61.0 ms, 3.1 of its own".
    detail: str


@dataclass(frozen=True, slots=True)
class Flame:
    """Boxes nested in one another, from the outermost (at the top) to the innermost."""

    title: str
    boxes: Sequence[Box]


@dataclass(frozen=True, slots=True)
class Figure:
    """Charts below one another."""

    title: str
    charts: Sequence[BarChart | Flame]
    #: Sentences below the charts.
    notes: Sequence[str] = field(default_factory=tuple)
