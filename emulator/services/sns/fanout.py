"""From a message of a topic to its deliveries: one for each subscription that wants it.

What all of them have in common (the signature, the text of the envelope) is made once.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.targets import Delivery
from emulator.services.sns import policies
from emulator.services.sns.envelope import Envelope, Message, lambda_event, notification

if TYPE_CHECKING:
    from emulator.services.sns.subscription import Subscription, Topic, Topics

#: Subscribers that are looked at in one turn of the loop.
_TURN = 200
_AGENT = "Amazon Simple Notification Service Agent"
#: Protocols of what nobody sends.
_UNSENT = frozenset({"sms", "email", "email-json", "application"})


async def dispatches_of(
    sns: Topics, topic: Topic, message: Message, *, only: Subscription | None = None
) -> list[Dispatch]:
    """Return a message's deliveries to all subscribers that want it, or to one of them."""
    found: list[Dispatch] = []
    envelopes: dict[str, Envelope] = {}
    wanting = sns.audience(message.topic).of(message)
    if only is not None:
        wanting = [each for each in wanting if each.arn == only.arn]
    for number, each in enumerate(wanting):
        if number % _TURN == _TURN - 1:
            await asyncio.sleep(0)  # others have their turn, however many subscribers there are
        protocol = each.protocol
        body = message.body(protocol)
        if protocol in _UNSENT:
            sns.note_unsent(protocol, each.body["endpoint"], body, message.id)
            continue
        envelope = envelopes.get(body)
        if envelope is None and not (each.is_raw and protocol != "lambda"):
            envelope = envelopes[body] = await _envelope(sns, topic, message, protocol)
        found.append(_dispatch(topic, message, each, body, envelope))
    return found


async def _envelope(sns: Topics, topic: Topic, message: Message, protocol: str) -> Envelope:
    members = notification(message, protocol)
    if not message.sequence:
        version = topic["attributes"].get("SignatureVersion", "1")
        members = await sns.signer.signed(members, version)
    return Envelope(members, message)


def _dispatch(
    topic: Topic,
    message: Message,
    subscription: Subscription,
    text: str,
    envelope: Envelope | None,
) -> Dispatch:
    body, protocol = subscription.body, subscription.protocol
    context: dict[str, Any] = {"protocol": protocol}
    if subscription.dead_letter:
        context["dead"] = subscription.dead_letter
    own: Mapping[str, Mapping[str, Any]] = {}
    if protocol in ("http", "https"):
        context["retry"] = policies.http_retries(topic["attributes"], body["attributes"])
        context["headers"] = http_headers("Notification", message.topic, message.id, subscription)
    if envelope is None:
        payload, own = text.encode(), message.attributes
    elif protocol == "lambda":
        event = lambda_event(envelope.members, message, subscription.arn, subscription.ends_at)
        payload = orjson.dumps(event)
    else:
        payload = envelope.text(subscription.ends_at)
    return Dispatch(
        target=body["endpoint"],
        lane=subscription.arn,
        accepted=message.published,
        context=context,
        delivery=Delivery(
            payload=payload,
            attributes=own,
            trace_id=message.trace_id,
            group_id=message.group,
            deduplication_id=message.deduplication,
            source_arn=message.topic,
        ),
    )


def http_headers(
    kind: str, topic: str, message_id: str, subscription: Subscription
) -> dict[str, str]:
    """Return the headers with which an HTTP endpoint is posted to."""
    headers = {
        "Content-Type": "text/plain; charset=UTF-8",
        "User-Agent": _AGENT,
        "Accept-Encoding": "gzip,deflate",
        "x-amz-sns-message-type": kind,
        "x-amz-sns-message-id": message_id,
        "x-amz-sns-topic-arn": topic,
    }
    if kind != "SubscriptionConfirmation":
        headers["x-amz-sns-subscription-arn"] = subscription.arn
    if subscription.is_raw:
        headers["x-amz-sns-rawdelivery"] = "true"
    policy = subscription.body["attributes"].get("DeliveryPolicy")
    if policy:
        wanted = (json.loads(policy).get("requestPolicy") or {}).get("headerContentType")
        headers["Content-Type"] = wanted or headers["Content-Type"]
    return headers
