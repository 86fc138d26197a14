"""Schedule expressions: what Scheduler and EventBridge's rules each take.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-scheduled-rule-pattern.html
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from emulator.schedules.cron import Cron, parse_cron
from emulator.schedules.errors import ScheduleError

_AT = re.compile(r"at\(([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2})\)")
_RATE = re.compile(r"rate\(([0-9]{1,9}) +(minute|hour|day)(s?)\)")
_CRON = re.compile(r"cron\((.*)\)")
_SECONDS = {"minute": 60, "hour": 3_600, "day": 86_400}


@dataclass(frozen=True, slots=True)
class At:
    """``at(…)``: once, at a wall time of the schedule's zone."""

    wall: datetime


@dataclass(frozen=True, slots=True)
class Rate:
    """``rate(…)``: again and again; a day is always 24 hours."""

    period_s: int


Expression = At | Rate | Cron


@lru_cache(maxsize=1024)
def parse_schedule_expression(text: str) -> Expression:
    """Return an expression as Scheduler takes it.

    Raises:
        ScheduleError: It is none.
    """
    at = _AT.fullmatch(text)
    if at:
        try:
            return At(datetime.fromisoformat(at[1]))
        except ValueError as error:
            raise ScheduleError(f"{at[1]} is no time: {error}") from error
    rate = _RATE.fullmatch(text)
    if rate:
        return _rate(rate)
    return _cron(text)


@lru_cache(maxsize=1024)
def parse_rule_expression(text: str) -> Rate | Cron:
    """Return an expression as rules of EventBridge take it: no at, and units that fit.

    Raises:
        ScheduleError: It is none.
    """
    rate = _RATE.fullmatch(text)
    if rate:
        if (rate[1].lstrip("0") == "1") == bool(rate[3]):
            raise ScheduleError("the unit is singular after 1, and plural after all else")
        return _rate(rate)
    return _cron(text)


def _rate(match: re.Match[str]) -> Rate:
    value = int(match[1])
    if not value:
        raise ScheduleError("a rate is at least 1")
    return Rate(value * _SECONDS[match[2]])


def _cron(text: str) -> Cron:
    cron = _CRON.fullmatch(text)
    if not cron:
        raise ScheduleError("it is neither at(…), rate(…) nor cron(…)")
    return parse_cron(cron[1])
