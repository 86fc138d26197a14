"""Statistics by their names: Average, p99.9, TM(10%:90%), PR(:300).

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/Statistics-definitions.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from functools import lru_cache

from emulator.telemetry.metrics.aggregate import Aggregate

#: Returns a statistic; None where it can't be had.
Statistic = Callable[[Aggregate], float | None]
Ordered = list[tuple[float, float]]

_SIMPLE: dict[str, Statistic] = {
    "SampleCount": lambda data: data.samples,
    "Sum": lambda data: data.total,
    "Average": lambda data: data.total / data.samples if data.samples else None,
    "Minimum": lambda data: data.least,
    "Maximum": lambda data: data.most,
}
_NUMBER = r"\d+(?:\.\d{1,10})?"
_PERCENTILE = re.compile(rf"p({_NUMBER})")
_SHORT = re.compile(rf"(tm|wm|tc|ts)({_NUMBER})", re.IGNORECASE)
_RANGE = re.compile(rf"(TM|WM|TC|TS|PR)\(({_NUMBER})?(%)?:({_NUMBER})?(%)?\)")


@lru_cache(maxsize=256)
def statistic(name: str) -> Statistic | None:
    """Return what finds a statistic; None: there is none of this name."""
    if name in _SIMPLE:
        return _SIMPLE[name]
    if name == "IQM":
        return _trimmed("tm", 25.0, 75.0)
    if match := _PERCENTILE.fullmatch(name):
        share = float(match[1])
        return _of_values(lambda values: percentile(values, share)) if share <= 100 else None
    if match := _SHORT.fullmatch(name):
        share = float(match[2])
        return _trimmed(match[1].lower(), 0.0, share) if share <= 100 else None
    if match := _RANGE.fullmatch(name):
        return _range(match)
    return None


def is_percentile(name: str) -> bool:
    """Say whether a statistic is a percentile, which few samples say little about."""
    return _PERCENTILE.fullmatch(name) is not None


def _range(match: re.Match[str]) -> Statistic | None:
    kind, low, low_percent, high, high_percent = match.groups()
    if low is None and high is None:
        return None
    in_percent = (low is not None and bool(low_percent)) or (
        high is not None and bool(high_percent)
    )
    if any(
        number is not None and bool(sign) != in_percent
        for number, sign in ((low, low_percent), (high, high_percent))
    ):
        return None
    if kind == "PR":
        return None if in_percent else _rank(_number(low, -math.inf), _number(high, math.inf))
    if in_percent:
        first, last = _number(low, 0.0), _number(high, 100.0)
        return _trimmed(kind.lower(), first, last) if first < last <= 100 else None
    return _bounded(kind.lower(), _number(low, -math.inf), _number(high, math.inf))


def _number(text: str | None, default: float) -> float:
    return default if text is None else float(text)


def _of_values(find: Callable[[Ordered], float | None]) -> Statistic:
    def value(data: Aggregate) -> float | None:
        ordered = data.ordered
        return find(ordered) if ordered else None

    return value


def percentile(values: Ordered, share: float) -> float:
    """Return a percentile: between two values, a share of their distance.

    Args:
        values: In order, each with how often it was there.
        share: Percent.
    """
    place = share / 100 * max(0.0, sum(count for _, count in values) - 1)
    whole = math.floor(place)
    seen = 0.0
    for at, (value, count) in enumerate(values):
        seen += count
        if whole < seen:
            following = value if whole + 1 < seen or at + 1 == len(values) else values[at + 1][0]
            return value + (following - value) * (place - whole)
    return values[-1][0]


def _trimmed(kind: str, first: float, last: float) -> Statistic:
    """Return a statistic of the values between two percentiles."""

    def find(values: Ordered) -> float | None:
        every = sum(count for _, count in values)
        low, high = every * first / 100, every * last / 100
        kept: Ordered = []
        seen = 0.0
        for value, count in values:
            inside = min(seen + count, high) - max(seen, low)
            if inside > 0:
                kept.append((value, inside))
            seen += count
        if kind == "wm" and kept:
            below = low
            above = every - high
            kept = [*kept, (kept[0][0], below), (kept[-1][0], above)]
        return _reduced(kind, kept)

    return _of_values(find)


def _bounded(kind: str, low: float, high: float) -> Statistic:
    """Return a statistic of the values between two values."""

    def find(values: Ordered) -> float | None:
        if kind == "wm":
            return _reduced(kind, [(min(max(value, low), high), count) for value, count in values])
        return _reduced(kind, [(value, count) for value, count in values if low < value <= high])

    return _of_values(find)


def _reduced(kind: str, values: Ordered) -> float | None:
    count = sum(each for _, each in values)
    total = sum(value * each for value, each in values)
    if kind == "tc":
        return count
    if kind == "ts":
        return total
    return total / count if count else None


def _rank(low: float, high: float) -> Statistic:
    def find(values: Ordered) -> float | None:
        every = sum(count for _, count in values)
        inside = sum(count for value, count in values if low < value <= high)
        return 100 * inside / every if every else None

    return _of_values(find)
