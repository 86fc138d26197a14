"""SNS's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SNS.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

_TAGGING = Tagging(service="sns")
_NOT_ATTRIBUTES = (
    "DataProtectionPolicy",
    "DeliveryStatusLogging",
    "Subscription",
    "Tags",
    "TopicName",
)


class Topic(ServiceKind):
    """AWS::SNS::Topic, with the subscriptions it names."""

    reading = Reading(service="sns", get="GetTopicAttributes", member="TopicArn")
    noted = ("DataProtectionPolicy",)

    async def create(self, call: Call, wanted: Wanted) -> Made:
        attributes = _attributes(wanted.properties)
        name = _name(wanted)
        request: dict[str, Any] = {
            "Name": name,
            "Attributes": attributes,
            "Tags": merge_tags(wanted.tags, wanted.properties.get("Tags")),
        }
        arn = (await call("sns", "CreateTopic", request))["TopicArn"]
        for each in wanted.properties.get("Subscription") or []:
            await _subscribe(call, arn, each)
        return Made(physical=arn, attributes={"TopicArn": arn, "TopicName": name})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        new, old = _attributes(wanted.properties), _attributes(before)
        for name in {**old, **new}:
            if name != "FifoTopic" and old.get(name) != new.get(name):
                request = {
                    "TopicArn": made.physical,
                    "AttributeName": name,
                    "AttributeValue": new.get(name, _DEFAULTS.get(name, "")),
                }
                await call("sns", "SetTopicAttributes", request)
        wants = wanted.properties.get("Subscription") or []
        for each in before.get("Subscription") or []:
            if each not in wants:
                await _unsubscribe(call, made.physical, each)
        for each in wants:
            if each not in (before.get("Subscription") or []):
                await _subscribe(call, made.physical, each)
        await _TAGGING.change(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "sns", "DeleteTopic", {"TopicArn": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        arn = f"arn:aws:sns:{call.region}:{call.account}:{_name(wanted)}"
        found = await forgiving(call, "sns", "GetTopicAttributes", {"TopicArn": arn})
        return [] if found is None else [Made(physical=arn)]


def _name(wanted: Wanted) -> str:
    is_fifo = _attributes(wanted.properties).get("FifoTopic") == "true"
    name = wanted.name("TopicName", longest=256 - 5 * is_fifo)
    return f"{name}.fifo" if is_fifo and not name.endswith(".fifo") else name


def _attributes(properties: Mapping[str, Any]) -> dict[str, str]:
    found = {k: _text(v) for k, v in properties.items() if k not in _NOT_ATTRIBUTES}
    for each in properties.get("DeliveryStatusLogging") or []:
        # "http/s" is a protocol of templates, "HTTP" begins the names of attributes.
        protocol = _PROTOCOLS.get(str(each.get("Protocol")).lower(), str(each.get("Protocol")))
        for name in _STATUS_LOGGING:
            if each.get(name) is not None:
                found[f"{protocol}{name}"] = _text(each[name])
    return found


#: What attributes are that a topic never had.
_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "FifoThroughputScope": "Topic",
    "SignatureVersion": "1",
    "TracingConfig": "PassThrough",
}
_PROTOCOLS = {
    "http/s": "HTTP",
    "sqs": "SQS",
    "lambda": "Lambda",
    "firehose": "Firehose",
    "application": "Application",
}
_STATUS_LOGGING = (
    "FailureFeedbackRoleArn",
    "SuccessFeedbackRoleArn",
    "SuccessFeedbackSampleRate",
)


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return text.lower() if text in ("True", "False") else text


async def _subscribe(call: Call, topic: str, wanted: Mapping[str, Any]) -> str:
    request = {
        "TopicArn": topic,
        "Protocol": wanted["Protocol"],
        "Endpoint": wanted.get("Endpoint"),
        "ReturnSubscriptionArn": True,
    }
    answer = await call("sns", "Subscribe", request)
    return str(answer["SubscriptionArn"])


async def _unsubscribe(call: Call, topic: str, gone: Mapping[str, Any]) -> None:
    found = await call("sns", "ListSubscriptionsByTopic", {"TopicArn": topic})
    for each in found["Subscriptions"]:
        if (each["Protocol"], each["Endpoint"]) == (gone["Protocol"], gone.get("Endpoint")):
            await call("sns", "Unsubscribe", {"SubscriptionArn": each["SubscriptionArn"]})


_SUBSCRIPTION = (
    "DeliveryPolicy", "FilterPolicy", "FilterPolicyScope", "RawMessageDelivery", "RedrivePolicy",
    "ReplayPolicy", "SubscriptionRoleArn",
)  # fmt: skip


class Subscription(ServiceKind):
    """AWS::SNS::Subscription."""

    reading = Reading(service="sns", get="GetSubscriptionAttributes", member="SubscriptionArn")

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        attributes = {
            k: _text(properties[k]) for k in _SUBSCRIPTION if properties.get(k) not in (None, "")
        }
        request = {
            "TopicArn": properties["TopicArn"],
            "Protocol": properties["Protocol"],
            "Endpoint": properties.get("Endpoint"),
            "Attributes": attributes,
            "ReturnSubscriptionArn": True,
        }
        there = call.at(str(properties.get("Region") or call.region))
        arn = str((await there("sns", "Subscribe", request))["SubscriptionArn"])
        return Made(physical=arn, attributes={"Arn": arn})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        for name in _SUBSCRIPTION:
            old, new = before.get(name), wanted.properties.get(name)
            if old != new:
                default = {"RawMessageDelivery": "false", "FilterPolicyScope": "MessageAttributes"}
                request = {
                    "SubscriptionArn": made.physical,
                    "AttributeName": name,
                    "AttributeValue": default.get(name, "") if new is None else _text(new),
                }
                await _beside(call, made)("sns", "SetSubscriptionAttributes", request)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        there = _beside(call, made)
        await forgiving(there, "sns", "Unsubscribe", {"SubscriptionArn": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"TopicArn": wanted.properties.get("TopicArn", "")}
        there = call.at(str(wanted.properties.get("Region") or call.region))
        found = await forgiving(there, "sns", "ListSubscriptionsByTopic", request) or {}
        same = (wanted.properties.get("Protocol"), wanted.properties.get("Endpoint"))
        return [
            Made(physical=each["SubscriptionArn"])
            for each in found.get("Subscriptions") or []
            if (each["Protocol"], each["Endpoint"]) == same
        ]


def _beside(call: Call, made: Made) -> Call:
    """Return what calls SNS where a subscription is: in its topic's region."""
    parts = made.physical.split(":")
    return call.at(parts[3]) if len(parts) > 3 else call


