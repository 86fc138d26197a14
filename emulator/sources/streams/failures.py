"""The record of a batch that was given up. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/kinesis-on-failure-destination.html
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from emulator.sources.mapped_function import Attempt
from emulator.sources.streams.base import StreamRecord
from emulator.sources.streams.outcomes import Condition
from emulator.sources.streams.settings import StreamSettings


@dataclass(frozen=True, slots=True)
class GivenUp:
    """Records of a shard that were given up."""

    shard: str
    records: tuple[StreamRecord, ...]
    condition: Condition
    #: How often they were tried.
    attempts: int
    #: The last attempt; None: there was none.
    last: Attempt | None
    #: The event that the function was, or would have been, given.
    payload: bytes


def record(given_up: GivenUp, settings: StreamSettings, now: float) -> dict[str, Any]:
    """Return the record that a destination is sent (recorded from AWS).

    Args:
        given_up: What was given up.
        settings: The mapping's.
        now: Seconds since the epoch.
    """
    exhausted = given_up.condition == "RetryAttemptsExhausted"
    last = given_up.last
    found: dict[str, Any] = {
        "requestContext": {
            "requestId": last.request_id if last else str(uuid.uuid4()),
            "functionArn": settings.function_arn,
            "condition": given_up.condition,
            # Of records that were too old, the attempt that was not made counts as well.
            "approximateInvokeCount": given_up.attempts + (not exhausted),
        },
    }
    if exhausted and last is not None:
        found["responseContext"] = {
            "statusCode": 200,
            "executedVersion": last.version,
            "functionError": last.result.function_error or None,
        }
    found["version"] = "1.0"
    found["timestamp"] = _timestamp(now, milliseconds=True)
    first, latest = given_up.records[0], given_up.records[-1]
    milliseconds = settings.kind.milliseconds
    found[settings.kind.batch_info] = {
        "shardId": given_up.shard,
        "startSequenceNumber": first.sequence,
        "endSequenceNumber": latest.sequence,
        "approximateArrivalOfFirstRecord": _timestamp(first.arrived, milliseconds=milliseconds),
        "approximateArrivalOfLastRecord": _timestamp(latest.arrived, milliseconds=milliseconds),
        "batchSize": len(given_up.records),
        "streamArn": settings.arn,
    }
    return found


def object_key(mapping: str, shard: str, now: float) -> str:
    """Return the key of the object that holds such a record in a bucket.

    Args:
        mapping: The mapping's id.
        shard: The shard's id.
        now: Seconds since the epoch.
    """
    moment = datetime.fromtimestamp(now, UTC)
    day, second = f"{moment:%Y/%m/%d}", f"{moment:%Y-%m-%dT%H.%M.%S}"
    return f"aws/lambda/{mapping}/{shard}/{day}/{second}-{uuid.uuid4()}"


def _timestamp(moment: float, *, milliseconds: bool) -> str:
    at = datetime.fromtimestamp(moment, UTC)
    fraction = f".{at.microsecond // 1000:03d}" if milliseconds else ""
    return f"{at:%Y-%m-%dT%H:%M:%S}{fraction}Z"
