"""When a schedule that is kept comes due; pure."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from emulator.schedules.expressions import At, Rate, parse_schedule_expression
from emulator.schedules.missed import PRECISION_S
from emulator.schedules.schedule import Schedule, window_offset_s, zone_of

#: AWS's retry policy, where a schedule has none.
MOST_RETRIES = 185
MAXIMUM_AGE_S = 86_400


class Due(NamedTuple):
    """One call of a target."""

    #: When it is meant.
    occurrence: float
    #: When it is made: some time in the flexible window.
    at: float


def schedule_of(body: Mapping[str, Any]) -> Schedule:
    """Return the schedule of a document.

    Raises:
        ScheduleError: It is none.
    """
    fields = body["fields"]
    return Schedule(
        expression=parse_schedule_expression(fields["ScheduleExpression"]),
        zone=zone_of(fields["ScheduleExpressionTimezone"]),
        anchor=body["anchor"],
        start=fields.get("StartDate"),
        end=fields.get("EndDate"),
    )


def window_s(body: Mapping[str, Any]) -> float:
    """Return the length of a schedule's flexible window in seconds; 0 for none."""
    return 60.0 * (body["fields"]["FlexibleTimeWindow"].get("MaximumWindowInMinutes") or 0)


def first_after(body: Mapping[str, Any], schedule: Schedule) -> float:
    """Return the instant after which a schedule's next occurrence lies."""
    fired: float | None = body.get("fired")
    if fired is not None:
        return fired
    if isinstance(schedule.expression, Rate):
        # The first one is at the anchor itself.
        return math.nextafter(body["anchor"], -math.inf)
    since = float(body["since"])
    # "Now", in whole seconds, has just gone by when it is read.
    return since - PRECISION_S if isinstance(schedule.expression, At) else since


def next_due(
    body: Mapping[str, Any], schedule: Schedule, after: float, now: float, identity: str
) -> Due | None:
    """Return what comes due next; None: nothing any more.

    What was missed (the emulator was down, the machine slept) is made up for, each occurrence in
    turn, as far as the schedule's retry policy would have had it tried until now.

    Args:
        body: The schedule's document.
        schedule: What it says.
        after: The last occurrence that was seen to.
        now: The time.
        identity: Of the schedule, for its place in the window.
    """
    window = window_s(body)
    policy = body["fields"]["Target"].get("RetryPolicy") or {}
    is_retried = policy.get("MaximumRetryAttempts", MOST_RETRIES) > 0
    age_s = policy.get("MaximumEventAgeInSeconds", MAXIMUM_AGE_S) if is_retried else 0
    oldest = now - window - max(age_s, PRECISION_S)
    found = schedule.next_after(max(after, math.nextafter(oldest, -math.inf)))
    return None if found is None else Due(found, found + window_offset_s(window, identity, found))
