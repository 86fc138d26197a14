"""A distribution that is known by its quantiles, and drawn from by their inverse."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import dataclass
from random import Random


@dataclass(frozen=True, slots=True)
class Distribution:
    """Quantiles of a positive quantity; between two of them it is taken for uniform.

    Above the last quantile the tail falls off exponentially, as fast as it does before it.
    """

    #: Probabilities, rising, each between 0 and 1.
    probabilities: tuple[float, ...]
    #: The values at these probabilities, never falling.
    values: tuple[float, ...]

    @classmethod
    def of_quantiles(cls, quantiles: Mapping[float, float]) -> Distribution:
        """Return the distribution with these values at these probabilities.

        Raises:
            ValueError: There are fewer than two, or a higher quantile is the lower value.
        """
        pairs = sorted(quantiles.items())
        values = [value for _, value in pairs]
        if len(pairs) < 2 or any(not 0 < p < 1 for p, _ in pairs):
            raise ValueError("at least two quantiles between 0 and 1 are needed")
        if values != sorted(values) or values[0] < 0:
            raise ValueError("quantiles must not fall, nor be negative")
        return cls(tuple(p for p, _ in pairs), tuple(values))

    def quantile(self, probability: float) -> float:
        """Return the value that a share of ``probability`` does not exceed."""
        known, values = self.probabilities, self.values
        if probability >= known[-1]:
            rate = (values[-1] - values[-2]) / math.log((1 - known[-2]) / (1 - known[-1]))
            left = max(1 - probability, 1e-12)
            return values[-1] + rate * math.log((1 - known[-1]) / left)
        index = bisect_right(known, probability)
        low_p, low = (0.0, self._least()) if index == 0 else (known[index - 1], values[index - 1])
        share = (probability - low_p) / (known[index] - low_p)
        return low + share * (values[index] - low)

    def draw(self, random: Random) -> float:
        """Return one value."""
        return self.quantile(random.random())

    def scaled(self, factor: float) -> Distribution:
        """Return the distribution of ``factor`` times the quantity."""
        return Distribution(self.probabilities, tuple(value * factor for value in self.values))

    def _least(self) -> float:
        """Return where it begins: as far below the first quantile as its density there says."""
        first, second = self.probabilities[:2]
        slope = (self.values[1] - self.values[0]) / (second - first)
        return max(0.0, self.values[0] - slope * first)
