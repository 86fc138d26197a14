"""GetShardIterator, GetRecords and ListShards."""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.kinesis import errors, iterators, sequences
from emulator.services.kinesis.chunks import Record
from emulator.services.kinesis.iterators import ShardIterator
from emulator.services.kinesis.naming import existing, place_of_arn, stream_of
from emulator.services.kinesis.paging import page_token, read_token
from emulator.services.kinesis.state import Kinesis, of
from emulator.services.kinesis.streams import Shard, Stream
from emulator.wire import values

#: Records and bytes of one answer.
_MOST, _MOST_BYTES = 10_000, 10 << 20


async def get_shard_iterator(ctx: Context, request: Request) -> Response:
    """Serve GetShardIterator.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetShardIterator.html
    """
    kinesis, stream = of(ctx), stream_of(ctx, request)
    shard = stream.shard(request["ShardId"])
    if shard is None:
        raise AwsError(
            "ResourceNotFoundException",
            f"Shard {request['ShardId']} in stream {stream.name} under account "
            f"{stream.place.account} does not exist",
        )
    position = {
        "Type": request["ShardIteratorType"],
        "SequenceNumber": request.get("StartingSequenceNumber"),
        "Timestamp": request.get("Timestamp"),
    }
    if position["Type"] in ("TRIM_HORIZON", "LATEST") and position["SequenceNumber"]:
        raise _unfit(position["Type"], "also a")
    number, after_ms = await find_position(kinesis, stream, shard, position, "GetShardIterator")
    if request.get("DryRun"):
        raise errors.dry_run()
    made_ms = int(ctx.clock.now() * 1000)
    return {"ShardIterator": str(ShardIterator(stream.id, shard.number, number, made_ms, after_ms))}


async def find_position(
    kinesis: Kinesis, stream: Stream, shard: Shard, position: Request, operation: str
) -> tuple[int, int]:
    """Return the number of the record at a position, and when records come at the earliest.

    Args:
        kinesis: The service.
        stream: The stream.
        shard: The shard.
        position: Type, SequenceNumber and Timestamp.
        operation: For the errors.

    Raises:
        AwsError: It is no position in this shard.
    """
    kind = position["Type"]
    if kind == "TRIM_HORIZON":
        return 1, 0
    if kind == "LATEST":
        return shard.log.next, 0
    if kind == "AT_TIMESTAMP":
        if position.get("Timestamp") is None:
            raise errors.invalid(
                "Must specify timestampInMillis parameter for iterator of type AT_TIMESTAMP. "
                "Current request has no timestamp parameter."
            )
        at_ms = int(values.epoch(position["Timestamp"]) * 1000)
        if at_ms > kinesis.clock.now() * 1000:
            raise errors.invalid(
                "The timestampInMillis parameter cannot be greater than the "
                f"currentTimestampInMillis. timestampInMillis: {at_ms}, currentTimestampInMillis: "
                f"{int(kinesis.clock.now() * 1000)}"
            )
        at_ms = max(0, at_ms)
        return await kinesis.log.number_at(shard.log, at_ms), at_ms
    text = position.get("SequenceNumber")
    if not text:
        raise _unfit(kind, "no")
    found = sequences.parse(text)
    start = f"StartingSequenceNumber {text} used in {operation} on shard {shard.id} in stream " + (
        f"{stream.name} under account {stream.place.account} is invalid"
    )
    if found is None:
        raise errors.invalid(f"{start}.")
    if found.shard != shard.number or found.made_s != shard.made_s:
        raise errors.invalid(
            f"Invalid StartingSequenceNumber. It encodes {sequences.shard_id(found.shard)}, while "
            f"it was used in a call to a shard with {shard.id}"
        )
    if found.number > shard.log.next:
        raise errors.invalid(f"{start} because it did not come from this stream.")
    return max(1, found.number + (kind == "AFTER_SEQUENCE_NUMBER")), 0


def _unfit(kind: str, given: str) -> AwsError:
    """Return the error of a type of iterator that does not go with a sequence number."""
    return errors.invalid(
        "Must either specify (1) AT_SEQUENCE_NUMBER or AFTER_SEQUENCE_NUMBER and "
        "StartingSequenceNumber or (2) TRIM_HORIZON or LATEST and no StartingSequenceNumber. "
        f"Request specified {kind} and {given} StartingSequenceNumber."
    )


