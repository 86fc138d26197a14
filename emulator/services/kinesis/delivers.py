"""Events for the ARN of a stream: each is a record."""

from __future__ import annotations

import uuid

from emulator.invoke.targets import Delivery
from emulator.services.context import Parts
from emulator.services.kinesis import errors
from emulator.services.kinesis.naming import existing, place_of_arn
from emulator.services.kinesis.putting import put
from emulator.services.kinesis.state import Kinesis


async def deliver(parts: Parts, kinesis: Kinesis, arn: str, delivery: Delivery) -> None:
    """Append an event to a stream; its group, where it has one, is the partition key.

    Raises:
        AwsError: There is no such stream, or its shard has taken enough for this second.
        StorageError: It was not kept.
    """
    place = place_of_arn(arn)
    if place is None:
        raise errors.invalid(f"Invalid StreamARN: {arn}")
    stream = existing(kinesis, place)
    key = delivery.group_id or str(uuid.uuid4())
    await put(kinesis, stream, {"Data": delivery.payload, "PartitionKey": key})
