"""The fields of a cron expression, as AWS writes them.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html#cron-based
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from emulator.schedules.errors import ScheduleError


class Field(NamedTuple):
    """What a field of a cron expression may hold."""

    title: str
    first: int
    last: int
    #: Names of its values, the first value's first.
    names: tuple[str, ...] = ()


MINUTES = Field("minutes", 0, 59)
HOURS = Field("hours", 0, 23)
DAYS = Field("day-of-month", 1, 31)
MONTHS = Field(
    "month",
    1,
    12,
    ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"),
)
#: 1 is Sunday.
WEEKDAYS = Field("day-of-week", 1, 7, ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"))
YEARS = Field("year", 1970, 2199)

_NUMBER = re.compile(r"[0-9]{1,4}")


def value_of(text: str, field: Field) -> int:
    """Return one value of a field, a number or a name.

    Raises:
        ScheduleError: It is none.
    """
    if _NUMBER.fullmatch(text):
        value = int(text)
        if field.first <= value <= field.last:
            return value
    elif text in field.names:
        return field.first + field.names.index(text)
    raise ScheduleError(f"{text!r} is no {field.title}")


def values_of(text: str, field: Field) -> tuple[int, ...]:
    """Return the sorted values of a field: ``*``, values, ranges and steps, separated by commas.

    Raises:
        ScheduleError: It is no such field.
    """
    return tuple(sorted({value for part in text.split(",") for value in _part(part, field)}))


def _part(text: str, field: Field) -> Iterator[int]:
    base, slash, step_text = text.partition("/")
    step = 1
    if slash:
        if not _NUMBER.fullmatch(step_text) or not 0 < int(step_text) <= field.last:
            raise ScheduleError(f"{step_text!r} is no step of the {field.title}")
        step = int(step_text)
    first, last = _bounds(base, field, stepped=bool(slash))
    if first <= last:
        yield from range(first, last + 1, step)
        return
    # FRI-MON: over the end of the field, and on from its beginning.
    size = field.last - field.first + 1
    for value in range(first, last + size + 1, step):
        yield (value - field.first) % size + field.first


def _bounds(base: str, field: Field, *, stepped: bool) -> tuple[int, int]:
    if base == "*" or (not base and stepped):
        return field.first, field.last
    low, dash, high = base.partition("-")
    first = value_of(low, field)
    if dash:
        last = value_of(high, field)
        if last < first and field is YEARS:
            raise ScheduleError(f"{base!r} ends before it begins")
        return first, last
    return first, field.last if stepped else first
