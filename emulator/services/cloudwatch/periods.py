"""Which times a request of data means.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

_DAY_S = 86_400
#: Periods of data that is kept by the second.
SHORT = (1, 5, 10, 20, 30)


def is_period(period: int) -> bool:
    """Say whether data can be had in such periods (seconds)."""
    return period in SHORT or (period >= 60 and period % 60 == 0)


def begin(start: float, period: int, now: float) -> int:
    """Return where the first period begins: the older, the coarser it is rounded."""
    age = now - start
    step = 60 if age < 15 * _DAY_S else 300 if age < 63 * _DAY_S else 3600
    if period < 60:
        step = period
    return int(start // step * step)
