"""PutRecord and PutRecords.

https://docs.aws.amazon.com/streams/latest/dev/developing-producers-with-sdk.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.model.errors import AwsError, StorageError
from emulator.services.context import Context, Request, Response
from emulator.services.kinesis import errors, sequences
from emulator.services.kinesis.naming import stream_of
from emulator.services.kinesis.state import Kinesis, of
from emulator.services.kinesis.streams import Shard, Stream

#: Bytes of all records of one request.
_MOST_TOGETHER = 10 << 20
_KIB = 1024


async def put_record(ctx: Context, request: Request) -> Response:
    """Serve PutRecord.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecord.html
    """
    kinesis, stream = of(ctx), stream_of(ctx, request)
    _check(stream, request, "")
    _check_order(stream, request.get("SequenceNumberForOrdering"))
    if request.get("DryRun"):
        raise errors.dry_run()
    shard_id, sequence = await put(kinesis, stream, request)
    return {
        "ShardId": shard_id,
        "SequenceNumber": sequence,
        "EncryptionType": stream.encryption,
    }


async def put(kinesis: Kinesis, stream: Stream, record: Request) -> tuple[str, str]:
    """Append one record; return its shard's id and its sequence number.

    Args:
        kinesis: The service.
        stream: The stream.
        record: Data, PartitionKey and perhaps ExplicitHashKey.

    Raises:
        AwsError: Its shard has taken enough for this second.
        StorageError: It was not kept.
    """
    while stream.changing is not None:
        await stream.changing.wait()
    key, data = record.get("PartitionKey") or "", record["Data"]
    shard = stream.shard_for(key, record.get("ExplicitHashKey"))
    size = len(key) + len(data)
    if kinesis.limits and not shard.written.takes(size, kinesis.clock.monotonic()):
        raise errors.throttled(shard.id, stream.name, stream.place.account)
    number, arrived_ms = await kinesis.log.append(shard.log, [(key, data)])
    return shard.id, shard.sequence(number, arrived_ms)


async def put_records(ctx: Context, request: Request) -> Response:
    """Serve PutRecords.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_PutRecords.html
    """
    kinesis, stream = of(ctx), stream_of(ctx, request)
    total = 0
    for index, record in enumerate(request["Records"], 1):
        total += _check(stream, record, f"records.{index}.member.")
    if total > _MOST_TOGETHER:
        raise errors.invalid(f"Records size exceeds {_MOST_TOGETHER >> 20} MB limit")
    if request.get("DryRun"):
        raise errors.dry_run()
    while stream.changing is not None:
        await stream.changing.wait()
    results, by_shard = _sort(kinesis, stream, request["Records"])
    # All have their place before anything else runs: no shard is closed in between.
    appended = [
        kinesis.log.append(shard.log, [_content(request["Records"][index]) for index in indexes])
        for shard, indexes in by_shard.items()
    ]
    outcomes = await asyncio.gather(*appended, return_exceptions=True)
    for (shard, indexes), outcome in zip(by_shard.items(), outcomes, strict=True):
        _note(shard, indexes, outcome, results)
    failed = sum("ErrorCode" in each for each in results)
    return {
        "FailedRecordCount": failed,
        "Records": results,
        "EncryptionType": stream.encryption,
    }


def _sort(
    kinesis: Kinesis, stream: Stream, records: list[Request]
) -> tuple[list[dict[str, Any]], dict[Shard, list[int]]]:
    """Say which records go to which shard; those that are too much have their result already."""
    results: list[dict[str, Any]] = [{} for _ in records]
    by_shard: dict[Shard, list[int]] = {}
    now = kinesis.clock.monotonic()
    for index, record in enumerate(records):
        key = record.get("PartitionKey") or ""
        shard = stream.shard_for(key, record.get("ExplicitHashKey"))
        size = len(key) + len(record["Data"])
        if kinesis.limits and not shard.written.takes(size, now):
            results[index] = {
                "ErrorCode": "ProvisionedThroughputExceededException",
                "ErrorMessage": errors.rate_text(shard.id, stream.name, stream.place.account),
            }
        else:
            by_shard.setdefault(shard, []).append(index)
    return results, by_shard


def _content(record: Request) -> tuple[str, bytes]:
    return record.get("PartitionKey") or "", record["Data"]


def _note(
    shard: Shard,
    indexes: list[int],
    outcome: tuple[int, int] | BaseException,
    results: list[dict[str, Any]],
) -> None:
    """Note the result of each record of one shard: the first's number and when they came."""
    if isinstance(outcome, StorageError):
        failed = {"ErrorCode": "InternalFailure", "ErrorMessage": f"It was not kept: {outcome}"}
        for index in indexes:
            results[index] = failed
        return
    if isinstance(outcome, BaseException):
        raise outcome
    first, arrived_ms = outcome
    base, step = sequences.writer(shard.made_s, shard.number, arrived_ms)
    id = shard.id
    for number, index in enumerate(indexes, first):
        results[index] = {"SequenceNumber": str(base + number * step), "ShardId": id}


def _check(stream: Stream, record: Request, where: str) -> int:
    """Check a record, and return its bytes.

    Raises:
        AwsError: It is too large, has no partition key, or its hash key is none.
    """
    key, data = record.get("PartitionKey"), record["Data"]
    most = stream.body["record_kib"] * _KIB
    if not key and not stream.is_distributed:
        raise errors.violated(
            f"1 validation error detected: Value null at '{where}partitionKey' failed to satisfy "
            "constraint: Member must not be null"
        )
    if len(data) > most:
        raise errors.violated(
            f"1 validation error detected: Value at '{where}data' failed to satisfy constraint: "
            f"Member must have length less than or equal to {most}"
        )
    size = len(data) + len((key or "").encode())
    if size > most:
        raise errors.invalid(f"The record is larger than {most} bytes with its partition key.")
    explicit = record.get("ExplicitHashKey")
    if explicit and int(explicit) > sequences.LARGEST_HASH:
        raise errors.invalid(
            f"Invalid ExplicitHashKey. ExplicitHashKey must be in the range: "
            f"[0, 2^128-1]. Specified value was {explicit}"
        )
    return size


def _check_order(stream: Stream, sequence: str | None) -> None:
    if sequence and sequences.parse(sequence) is None:
        raise AwsError(
            "InvalidArgumentException",
            f"ExclusiveMinimumSequenceNumber {sequence} used in PutRecord on stream {stream.name} "
            f"under account {stream.place.account} is invalid.",
        )
