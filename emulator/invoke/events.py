"""Asynchronous events and what is decided about them, as pure functions: time is handed in.

::

    accepted ──> attempt ──> Success
                   │ function error: again after 1, then 2 minutes ──> RetriesExhausted
                   │ throttled, system error: back-off, not counted ──> EventAgeExceeded
                   │ reserved concurrency 0 ──> ZeroReservedConcurrency
                   └ in a circle ──> RecursiveInvocation

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Literal

import orjson

from emulator.model.function import LATEST
from emulator.model.invocation import Invocation
from emulator.queues.message import Draft, Received, Seen
from emulator.registry.attachments import EventInvokeConfig
from emulator.registry.function import Function

Condition = Literal[
    "Success",
    "RetriesExhausted",
    "EventAgeExceeded",
    "ZeroReservedConcurrency",
    "RecursiveInvocation",
]

#: Seconds from a failed attempt to the next one.
RETRY_DELAYS_S = (60.0, 120.0)
#: Seconds an event is kept, where its function does not say.
MAXIMUM_AGE_S = 6 * 3600.0
#: Seconds of the back-off after a throttle: at first, and at most.
BACK_OFF_S = (1.0, 300.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """An accepted event, as the engine keeps it."""

    request_id: str
    payload: bytes
    #: The version or alias it was sent to; it runs on what that means at each attempt.
    qualifier: str
    invoked_arn: str
    trace_id: str
    client_context: str = ""
    tenant_id: str = ""
    #: Seconds since the epoch.
    accepted: float
    #: Attempts that ended with a function error.
    attempts: int = 0

    def invocation(self) -> Invocation:
        return Invocation(
            request_id=self.request_id,
            payload=self.payload,
            invoked_arn=self.invoked_arn,
            trace_id=self.trace_id,
            client_context=self.client_context,
            tenant_id=self.tenant_id,
        )

    def draft(self, delay: float = 0.0, **further: Any) -> Draft:
        """Return the event as a message of the queue engine, to be run in ``delay`` seconds."""
        headers = {
            "request_id": self.request_id,
            "qualifier": self.qualifier,
            "invoked_arn": self.invoked_arn,
            "trace_id": self.trace_id,
            "accepted": self.accepted,
            "attempts": self.attempts,
            **further,
        }
        if self.client_context:
            headers["client_context"] = self.client_context
        if self.tenant_id:
            headers["tenant_id"] = self.tenant_id
        return Draft(
            self.payload,
            orjson.dumps(headers).decode(),
            delay=delay,
            message_id=self.request_id,
        )


_FIELDS = frozenset(Event.__dataclass_fields__) - {"payload"}


def from_message(message: Received | Seen) -> Event:
    """Return the event a message holds."""
    headers = orjson.loads(message.headers)
    body = message.body
    return Event(
        payload=body.encode() if isinstance(body, str) else body,
        **{name: value for name, value in headers.items() if name in _FIELDS},
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a function's configuration says about its asynchronous events."""

    #: Attempts after the first.
    retries: int = 2
    maximum_age_s: float = MAXIMUM_AGE_S
    #: ARNs of destinations and of the dead-letter queue; None for none.
    on_success: str | None = None
    on_failure: str | None = None
    dead_letter: str | None = None
    reserved_concurrency: int | None = None


def policy_of(function: Function, qualifier: str) -> Policy:
    """Return the policy for events sent to a function's version or alias."""
    config = function.attached.event_invoke.get(qualifier or LATEST) or EventInvokeConfig()
    version = function.version(qualifier or LATEST) or function.latest
    retries = config.maximum_retry_attempts
    return Policy(
        retries=len(RETRY_DELAYS_S) if retries is None else retries,
        maximum_age_s=config.maximum_event_age_s or MAXIMUM_AGE_S,
        on_success=config.destination("OnSuccess"),
        on_failure=config.destination("OnFailure"),
        dead_letter=(version.settings.get("DeadLetterConfig") or {}).get("TargetArn") or None,
        reserved_concurrency=function.reserved_concurrency,
    )


def refusal(event: Event, policy: Policy, now: float) -> Condition | None:
    """Return why an event ends before its next attempt, or None where it may run."""
    if policy.reserved_concurrency == 0:
        return "ZeroReservedConcurrency"
    # A retry was held against the age when it was planned.
    if not event.attempts and now - event.accepted > policy.maximum_age_s:
        return "EventAgeExceeded"
    return None


@dataclass(frozen=True, slots=True)
class Retry:
    """An event to be run again."""

    event: Event
    #: From now.
    delay_s: float


def after_error(event: Event, policy: Policy, now: float, scale: float = 1.0) -> Retry | Condition:
    """Return what follows a function error.

    Args:
        event: The event, its attempts counted.
        policy: The function's.
        now: Seconds since the epoch.
        scale: What the delays are multiplied with, for tests. The event's age counts them whole.
    """
    if event.attempts >= min(policy.retries, len(RETRY_DELAYS_S)):
        return "RetriesExhausted"
    delay = RETRY_DELAYS_S[event.attempts]
    # Recorded: what cannot be tried within its age ends now, and does not wait for that.
    if now - event.accepted + delay >= policy.maximum_age_s:
        return "EventAgeExceeded"
    accepted = event.accepted - delay * (1.0 - scale)
    return Retry(replace(counted(event), accepted=accepted), delay * scale)


def counted(event: Event) -> Event:
    """Return an event with one more attempt behind it."""
    return replace(event, attempts=event.attempts + 1)


def back_off(throttles: int) -> float:
    """Return the seconds to wait after ``throttles`` throttles in a row (from 1)."""
    first, most = BACK_OFF_S
    return min(most, first * 2.0 ** min(throttles - 1, 30))


def is_too_old(event: Event, policy: Policy, now: float, delay: float) -> bool:
    """Whether an event that was throttled would pass its age if it waited ``delay`` seconds."""
    return now - event.accepted + delay > policy.maximum_age_s
