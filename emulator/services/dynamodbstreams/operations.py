"""Every operation of DynamoDB Streams.

Each stream has one shard, which is closed when the stream ends.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.dynamodbstreams.iterators import LAST, Iterator


async def list_streams(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_ListStreams.html."""
    dynamodb = await ctx.parts.table.state("dynamodb")
    found = await dynamodb.streams(ctx.account, ctx.region)
    name, after = request.get("TableName"), request.get("ExclusiveStartStreamArn")
    if name is not None:
        name = name.partition(":table/")[2] or name
        found = [each for each in found if each.table_name == name]
    if after is not None:
        arns = [each.arn for each in found]
        found = found[arns.index(after) + 1 :] if after in arns else []
    limit = min(request.get("Limit", 100), 100)
    answer: Response = {
        "Streams": [
            {"StreamArn": each.arn, "TableName": each.table_name, "StreamLabel": each.label}
            for each in found[:limit]
        ]
    }
    if len(found) > limit:
        answer["LastEvaluatedStreamArn"] = found[limit - 1].arn
    return answer


async def describe_stream(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_DescribeStream.html."""
    dynamodb = await ctx.parts.table.state("dynamodb")
    stream = await _find(ctx, request["StreamArn"])
    first, last = await dynamodb.ends_of(stream)
    bounds = {"StartingSequenceNumber": first}
    if stream.ended is not None:
        bounds["EndingSequenceNumber"] = last
    shards: list[dict[str, Any]] = [{"ShardId": stream.shard_id, "SequenceNumberRange": bounds}]
    # The only shard comes after none, and has no children.
    if "ExclusiveStartShardId" in request or "ShardFilter" in request:
        shards = []
    return {
        "StreamDescription": {
            "StreamArn": stream.arn,
            "StreamLabel": stream.label,
            "StreamStatus": "ENABLED" if stream.ended is None else "DISABLED",
            "StreamViewType": stream.body["View"],
            "CreationRequestDateTime": stream.body["Created"],
            "TableName": stream.table_name,
            "KeySchema": stream.body["KeySchema"],
            "Shards": shards,
        }
    }


async def get_shard_iterator(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetShardIterator.html."""
    dynamodb = await ctx.parts.table.state("dynamodb")
    stream = await _find(ctx, request["StreamArn"])
    kind, number = request["ShardIteratorType"], request.get("SequenceNumber")
    if request["ShardId"] != stream.shard_id:
        raise AwsError(
            "ResourceNotFoundException",
            "Requested resource not found: Shard does not exist",
        )
    if kind.endswith("SEQUENCE_NUMBER"):
        if number is None:
            raise AwsError(
                "ValidationException",
                "The parameter SequenceNumber is required with ShardIteratorType " + kind,
                status=400,
            )
        after = dynamodb.sequence_of(number) - (kind == "AT_SEQUENCE_NUMBER")
        trimmed = await dynamodb.trimmed_before(stream)
        if after < trimmed:
            raise AwsError(
                "TrimmedDataAccessException",
                "The operation attempted to read past the oldest stream record in a shard.",
            )
    elif number is not None:
        raise AwsError(
            "ValidationException",
            "The parameter SequenceNumber is not allowed with ShardIteratorType " + kind,
            status=400,
        )
    elif kind == "LATEST":
        after = await dynamodb.last_sequence_of(stream)
    elif kind == "AT_TIMESTAMP":
        after = int(request.get("Timestamp", 0.0) * 1_000_000) - 1
    else:
        after = 0
    iterator = Iterator(stream.arn, min(after, LAST), ctx.clock.now())
    return {"ShardIterator": iterator.text()}


async def get_records(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html."""
    now = ctx.clock.now()
    iterator = Iterator.parse(request["ShardIterator"])
    iterator.check_age(now)
    dynamodb = await ctx.parts.table.state("dynamodb")
    stream = await _find(ctx, iterator.stream_arn)
    records, last, is_end = await dynamodb.records(
        stream, iterator.after, min(request.get("Limit", 1000), 1000)
    )
    answer: Response = {"Records": records}
    if not is_end:
        answer["NextShardIterator"] = Iterator(stream.arn, last, now).text()
    return answer


async def _find(ctx: Context, arn: str) -> Any:
    dynamodb = await ctx.parts.table.state("dynamodb")
    found = await dynamodb.find_stream(arn)
    if found is None or found.account != ctx.account:
        raise AwsError(
            "ResourceNotFoundException", f"Requested resource not found: Stream: {arn} not found"
        )
    return found


OPERATIONS: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "DescribeStream": describe_stream,
    "GetRecords": get_records,
    "GetShardIterator": get_shard_iterator,
    "ListStreams": list_streams,
}

UNSUPPORTED: Mapping[str, str] = {}
