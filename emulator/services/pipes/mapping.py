"""What a pipe wants of its source, as event source mappings say it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.pipes.errors import invalid

#: The parameters of each kind of source that is served.
_PARAMETERS = {
    "sqs": "SqsQueueParameters",
    "kinesis": "KinesisStreamParameters",
    "dynamodb": "DynamoDBStreamParameters",
}
_BATCH = {"sqs": 10, "kinesis": 100, "dynamodb": 100}
_SAME = (
    "BatchSize",
    "MaximumBatchingWindowInSeconds",
    "MaximumRecordAgeInSeconds",
    "MaximumRetryAttempts",
    "ParallelizationFactor",
    "StartingPosition",
    "StartingPositionTimestamp",
)
#: Before the ids of pipes, where those of mappings stand as well.
PREFIX = "pipe-"


def service_of(arn: str) -> str:
    """Return the service of a source."""
    parts = arn.split(":", 5)
    return parts[2] if len(parts) == 6 else ""


def check_source(fields: Mapping[str, Any]) -> None:
    """Check that a source is of a kind that is served, and has the parameters it needs.

    Raises:
        AwsError: ValidationException.
    """
    source = fields["Source"]
    service = service_of(source)
    if service not in _PARAMETERS:
        raise invalid(
            f"localfaas has no pipes from {source}: sources are SQS, Kinesis and DynamoDB streams."
        )
    given = fields.get("SourceParameters") or {}
    for owner, name in _PARAMETERS.items():
        if given.get(name) is not None and owner != service:
            raise invalid(f"{name} is not supported for the source {source}.")
    name = _PARAMETERS[service]
    if service != "sqs" and given.get(name) is None:
        raise invalid(f"{name} must be provided for the source {source}.")
    size = (given.get(name) or {}).get("BatchSize") or 0
    window = (given.get(name) or {}).get("MaximumBatchingWindowInSeconds") or 0
    if service == "sqs" and size > 10 and not window and not source.endswith(".fifo"):
        raise invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is"
            " greater than 10"
        )


def with_defaults(fields: Mapping[str, Any]) -> dict[str, Any]:
    """Return a source's parameters as DescribePipe shows them."""
    service = service_of(fields["Source"])
    given = dict(fields.get("SourceParameters") or {})
    name = _PARAMETERS[service]
    usual: dict[str, Any] = {"BatchSize": _BATCH[service]}
    if service != "sqs":
        usual |= {
            "MaximumBatchingWindowInSeconds": 0,
            "MaximumRecordAgeInSeconds": -1,
            "MaximumRetryAttempts": -1,
            "ParallelizationFactor": 1,
        }
    given[name] = {**usual, **(given.get(name) or {})}
    return given


def mapping_of(pipe: Mapping[str, Any]) -> dict[str, Any]:
    """Return the mapping that feeds a pipe."""
    fields = pipe["fields"]
    service = service_of(fields["Source"])
    parameters = (fields.get("SourceParameters") or {}).get(_PARAMETERS[service]) or {}
    made: dict[str, Any] = {
        "UUID": PREFIX + pipe["id"],
        "EventSourceArn": fields["Source"],
        "FunctionArn": pipe["arn"],
        "EventSourceMappingArn": pipe["arn"],
        "Enabled": fields["DesiredState"] == "RUNNING",
        "Created": pipe["created"],
        "LastModified": pipe["modified"],
        "FilterCriteria": (fields.get("SourceParameters") or {}).get("FilterCriteria"),
        # A target may fail some records of a batch.
        "FunctionResponseTypes": ["ReportBatchItemFailures"],
        **{name: parameters[name] for name in _SAME if parameters.get(name) is not None},
        **pipe.get("begins", {}),
    }
    made.setdefault("BatchSize", _BATCH[service])
    dead = (parameters.get("DeadLetterConfig") or {}).get("Arn")
    if dead:
        made["DestinationConfig"] = {"OnFailure": {"Destination": dead}}
    if parameters.get("OnPartialBatchItemFailure") == "AUTOMATIC_BISECT":
        made["BisectBatchOnFunctionError"] = True
    return made
