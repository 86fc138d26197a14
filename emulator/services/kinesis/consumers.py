"""Consumers with a throughput of their own, and what SubscribeToShard sends them.

https://docs.aws.amazon.com/streams/latest/dev/enhanced-consumers.html
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from typing import Any

from emulator.model.clock import Clock
from emulator.services.context import Context, Request, Response
from emulator.services.kinesis import errors
from emulator.services.kinesis.getting import behind_ms, find_position, following, show
from emulator.services.kinesis.lifecycle import MOST_TAGS
from emulator.services.kinesis.naming import consumer_of, shard_of, stream_of
from emulator.services.kinesis.paging import page_token, read_token
from emulator.services.kinesis.state import Consumer, Kinesis, of
from emulator.services.kinesis.streams import Shard

#: Consumers of a stream.
_MOST = 20
#: Seconds that a subscription lasts, and in which no other takes its place.
_LASTS_S, _UNDISTURBED_S = 300.0, 5.0
#: Seconds after which an event without records says that the subscription is alive.
_PULSE_S = 5.0
#: Records and bytes of one event.
_EVENT, _EVENT_BYTES = 10_000, 2 << 20


async def register_stream_consumer(ctx: Context, request: Request) -> Response:
    """Serve RegisterStreamConsumer.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_RegisterStreamConsumer.html
    """
    kinesis, stream = of(ctx), stream_of(ctx, request)
    name, there = request["ConsumerName"], kinesis.consumers_of(stream)
    if any(each.body["name"] == name for each in there):
        raise errors.in_use(
            f"Consumer {name} under stream {stream.arn} already exists for account "
            f"{stream.place.account}."
        )
    if len(there) >= _MOST:
        raise errors.too_many(f"A stream has at most {_MOST} consumers.")
    tags = dict(request.get("Tags") or {})
    if len(tags) > MOST_TAGS:
        raise errors.invalid(f"A consumer has at most {MOST_TAGS} tags.")
    created = ctx.clock.now()
    arn = f"{stream.arn}/consumer/{name}:{int(created)}"
    body = {"name": name, "created": created, "tags": tags, "policy": None}
    consumer = Consumer(arn, stream, body)
    await kinesis.put_consumer(consumer)
    return {"Consumer": {**_shown(consumer), "ConsumerStatus": "CREATING"}}


async def deregister_stream_consumer(ctx: Context, request: Request) -> Response:
    """Serve DeregisterStreamConsumer.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DeregisterStreamConsumer.html
    """
    await of(ctx).delete_consumer(consumer_of(ctx, request))
    return {}


async def describe_stream_consumer(ctx: Context, request: Request) -> Response:
    """Serve DescribeStreamConsumer.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_DescribeStreamConsumer.html
    """
    consumer = consumer_of(ctx, request)
    return {"ConsumerDescription": {**_shown(consumer), "StreamARN": consumer.stream.arn}}


async def list_stream_consumers(ctx: Context, request: Request) -> Response:
    """Serve ListStreamConsumers.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_ListStreamConsumers.html
    """
    kinesis, stream = of(ctx), stream_of(ctx, request)
    after = ""
    if request.get("NextToken"):
        _, after, _ = read_token(request["NextToken"], ctx.clock.now())
    found = [each for each in kinesis.consumers_of(stream) if each.body["name"] > after]
    found.sort(key=lambda each: str(each.body["name"]))
    limit = request.get("MaxResults") or 100
    page, token = found[:limit], None
    if len(found) > limit:
        token = page_token(stream.arn, page[-1].body["name"], None, ctx.clock.now())
    return {"Consumers": [_shown(each) for each in page], "NextToken": token}


def _shown(consumer: Consumer) -> dict[str, Any]:
    return {
        "ConsumerName": consumer.body["name"],
        "ConsumerARN": consumer.arn,
        "ConsumerStatus": "ACTIVE",
        "ConsumerCreationTimestamp": consumer.body["created"],
    }


async def subscribe_to_shard(ctx: Context, request: Request) -> Response:
    """Serve SubscribeToShard.

    https://docs.aws.amazon.com/kinesis/latest/APIReference/API_SubscribeToShard.html
    """
    kinesis, consumer = of(ctx), consumer_of(ctx, request)
    shard = shard_of(consumer.stream, request["ShardId"])
    position = request["StartingPosition"]
    number, after_ms = await find_position(
        kinesis, consumer.stream, shard, position, "SubscribeToShard"
    )
    if request.get("DryRun"):
        raise errors.dry_run()
    now = ctx.clock.monotonic()
    before = consumer.subscribed.get(shard.id)
    if before is not None and not before[0].is_set():
        if now - before[1] < _UNDISTURBED_S:
            raise errors.in_use(
                f"Another active subscription exists for this consumer: {consumer.arn} and shard: "
                f"{shard.id}. The previous subscription was made less than 5 seconds ago."
            )
        before[0].set()
    ended = asyncio.Event()
    consumer.subscribed[shard.id] = (ended, now)
    return {"EventStream": _events(kinesis, consumer, shard, number, after_ms, ended)}


async def _events(
    kinesis: Kinesis,
    consumer: Consumer,
    shard: Shard,
    number: int,
    after_ms: int,
    ended: asyncio.Event,
) -> AsyncGenerator[dict[str, Any], None]:
    """Yield the events of one subscription until its time is over or its shard is read."""
    stream, clock = consumer.stream, kinesis.clock
    until = clock.monotonic() + _LASTS_S
    try:
        while not ended.is_set() and clock.monotonic() < until:
            oldest_ms = max(after_ms, kinesis.oldest_ms(stream))
            found = await kinesis.log.read(
                shard.log, number, limit=_EVENT, most_bytes=_EVENT_BYTES, after_ms=oldest_ms
            )
            number = following(shard, number, found)
            last = found[-1] if found else None
            event: dict[str, Any] = {
                "Records": show(stream, shard, found),
                "ContinuationSequenceNumber": shard.sequence(
                    number - 1, last.arrived_ms if last else 0
                ),
                "MillisBehindLatest": await behind_ms(kinesis, shard, number, found),
            }
            over = shard.is_read(number)
            if over:
                # The end of a shard is told by its children, and by nothing to go on with.
                event["ChildShards"] = stream.child_shards(shard)
                event["ContinuationSequenceNumber"] = None
            yield {"SubscribeToShardEvent": event}
            if over:
                return
            await _until_next(clock, shard, number, ended)
    finally:
        ended.set()
        if consumer.subscribed.get(shard.id, (None, 0))[0] is ended:
            del consumer.subscribed[shard.id]


async def _until_next(clock: Clock, shard: Shard, number: int, ended: asyncio.Event) -> None:
    """Wait for a record, the end of the subscription, or a pulse."""
    if shard.log.committed >= number:
        return
    waits = (shard.log.wait(number), ended.wait(), clock.sleep(_PULSE_S))
    tasks = [asyncio.ensure_future(each) for each in waits]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for each in tasks:
            each.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
