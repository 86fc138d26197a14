"""Operations that make, show, list and remove streams."""

from __future__ import annotations

from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.kinesis import errors, sequences
from emulator.services.kinesis.naming import stream_of
from emulator.services.kinesis.paging import page_token, read_token
from emulator.services.kinesis.state import of
from emulator.services.kinesis.streams import Place, Stream

#: Shards of a stream on demand, at first.
_ON_DEMAND_SHARDS = 4
#: The most shards of an account's streams in a region, and streams on demand.
#: https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
MOST_SHARDS, MOST_ON_DEMAND = 20_000, 50
#: Streams or shards on a page that names no size.
_PAGE = 100
#: KiB of a record, unless a stream says otherwise.
RECORD_KIB = 1024
#: The owner of tokens of ListStreams.
_LISTED = "streams"
#: Tags of a stream.
MOST_TAGS = 50


async def create_stream(ctx: Context, request: Request) -> Response:
    """Serve CreateStream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_CreateStream.html
    """
    kinesis = of(ctx)
    place = Place(ctx.account, ctx.region, request["StreamName"])
    count: int | None = request.get("ShardCount")
    mode = (request.get("StreamModeDetails") or {}).get("StreamMode")
    mode = mode or ("ON_DEMAND" if count is None else "PROVISIONED")
    if mode == "ON_DEMAND":
        if count is not None:
            raise errors.violated("ShardCount cannot be given for streams in ON_DEMAND mode.")
        count = _ON_DEMAND_SHARDS
    if count is None:
        raise errors.violated("ShardCount is required for streams in PROVISIONED mode.")
    if kinesis.find(place) is not None:
        raise errors.in_use(f"Stream {place.name} under account {ctx.account} already exists.")
    check_room(ctx, count)
    if mode == "ON_DEMAND" and _on_demand(ctx) >= MOST_ON_DEMAND:
        raise errors.too_many(
            f"This request would exceed the limit of {MOST_ON_DEMAND} on-demand streams for the "
            f"account {ctx.account}."
        )
    tags = dict(request.get("Tags") or {})
    if len(tags) > MOST_TAGS:
        raise errors.invalid(f"A stream has at most {MOST_TAGS} tags.")
    body: dict[str, Any] = {
        "created": ctx.clock.now(),
        "mode": mode,
        "retention_hours": 24,
        "monitoring": [],
        "key": None,
        "tags": tags,
        "policy": None,
        "warm": request.get("WarmThroughputMiBps"),
        "record_kib": request.get("MaxRecordSizeInKiB") or RECORD_KIB,
        "distribution": request.get("RecordDistributionStrategy"),
    }
    await kinesis.create(place, body, [(*each, ()) for each in sequences.uniform(count)])
    return {}


def check_room(ctx: Context, more: int) -> None:
    """Check that an account may have so many more open shards.

    Raises:
        AwsError: It may not.
    """
    if open_shards(ctx) + more > MOST_SHARDS:
        raise errors.too_many(
            f"This request would exceed the shard limit for the account {ctx.account} in "
            f"{ctx.region}. Current shard count for the account: {open_shards(ctx)}. Limit: "
            f"{MOST_SHARDS}. Number of additional shards that would have resulted from this "
            f"request: {more}. Refer to the AWS Service Limits page "
            "(https://docs.aws.amazon.com/general/latest/gr/aws_service_limits.html) for current "
            "limits and how to request higher limits."
        )


def open_shards(ctx: Context) -> int:
    """Return how many open shards an account has in a region."""
    return sum(len(each.open_shards) for each in of(ctx).of(ctx.account, ctx.region))


def _on_demand(ctx: Context) -> int:
    return sum(each.is_on_demand for each in of(ctx).of(ctx.account, ctx.region))


