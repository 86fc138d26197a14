"""Streams as event sources: the log itself wakes those who poll it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Parts
from emulator.services.kinesis import sequences
from emulator.services.kinesis.getting import following
from emulator.services.kinesis.naming import existing, place_of_arn, stream_arn_of_consumer
from emulator.services.kinesis.state import Kinesis
from emulator.services.kinesis.streams import Place, Shard, Stream
from emulator.sources.streams.base import Position, ShardInfo, StreamKind, StreamRecord
from emulator.sources.streams.kind import StreamSources

_KIND = StreamKind("KinesisBatchInfo", milliseconds=True, content="data", filtered="kinesis")
#: Bytes that are read at once.
_MOST_BYTES = 6 << 20
#: Bytes of a record as JSON that are not its data or its key.
_AROUND = 600


class OwnCursor:
    """Satisfies :class:`emulator.sources.streams.base.ShardCursor`."""

    def __init__(
        self,
        stream: OwnStream,
        shard: Shard,
        number: int,
        after_ms: int,
    ) -> None:
        self._polled, self._shard = stream, shard
        self._stream = stream.stream
        self._number, self._after_ms = number, after_ms

    @property
    def ended(self) -> bool:
        return self._shard.is_read(self._number)

    async def read(self, limit: int) -> list[StreamRecord]:
        kinesis, shard = self._polled.kinesis, self._shard
        if self._polled.stream is not self._stream:
            raise AwsError("ResourceNotFoundException", "The stream was made anew.")
        found = await kinesis.log.read(
            shard.log,
            self._number,
            limit=limit,
            most_bytes=_MOST_BYTES,
            after_ms=max(self._after_ms, kinesis.oldest_ms(self._stream)),
        )
        self._number = following(shard, self._number, found)
        return [self._polled.record(shard, each.number, *each[1:]) for each in found]

    async def wait(self) -> None:
        if not self.ended:
            await self._shard.log.wait(self._number)

    def close(self) -> None: ...


class OwnStream:
    """Satisfies :class:`emulator.sources.streams.base.PolledStream`.

    Args:
        find: Returns Kinesis, open.
        place: The stream's.
        arn: The mapping's source: the stream, or a consumer of it.
        role: Returns the ARN of the function's role.
    """

    def __init__(self, parts: Parts, place: Place, arn: str, role: Callable[[], str]) -> None:
        self._parts, self._place = parts, place
        self._role = role
        self.kinesis: Kinesis
        self._changed = asyncio.Event()
        #: What all records have in common.
        self._common: dict[str, Any] = {
            "eventSource": "aws:kinesis",
            "eventVersion": "1.0",
            "eventName": "aws:kinesis:record",
            "awsRegion": place.region,
            "eventSourceARN": arn,
        }

    @property
    def stream(self) -> Stream:
        """The stream as it is now.

        Raises:
            AwsError: There is none.
        """
        return existing(self.kinesis, self._place)

    async def latest(self) -> dict[str, str]:
        kinesis: Kinesis = await self._parts.table.state("kinesis")
        return {
            _key(each): each.sequence(each.log.next - 1)
            for each in existing(kinesis, self._place).shards.values()
            if each.log.next > 1
        }

    async def shards(self) -> list[ShardInfo]:
        if not hasattr(self, "kinesis"):
            self.kinesis = await self._parts.table.state("kinesis")
            self.kinesis.on_changed.append(self._changed_now)
        self._changed.clear()
        shards = self.stream.shards
        return [
            ShardInfo(
                each.id,
                _key(each),
                tuple(_key(shards[parent]) for parent in each.parents if parent in shards),
            )
            for each in shards.values()
        ]

    def _changed_now(self) -> None:
        self._changed.set()

    async def changed(self) -> None:
        await self._changed.wait()

    def close(self) -> None:
        if hasattr(self, "kinesis"):
            self.kinesis.on_changed.remove(self._changed_now)

    async def open(self, shard: ShardInfo, position: Position) -> OwnCursor:
        found = self.stream.shard(shard.id)
        if found is None or _key(found) != shard.key:
            raise AwsError("ResourceNotFoundException", f"Shard {shard.id} is gone.")
        after = sequences.parse(position.after) if position.after else None
        after_ms = int(position.since * 1000)
        if after is not None:
            number = after.number + 1
        elif after_ms:
            number = await self.kinesis.log.number_at(found.log, after_ms)
        else:
            number = 1
        return OwnCursor(self, found, number, after_ms)

    def record(
        self, shard: Shard, number: int, arrived_ms: int, key: str, data: bytes
    ) -> StreamRecord:
        """Return a record of a shard as a function gets it (recorded)."""
        sequence = shard.sequence(number, arrived_ms)
        event = {
            "kinesis": {
                "kinesisSchemaVersion": "1.0",
                "partitionKey": key,
                "sequenceNumber": sequence,
                "data": b64encode(data).decode(),
                "approximateArrivalTimestamp": arrived_ms / 1000,
            },
            **self._common,
            "eventID": f"{shard.id}:{sequence}",
            "invokeIdentityArn": self._role(),
        }
        size = _AROUND + len(key) + 4 * len(data) // 3
        return StreamRecord(sequence, key, arrived_ms / 1000, event, size)


def _key(shard: Shard) -> str:
    return f"{shard.id}@{shard.made_s}"


def open(parts: Parts) -> StreamSources:
    """Return the streams as event sources."""

    def find(arn: str, role: Callable[[], str]) -> OwnStream:
        place = place_of_arn(stream_arn_of_consumer(arn) or arn)
        return OwnStream(parts, place or Place("", "", arn), arn, role)

    async def exists(arn: str) -> bool:
        kinesis: Kinesis = await parts.table.state("kinesis")
        if stream_arn_of_consumer(arn) is not None:
            return arn in kinesis.consumers
        place = place_of_arn(arn)
        found = None if place is None else kinesis.find(place)
        return found is not None and bool(found.shards)

    return StreamSources(
        _KIND,
        "kinesis-checkpoints",
        find=find,
        exists=exists,
        store=parts.store,
        registry=parts.registry,
        targets=parts.targets,
        clock=parts.clock,
        retry_scale=parts.settings.async_retry_scale,
    )
