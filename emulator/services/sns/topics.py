"""Topics: create, find, change, delete; their attributes, tags and policies.

https://docs.aws.amazon.com/sns/latest/api/API_CreateTopic.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.access.policy import statements_of
from emulator.model.errors import AwsError
from emulator.model.nesting import read_json
from emulator.services.context import Context, Request, Response
from emulator.services.sns import arns, delivery_policies, policies
from emulator.services.sns.errors import invalid, not_found
from emulator.services.sns.paging import page
from emulator.services.sns.platforms import is_percentage
from emulator.services.sns.state import Sns, of
from emulator.services.sns.subscription import Topic

_FIFO = ("ContentBasedDeduplication", "FifoThroughputScope", "ArchivePolicy")
#: Attributes that SetTopicAttributes takes.
_SETTABLE = frozenset(
    {
        "ArchivePolicy",
        "ContentBasedDeduplication",
        "DeliveryPolicy",
        "DisplayName",
        "FifoThroughputScope",
        "KmsMasterKeyId",
        "Policy",
        "SignatureVersion",
        "TracingConfig",
        *(
            f"{protocol}{what}"
            for protocol in ("Application", "Firehose", "HTTP", "Lambda", "SQS")
            for what in (
                "FailureFeedbackRoleArn",
                "SuccessFeedbackRoleArn",
                "SuccessFeedbackSampleRate",
            )
        ),
    }
)
_CHOICES = {
    "ContentBasedDeduplication": ("true", "false"),
    "FifoThroughputScope": ("Topic", "MessageGroup"),
    "SignatureVersion": ("1", "2"),
    "TracingConfig": ("Active", "PassThrough"),
}
#: What a topic has that nothing was said of.
_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DisplayName": "",
    "FifoThroughputScope": "Topic",
}
_MOST_TAGS = 50


def found(ctx: Context, arn: str | None, member: str = "TopicArn") -> tuple[Topic, str]:
    """Return a topic and its ARN.

    Raises:
        AwsError: There is none.
    """
    place = arns.topic(ctx, arn, member)
    topic = of(ctx).topic(place)
    if topic is None:
        raise not_found("Topic")
    return topic, arns.arn_of(place)


async def keep(ctx: Context, arn: str, topic: Topic) -> None:
    """Keep a changed topic."""
    await of(ctx).topics.put(*arns.split(arn, "TopicArn"), topic)


async def create_topic(ctx: Context, request: Request) -> Response:
    """Handle CreateTopic; a topic that is there with the same attributes is returned."""
    name: str = request["Name"]
    attributes = {k: _text(k, v) for k, v in (request.get("Attributes") or {}).items()}
    is_fifo = attributes.get("FifoTopic", "false") == "true"
    if not arns.is_topic_name(name) or name.endswith(".fifo") != is_fifo:
        raise invalid("Topic Name")
    place = arns.Place(ctx.account, ctx.region, name)
    arn = arns.arn_of(place)
    for key, value in attributes.items():
        if key != "FifoTopic":
            check_attribute(key, value, is_fifo=is_fifo, action="Attributes Reason: ")
    if not is_fifo:
        # A template may say "false".
        attributes.pop("FifoTopic", None)
    tags = _counted(_tags(request.get("Tags")))
    _check_protection(request.get("DataProtectionPolicy") or "")
    there = of(ctx).topic(place)
    if there is not None:
        _check_same(there, attributes, tags)
        return {"TopicArn": arn}
    topic: Topic = {
        "attributes": attributes,
        "tags": tags,
        "protection": request.get("DataProtectionPolicy") or "",
        "deleted": 0,
        "created": ctx.parts.clock.now(),
    }
    await keep(ctx, arn, topic)
    return {"TopicArn": arn}


def _check_same(topic: Topic, attributes: Mapping[str, str], tags: Mapping[str, str]) -> None:
    held = _DEFAULTS | topic["attributes"]
    if any(held.get(name) != value for name, value in attributes.items()):
        raise invalid("Attributes Reason: Topic already exists with different attributes")
    if tags and tags != topic["tags"]:
        raise invalid("Tags Reason: Topic already exists with different tags")


def check_attribute(name: str, value: str, *, is_fifo: bool, action: str = "") -> None:
    """Check an attribute of a topic.

    Raises:
        AwsError: There is no such attribute, or no such value.
    """
    if name not in _SETTABLE or (name in _FIFO and not is_fifo):
        raise invalid(f"{action}Unknown attribute {name}" if action else "AttributeName")
    if name == "DeliveryPolicy" and value:
        delivery_policies.check_of_topic(value, action)
    if name in ("Policy", "ArchivePolicy") and value:
        try:
            parsed = read_json(value)
        except ValueError as error:
            raise invalid(f"{name}: failed to parse JSON") from error
        if not isinstance(parsed, dict):
            raise invalid(f"{name}: it must be a JSON object")
        _check_statements(name, parsed)
    if name == "ArchivePolicy" and value:
        policies.check_archive(value, action)
    if name in _CHOICES and value not in _CHOICES[name]:
        raise invalid(name)
    if name == "DisplayName" and len(value) > 100:
        raise invalid("DisplayName")
    if name.endswith("SampleRate") and value and not is_percentage(value):
        raise invalid(name)


def _check_statements(name: str, policy: Mapping[str, Any]) -> None:
    try:
        statements_of(policy)
    except ValueError as error:
        raise invalid(f"{name}: {error}") from error


def _text(name: str, value: str) -> str:
    """Return an attribute's value as it is kept: Python's ``str(True)`` counts."""
    is_flag = name in ("FifoTopic", "ContentBasedDeduplication")
    return value.lower() if is_flag else value


async def delete_topic(ctx: Context, request: Request) -> Response:
    """Handle DeleteTopic; its subscriptions go with it, and one that is not there is no error."""
    place = arns.topic(ctx, request.get("TopicArn"))
    sns = of(ctx)
    if sns.topic(place) is not None:
        arn = arns.arn_of(place)
        await sns.topics.delete(*place)
        for subscription in list(sns.subscriptions(arn)):
            await sns.drop_subscription(subscription.arn)
    return {}


async def list_topics(ctx: Context, request: Request) -> Response:
    """Handle ListTopics."""
    names = of(ctx).topics.keys(ctx.account, ctx.region)
    every = [{"TopicArn": arns.arn_of(arns.Place(ctx.account, ctx.region, n))} for n in names]
    return page(every, request, "Topics")


async def get_topic_attributes(ctx: Context, request: Request) -> Response:
    """Handle GetTopicAttributes."""
    topic, arn = found(ctx, request.get("TopicArn"))
    return {"Attributes": shown(of(ctx), topic, arn)}


def shown(sns: Sns, topic: Topic, arn: str) -> dict[str, str]:
    """Return a topic's attributes."""
    every = list(sns.subscriptions(arn))
    own = topic["attributes"]
    account = arn.split(":")[4]
    pending = sum(each.is_pending for each in every)
    delivery = policies.effective_delivery(own.get("DeliveryPolicy"))
    attributes = {
        "Owner": account,
        "Policy": json.dumps(policies.default(arn, account), separators=(",", ":")),
        "TopicArn": arn,
        "DisplayName": "",
        "EffectiveDeliveryPolicy": json.dumps(delivery, separators=(",", ":")),
        "SubscriptionsConfirmed": str(len(every) - pending),
        "SubscriptionsPending": str(pending),
        "SubscriptionsDeleted": str(topic["deleted"]),
        **own,
    }
    if own.get("FifoTopic") == "true":
        attributes.setdefault("ContentBasedDeduplication", "false")
        attributes.setdefault("FifoThroughputScope", "Topic")
    return attributes


