"""A cron expression of AWS: six fields, and the next wall time that they mean."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from emulator.schedules.cron_days import DayRule, days_of_month, days_of_week
from emulator.schedules.cron_fields import HOURS, MINUTES, MONTHS, YEARS, values_of
from emulator.schedules.errors import ScheduleError


@dataclass(frozen=True, slots=True)
class Cron:
    """The fields of ``cron(…)``, each as its values."""

    minutes: tuple[int, ...]
    hours: tuple[int, ...]
    day_rule: DayRule
    months: tuple[int, ...]
    years: tuple[int, ...]

    def following(self, wall: datetime) -> Iterator[datetime]:
        """Yield the wall times that are meant, from ``wall`` on, in order.

        The work between two of them is bounded: by the months that there are until the last year.

        Args:
            wall: A time without a zone.
        """
        for year, month in self._months(wall):
            is_now = (year, month) == (wall.year, wall.month)
            for day in self.day_rule.days(year, month):
                if is_now and day < wall.day:
                    continue
                yield from self._times(year, month, day, wall)

    def _months(self, wall: datetime) -> Iterator[tuple[int, int]]:
        for year in self.years[bisect_left(self.years, wall.year) :]:
            first = wall.month if year == wall.year else 1
            for month in self.months[bisect_left(self.months, first) :]:
                yield year, month

    def _times(self, year: int, month: int, day: int, wall: datetime) -> Iterator[datetime]:
        start = datetime(year, month, day)
        hours, first_minute = self.hours, 0
        if start.date() == wall.date():
            hours = hours[bisect_left(hours, wall.hour) :]
            first_minute = wall.minute + bool(wall.second or wall.microsecond)
        for hour in hours:
            is_now = first_minute and hour == wall.hour
            low = bisect_left(self.minutes, first_minute) if is_now else 0
            for minute in self.minutes[low:]:
                yield datetime(year, month, day, hour, minute)


def parse_cron(text: str) -> Cron:
    """Return the cron expression that stands between the parentheses of ``cron(…)``.

    Raises:
        ScheduleError: It is none.
    """
    fields = text.upper().split()
    if len(fields) != 6:
        raise ScheduleError(f"a cron expression has 6 fields, not {len(fields)}")
    minutes, hours, day, month, weekday, year = fields
    if (day == "?") == (weekday == "?"):
        raise ScheduleError("one of day-of-month and day-of-week, and only one, must be ?")
    return Cron(
        minutes=values_of(minutes, MINUTES),
        hours=values_of(hours, HOURS),
        day_rule=days_of_month(day) if weekday == "?" else days_of_week(weekday),
        months=values_of(month, MONTHS),
        years=values_of(year, YEARS),
    )
