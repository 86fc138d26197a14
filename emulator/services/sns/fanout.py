"""From a message of a topic to its deliveries: one for each subscription that wants it.

What all of them have in common (the signature, the text of the envelope) is made once.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.outbox import EXPANDS
from emulator.invoke.targets import Delivery
from emulator.services.sns import arns, policies
from emulator.services.sns.archived import message_of, text_of
from emulator.services.sns.envelope import Envelope, Message, lambda_event, notification
from emulator.services.sns.sender import NAMESPACE

if TYPE_CHECKING:
    from emulator.services.sns.subscription import Subscription, Topic, Topics

#: The most deliveries that are accepted with the message itself; where more want it, one stands for
#: all of them, and so many at a time are made of it: others have their turn in between.
_MOST, _PIECE = 100, 20
_AGENT = "Amazon Simple Notification Service Agent"
#: Protocols of what nobody sends.
_UNSENT = frozenset({"sms", "email", "email-json", "application"})


async def dispatches_of(
    sns: Topics, topic: Topic, message: Message, *, only: Subscription | None = None
) -> list[Dispatch]:
    """Return a message's deliveries to all subscribers that want it, or to one of them.

    Where too many want it, one delivery stands for all of them: see :func:`expand`.
    """
    wanting = sns.audience(message.topic).of(message)
    if only is None:
        *_, region, account, name = message.topic.split(":")
        dimensions = (("TopicName", name),)
        sns.parts.own_metrics.record(
            account, region, NAMESPACE, "NumberOfMessagesPublished", dimensions, 1.0
        )
    if only is not None:
        wanting = [each for each in wanting if each.arn == only.arn]
    # A FIFO topic has a hundred at most, and their messages keep their order.
    if len(wanting) > _MOST and not message.sequence:
        return [_standing_for(message)]
    return await _dispatches(sns, topic, message, wanting)


async def expand(sns: Topics, dispatch: Dispatch) -> list[Dispatch]:
    """Return the next deliveries that one stands for, and one that stands for the rest."""
    message = message_of(dispatch.delivery.payload)
    topic = sns.topic(arns.split(message.topic, "TopicArn"))
    if topic is None:
        return []
    wanting = sns.audience(message.topic).of(message)
    done = dispatch.context.get("done")
    begin = 0 if done is None else bisect_right(wanting, done, key=_place)
    piece = wanting[begin : begin + _PIECE]
    found = await _dispatches(sns, topic, message, piece)
    if begin + _PIECE < len(wanting):
        found.append(_standing_for(message, piece[-1]))
    return found


def _standing_for(message: Message, done: Subscription | None = None) -> Dispatch:
    """Return the delivery that stands for those to all subscribers, or to those after one."""
    context = {} if done is None else {"done": done.place}
    return Dispatch(
        target=EXPANDS,
        lane=message.topic,
        accepted=message.published,
        context=context,
        delivery=Delivery(payload=text_of(message)),
    )


def _place(subscription: Subscription) -> list[Any]:
    return subscription.place


async def _dispatches(
    sns: Topics, topic: Topic, message: Message, wanting: Iterable[Subscription]
) -> list[Dispatch]:
    found: list[Dispatch] = []
    envelopes: dict[str, Envelope] = {}
    for each in wanting:
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