async def delete_stream(ctx: Context, request: Request) -> Response:
    """Serve DeleteStream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeleteStream.html
    """
    kinesis, stream = of(ctx), stream_of(ctx, request)
    if kinesis.consumers_of(stream) and not request.get("EnforceConsumerDeletion"):
        raise errors.in_use(
            f"Stream {stream.name} under account {stream.place.account} has enhanced fan-out "
            "consumers registered. Deregister them, or set EnforceConsumerDeletion to true."
        )
    await kinesis.delete(stream)
    return {}


async def describe_stream(ctx: Context, request: Request) -> Response:
    """Serve DescribeStream.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStream.html
    """
    stream = stream_of(ctx, request)
    after = request.get("ExclusiveStartShardId") or ""
    shards = [each for each in stream.shards.values() if each.id > after]
    limit = min(request.get("Limit") or _PAGE, _PAGE)
    shown = {
        "Shards": [each.describe() for each in shards[:limit]],
        "HasMoreShards": len(shards) > limit,
        "EncryptionType": stream.encryption or "NONE",
        "KeyId": stream.body["key"],
    }
    return {"StreamDescription": {**_described(stream), **shown}}


async def describe_stream_summary(ctx: Context, request: Request) -> Response:
    """Serve DescribeStreamSummary.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamSummary.html
    """
    stream = stream_of(ctx, request)
    body = stream.body
    shown: dict[str, Any] = {
        **_described(stream),
        "StreamId": body["id"],
        "EncryptionType": stream.encryption or "NONE",
        "KeyId": body["key"],
        "OpenShardCount": len(stream.open_shards),
        "ConsumerCount": len(of(ctx).consumers_of(stream)),
        "MaxRecordSizeInKiB": body["record_kib"],
        "RecordDistributionStrategy": body["distribution"],
    }
    if body["warm"] is not None:
        shown["WarmThroughput"] = {"TargetMiBps": body["warm"], "CurrentMiBps": body["warm"]}
    return {"StreamDescriptionSummary": shown}


def _described(stream: Stream) -> dict[str, Any]:
    body = stream.body
    return {
        "StreamName": stream.name,
        "StreamARN": stream.arn,
        "StreamStatus": "ACTIVE" if stream.changing is None else "UPDATING",
        "StreamModeDetails": {"StreamMode": body["mode"]},
        "RetentionPeriodHours": body["retention_hours"],
        "StreamCreationTimestamp": body["created"],
        "EnhancedMonitoring": [{"ShardLevelMetrics": body["monitoring"]}],
    }


async def list_streams(ctx: Context, request: Request) -> Response:
    """Serve ListStreams.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreams.html
    """
    now, token = ctx.clock.now(), request.get("NextToken")
    owner, after = _LISTED, request.get("ExclusiveStartStreamName") or ""
    if token:
        owner, after, _ = read_token(token, now)
    if owner != _LISTED:
        raise errors.invalid("NextToken is invalid.")
    limit = request.get("Limit") or _PAGE
    found = [each for each in of(ctx).of(ctx.account, ctx.region) if each.name > after]
    page = found[:limit]
    more = len(found) > limit
    members = (
        "StreamName", "StreamARN", "StreamStatus", "StreamModeDetails", "StreamCreationTimestamp",
    )  # fmt: skip
    return {
        "StreamNames": [each.name for each in page],
        "HasMoreStreams": more,
        "NextToken": page_token(_LISTED, page[-1].name, None, now) if more else None,
        "StreamSummaries": [
            {member: shown[member] for member in members} for shown in map(_described, page)
        ],
    }


async def describe_limits(ctx: Context, request: Request) -> Response:
    """Serve DescribeLimits.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeLimits.html
    """
    return {
        "ShardLimit": MOST_SHARDS,
        "OpenShardCount": open_shards(ctx),
        "OnDemandStreamCount": _on_demand(ctx),
        "OnDemandStreamCountLimit": MOST_ON_DEMAND,
    }


async def describe_account_settings(ctx: Context, request: Request) -> Response:
    """Serve DescribeAccountSettings.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeAccountSettings.html
    """
    return {"MinimumThroughputBillingCommitment": {"Status": "DISABLED"}}