async def set_topic_attributes(ctx: Context, request: Request) -> Response:
    """Handle SetTopicAttributes."""
    name = request["AttributeName"]
    value = _text(name, request.get("AttributeValue") or "")
    topic, arn = found(ctx, request.get("TopicArn"))
    is_fifo = topic["attributes"].get("FifoTopic") == "true"
    check_attribute(name, value, is_fifo=is_fifo)
    attributes = {**topic["attributes"], name: value}
    if not value:
        del attributes[name]
    await keep(ctx, arn, {**topic, "attributes": attributes})
    return {}


async def get_data_protection_policy(ctx: Context, request: Request) -> Response:
    """Handle GetDataProtectionPolicy: it is kept, and not acted on."""
    topic, _ = found(ctx, request["ResourceArn"], "ResourceArn")
    return {"DataProtectionPolicy": topic["protection"] or None}


async def put_data_protection_policy(ctx: Context, request: Request) -> Response:
    """Handle PutDataProtectionPolicy."""
    topic, arn = found(ctx, request["ResourceArn"], "ResourceArn")
    policy: str = request["DataProtectionPolicy"]
    _check_protection(policy)
    await keep(ctx, arn, {**topic, "protection": policy})
    return {}


def _check_protection(policy: str) -> None:
    """Check that a data protection policy is one; an empty text takes it away."""
    if not policy:
        return
    try:
        read = read_json(policy)
    except ValueError:
        read = None
    if not isinstance(read, dict):
        raise invalid("DataProtectionPolicy")


