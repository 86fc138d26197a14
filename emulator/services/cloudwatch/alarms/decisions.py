"""Which state an alarm has, from the data of its last periods: pure functions.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-missing-data.html
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Sequence
from typing import Literal

State = Literal["OK", "ALARM", "INSUFFICIENT_DATA"]
#: How data that is missing is treated.
TREATMENTS = ("breaching", "notBreaching", "ignore", "missing")
#: Each comparison, and how reasons word it.
COMPARISONS: dict[str, tuple[Callable[[float, float], bool], str]] = {
    "GreaterThanOrEqualToThreshold": (operator.ge, "greater than or equal to"),
    "GreaterThanThreshold": (operator.gt, "greater than"),
    "LessThanThreshold": (operator.lt, "less than"),
    "LessThanOrEqualToThreshold": (operator.le, "less than or equal to"),
}
#: Periods before those that count, which are looked at, too: data that is late stands in for some.
FURTHER_PERIODS = 2


def decide(
    breaching: Sequence[bool | None], periods: int, needed: int, treatment: str, before: State
) -> State:
    """Return an alarm's state.

    Args:
        breaching: Whether each period's data is beyond the threshold, the oldest first; None where
            there is none. Some more than ``periods``.
        periods: How many count (N).
        needed: How many of them make an alarm (M).
        treatment: How missing data is treated.
        before: The state it has.
    """
    there = [each for each in breaching if each is not None]
    if len(there) >= periods:
        # There is enough real data: what is missing does not matter.
        return "ALARM" if sum(there[-periods:]) >= needed else "OK"
    missing = periods - len(there)
    if treatment == "breaching":
        return "ALARM" if sum(there) + missing >= needed else "OK"
    if treatment == "notBreaching" or sum(there) >= needed:
        return "ALARM" if sum(there) >= needed else "OK"
    if not there:
        return before if treatment == "ignore" else "INSUFFICIENT_DATA"
    if all(there) and _age_of_oldest(breaching) >= needed:
        # All that is known is beyond the threshold, for as long as an alarm needs.
        return before if treatment == "ignore" else "ALARM"
    return "OK"


def _age_of_oldest(breaching: Sequence[bool | None]) -> int:
    """Return for how many periods, up to the last one, there has been data."""
    first = next(at for at, each in enumerate(breaching) if each is not None)
    return len(breaching) - first
