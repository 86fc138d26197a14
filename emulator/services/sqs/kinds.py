"""SQS's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SQS.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    forgiving,
    is_gone,
)
from emulator.stack.tagging import Tagging, merge_tags

_TAGGING = Tagging(service="sqs", add="TagQueue", remove="UntagQueue", member="QueueUrl")
_NOT_ATTRIBUTES = ("QueueName", "Tags")


class Queue(ServiceKind):
    """AWS::SQS::Queue: its properties but for name and tags are attributes."""

    reading = Reading(
        service="sqs",
        get="GetQueueAttributes",
        member="QueueUrl",
        fixed={"AttributeNames": ["All"]},
        lists="ListQueues",
        listed="QueueUrls",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        attributes = _attributes(wanted.properties)
        fifo = attributes.get("FifoQueue") == "true"
        if not fifo:
            # A template may say "false", which CreateQueue refuses.
            attributes.pop("FifoQueue", None)
        name = _name(wanted)
        tags = {
            tag["Key"]: tag["Value"]
            for tag in merge_tags(wanted.tags, wanted.properties.get("Tags"))
        }
        request = {"QueueName": name, "Attributes": attributes, "tags": tags}
        url = (await call("sqs", "CreateQueue", request))["QueueUrl"]
        arn = f"arn:aws:sqs:{call.region}:{call.account}:{name}"
        return Made(physical=url, attributes={"Arn": arn, "QueueName": name, "QueueUrl": url})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        attributes = _attributes(wanted.properties)
        attributes.pop("FifoQueue", None)
        # A property that a template no longer has gets its default.
        gone = _attributes(before).keys() - attributes.keys() - {"FifoQueue"}
        if attributes.get("KmsMasterKeyId"):
            # A key takes the place of SQS's own encryption, which is not asked for beside it.
            gone -= {"SqsManagedSseEnabled"}
        for name in gone:
            attributes[name] = _DEFAULTS.get(name, "")
        if "KmsMasterKeyId" in gone:
            # SQS's own encryption comes back in the key's place.
            attributes.setdefault("SqsManagedSseEnabled", _DEFAULTS["SqsManagedSseEnabled"])
        if attributes:
            request = {"QueueUrl": made.physical, "Attributes": attributes}
            await call("sqs", "SetQueueAttributes", request)
        await _TAGGING.change(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "sqs", "DeleteQueue", {"QueueUrl": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        found = await forgiving(call, "sqs", "GetQueueUrl", {"QueueName": _name(wanted)})
        return [] if found is None else [Made(physical=found["QueueUrl"])]


def _name(wanted: Wanted) -> str:
    fifo = _attributes(wanted.properties).get("FifoQueue") == "true"
    name = wanted.name("QueueName", longest=80 - 5 * fifo)
    return f"{name}.fifo" if fifo and not name.endswith(".fifo") else name


_DEFAULTS = {
    "ContentBasedDeduplication": "false",
    "DeduplicationScope": "queue",
    "DelaySeconds": "0",
    "FifoThroughputLimit": "perQueue",
    "KmsDataKeyReusePeriodSeconds": "300",
    # Recorded: CloudFormation's own, which is not what queues have that never had one.
    "MaximumMessageSize": "262144",
    "MessageRetentionPeriod": "345600",
    "ReceiveMessageWaitTimeSeconds": "0",
    "SqsManagedSseEnabled": "true",
    "VisibilityTimeout": "30",
}


def _attributes(properties: Mapping[str, Any]) -> dict[str, str]:
    return {k: _text(v) for k, v in properties.items() if k not in _NOT_ATTRIBUTES}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    text = json.dumps(value) if isinstance(value, (dict, list)) else str(value)
    return text.lower() if text in ("True", "False") else text


class QueuePolicy(ServiceKind):
    """AWS::SQS::QueuePolicy: one policy for several queues."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        await self._set(call, wanted.properties, wanted.properties.get("PolicyDocument"))
        return self._made(wanted)

    def _made(self, wanted: Wanted) -> Made:
        """Return it by a name of its own; the policy of one queue has the queue's."""
        name = str(wanted.properties.get("Queue") or wanted.name(""))
        return Made(physical=name, attributes={"Id": name})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        left = [url for url in _queues(before) if url not in _queues(wanted.properties)]
        await self._set(call, {"Queues": left}, "")
        await self._set(call, wanted.properties, wanted.properties.get("PolicyDocument"))
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await self._set(call, properties, "")

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        for url in _queues(wanted.properties):
            request = {"QueueUrl": url, "AttributeNames": ["Policy"]}
            found = await forgiving(call, "sqs", "GetQueueAttributes", request) or {}
            if (found.get("Attributes") or {}).get("Policy"):
                return [self._made(wanted)]
        return []

    async def _set(self, call: Call, properties: Mapping[str, Any], policy: Any) -> None:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        for url in _queues(properties):
            request = {"QueueUrl": url, "Attributes": {"Policy": text}}
            try:
                await call("sqs", "SetQueueAttributes", request)
            except AwsError as error:
                # The queue was deleted before its policy.
                if text or not is_gone(error):
                    raise


def _queues(properties: Mapping[str, Any]) -> list[str]:
    queues = properties.get("Queues") or properties.get("Queue") or []
    return [queues] if isinstance(queues, str) else list(queues)


KINDS: dict[str, Kind] = {
    "AWS::SQS::Queue": Queue(),
    "AWS::SQS::QueueInlinePolicy": QueuePolicy(),
    "AWS::SQS::QueuePolicy": QueuePolicy(),
}
