"""Subscriptions: subscribe, confirm, change, list, unsubscribe.

https://docs.aws.amazon.com/sns/latest/api/API_Subscribe.html
"""

from __future__ import annotations

import re
import secrets
import uuid
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.nesting import read_json
from emulator.services.context import Context, Request, Response
from emulator.services.sns import arns, delivery_policies, policies, replaying, topics
from emulator.services.sns.confirming import ask_to_confirm, tell_of_end
from emulator.services.sns.errors import bad, invalid, not_found
from emulator.services.sns.filtering import ATTRIBUTES, BODY, Filter
from emulator.services.sns.paging import page
from emulator.services.sns.state import Sns, of
from emulator.services.sns.subscription import Body, Subscription

_PROTOCOLS = (
    "application", "email", "email-json", "firehose", "http", "https", "lambda", "sms", "sqs",
)  # fmt: skip
#: Protocols whose endpoints have to confirm.
_CONFIRMED = ("email", "email-json", "http", "https")
_ATTRIBUTES = frozenset(
    {
        "DeliveryPolicy",
        "FilterPolicy",
        "FilterPolicyScope",
        "RawMessageDelivery",
        "RedrivePolicy",
        "ReplayPolicy",
        "SubscriptionRoleArn",
    }
)
_PHONE = re.compile(r"\+?[0-9(][0-9()./ -]{5,19}")
PENDING = "pending confirmation"


async def subscribe(ctx: Context, request: Request) -> Response:
    """Handle Subscribe; the same endpoint with the same attributes is the same subscription."""
    protocol, endpoint = request["Protocol"], request.get("Endpoint") or ""
    topic, arn = topics.found(ctx, request.get("TopicArn"))
    is_fifo = topic["attributes"].get("FifoTopic") == "true"
    _check_endpoint(protocol, endpoint, is_fifo=is_fifo)
    attributes = _given(request.get("Attributes") or {}, protocol, is_fifo=is_fifo)
    sns = of(ctx)
    there = sns.subscribed(arn, protocol, endpoint)
    if there is not None:
        if attributes and attributes != there.body["attributes"]:
            raise invalid(
                "Attributes Reason: Subscription already exists with different attributes"
            )
        if there.is_pending:  # as on AWS, the endpoint is asked anew
            await ask_to_confirm(sns, there)
        return _answer(there, request)
    body: Body = {
        "arn": f"{arn}:{uuid.uuid4()}",
        "topic": arn,
        "owner": ctx.account,
        "protocol": protocol,
        "endpoint": endpoint,
        "attributes": attributes,
        "created": ctx.parts.clock.now(),
        "token": secrets.token_hex(96) if protocol in _CONFIRMED else "",
    }
    made = await sns.put_subscription(body)
    if made.is_pending:
        await ask_to_confirm(sns, made)
    if attributes.get("ReplayPolicy"):
        await replaying.begin(sns, made)
    return _answer(made, request)


def _given(given: Mapping[str, str], protocol: str, *, is_fifo: bool) -> dict[str, str]:
    """Return the attributes of a new subscription.

    Raises:
        AwsError: One of them is none; it says that it was among attributes.
    """
    attributes: dict[str, str] = {}
    try:
        for name, value in given.items():
            attributes |= _checked(name, value, protocol, is_fifo=is_fifo)
        _check_together(attributes)
        if attributes.get("FilterPolicy"):
            Filter(attributes["FilterPolicy"], attributes["FilterPolicyScope"])
    except AwsError as error:
        head = "Invalid parameter: "
        if error.code != "InvalidParameter" or not error.message.startswith(head):
            raise
        raise invalid(f"Attributes Reason: {error.message.removeprefix(head)}") from error
    return attributes


def _answer(subscription: Subscription, request: Mapping[str, Any]) -> Response:
    if subscription.is_pending and not request.get("ReturnSubscriptionArn"):
        return {"SubscriptionArn": PENDING}
    return {"SubscriptionArn": subscription.arn}


