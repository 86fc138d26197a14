"""When SNS's deliveries are tried again, and where they end."""

from __future__ import annotations

import json
import random

import pytest

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery, DeliveryFailed, DeliveryRefused, Targets
from emulator.services.sns.audience import Audience
from emulator.services.sns.envelope import Message
from emulator.services.sns.sender import SnsSender
from emulator.services.sns.subscription import Subscription

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


def test_the_audience_is_who_would_be_found_one_by_one() -> None:
    seed = random.randrange(2**32)
    print("seed", seed)
    chance = random.Random(seed)
    subscriptions = []
    for number in range(300):
        attributes: dict[str, str] = {}
        if chance.random() < 0.8:
            scope = chance.choice(["MessageAttributes", "MessageBody"])
            rule = chance.choice(["a", "b", {"prefix": "a"}, {"exists": False}])
            policy = json.dumps({chance.choice("xy"): [rule]})
            attributes = {"FilterPolicy": policy, "FilterPolicyScope": scope}
        protocol = chance.choice(["sqs", "lambda"])
        body = {
            "arn": str(number),
            "created": float(number),
            "protocol": protocol,
            "endpoint": "e",
            "attributes": attributes,
            "token": "t" if chance.random() < 0.1 else "",
        }
        subscriptions.append(Subscription(body, "http://localhost"))
    audience = Audience(subscriptions)
    for _ in range(100):
        told = {"DataType": "String", "StringValue": chance.choice("abc")}
        text = chance.choice(['{"x": "a"}', '{"y": "ab", "x": "b"}', "no JSON", "[]"])
        bodies = (
            {"default": text, "sqs": '{"x": "b"}'} if chance.random() < 0.5 else {"default": text}
        )
        message = Message(id="1", topic="t", bodies=bodies, attributes={"x": told}, published=0.0)
        expected = [
            each.body["arn"]
            for each in subscriptions
            if not each.is_pending
            and (
                each.filter is None
                or each.filter.takes(message.body(each.body["protocol"]), message.attributes)
            )
        ]
        assert [each.body["arn"] for each in audience.of(message)] == expected
