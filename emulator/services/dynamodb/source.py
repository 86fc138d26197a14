"""Streams of tables as event sources: each write wakes those who poll it."""

from __future__ import annotations

import asyncio
from base64 import b64encode
from collections.abc import Callable
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.services.context import Parts
from emulator.services.dynamodb.log import Stream, sequence_text
from emulator.services.dynamodb.state import Dynamodb
from emulator.sources.streams.base import Position, ShardInfo, StreamKind, StreamRecord
from emulator.sources.streams.kind import StreamSources

_KIND = StreamKind("DDBStreamBatchInfo", milliseconds=False, content="", filtered="")
#: Records that are read at once.
_MOST = 1000


class StreamCursor:
    """Satisfies :class:`emulator.sources.streams.base.ShardCursor`."""

    def __init__(self, dynamodb: Dynamodb, stream: Stream, after: int) -> None:
        self._dynamodb, self._stream, self._after = dynamodb, stream, after
        self._written = dynamodb.watch(stream.number)
        self._ended = False

    @property
    def ended(self) -> bool:
        return self._ended

    async def read(self, limit: int) -> list[StreamRecord]:
        # What is written from here on is read next.
        self._written.clear()
        found, self._after, self._ended = await self._dynamodb.records(
            self._stream, self._after, min(limit, _MOST)
        )
        return [self._record(each) for each in found]

    def _record(self, shown: dict[str, Any]) -> StreamRecord:
        event = {**shown, "eventSourceARN": self._stream.arn}
        if "userIdentity" in shown:
            # Functions see it in other letters than callers of GetRecords.
            who = shown["userIdentity"]
            event["userIdentity"] = {"principalId": who["PrincipalId"], "type": who["Type"]}
        event, size = _as_json(event)
        change = event["dynamodb"]
        sequence = change["SequenceNumber"]
        # A sequence number says when, to the microsecond; the record says it to the second.
        arrived = self._dynamodb.sequence_of(sequence) / 1_000_000
        key = orjson.dumps(change["Keys"], option=orjson.OPT_SORT_KEYS).decode()
        return StreamRecord(sequence, key, arrived, event, size)

    async def wait(self) -> None:
        await self._written.wait()

    def close(self) -> None:
        self._dynamodb.unwatch(self._stream.number, self._written)


def _as_json(event: dict[str, Any]) -> tuple[dict[str, Any], int]:
    """Return an event whose bytes are base64, as functions get it, and its size as JSON."""
    try:
        return event, len(orjson.dumps(event))
    except TypeError:
        text = orjson.dumps(event, default=lambda value: b64encode(value).decode())
        found: dict[str, Any] = orjson.loads(text)
        return found, len(text)


class TableStream:
    """Satisfies :class:`emulator.sources.streams.base.PolledStream`: it has one shard."""

    def __init__(self, parts: Parts, arn: str) -> None:
        self._parts, self._arn = parts, arn

    async def _find(self) -> tuple[Dynamodb, Stream]:
        dynamodb: Dynamodb = await self._parts.table.state("dynamodb")
        found = await dynamodb.find_stream(self._arn)
        if found is None:
            raise AwsError("ResourceNotFoundException", f"Stream not found: {self._arn}")
        return dynamodb, found

    async def shards(self) -> list[ShardInfo]:
        _, stream = await self._find()
        return [ShardInfo(stream.shard_id, stream.shard_id)]

    async def latest(self) -> dict[str, str]:
        dynamodb, stream = await self._find()
        last = await dynamodb.last_sequence_of(stream)
        return {stream.shard_id: sequence_text(last)} if last else {}

    async def open(self, shard: ShardInfo, position: Position) -> StreamCursor:
        dynamodb, stream = await self._find()
        after = int(position.since * 1_000_000) - 1
        if position.after:
            after = dynamodb.sequence_of(position.after)
        return StreamCursor(dynamodb, stream, max(0, after))

    async def changed(self) -> None:
        # Its shard is the only one.
        await asyncio.Event().wait()

    def close(self) -> None: ...


def open(parts: Parts) -> StreamSources:
    """Return the streams of tables as event sources."""

    def find(arn: str, role: Callable[[], str]) -> TableStream:
        return TableStream(parts, arn)

    async def exists(arn: str) -> bool:
        dynamodb: Dynamodb = await parts.table.state("dynamodb")
        return await dynamodb.find_stream(arn) is not None

    return StreamSources(
        _KIND,
        "dynamodb-checkpoints",
        find=find,
        exists=exists,
        store=parts.store,
        registry=parts.registry,
        targets=parts.targets,
        clock=parts.clock,
        retry_scale=parts.settings.async_retry_scale,
    )
