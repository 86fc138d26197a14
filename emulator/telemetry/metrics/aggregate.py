"""Values of a metric in one stretch of time, kept as one: their statistics, and how they lie."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable

#: Different values that are told apart; beyond these, near ones are taken together.
MOST_VALUES = 400
#: By how much values may differ that are first taken together.
_NEARNESS = 1.01


class Aggregate:
    """Values of one metric in one stretch of time.

    Attributes:
        samples: How many there are.
        total: Their sum.
        least: The smallest.
        most: The largest.
        values: How often each was there; None where only statistics are known.
    """

    __slots__ = ("least", "most", "samples", "total", "values")

    def __init__(self) -> None:
        self.samples = 0.0
        self.total = 0.0
        self.least = math.inf
        self.most = -math.inf
        self.values: dict[float, float] | None = {}

    @classmethod
    def of(cls, value: float, count: float = 1.0) -> Aggregate:
        """Return one that has a value, some times."""
        made = cls()
        made.add(value, count)
        return made

    def add(self, value: float, count: float = 1.0) -> None:
        """Add a value, some times."""
        self.samples += count
        self.total += value * count
        self.least = min(self.least, value)
        self.most = max(self.most, value)
        values = self.values
        if values is not None:
            values[value] = values.get(value, 0.0) + count
            if len(values) > MOST_VALUES:
                self.values = merged(values)

    def add_set(self, samples: float, total: float, least: float, most: float) -> None:
        """Add values of which only the statistics are known."""
        if samples == 1 or least == most:
            self.add(least, samples)
            return
        self.values = None
        self.samples += samples
        self.total += total
        self.least = min(self.least, least)
        self.most = max(self.most, most)

    def merge(self, other: Aggregate) -> None:
        """Add all values of another one."""
        if other.values is None or self.values is None:
            self.values = None
        else:
            for value, count in other.values.items():
                self.values[value] = self.values.get(value, 0.0) + count
            if len(self.values) > MOST_VALUES:
                self.values = merged(self.values)
        self.samples += other.samples
        self.total += other.total
        self.least = min(self.least, other.least)
        self.most = max(self.most, other.most)

    @property
    def ordered(self) -> list[tuple[float, float]] | None:
        """The values in order, each with how often it was there; None: nobody knows them."""
        return None if self.values is None else sorted(self.values.items())

    def packed(self) -> bytes | None:
        """Return the values as bytes; None: nobody knows them."""
        if self.values is None:
            return None
        flat = array("d")
        for pair in self.values.items():
            flat.extend(pair)
        return flat.tobytes()

    @classmethod
    def unpacked(
        cls, samples: float, total: float, least: float, most: float, values: bytes | None
    ) -> Aggregate:
        """Return what :meth:`packed` was made of."""
        made = cls()
        made.samples, made.total, made.least, made.most = samples, total, least, most
        if values is None:
            made.values = None
        else:
            flat = array("d")
            flat.frombytes(values)
            made.values = dict(zip(flat[::2], flat[1::2], strict=True))
        return made


def merged(values: dict[float, float]) -> dict[float, float]:
    """Return values with those taken together that are near each other: half as many, at most."""
    nearness = _NEARNESS
    found = values
    while len(found) > MOST_VALUES // 2:
        found = _rounded(values.items(), math.log(nearness))
        nearness *= nearness
    return found


def _rounded(values: Iterable[tuple[float, float]], step: float) -> dict[float, float]:
    # Of each group the mean is kept, so that sums stay true.
    groups: dict[tuple[bool, int], tuple[float, float]] = {}
    for value, count in values:
        key = (value < 0, round(math.log(abs(value)) / step) if value else -(1 << 40))
        samples, total = groups.get(key, (0.0, 0.0))
        groups[key] = (samples + count, total + value * count)
    found: dict[float, float] = {}
    for samples, total in groups.values():
        mean = total / samples if samples else 0.0
        found[mean] = found.get(mean, 0.0) + samples
    return found
