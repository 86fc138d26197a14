"""Queues and what they feed, as a template declares them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html
https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/
sam-property-function-sqs.html
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from emulator.model.errors import ConfigurationError
from emulator.stack.declarations import MappingDeclaration, QueueDeclaration
from emulator.stack.document import Referent, Values

QUEUE = "AWS::SQS::Queue"
MAPPING = "AWS::Lambda::EventSourceMapping"
#: Kinds of a function's events that become a mapping. Others are told as not acted on.
EVENTS = ("SQS",)

_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "KmsDataKeyReusePeriodSeconds",
    "KmsMasterKeyId",
    "MaximumMessageSize",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedriveAllowPolicy",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)
#: An event's property: the member of the mapping.
_EVENT = {
    "BatchSize": "BatchSize",
    "Enabled": "Enabled",
    "FilterCriteria": "FilterCriteria",
    "FunctionResponseTypes": "FunctionResponseTypes",
    "KmsKeyArn": "KMSKeyArn",
    "MaximumBatchingWindowInSeconds": "MaximumBatchingWindowInSeconds",
    "MetricsConfig": "MetricsConfig",
    "ProvisionedPollerConfig": "ProvisionedPollerConfig",
    "Queue": "EventSourceArn",
    "ScalingConfig": "ScalingConfig",
}


def queue_name(logical: str, properties: dict[str, Any], values: Values) -> str:
    """Return the name a queue has: the one it is given, or the resource's own."""
    given = values.resolve(properties.get("QueueName"), logical, "QueueName")
    if given is None:
        # CloudFormation makes one up; this one can be guessed.
        return f"{logical}.fifo" if _is_true(properties.get("FifoQueue")) else logical
    if not isinstance(given, str):
        raise ConfigurationError(f"{logical}.QueueName must be text")
    return given


def queue_referent(name: str, *, region: str, account: str, endpoint: str) -> Referent:
    """Return what a template's references to a queue mean."""
    url = f"{endpoint}/{account}/{name}"
    arn = f"arn:aws:sqs:{region}:{account}:{name}"
    return Referent(ref=url, attributes={"Arn": arn, "QueueName": name, "QueueUrl": url})


def read_queue(
    path: Path, logical: str, properties: dict[str, Any], values: Values
) -> QueueDeclaration:
    """Return one queue.

    Raises:
        ConfigurationError: It has a property that no queue has, or one of the wrong kind.
    """
    attributes = {}
    for key, raw in properties.items():
        value = values.resolve(raw, logical, key)
        if key in ("QueueName", "Tags") or value is None:
            continue
        if key not in _ATTRIBUTES:
            raise ConfigurationError(f"{path}: {logical}.{key} is no property of a queue")
        # CloudFormation takes "false", CreateQueue does not: no standard queue has it.
        if key == "FifoQueue" and not _is_true(value):
            continue
        attributes[key] = _text(value)
    return QueueDeclaration(
        logical=logical,
        name=queue_name(logical, properties, values),
        attributes=attributes,
        tags=_tags(path, logical, values.resolve(properties.get("Tags"), logical, "Tags")),
    )


def read_event(
    path: Path, function: str, where: str, properties: dict[str, Any], values: Values
) -> MappingDeclaration:
    """Return the mapping that a function's event of type SQS stands for.

    Args:
        path: The template's, for messages.
        function: The function's name.
        where: The event's place, for messages.
        properties: The event's.
        values: Works out intrinsic functions.

    Raises:
        ConfigurationError: It has a property that no such event has, or names no queue.
    """
    request: dict[str, Any] = {"FunctionName": function}
    for key, raw in properties.items():
        if key not in _EVENT:
            raise ConfigurationError(f"{path}: {where}.{key} is no property of an SQS event")
        request[_EVENT[key]] = values.resolve(raw, where, key)
    return _mapping(path, where, request, "Queue")


def read_mapping(
    path: Path, logical: str, properties: dict[str, Any], values: Values
) -> MappingDeclaration:
    """Return the mapping a resource of its own declares.

    Raises:
        ConfigurationError: It names no source or function.
    """
    request = values.resolve(properties, logical)
    assert isinstance(request, dict)
    if "KmsKeyArn" in request:
        request["KMSKeyArn"] = request.pop("KmsKeyArn")
    tags = _tags(path, logical, request.pop("Tags", None))
    if tags:
        request["Tags"] = tags
    if not isinstance(request.get("FunctionName"), str):
        raise ConfigurationError(f"{path}: {logical}.FunctionName is missing")
    return _mapping(path, logical, request, "EventSourceArn")


def _mapping(path: Path, where: str, request: dict[str, Any], source: str) -> MappingDeclaration:
    request = {key: value for key, value in request.items() if value is not None}
    if not isinstance(request.get("EventSourceArn"), str):
        raise ConfigurationError(f"{path}: {where}.{source} must be the ARN of a queue")
    for key, value in request.items():
        request[key] = _typed(value, key)
    return MappingDeclaration(logical=where, request=request)


_NUMBERS = ("BatchSize", "MaximumBatchingWindowInSeconds")


def _typed(value: Any, key: str) -> Any:
    """Return a value as the API has it: parameters of a template are always text."""
    if isinstance(value, dict):
        return {name: _typed(inner, name) for name, inner in value.items()}
    if key in (*_NUMBERS, "MaximumConcurrency", "MinimumPollers", "MaximumPollers"):
        return int(value) if isinstance(value, str) and value.isdecimal() else value
    if key == "Enabled" and isinstance(value, str):
        return _is_true(value)
    return value


def _tags(path: Path, logical: str, value: Any) -> dict[str, str]:
    if value is None:
        return {}
    if isinstance(value, list) and all(
        isinstance(tag, dict) and isinstance(tag.get("Key"), str) for tag in value
    ):
        return {tag["Key"]: _text(tag.get("Value", "")) for tag in value}
    raise ConfigurationError(f"{path}: {logical}.Tags must be a list of Key and Value")


def _is_true(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value) if isinstance(value, (dict, list)) else str(value)