class TopicPolicy(ServiceKind):
    """AWS::SNS::TopicPolicy: one policy for several topics."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        await self._set(call, _topics(wanted.properties), wanted.properties.get("PolicyDocument"))
        # The policy of one topic has the topic's name, as others have one of their own.
        name = str(wanted.properties.get("TopicArn") or wanted.name(""))
        return Made(physical=name, attributes={"Id": name})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        new = _topics(wanted.properties)
        await self._set(call, [each for each in _topics(before) if each not in new], "")
        await self._set(call, new, wanted.properties.get("PolicyDocument"))
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await self._set(call, _topics(properties), "")

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        return []

    async def _set(self, call: Call, topics: list[str], policy: Any) -> None:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        for arn in topics:
            request = {"TopicArn": arn, "AttributeName": "Policy", "AttributeValue": text}
            await forgiving(call, "sns", "SetTopicAttributes", request)


def _topics(properties: Mapping[str, Any]) -> list[str]:
    topics = properties.get("Topics") or properties.get("TopicArn") or []
    return [topics] if isinstance(topics, str) else list(topics)


KINDS: dict[str, Kind] = {
    "AWS::SNS::Subscription": Subscription(),
    "AWS::SNS::Topic": Topic(),
    "AWS::SNS::TopicInlinePolicy": TopicPolicy(),
    "AWS::SNS::TopicPolicy": TopicPolicy(),
}
