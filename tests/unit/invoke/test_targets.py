"""Delivering to ARNs: who is found, what is refused, what is tried again, and dead letters."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.invoke.retries import DeadLetter, RetryPolicy, deliver_with_retries, next_attempt
from emulator.invoke.targets import (
    Delivery,
    DeliveryError,
    DeliveryFailed,
    DeliveryRefused,
    Taker,
    Targets,
    is_passing,
)
from emulator.model.errors import AwsError, DriverFault, LocalfaasError, StorageFull
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.testing import FakeClock, until_idle

QUEUE = "arn:aws:sqs:us-east-1:000000000000:orders"
DEAD = "arn:aws:sqs:us-east-1:000000000000:dead"
THROTTLED = AwsError("TooManyRequestsException", "Rate Exceeded.")
MISSING = AwsError("QueueDoesNotExist", "The specified queue does not exist.")


async def _send(messages: Iterable[tuple[Queue, Draft]]) -> None:
    assert not list(messages)


class Queues:
    """Targets of one service, which refuse with ``errors`` first."""

    def __init__(self, *errors: LocalfaasError) -> None:
        self.errors = list(errors)
        #: (ARN, payload, seconds) of each attempt.
        self.attempts: list[tuple[str, bytes, float]] = []
        self.clock = FakeClock()
        self.targets = Targets(lambda service: service == "sqs", self._find, _send)

    async def _find(self, service: str) -> Taker:
        if service != "sqs":
            raise LookupError(service)
        return Taker(deliver=self._deliver)

    async def _deliver(self, arn: str, delivery: Delivery) -> None:
        self.attempts.append((arn, delivery.payload, self.clock.monotonic()))
        if self.errors:
            raise self.errors.pop(0)


@pytest.mark.parametrize(
    ("error", "passes"),
    [
        (THROTTLED, True),
        (AwsError("ThrottlingException", ""), True),
        (AwsError("InternalError", "", status=500), True),
        (AwsError("ResourceConflictException", "Pending"), True),
        (StorageFull("the disk is full"), True),
        (DriverFault("the engine is gone"), True),
        (MISSING, False),
        (AwsError("ResourceNotFoundException", "", status=404), False),
        (AwsError("RequestEntityTooLargeException", "", status=413), False),
    ],
)
async def test_what_may_pass_is_told_from_what_will_not(
    error: LocalfaasError, passes: bool
) -> None:
    assert is_passing(error) is passes
    with pytest.raises(DeliveryError) as raised:
        await Queues(error).targets.deliver(QUEUE, Delivery(payload=b"{}"))
    assert type(raised.value) is (DeliveryFailed if passes else DeliveryRefused)
    assert raised.value.__cause__ is error
    assert raised.value.arn == QUEUE


@pytest.mark.parametrize(
    ("arn", "text"),
    [
        (QUEUE.replace("sqs", "nonsense"), "destinations of nonsense are not served"),
        ("no ARN", "destinations of this form are not served"),
        ("a:b:c:d:e:f", "destinations of this form are not served"),
        ("arn:aws::us-east-1:000000000000:x", "destinations of this form are not served"),
    ],
)
async def test_arns_that_nothing_serves(arn: str, text: str) -> None:
    targets = Queues().targets
    assert targets.serves(QUEUE)
    assert not targets.serves(arn)
    with pytest.raises(DeliveryRefused, match=text):
        await targets.deliver(arn, Delivery(payload=b"{}"))


@given(
    failures=st.integers(1, 60),
    retries=st.integers(0, 185),
    age_s=st.floats(0, 100_000),
    maximum_age_s=st.none() | st.floats(0, 86_400),
)
def test_a_plan_stays_within_its_policy(
    failures: int, retries: int, age_s: float, maximum_age_s: float | None
) -> None:
    policy = RetryPolicy(retries=retries, maximum_age_s=maximum_age_s)
    delay_s = next_attempt(policy, failures, age_s)
    if delay_s is None:
        too_old = maximum_age_s is not None and age_s + policy.most_delay_s > maximum_age_s
        assert failures > retries or too_old
        return
    assert failures <= retries
    assert policy.first_delay_s <= delay_s <= policy.most_delay_s
    assert maximum_age_s is None or age_s + delay_s <= maximum_age_s
    later_s = next_attempt(policy, failures + 1, age_s)
    assert later_s is None or later_s >= delay_s


async def test_a_throttled_delivery_is_tried_again_later_each_time() -> None:
    queues = Queues(THROTTLED, THROTTLED, THROTTLED)
    policy = RetryPolicy(retries=5)
    delivering = asyncio.create_task(
        deliver_with_retries(queues.targets, queues.clock, QUEUE, Delivery(payload=b"1"), policy)
    )
    await queues.clock.advance(60)
    assert await delivering is True
    assert [at for _, _, at in queues.attempts] == [0.0, 1.0, 3.0, 7.0]


async def test_what_is_refused_is_a_dead_letter_at_once() -> None:
    queues = Queues(MISSING)
    dead_letter = DeadLetter(
        DEAD,
        lambda delivery, error, attempts: Delivery(
            payload=delivery.payload,
            attributes={"Error": {"DataType": "String", "StringValue": error.code}},
        ),
    )
    policy = RetryPolicy(retries=5)
    delivered = await deliver_with_retries(
        queues.targets, queues.clock, QUEUE, Delivery(payload=b"1"), policy, dead_letter
    )
    assert not delivered
    assert [(arn, at) for arn, _, at in queues.attempts] == [(QUEUE, 0.0), (DEAD, 0.0)]


async def test_without_a_dead_letter_queue_the_last_error_is_the_callers() -> None:
    queues = Queues(THROTTLED, THROTTLED)
    delivering = asyncio.create_task(
        deliver_with_retries(
            queues.targets,
            queues.clock,
            QUEUE,
            Delivery(payload=b"1"),
            RetryPolicy(retries=1),
        )
    )
    await until_idle()
    await queues.clock.advance(5)
    with pytest.raises(DeliveryFailed, match=r"Rate Exceeded\."):
        await delivering
    assert len(queues.attempts) == 2
