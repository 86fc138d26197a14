"""A schedule: an expression with its zone, its beginning and its end."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from zoneinfo import ZoneInfo

from emulator.schedules.cron import Cron
from emulator.schedules.errors import ScheduleError
from emulator.schedules.expressions import At, Expression, Rate


def zone_of(name: str) -> tzinfo:
    """Return a time zone by its name in IANA's database.

    Raises:
        ScheduleError: There is none of this name.
    """
    if name.upper() == "UTC":
        return UTC
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError) as error:
        raise ScheduleError(f"there is no time zone {name!r} on this machine") from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """When something is due. All instants are seconds since the epoch."""

    expression: Expression
    zone: tzinfo = UTC
    #: A rate counts from here: its first occurrence.
    anchor: float = 0.0
    #: Nothing is due before ...
    start: float | None = None
    #: ... or after.
    end: float | None = None

    def next_after(self, instant: float) -> float | None:
        """Return the first occurrence after an instant; None: there is none any more.

        Daylight saving is as Scheduler documents it: what cron means in the hour that is skipped
        does not occur, and what it means in the hour that comes twice occurs the first time.
        """
        expression = self.expression
        if isinstance(expression, At):
            # A time that the clocks skip is as much later as they go forward.
            found: float | None = _instant(expression.wall, self.zone)
            return found if found is not None and found > instant else None
        if self.start is not None and instant < self.start:
            instant = math.nextafter(self.start, -math.inf)
        if isinstance(expression, Rate):
            found = self._next_of_rate(expression.period_s, instant)
        else:
            found = self._next_of_cron(expression, instant)
        return None if found is None or (self.end is not None and found > self.end) else found

    def _next_of_rate(self, period_s: int, instant: float) -> float:
        if instant < self.anchor:
            return self.anchor
        found = self.anchor + (math.floor((instant - self.anchor) / period_s) + 1) * period_s
        # Rounding may have left it where it was.
        return found if found > instant else found + period_s

    def _next_of_cron(self, cron: Cron, instant: float) -> float | None:
        wall = datetime.fromtimestamp(instant, self.zone).replace(tzinfo=None)
        for occurs in cron.following(wall):
            found = _instant(occurs, self.zone)
            if found > instant and _exists(occurs, found, self.zone):
                return found
        return None


def _instant(wall: datetime, zone: tzinfo) -> float:
    return wall.replace(tzinfo=zone, fold=0).timestamp()


def _exists(wall: datetime, instant: float, zone: tzinfo) -> bool:
    """Say whether the clocks of a zone show a wall time at all."""
    return zone is UTC or datetime.fromtimestamp(instant, zone).replace(tzinfo=None) == wall


def window_offset_s(window_s: float, identity: str, occurrence: float) -> float:
    """Return how far into its flexible window an occurrence is fired.

    It is spread evenly, and always the same: a restart changes nothing.

    Args:
        window_s: The window; 0 for none.
        identity: Of the schedule.
        occurrence: When the window begins.
    """
    if window_s <= 0:
        return 0.0
    digest = hashlib.blake2b(f"{identity}\0{occurrence}".encode(), digest_size=8).digest()
    return window_s * (int.from_bytes(digest) / 2**64)