def _check_endpoint(protocol: str, endpoint: str, *, is_fifo: bool) -> None:
    if protocol not in _PROTOCOLS:
        raise invalid(f"Amazon SNS does not support this protocol string: {protocol}")
    if protocol in ("http", "https") and not endpoint.startswith(f"{protocol}://"):
        raise invalid("Endpoint must match the specified protocol")
    if protocol == "sms" and not _PHONE.fullmatch(endpoint):
        raise bad(f"Invalid SMS endpoint: {endpoint}")
    if protocol in ("email", "email-json") and "@" not in endpoint:
        raise invalid("Email address")
    service = {"sqs": "sqs", "lambda": "lambda", "application": "sns", "firehose": "firehose"}
    wanted = service.get(protocol)
    if wanted is not None:
        parts = endpoint.split(":", 5)
        if len(parts) < 6 or parts[0] != "arn" or parts[2] != wanted:
            names = {"sqs": "SQS endpoint ARN", "lambda": "Lambda endpoint ARN"}
            raise invalid(names.get(protocol, "Endpoint"))
    if is_fifo and protocol not in ("sqs", "lambda"):
        raise invalid("Endpoint Reason: FIFO topics deliver to queues and functions alone")
    if protocol == "sqs" and endpoint.endswith(".fifo") and not is_fifo:
        raise invalid(
            "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to "
            "standard SNS topics"
        )


def _checked(name: str, value: str, protocol: str, *, is_fifo: bool) -> dict[str, str]:
    """Return an attribute as it is kept; an empty one is none.

    Raises:
        AwsError: There is no such attribute, or no such value.
    """
    if name not in _ATTRIBUTES:
        raise invalid("AttributeName")
    if name == "RawMessageDelivery":
        value = value.lower()
        if value not in ("true", "false"):
            raise invalid(f"RawMessageDelivery: Invalid value [{value}]. Must be true or false.")
        if value == "true" and protocol in ("email", "email-json", "lambda", "sms", "application"):
            raise invalid(
                "RawMessageDelivery Reason: Delivery protocol "
                f"[{protocol}] does not support raw message delivery."
            )
    if name == "FilterPolicyScope" and value not in (ATTRIBUTES, BODY):
        raise invalid(
            f"FilterPolicyScope: Invalid value [{value}]. "
            "Please use either MessageBody or MessageAttributes"
        )
    if name == "RedrivePolicy" and value:
        _check_redrive(value, is_fifo=is_fifo)
    if name == "ReplayPolicy" and value:
        policies.replay_window(value)
    if name == "DeliveryPolicy" and value:
        delivery_policies.check_of_subscription(value)
    if name == "FilterPolicy" and value == "{}":
        return {name: ""}
    return {name: value}


def _check_redrive(text: str, *, is_fifo: bool) -> None:
    try:
        policy = read_json(text)
    except ValueError as error:
        raise invalid("RedrivePolicy: failed to parse JSON.") from error
    target = policy.get("deadLetterTargetArn") if isinstance(policy, dict) else None
    parts = target.split(":", 5) if isinstance(target, str) else []
    if len(parts) != 6 or parts[2] != "sqs":
        raise invalid("RedrivePolicy: deadLetterTargetArn is an invalid arn")
    if is_fifo and not str(target).endswith(".fifo"):
        raise invalid("RedrivePolicy: must use a FIFO queue as DLQ for a FIFO topic")


def _check_together(attributes: dict[str, str]) -> None:
    for name in [name for name, value in attributes.items() if not value]:
        del attributes[name]
    if attributes.get("FilterPolicy"):
        attributes.setdefault("FilterPolicyScope", ATTRIBUTES)


async def confirm_subscription(ctx: Context, request: Request) -> Response:
    """Handle ConfirmSubscription."""
    topic, arn = topics.found(ctx, request.get("TopicArn"))
    del topic
    sns, token = of(ctx), request["Token"]
    for each in sns.subscriptions(arn):
        if token in (each.body["token"], each.body.get("confirmed_by")):
            if each.is_pending:
                body = {**each.body, "token": "", "confirmed_by": token}
                await sns.put_subscription(body)
            return {"SubscriptionArn": each.arn}
    ended = sns.ended.pop(token, None)
    if ended is not None and ended["topic"] == arn:
        return {"SubscriptionArn": (await sns.put_subscription(ended)).arn}
    raise invalid("Token")


