"""Which stream, shard or consumer a request means."""

from __future__ import annotations

import re

from emulator.services.context import Context, Request
from emulator.services.kinesis import errors
from emulator.services.kinesis.state import Consumer, Kinesis, of
from emulator.services.kinesis.streams import Place, Shard, Stream

_STREAM = re.compile(r"arn:aws[a-z-]*:kinesis:([a-z0-9-]*):(\d{12}):stream/([a-zA-Z0-9_.-]+)")
_CONSUMER = re.compile(rf"({_STREAM.pattern})/consumer/([a-zA-Z0-9_.-]+):\d+")


def place_of_arn(arn: str) -> Place | None:
    """Return the place in a stream's ARN; None if it is none."""
    match = _STREAM.fullmatch(arn)
    return None if match is None else Place(match[2], match[1], match[3])


def stream_arn_of_consumer(arn: str) -> str | None:
    """Return the stream's ARN in a consumer's; None if it is none."""
    match = _CONSUMER.fullmatch(arn)
    return None if match is None else match[1]


def place_of(ctx: Context, request: Request) -> Place:
    """Return the place of the stream that a request names.

    Raises:
        AwsError: It names none.
    """
    name, arn = request.get("StreamName"), request.get("StreamARN")
    if arn:
        place = place_of_arn(arn)
        if place is None:
            raise errors.invalid(f"Invalid StreamARN: {arn}")
        if name and name != place.name:
            raise errors.invalid("StreamARN and StreamName do not name the same stream.")
        return place
    if not name:
        raise errors.invalid("StreamARN or StreamName is required.")
    return Place(ctx.account, ctx.region, name)


def stream_of(ctx: Context, request: Request) -> Stream:
    """Return the stream that a request names.

    Raises:
        AwsError: There is none.
    """
    return existing(of(ctx), place_of(ctx, request))


def existing(kinesis: Kinesis, place: Place) -> Stream:
    """Return a stream.

    Raises:
        AwsError: There is none.
    """
    found = kinesis.find(place)
    if found is None or not found.shards:
        raise errors.no_stream(place.name, place.account)
    return found


def shard_of(stream: Stream, id: str) -> Shard:
    """Return a shard of a stream.

    Raises:
        AwsError: There is none.
    """
    found = stream.shard(id)
    if found is None:
        raise errors.no_shard(id, stream.name, stream.place.account)
    return found


def consumer_of(ctx: Context, request: Request) -> Consumer:
    """Return the consumer that a request names.

    Raises:
        AwsError: There is none, or it names none.
    """
    kinesis = of(ctx)
    arn, name = request.get("ConsumerARN"), request.get("ConsumerName")
    if arn:
        found = kinesis.consumers.get(arn)
        if found is None:
            raise errors.no_consumer(arn)
        return found
    if not name or not request.get("StreamARN"):
        raise errors.invalid("ConsumerARN, or ConsumerName and StreamARN, are required.")
    for each in kinesis.consumers_of(stream_of(ctx, request)):
        if each.body["name"] == name:
            return each
    raise errors.no_consumer(name)
