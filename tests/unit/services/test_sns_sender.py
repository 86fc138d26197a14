"""When SNS's deliveries are tried again, and where they end."""

from __future__ import annotations

import pytest

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery, DeliveryFailed, DeliveryRefused, Targets
from emulator.services.sns.sender import SnsSender

LIVING, ENDED = "arn:aws:sns:r:a:t:living", "arn:aws:sns:r:a:t:ended"
ERROR = DeliveryFailed("a", "later")


def dispatch(lane: str, **context: object) -> Dispatch:
    return Dispatch(
        target="http://localhost/",
        delivery=Delivery(payload=b"a"),
        lane=lane,
        context={"dead": "arn:aws:sqs:r:a:dead", **context},
        accepted=0.0,
        failures=1,
    )


@pytest.fixture
def sender() -> SnsSender:
    async def find(service: str) -> None: ...

    targets = Targets(lambda service: True, find, find)  # type: ignore[arg-type]
    return SnsSender(targets, lambda arn: arn == ENDED)


def test_what_may_pass_is_tried_again_and_a_refusal_is_not(sender: SnsSender) -> None:
    assert sender.next_attempt(dispatch(LIVING), ERROR, 0.0) == 0.0
    assert sender.next_attempt(dispatch(LIVING), DeliveryRefused("a", "never"), 0.0) is None
    letter = sender.dead_letter(dispatch(LIVING), ERROR)
    assert letter is not None
    assert letter.arn == "arn:aws:sqs:r:a:dead"


def test_deliveries_of_an_ended_subscription_are_dropped(sender: SnsSender) -> None:
    assert sender.next_attempt(dispatch(ENDED), ERROR, 0.0) is None
    assert sender.dead_letter(dispatch(ENDED), ERROR) is None
    # But the endpoint is told of the end as long as of all else.
    assert sender.next_attempt(dispatch(ENDED, unconfirmed=True), ERROR, 0.0) is not None
