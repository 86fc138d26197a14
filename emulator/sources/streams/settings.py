"""What an event source mapping of a stream configures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.sources.filters import Filter, filter_of
from emulator.sources.streams.base import StreamKind

#: The member of a mapping at LATEST that has the last record of each shard when it was made.
POSITIONS = "Positions"


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamSettings:
    """What a mapping of a stream configures."""

    #: The mapping's own id.
    mapping: str
    arn: str
    function_arn: str
    kind: StreamKind
    batch_size: int = 100
    #: How long a batch may wait for further records.
    window_s: float = 0.0
    #: Batches of one shard that may be in flight.
    factor: int = 1
    bisects: bool = False
    #: Retries of a batch; -1: without end.
    retries: int = -1
    #: Seconds after which a record is given up; -1: never.
    record_age_s: float = -1.0
    #: Seconds of a tumbling window; 0: there are none.
    tumbling_s: float = 0.0
    #: The function may say which record of a batch it failed at.
    reports: bool = False
    #: The ARN of where records of failures go; "" for nowhere.
    on_failure: str = ""
    filter: Filter | None = None
    #: Records that came before are left out (seconds since the epoch).
    since: float = 0.0
    #: After which record each shard is read, by the shards' keys; others from their beginning.
    positions: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, mapping: Mapping[str, Any], kind: StreamKind) -> StreamSettings:
        """Return the settings of a mapping as the API shows it.

        Raises:
            InvalidPattern: Its filter is no pattern.
        """
        destination = (mapping.get("DestinationConfig") or {}).get("OnFailure") or {}
        retries, age = mapping.get("MaximumRetryAttempts"), mapping.get("MaximumRecordAgeInSeconds")
        return cls(
            mapping=mapping["UUID"],
            arn=mapping["EventSourceArn"],
            function_arn=mapping["FunctionArn"],
            kind=kind,
            batch_size=mapping.get("BatchSize") or 100,
            window_s=float(mapping.get("MaximumBatchingWindowInSeconds") or 0),
            factor=mapping.get("ParallelizationFactor") or 1,
            bisects=bool(mapping.get("BisectBatchOnFunctionError")),
            retries=-1 if retries is None else retries,
            record_age_s=-1.0 if age is None else float(age),
            tumbling_s=float(mapping.get("TumblingWindowInSeconds") or 0),
            reports="ReportBatchItemFailures" in (mapping.get("FunctionResponseTypes") or ()),
            on_failure=destination.get("Destination") or "",
            filter=filter_of(mapping.get("FilterCriteria"), kind.content),
            since=_since(mapping),
            positions=mapping.get(POSITIONS) or {},
        )


def _since(mapping: Mapping[str, Any]) -> float:
    """Return from when on records are wanted, in seconds since the epoch.

    A mapping at LATEST has its positions: no clock tells what came before it from what came after,
    in the same millisecond. Mappings of earlier releases have none: for them it is all that came
    since they were made.
    """
    match mapping.get("StartingPosition"):
        case "LATEST" if POSITIONS not in mapping:
            return float(mapping.get("Created") or mapping.get("LastModified") or 0.0)
        case "AT_TIMESTAMP":
            return float(mapping.get("StartingPositionTimestamp") or 0.0)
    return 0.0
