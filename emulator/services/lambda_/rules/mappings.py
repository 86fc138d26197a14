"""What AWS accepts in an event source mapping, by the kind of its source. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Request
from emulator.services.lambda_.errors import invalid

#: Says whether a filter's pattern is valid.
PatternCheck = Callable[[str], bool]

#: Provisioned pollers of a queue's mapping, at least.
#: https://docs.aws.amazon.com/lambda/latest/api/API_ProvisionedPollerConfig.html
_LEAST_POLLERS = 2
#: Defaults of streams.
_STREAM_DEFAULTS = {
    "MaximumBatchingWindowInSeconds": 0,
    "ParallelizationFactor": 1,
    "MaximumRecordAgeInSeconds": -1,
    "BisectBatchOnFunctionError": False,
    "MaximumRetryAttempts": -1,
    "TumblingWindowInSeconds": 0,
}
#: Members that only streams (Kinesis, DynamoDB) have.
_STREAM_MEMBERS = (
    "ParallelizationFactor",
    "MaximumRecordAgeInSeconds",
    "BisectBatchOnFunctionError",
    "MaximumRetryAttempts",
    "TumblingWindowInSeconds",
)
#: Members that are shown as they came.
_COMMON = (
    "KMSKeyArn",
    "MetricsConfig",
    "LoggingConfig",
    "ScalingConfig",
    "SourceAccessConfigurations",
    "SelfManagedEventSource",
    "Topics",
    "Queues",
    "DocumentDBEventSourceConfig",
    "ProvisionedPollerConfig",
    "StartingPositionTimestamp",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """A kind of event source."""

    name: str
    #: Its name in messages.
    title: str
    #: BatchSize: default and maximum.
    batch: int
    most: int
    #: StateTransitionReason; streams have words of their own (recorded).
    reason: str = "USER_INITIATED"
    stream: bool = False


KINDS = {
    kind.name: kind
    for kind in (
        Kind(name="sqs", title="a queue", batch=10, most=10_000),
        Kind(name="sqs-fifo", title="a FIFO queue", batch=10, most=10),
        Kind(
            name="kinesis",
            title="a Kinesis stream",
            batch=100,
            most=10_000,
            reason="User action",
            stream=True,
        ),
        Kind(
            name="dynamodb",
            title="a DynamoDB stream",
            batch=100,
            most=10_000,
            reason="User action",
            stream=True,
        ),
        Kind(name="kafka", title="a Kafka topic", batch=100, most=10_000),
        Kind(name="mq", title="a message broker", batch=100, most=10_000),
        Kind(name="docdb", title="a DocumentDB stream", batch=100, most=10_000),
    )
}
_SERVICES = {"rds": "docdb"}


def kind_of(request: Request, *, others: bool = True) -> Kind:
    """Return the kind of source a create request (or a mapping) is for.

    Args:
        request: The request, by the names of the model's members.
        others: Also accept sources that AWS does not have: a service here may bring its own.

    Raises:
        AwsError: The request names none, or it is no event source.
    """
    if request.get("SelfManagedEventSource"):
        if not request.get("SourceAccessConfigurations"):
            raise invalid("Required 'sourceAccessConfigurations' parameter is missing.")
        return KINDS["kafka"]
    arn = request.get("EventSourceArn")
    if not arn:
        raise invalid("Unrecognized event source.")
    service = arn.split(":", 5)[2]
    if service == "sqs" and arn.endswith(".fifo"):
        service = "sqs-fifo"
    kind = KINDS.get(_SERVICES.get(service, service))
    if kind is None and others:
        return Kind(name=service, title=f"a source of {service}", batch=100, most=10_000)
    if kind is None:
        raise invalid("Unrecognized event source.")
    return kind


def check(kind: Kind, request: Request, check_pattern: PatternCheck, *, new: bool = True) -> None:
    """Check a create request, or a mapping as an update would leave it.

    Args:
        kind: What the mapping's source is.
        request: The request, by the names of the model's members.
        check_pattern: Knows the filter language.
        new: Whether the mapping is to be created.

    Raises:
        AwsError: AWS would refuse it.
    """
    if (request.get("DestinationConfig") or {}).get("OnSuccess"):
        raise invalid(
            "Unsupported DestinationConfig parameter for given event source mapping type."
        )
    batch = request.get("BatchSize") or kind.batch
    window = request.get("MaximumBatchingWindowInSeconds") or 0
    if batch > kind.most:
        raise invalid(f"BatchSize must be less than or equal to {kind.most} for this event source.")
    if kind.stream and new:
        _check_position(kind, request)
    if kind.name == "kafka" and not request.get("Topics"):
        raise invalid("Topics parameter is required for this event source.")
    if kind.name.startswith("sqs"):
        if request.get("StartingPosition"):
            raise invalid("StartingPosition is not valid for SQS event sources.")
        if batch > 10 and window == 0:
            raise invalid(
                "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
                "greater than 10"
            )
        if kind.name == "sqs-fifo" and window:
            raise invalid("Batching window is not supported for FIFO queues.")
        if request.get("DestinationConfig"):
            raise invalid(
                "Unsupported DestinationConfig parameter for given event source mapping type."
            )
    elif request.get("ScalingConfig"):
        raise invalid("ScalingConfig is only supported for SQS event sources.")
    if not kind.stream:
        for member in _STREAM_MEMBERS:
            if new and request.get(member) is not None:
                raise invalid(
                    f"Unsupported {member[0].lower()}{member[1:]} parameter for given event source "
                    "mapping type."
                )
    age = request.get("MaximumRecordAgeInSeconds")
    if age is not None and 0 <= age < 60:
        raise invalid("MaximumRecordAgeInSeconds must be -1 or at least 60.")
    pollers = request.get("ProvisionedPollerConfig") or {}
    low, high = pollers.get("MinimumPollers"), pollers.get("MaximumPollers")
    if low is not None and high is not None and low > high:
        raise invalid("MinimumPollers must be less than or equal to MaximumPollers.")
    if kind.name.startswith("sqs") and pollers:
        if min(low or _LEAST_POLLERS, high or _LEAST_POLLERS) < _LEAST_POLLERS:
            raise invalid(f"An SQS event source has at least {_LEAST_POLLERS} provisioned pollers.")
        if (request.get("ScalingConfig") or {}).get("MaximumConcurrency"):
            raise invalid("ProvisionedPollerConfig and MaximumConcurrency exclude each other.")
    for each in (request.get("FilterCriteria") or {}).get("Filters") or ():
        pattern = each.get("Pattern")
        if not pattern or not check_pattern(pattern):
            raise invalid("Invalid filter pattern definition.")


def _check_position(kind: Kind, request: Request) -> None:
    position = request.get("StartingPosition")
    if not position:
        # A violation with the code of a rule across members (recorded).
        raise AwsError(
            "InvalidParameterValueException",
            "1 validation error detected: Value null at 'startingPosition' failed to satisfy "
            "constraint: Member must not be null.",
            Type="User",
        )
    if position == "AT_TIMESTAMP":
        if kind.name == "dynamodb":
            raise invalid(
                f"Unsupported starting position for arn type: {request['EventSourceArn']}"
            )
        if request.get("StartingPositionTimestamp") is None:
            raise invalid("StartingPositionTimestamp is required for AT_TIMESTAMP.")


def describe(kind: Kind, request: Request) -> dict[str, Any]:
    """Return a new mapping's members from its request, with AWS's defaults."""
    body: dict[str, Any] = {
        "BatchSize": request.get("BatchSize") or kind.batch,
        "FunctionResponseTypes": request.get("FunctionResponseTypes") or [],
    }
    if request.get("EventSourceArn"):
        body["EventSourceArn"] = request["EventSourceArn"]
    if kind.stream:
        body |= {
            name: default if request.get(name) is None else request[name]
            for name, default in _STREAM_DEFAULTS.items()
        }
        body["LastProcessingResult"] = "No records processed"
        body["DestinationConfig"] = {"OnFailure": {}} | (request.get("DestinationConfig") or {})
    elif kind.name.startswith("sqs"):
        body["MaximumBatchingWindowInSeconds"] = request.get("MaximumBatchingWindowInSeconds") or 0
    else:
        if request.get("MaximumBatchingWindowInSeconds") is not None:
            body["MaximumBatchingWindowInSeconds"] = request["MaximumBatchingWindowInSeconds"]
        del body["FunctionResponseTypes"]
    if kind.stream or kind.name in ("kafka", "docdb"):
        body["StartingPosition"] = request.get("StartingPosition") or "TRIM_HORIZON"
    if kind.name == "kafka":
        own = "SelfManaged" if request.get("SelfManagedEventSource") else "AmazonManaged"
        member = f"{own}KafkaEventSourceConfig"
        body[member] = {"ConsumerGroupId": str(uuid.uuid4())} | (request.get(member) or {})
        if own == "AmazonManaged":
            body["LastProcessingResult"] = "No records processed"
        if request.get("DestinationConfig"):
            body["DestinationConfig"] = request["DestinationConfig"]
    body |= {member: request[member] for member in _COMMON if request.get(member) is not None}
    if (request.get("FilterCriteria") or {}).get("Filters"):
        body["FilterCriteria"] = request["FilterCriteria"]
    return body


def change(body: dict[str, Any], request: Request) -> dict[str, Any]:
    """Return a mapping as an update request leaves it."""
    changed = dict(body)
    for member, value in request.items():
        if value is None or member in ("UUID", "FunctionName", "Enabled"):
            continue
        if member == "FilterCriteria" and not (value or {}).get("Filters"):
            changed.pop("FilterCriteria", None)
        elif member == "DestinationConfig":
            changed[member] = {"OnFailure": {}} | value
        elif member in ("ScalingConfig", "ProvisionedPollerConfig") and not value:
            changed.pop(member, None)
        else:
            changed[member] = value
    return changed
