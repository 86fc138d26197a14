"""The decisions about asynchronous events, one by one."""

from __future__ import annotations

import pytest

from emulator.invoke.events import (
    Event,
    Policy,
    Retry,
    after_error,
    back_off,
    from_message,
    is_too_old,
    refusal,
)
from emulator.queues.message import Received

EVENT = Event(
    request_id="id",
    payload=b'{"a": 1}',
    qualifier="live",
    invoked_arn="arn",
    trace_id="trace",
    client_context='{"c": 1}',
    tenant_id="t",
    accepted=1000.0,
)


def tried(attempts: int) -> Event:
    return Event(
        request_id="id",
        payload=b"{}",
        qualifier="$LATEST",
        invoked_arn="",
        trace_id="",
        accepted=1000.0,
        attempts=attempts,
    )


def test_an_event_is_read_as_it_was_written() -> None:
    draft = EVENT.draft(function="further members do not disturb")
    message = Received("h", "id", draft.body, draft.headers, 0, 1, 0, 1, None, None, None)
    assert from_message(message) == EVENT


def test_retries_come_after_one_and_two_minutes() -> None:
    first = after_error(tried(0), Policy(), now=1000.0)
    second = after_error(tried(1), Policy(), now=1060.0)
    assert isinstance(first, Retry)
    assert isinstance(second, Retry)
    assert (first.delay_s, first.event.attempts) == (60.0, 1)
    assert (second.delay_s, second.event.attempts) == (120.0, 2)
    assert after_error(tried(2), Policy(), now=1180.0) == "RetriesExhausted"


@pytest.mark.parametrize(("retries", "attempts"), [(0, 0), (1, 1), (2, 2)])
def test_maximum_retry_attempts(retries: int, attempts: int) -> None:
    policy = Policy(retries=retries)
    assert after_error(tried(attempts), policy, now=1000.0) == "RetriesExhausted"
    for before in range(attempts):
        assert isinstance(after_error(tried(before), policy, now=1000.0), Retry)


def test_a_retry_that_would_pass_the_age_is_not_made() -> None:
    # Within 60 seconds, an attempt after 60 seconds never fits.
    assert after_error(tried(0), Policy(maximum_age_s=60), now=1000.0) == "EventAgeExceeded"
    policy = Policy(maximum_age_s=181)
    assert isinstance(after_error(tried(0), policy, now=1000.0), Retry)
    assert isinstance(after_error(tried(1), policy, now=1060.9), Retry)
    assert after_error(tried(1), policy, now=1061.0) == "EventAgeExceeded"


def test_scaled_delays_age_an_event_as_whole_ones() -> None:
    step = after_error(tried(0), Policy(maximum_age_s=100), now=1000.0, scale=0.01)
    assert isinstance(step, Retry)
    assert step.delay_s == pytest.approx(0.6)
    assert after_error(step.event, Policy(maximum_age_s=100), now=1000.6) == "EventAgeExceeded"
    assert isinstance(after_error(step.event, Policy(maximum_age_s=181), now=1000.6), Retry)


def test_back_off_doubles_from_one_second_to_five_minutes() -> None:
    assert [back_off(n) for n in (1, 2, 3, 9, 10, 1000)] == [1, 2, 4, 256, 300, 300]


def test_what_ends_an_event_before_an_attempt() -> None:
    assert refusal(EVENT, Policy(), 1000.0) is None
    assert refusal(EVENT, Policy(maximum_age_s=60), 1060.0) is None
    assert refusal(EVENT, Policy(maximum_age_s=60), 1060.1) == "EventAgeExceeded"
    assert refusal(tried(1), Policy(maximum_age_s=60), 1100.0) is None
    assert refusal(EVENT, Policy(reserved_concurrency=0), 1000.0) == "ZeroReservedConcurrency"


def test_throttled_events_are_kept_for_six_hours() -> None:
    assert not is_too_old(EVENT, Policy(), 1000.0 + 6 * 3600 - 300, 300)
    assert is_too_old(EVENT, Policy(), 1000.0 + 6 * 3600 - 299, 300)
