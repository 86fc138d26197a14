"""Values of a metric in one stretch of time, kept as one: their statistics, and how they lie."""

from __future__ import annotations

import math
import sys
from array import array
from collections import Counter
from collections.abc import Sequence

#: Different values that are told apart; beyond these, near ones are taken together.
MOST_VALUES = 400
#: By how much the logarithms of values may differ that are first taken together: 2 percent.
_STEP = 0.02
#: Where the upper half of a float of 32 bits lies.
_UPPER = int(sys.byteorder == "little")
#: Keeps what is rounded positive.
_SHIFT = 1 << 20


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
        if self.values is None:
            return None
        # Where near values were taken together, theirs may be a little beyond the ends.
        least, most = self.least, self.most
        return [(min(max(value, least), most), n) for value, n in sorted(self.values.items())]

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
    step = _STEP
    found = values
    while len(found) > MOST_VALUES // 2:
        rounded: dict[float, float] = {}
        for value, count in found.items():
            near_one = _middle(value, step)
            rounded[near_one] = rounded.get(near_one, 0.0) + count
        found, step = rounded, 2 * step
    return found


class Sketch:
    """How often values were there, none of them negative: near ones are taken together.

    The upper 15 bits of a float of 32 tell values apart that differ by some 1.6 percent. They are
    taken of many values at once, which costs a fraction of what each one's logarithm would.
    """

    __slots__ = ("_least", "_most", "_places", "_total", "samples")

    def __init__(self) -> None:
        self.samples = 0
        self._total = 0.0
        self._least, self._most = math.inf, -math.inf
        #: How often each upper half was there.
        self._places: Counter[int] = Counter()

    def add(self, every: Sequence[float]) -> None:
        """Add values, at least one."""
        self.samples += len(every)
        self._total += sum(every)
        self._least, self._most = min(self._least, min(every)), max(self._most, max(every))
        halves = memoryview(array("f", every)).cast("B").cast("H")[_UPPER::2].tolist()
        self._places.update(halves)

    def aggregate(self) -> Aggregate:
        """Return the values as an aggregate."""
        places: dict[int, int] = {}
        for half, count in self._places.items():
            place = half and half | 1  # the middle of those that differ in the last bit alone
            places[place] = places.get(place, 0) + count
        middles = array("H", bytes(4 * len(places)))
        middles[_UPPER::2] = array("H", places)
        values = array("f", memoryview(middles).tobytes())
        made = Aggregate()
        made.samples, made.total = float(self.samples), self._total
        made.least, made.most = self._least, self._most
        found: dict[float, float] = dict(zip(values, map(float, places.values()), strict=True))
        made.values = merged(found) if len(found) > MOST_VALUES else found
        return made


def _middle(value: float, step: float) -> float:
    """Return the middle of the values near one, which is the same for all of them."""
    if value == 0:
        return 0.0
    size = math.exp((int(math.log(abs(value)) / step + _SHIFT) - _SHIFT + 0.5) * step)
    return size if value > 0 else -size
