"""When a kept schedule comes due, and what becomes of what was missed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from emulator.services.scheduler.timing import Due, first_after, next_due, schedule_of

HOUR = 3_600.0
NOON = datetime(2024, 5, 1, 12, tzinfo=UTC).timestamp()


def document(expression: str, **fields: Any) -> dict[str, Any]:
    return {
        "anchor": NOON,
        "since": NOON,
        "fields": {
            "ScheduleExpression": expression,
            "ScheduleExpressionTimezone": "UTC",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": {},
            **fields,
        },
    }


def due(body: dict[str, Any], now: float) -> Due | None:
    schedule = schedule_of(body)
    return next_due(body, schedule, first_after(body, schedule), now, "arn")


@pytest.mark.parametrize(
    ("expression", "occurrence"),
    [
        ("rate(1 hour)", NOON),
        ("cron(0 12 * * ? *)", NOON + 24 * HOUR),
        ("cron(0 13 * * ? *)", NOON + HOUR),
        ("at(2024-05-01T12:30:00)", NOON + HOUR / 2),
        ("at(2024-05-01T11:59:30)", NOON - 30),
        ("at(2024-05-01T11:00:00)", None),
    ],
)
def test_the_first_occurrence(expression: str, occurrence: float | None) -> None:
    found = due(document(expression), NOON)
    assert (found.occurrence if found else None) == occurrence


def test_each_occurrence_that_was_missed_is_made_up_for_in_turn() -> None:
    body, now = {**document("rate(1 minute)"), "fired": NOON}, NOON + 8 * HOUR + 10
    seen = []
    while (found := due(body, now)) is not None and found.at <= now:
        seen.append(found.occurrence)
        body["fired"] = found.occurrence
    assert seen == [NOON + 60 * minute for minute in range(1, 8 * 60 + 1)]
    # Of a week those of the last day, for which AWS tries.
    nightly = {**document("cron(0 3 * * ? *)"), "fired": NOON - 9 * HOUR}
    found = due(nightly, NOON + (7 * 24 - 8) * HOUR)
    assert found is not None
    assert found.occurrence == NOON + (7 * 24 - 9) * HOUR


@pytest.mark.parametrize(
    ("policy", "is_made_up_for"),
    [
        ({}, True),
        ({"MaximumEventAgeInSeconds": 7_200, "MaximumRetryAttempts": 1}, True),
        ({"MaximumEventAgeInSeconds": 1_800, "MaximumRetryAttempts": 1}, False),
        ({"MaximumEventAgeInSeconds": 7_200, "MaximumRetryAttempts": 0}, False),
    ],
)
def test_what_would_not_be_tried_any_more_is_not_made_up_for(
    policy: dict[str, int], is_made_up_for: bool
) -> None:
    body = document("cron(0 13 * * ? *)", Target={"RetryPolicy": policy})
    found = due(body, NOON + 2 * HOUR)
    assert found is not None
    assert found.occurrence == NOON + HOUR + (0 if is_made_up_for else 24 * HOUR)
    once = document("at(2024-05-01T13:00:00)", Target={"RetryPolicy": policy})
    assert (due(once, NOON + 2 * HOUR) is not None) == is_made_up_for


def test_a_window_is_over_before_anything_was_missed() -> None:
    window = {"Mode": "FLEXIBLE", "MaximumWindowInMinutes": 60}
    body = {**document("rate(10 minutes)", FlexibleTimeWindow=window), "fired": NOON}
    found = due(body, NOON + HOUR)
    assert found is not None
    assert found.occurrence == NOON + 600
    assert found.occurrence <= found.at < found.occurrence + HOUR