async def get_records(ctx: Context, request: Request) -> Response:
    """Serve GetRecords.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_GetRecords.html
    """
    kinesis = of(ctx)
    at = iterators.parse(request["ShardIterator"])
    now_ms = int(ctx.clock.now() * 1000)
    too_old = iterators.expired(at.made_ms, now_ms)
    if too_old is not None:
        raise too_old
    stream = kinesis.by_id(at.stream)
    shard = None if stream is None else stream.shards.get(at.shard)
    if stream is None or shard is None:
        raise AwsError("ResourceNotFoundException", "The stream or shard of the iterator is gone.")
    place = place_of_arn(request["StreamARN"]) if request.get("StreamARN") else None
    if place is not None and existing(kinesis, place) is not stream:
        raise errors.invalid("The iterator is of another stream than StreamARN.")
    if request.get("DryRun"):
        raise errors.dry_run()
    if kinesis.limits and not shard.read.allows(ctx.clock.monotonic()):
        raise errors.throttled(shard.id, stream.name, stream.place.account)
    after_ms = max(at.after_ms, kinesis.oldest_ms(stream))
    found = await kinesis.log.read(
        shard.log,
        at.number,
        limit=request.get("Limit") or _MOST,
        most_bytes=_MOST_BYTES,
        after_ms=after_ms,
    )
    shard.read.add(sum(len(each.data) for each in found))
    number = following(shard, at.number, found)
    answer: Response = {
        "Records": show(stream, shard, found),
        "MillisBehindLatest": await behind_ms(kinesis, shard, number, found),
    }
    if shard.is_read(number):
        answer["ChildShards"] = stream.child_shards(shard)
    else:
        next_ = ShardIterator(stream.id, shard.number, number, now_ms, at.after_ms)
        answer["NextShardIterator"] = str(next_)
    return answer


def following(shard: Shard, number: int, found: list[Record]) -> int:
    """Return the number of the record that is read next."""
    if found:
        return found[-1].number + 1
    # What is not there any more is passed over.
    return max(number, shard.log.committed + 1) if number <= shard.log.committed else number


async def behind_ms(kinesis: Kinesis, shard: Shard, number: int, found: list[Record]) -> int:
    """Return how long before now the next record came; 0 where there is none yet."""
    if number > shard.log.committed:
        return 0
    came_ms = found[-1].arrived_ms if found else kinesis.clock.now() * 1000
    return max(0, int(kinesis.clock.now() * 1000 - came_ms))


def show(stream: Stream, shard: Shard, found: list[Record]) -> list[dict[str, Any]]:
    """Return records as GetRecords has them."""
    encryption = stream.encryption
    extra = {} if encryption is None else {"EncryptionType": encryption}
    return [
        {
            "SequenceNumber": shard.sequence(each.number, each.arrived_ms),
            "ApproximateArrivalTimestamp": each.arrived_ms / 1000,
            "Data": each.data,
            "PartitionKey": each.key or None,
            **extra,
        }
        for each in found
    ]


async def list_shards(ctx: Context, request: Request) -> Response:
    """Serve ListShards.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListShards.html
    """
    kinesis = of(ctx)
    token = request.get("NextToken")
    if token:
        if request.get("StreamName") or (request.get("StreamARN") and request.get("ShardFilter")):
            raise errors.invalid("NextToken and StreamName cannot be provided together.")
        id, after, filter_ = read_token(token, ctx.clock.now())
        # Tokens of other lists have the name of something else.
        stream = kinesis.by_id(int(id)) if id.isdecimal() else None
        if stream is None:
            raise errors.invalid("NextToken is invalid.")
    else:
        if not request.get("StreamName") and not request.get("StreamARN"):
            raise errors.invalid("Either NextToken or StreamName should be provided.")
        stream, filter_ = stream_of(ctx, request), request.get("ShardFilter") or {}
        after = request.get("ExclusiveStartShardId") or ""
        created = request.get("StreamCreationTimestamp")
        if created is not None and int(values.epoch(created)) != int(stream.body["created"]):
            raise errors.no_stream(stream.name, stream.place.account)
    shards = [each for each in _filtered(kinesis, stream, filter_) if each.id > after]
    limit = request.get("MaxResults") or 1000
    page = shards[:limit]
    following_ = None
    if len(shards) > limit:
        kept = {k: v if k != "Timestamp" else values.epoch(v) for k, v in filter_.items()}
        following_ = page_token(str(stream.id), page[-1].id, kept, ctx.clock.now())
    return {"Shards": [each.describe() for each in page], "NextToken": following_}


def _filtered(kinesis: Kinesis, stream: Stream, wanted: Request) -> list[Shard]:
    """Return the shards that a filter lets pass, the oldest first.

    Raises:
        AwsError: The filter lacks something.
    """
    shards = list(stream.shards.values())
    kind = wanted.get("Type")
    if kind is None:
        return shards
    if kind == "AFTER_SHARD_ID":
        if not wanted.get("ShardId"):
            raise errors.invalid("ShardFilter.ShardId is required for AFTER_SHARD_ID.")
        return [each for each in shards if each.id > wanted["ShardId"]]
    if kind == "AT_LATEST":
        return [each for each in shards if not each.closed]
    horizon = kinesis.clock.now() - stream.retention_s
    moment = max(horizon, stream.body["created"])
    if kind.endswith("TIMESTAMP"):
        if wanted.get("Timestamp") is None:
            raise errors.invalid(f"ShardFilter.Timestamp is required for {kind}.")
        moment = max(moment, float(values.epoch(wanted["Timestamp"])))
    if kind.startswith("FROM"):
        return [each for each in shards if not each.closed or each.closed > moment]
    # Whole seconds, in which a shard says when it was made.
    at = int(moment)
    return [
        each
        for each in shards
        if (each.made_s <= at or not each.parents) and (not each.closed or each.closed > moment)
    ]
