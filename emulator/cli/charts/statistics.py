"""Means with their confidence intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

#: Student's t for 95 % on both sides, by degrees of freedom.
_T95 = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228,
        2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086,
        2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042)  # fmt: skip
#: That of many, and how much more it is with fewer: 2.4 / degrees of freedom.
_MANY, _FEWER = 1.960, 2.4


class Summary(NamedTuple):
    """What is said of a number of measurements."""

    runs: int
    mean: float
    #: The mean lies within this of the true one with 95 % confidence; None where one measurement
    #: tells nothing of it.
    reach: float | None
    median: float
    least: float
    most: float

    @property
    def low(self) -> float:
        """The lower end of the 95 % confidence interval of the mean."""
        return self.mean - (self.reach or 0.0)

    @property
    def high(self) -> float:
        """The upper end of the 95 % confidence interval of the mean."""
        return self.mean + (self.reach or 0.0)


def summarise(values: Sequence[float]) -> Summary:
    """Return the summary of at least one measurement."""
    count, ordered = len(values), sorted(values)
    mean = math.fsum(values) / count
    middle = ordered[count // 2]
    median = middle if count % 2 else (ordered[count // 2 - 1] + middle) / 2
    reach = None
    if count > 1:
        variance = math.fsum((value - mean) ** 2 for value in values) / (count - 1)
        reach = student_t(count - 1) * math.sqrt(variance / count)
    return Summary(count, mean, reach, median, ordered[0], ordered[-1])


def student_t(freedom: int) -> float:
    """Return Student's t for 95 % on both sides."""
    return _T95[freedom - 1] if freedom <= len(_T95) else _MANY + _FEWER / freedom
