"""How often the keys of usage plans were used, and whether they may go on.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-request-throttling.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

from emulator.model.clock import Clock

_EPOCH_MONDAY = date(1970, 1, 5)


class Bucket:
    """A token bucket: ``burst`` at once, ``rate`` a second in the long run."""

    __slots__ = ("at", "tokens")

    def __init__(self, burst: float, now: float) -> None:
        self.tokens, self.at = burst, now

    def take(self, rate: float, burst: float, now: float) -> bool:
        """Take one token; False: there is none."""
        self.tokens = min(burst, self.tokens + (now - self.at) * rate)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Usage:
    """What was used, in memory: counts of days, and the buckets of throttles."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        #: Requests by plan, key and day.
        self._used: dict[tuple[str, str, date], int] = {}
        #: What UpdateUsage has added to a period's limit, by plan, key and the period's first day.
        self._extra: dict[tuple[str, str, date], int] = {}
        self._buckets: dict[tuple[str, ...], Bucket] = {}

    def allows(self, name: tuple[str, ...], rate: float, burst: float) -> bool:
        """Take from the bucket of a throttle; False: it is empty.

        Args:
            name: Of what is throttled.
            rate: Requests a second.
            burst: The most at once.
        """
        now = self._clock.now()
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = Bucket(burst, now)
        return bucket.take(rate, burst, now)

    def spend(self, plan: Mapping[str, Any], key_id: str) -> bool:
        """Count a request of a key; False: its quota is used up, and it is not counted."""
        today = self._today()
        if plan.get("quota") is not None and self._left(plan, key_id, today) <= 0:
            return False
        name = (plan["id"], key_id, today)
        self._used[name] = self._used.get(name, 0) + 1
        return True

    def set_remaining(self, plan: Mapping[str, Any], key_id: str, remaining: int) -> None:
        """Set how many requests a key has left in the period of today."""
        today = self._today()
        name = (plan["id"], key_id, period_begin(plan["quota"], today))
        self._extra[name] = self._extra.get(name, 0) + remaining - self._left(plan, key_id, today)

    def days(
        self, plan: Mapping[str, Any], key_id: str, begin: date, end: date
    ) -> list[tuple[int, int]]:
        """Return what was used on each day, and what was left at its end."""
        found = []
        for number in range((end - begin).days + 1):
            day = begin + timedelta(days=number)
            left = self._left(plan, key_id, day) if plan.get("quota") else 0
            found.append((self._used.get((plan["id"], key_id, day), 0), left))
        return found

    def _today(self) -> date:
        return datetime.fromtimestamp(self._clock.now(), UTC).date()

    def _left(self, plan: Mapping[str, Any], key_id: str, day: date) -> int:
        begin = period_begin(plan["quota"], day)
        used = sum(
            self._used.get((plan["id"], key_id, begin + timedelta(days=each)), 0)
            for each in range((day - begin).days + 1)
        )
        extra = self._extra.get((plan["id"], key_id, begin), 0)
        return int(plan["quota"]["limit"]) + extra - used


def period_begin(quota: Mapping[str, Any], day: date) -> date:
    """Return the first day of the quota's period that a day is in."""
    offset = int(quota.get("offset") or 0)
    if quota["period"] == "DAY":
        return day
    if quota["period"] == "WEEK":
        return day - timedelta(days=((day - _EPOCH_MONDAY).days - offset) % 7)
    first = day.replace(day=1) + timedelta(days=offset)
    if first <= day:
        return first
    return (day.replace(day=1) - timedelta(days=1)).replace(day=1) + timedelta(days=offset)