# -- tags -----------------------------------------------------------------------------------------


def _tags(given: list[Mapping[str, str]] | None) -> dict[str, str]:
    return {each["Key"]: each["Value"] for each in given or ()}


def _counted(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        text = "Could not complete request: tag quota of per resource exceeded"
        raise AwsError("TagLimitExceeded", text)
    return tags


def _tagged(ctx: Context, arn: str) -> tuple[Topic, str]:
    try:
        return found(ctx, arn, "ResourceArn")
    except AwsError as error:
        if error.code == "NotFound":
            raise AwsError("ResourceNotFound", "Resource does not exist") from error
        raise


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Handle TagResource."""
    topic, arn = _tagged(ctx, request["ResourceArn"])
    tags = _counted({**topic["tags"], **_tags(request["Tags"])})
    await keep(ctx, arn, {**topic, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Handle UntagResource."""
    topic, arn = _tagged(ctx, request["ResourceArn"])
    tags = {k: v for k, v in topic["tags"].items() if k not in request["TagKeys"]}
    await keep(ctx, arn, {**topic, "tags": tags})
    return {}


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Handle ListTagsForResource."""
    topic, _ = _tagged(ctx, request["ResourceArn"])
    return {"Tags": [{"Key": key, "Value": value} for key, value in topic["tags"].items()]}


# -- permissions ----------------------------------------------------------------------------------


async def add_permission(ctx: Context, request: Request) -> Response:
    """Handle AddPermission."""
    topic, arn = found(ctx, request.get("TopicArn"))
    policy = policies.with_permission(
        policies.of_topic(topic, arn),
        arn,
        request["Label"],
        request["AWSAccountId"],
        request["ActionName"],
    )
    await _keep_policy(ctx, topic, arn, policy)
    return {}


async def remove_permission(ctx: Context, request: Request) -> Response:
    """Handle RemovePermission."""
    topic, arn = found(ctx, request.get("TopicArn"))
    policy = policies.without_permission(policies.of_topic(topic, arn), request["Label"])
    await _keep_policy(ctx, topic, arn, policy)
    return {}


async def _keep_policy(ctx: Context, topic: Topic, arn: str, policy: dict[str, Any]) -> None:
    text = json.dumps(policy, separators=(",", ":"))
    await keep(ctx, arn, {**topic, "attributes": {**topic["attributes"], "Policy": text}})
