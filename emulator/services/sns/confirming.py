"""What endpoints are asked to confirm: that a subscription begins, or has ended.

https://docs.aws.amazon.com/sns/latest/dg/http-subscription-confirmation-json.html
"""

from __future__ import annotations

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery
from emulator.model.ids import new_request_id
from emulator.services.sns import policies
from emulator.services.sns.envelope import timestamp
from emulator.services.sns.fanout import http_headers
from emulator.services.sns.state import Sns
from emulator.services.sns.subscription import Subscription, url_of

_BEGINS = (
    "You have chosen to subscribe to the topic {topic}.\nTo confirm the subscription, visit the "
    "SubscribeURL included in this message."
)
_ENDS = (
    "You have chosen to deactivate subscription {arn}.\nTo cancel this operation and restore the "
    "subscription, visit the SubscribeURL included in this message."
)


async def ask_to_confirm(sns: Sns, subscription: Subscription) -> None:
    """Ask an endpoint to confirm its subscription."""
    token = subscription.body["token"]
    await _send(sns, subscription, "SubscriptionConfirmation", _BEGINS, token)


async def tell_of_end(sns: Sns, subscription: Subscription, token: str) -> None:
    """Tell an endpoint that its subscription has ended, and how it comes back.

    Args:
        sns: The service's state.
        subscription: The subscription as it was.
        token: Confirming with it brings the subscription back.
    """
    await _send(sns, subscription, "UnsubscribeConfirmation", _ENDS, token)


async def _send(sns: Sns, subscription: Subscription, kind: str, message: str, token: str) -> None:
    body, topic = subscription.body, subscription.body["topic"]
    protocol = body["protocol"]
    message_id, now = new_request_id(), sns.parts.clock.now()
    members = {
        "Type": kind,
        "MessageId": message_id,
        "Token": token,
        "TopicArn": topic,
        "Message": message.format(topic=topic, arn=subscription.arn),
        "SubscribeURL": url_of(
            sns.parts.table.endpoint, "ConfirmSubscription", f"TopicArn={topic}&Token={token}"
        ),
        "Timestamp": timestamp(now),
    }
    if protocol in ("email", "email-json"):
        sns.note_unsent(protocol, body["endpoint"], members["Message"], message_id)
        return
    dispatch = Dispatch(
        target=body["endpoint"],
        lane=subscription.arn,
        accepted=now,
        context={
            "protocol": protocol,
            "unconfirmed": True,
            "retry": policies.HEALTHY,
            "headers": http_headers(kind, topic, message_id, subscription),
        },
        delivery=Delivery(
            payload=orjson.dumps(await sns.signer.signed(members, "1")), source_arn=topic
        ),
    )
    await sns.outbox.accept([dispatch])
