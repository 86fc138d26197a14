"""Operations that split, merge and count shards.

https://docs.aws.amazon.com/streams/latest/dev/kinesis-using-sdk-java-resharding.html
"""

from __future__ import annotations

from itertools import pairwise

from emulator.services.context import Context, Request, Response
from emulator.services.kinesis import errors, sequences
from emulator.services.kinesis.lifecycle import check_room
from emulator.services.kinesis.naming import shard_of, stream_of
from emulator.services.kinesis.state import of
from emulator.services.kinesis.streams import Shard, Stream


async def split_shard(ctx: Context, request: Request) -> Response:
    """Serve SplitShard.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SplitShard.html
    """
    stream = _settled(ctx, request)
    shard = _open(stream, request["ShardToSplit"])
    at = int(request["NewStartingHashKey"])
    if not shard.start < at <= shard.end:
        raise errors.invalid(
            f"NewStartingHashKey {at} used in SplitShard() on shard {shard.id} in stream "
            f"{stream.name} under account {stream.place.account} is not both greater than one plus "
            f"the shard's StartingHashKey {shard.start} and less than the shard's EndingHashKey "
            f"{shard.end}."
        )
    check_room(ctx, 1)
    parents = (shard.number,)
    halves = [(shard.start, at - 1, parents), (at, shard.end, parents)]
    await of(ctx).reshard(stream, [shard], halves)
    return {}


async def merge_shards(ctx: Context, request: Request) -> Response:
    """Serve MergeShards.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_MergeShards.html
    """
    stream = _settled(ctx, request)
    one = _open(stream, request["ShardToMerge"])
    other = _open(stream, request["AdjacentShardToMerge"])
    if one.end + 1 != other.start and other.end + 1 != one.start:
        raise errors.invalid(
            f"Shards {one.id} and {other.id} in stream {stream.name} under account "
            f"{stream.place.account} are not an adjacent pair of shards eligible for merging"
        )
    merged = (min(one.start, other.start), max(one.end, other.end), (one.number, other.number))
    await of(ctx).reshard(stream, [one, other], [merged])
    return {}


async def update_shard_count(ctx: Context, request: Request) -> Response:
    """Serve UpdateShardCount.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_UpdateShardCount.html
    """
    stream = _settled(ctx, request)
    if stream.is_on_demand:
        raise errors.violated(
            f"Request is invalid. Stream {stream.name} under account {stream.place.account} is in "
            "On-Demand mode."
        )
    now, wanted = len(stream.open_shards), request["TargetShardCount"]
    if wanted > 2 * now:
        raise errors.too_many(
            f"UpdateShardCount cannot scale up over double your current open shard count. Current "
            f"open shard count: {now} Target shard count: {wanted}"
        )
    if 2 * wanted < now:
        raise errors.too_many(
            f"UpdateShardCount cannot scale down below half your current open shard count. Current "
            f"open shard count: {now} Target shard count: {wanted}"
        )
    if wanted > now:
        check_room(ctx, wanted - now)
    if wanted != now:
        await _scale(ctx, stream, wanted)
    return {
        "StreamName": stream.name,
        "CurrentShardCount": now,
        "TargetShardCount": wanted,
        "StreamARN": stream.arn,
    }


async def _scale(ctx: Context, stream: Stream, wanted: int) -> None:
    """Split and merge until so many shards of one size are open, as AWS does: step by step."""
    kinesis = of(ctx)
    bounds = {start for start, _ in sequences.uniform(wanted)}
    for start in sorted(bounds):
        shard = next(each for each in stream.open_shards if each.start <= start <= each.end)
        if shard.start != start:
            parents = (shard.number,)
            halves = [(shard.start, start - 1, parents), (start, shard.end, parents)]
            await kinesis.reshard(stream, [shard], halves)
    while True:
        pairs = pairwise(stream.open_shards)
        found = next(((a, b) for a, b in pairs if b.start not in bounds), None)
        if found is None:
            return
        one, other = found
        await kinesis.reshard(stream, found, [(one.start, other.end, (one.number, other.number))])


def _settled(ctx: Context, request: Request) -> Stream:
    """Return the stream of a request, whose shards may change.

    Raises:
        AwsError: There is none, or they are changing.
    """
    stream = stream_of(ctx, request)
    if stream.changing is not None:
        raise errors.in_use(
            f"Stream {stream.name} under account {stream.place.account} not ACTIVE, instead in "
            "state UPDATING"
        )
    return stream


def _open(stream: Stream, id: str) -> Shard:
    shard = shard_of(stream, id)
    if shard.closed:
        raise errors.invalid(
            f"Shard {id} in stream {stream.name} under account {stream.place.account} is not open"
        )
    return shard