async def unsubscribe(ctx: Context, request: Request) -> Response:
    """Handle Unsubscribe; a subscription that is not there is no error."""
    arn = request["SubscriptionArn"]
    place = arns.split(arn, "SubscriptionArn")
    if ":" not in place.name:
        raise invalid(f"SubscriptionArn Reason: An ARN must have at least 7 elements, not {6}")
    sns = of(ctx)
    subscription = sns.subscription(arn)
    if subscription is not None:
        await sns.drop_subscription(arn)
        await _tell_of_end(sns, subscription)
        topic_place = arns.split(subscription.body["topic"], "TopicArn")
        topic = sns.topic(topic_place)
        if topic is not None:
            await sns.topics.put(*topic_place, {**topic, "deleted": topic["deleted"] + 1})
    return {}


async def _tell_of_end(sns: Sns, subscription: Subscription) -> None:
    """Tell an endpoint that has confirmed: it may bring the subscription back."""
    if subscription.body["protocol"] in _CONFIRMED and not subscription.is_pending:
        token = secrets.token_hex(96)
        sns.keep_ended(token, subscription.body)
        await tell_of_end(sns, subscription, token)


def _found(ctx: Context, arn: str) -> Subscription:
    place = arns.split(arn, "SubscriptionArn")
    if ":" not in place.name:
        raise invalid("SubscriptionArn Reason: An ARN must have at least 7 elements, not 6")
    subscription = of(ctx).subscription(arn)
    if subscription is None:
        raise not_found("Subscription")
    return subscription


async def get_subscription_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetSubscriptionAttributes."""
    found = _found(ctx, request["SubscriptionArn"])
    body = found.body
    attributes = {
        "SubscriptionArn": found.arn,
        "TopicArn": body["topic"],
        "Owner": body["owner"],
        "Protocol": body["protocol"],
        "Endpoint": body["endpoint"],
        "PendingConfirmation": "true" if found.is_pending else "false",
        "ConfirmationWasAuthenticated": "false" if found.is_pending else "true",
        "SubscriptionPrincipal": f"arn:aws:iam::{body['owner']}:root",
        "RawMessageDelivery": "false",
        **body["attributes"],
    }
    if "FilterPolicy" not in attributes:
        attributes.pop("FilterPolicyScope", None)  # recorded: remembered, and not shown
    if body.get("replay"):
        attributes["ReplayStatus"] = body["replay"]["state"]
    return {"Attributes": attributes}


async def set_subscription_attributes(ctx: Context, request: Request) -> Response:
    """Handle SetSubscriptionAttributes."""
    name, value = request["AttributeName"], request.get("AttributeValue") or ""
    found = _found(ctx, request["SubscriptionArn"])
    if not value and name in ("RawMessageDelivery", "FilterPolicyScope"):
        raise invalid("AttributeValue")
    is_fifo = found.body["topic"].endswith(".fifo")
    checked = _checked(name, value, found.body["protocol"], is_fifo=is_fifo)
    attributes = {**found.body["attributes"], **checked}
    _check_together(attributes)
    made = await of(ctx).put_subscription({**found.body, "attributes": attributes})
    if name == "ReplayPolicy":
        await replaying.begin(of(ctx), made)
    return {}


def _listed(subscription: Subscription) -> dict[str, str]:
    body = subscription.body
    return {
        "SubscriptionArn": "PendingConfirmation" if subscription.is_pending else subscription.arn,
        "Owner": body["owner"],
        "Protocol": body["protocol"],
        "Endpoint": body["endpoint"],
        "TopicArn": body["topic"],
    }


async def list_subscriptions(ctx: Context, request: Request) -> Response:
    """Handle ListSubscriptions."""
    every = of(ctx).all_subscriptions(ctx.account, ctx.region)
    return page([_listed(each) for each in every], request, "Subscriptions")


async def list_subscriptions_by_topic(ctx: Context, request: Request) -> Response:
    """Handle ListSubscriptionsByTopic."""
    _, arn = topics.found(ctx, request.get("TopicArn"))
    every = [_listed(each) for each in of(ctx).subscriptions(arn)]
    return page(every, request, "Subscriptions")
