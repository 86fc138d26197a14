"""The days of a month that a cron expression means: lists, and L, W and # in their forms."""

from __future__ import annotations

import calendar
import re
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

from emulator.schedules.cron_fields import DAYS, WEEKDAYS, value_of, values_of
from emulator.schedules.errors import ScheduleError

_LAST_DAY = re.compile(r"L(?:-([0-9]{1,2}))?(W)?")
_NEAR = re.compile(r"([0-9]{1,2})W")
_NTH = re.compile(r"([0-9A-Z]+)#([1-5])")
_LAST_WEEKDAY = re.compile(r"([0-9A-Z]*)L")


class DayRule(ABC):
    """Which days of a month are meant."""

    @abstractmethod
    def days(self, year: int, month: int) -> Sequence[int]:
        """Return the days, sorted; none where the month has none of them."""


@dataclass(frozen=True, slots=True)
class ListedDays(DayRule):
    """1, 15 or 1-7: those that the month has."""

    listed: tuple[int, ...]

    def days(self, year: int, month: int) -> Sequence[int]:
        length = calendar.monthrange(year, month)[1]
        return [day for day in self.listed if day <= length]


@dataclass(frozen=True, slots=True)
class LastDay(DayRule):
    """L, L-3 (three days before it), LW (the last one from Monday to Friday)."""

    before: int = 0
    is_workday: bool = False

    def days(self, year: int, month: int) -> Sequence[int]:
        day = calendar.monthrange(year, month)[1] - self.before
        if day < 1:
            return ()
        return (_nearest_workday(year, month, day) if self.is_workday else day,)


@dataclass(frozen=True, slots=True)
class NearestWorkday(DayRule):
    """15W: the day from Monday to Friday that is nearest to the 15th, in the same month."""

    day: int

    def days(self, year: int, month: int) -> Sequence[int]:
        if self.day > calendar.monthrange(year, month)[1]:
            return ()
        return (_nearest_workday(year, month, self.day),)


@dataclass(frozen=True, slots=True)
class Weekdays(DayRule):
    """MON-FRI."""

    #: 1 is Sunday.
    listed: tuple[int, ...]

    def days(self, year: int, month: int) -> Sequence[int]:
        first, length = calendar.monthrange(year, month)
        # `calendar` counts from Monday, which is 0.
        wanted = {(value + 5) % 7 for value in self.listed}
        return [day for day in range(1, length + 1) if (first + day - 1) % 7 in wanted]


@dataclass(frozen=True, slots=True)
class NthWeekday(DayRule):
    """2#1: the first Monday; 6L: the last Friday."""

    weekday: int
    #: From 1; 0 is the last one.
    nth: int

    def days(self, year: int, month: int) -> Sequence[int]:
        days = Weekdays((self.weekday,)).days(year, month)
        if self.nth > len(days):
            return ()
        return (days[self.nth - 1],)


def days_of_month(text: str) -> DayRule:
    """Return what the field day-of-month means.

    Raises:
        ScheduleError: It is none.
    """
    last, near = _LAST_DAY.fullmatch(text), _NEAR.fullmatch(text)
    if last:
        before = int(last[1] or 0)
        if before > 30:
            raise ScheduleError(f"{text!r}: no month is that long")
        return LastDay(before, is_workday=bool(last[2]))
    if near:
        return NearestWorkday(value_of(near[1], DAYS))
    return ListedDays(values_of(text, DAYS))


def days_of_week(text: str) -> DayRule:
    """Return what the field day-of-week means.

    Raises:
        ScheduleError: It is none.
    """
    nth, last = _NTH.fullmatch(text), _LAST_WEEKDAY.fullmatch(text)
    if nth:
        return NthWeekday(value_of(nth[1], WEEKDAYS), int(nth[2]))
    if last:
        # A mere L is the week's last day.
        if not last[1]:
            return Weekdays((WEEKDAYS.last,))
        return NthWeekday(value_of(last[1], WEEKDAYS), 0)
    return Weekdays(values_of(text, WEEKDAYS))


def _nearest_workday(year: int, month: int, day: int) -> int:
    weekday = calendar.weekday(year, month, day)
    if weekday < 5:
        return day
    length = calendar.monthrange(year, month)[1]
    if weekday == 5:
        # Saturday: Friday before it, or the Monday after where that is another month's.
        return day - 1 if day > 1 else day + 2
    return day + 1 if day < length else day - 2
