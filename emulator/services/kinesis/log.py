"""The log of records: each shard is a row of numbered records that only grows.

Whoever appends is answered after the commit that holds its records; those who wait for records are
woken then. The newest records are in memory, too, so that whoever keeps up never reads the disk.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from functools import partial
from itertools import takewhile
from typing import Any

from emulator.model.clock import Clock
from emulator.model.errors import StorageError
from emulator.services.kinesis import rows
from emulator.services.kinesis.chunks import Chunk, Record, pack
from emulator.store.database import Database

#: Bytes of the newest records, of all shards together, that are kept in memory.
_IN_MEMORY = 8 << 20
#: What a record costs there beside its bytes.
_OVERHEAD = 150
#: Of the bytes that may be kept, how many are let go of at once when it is too much.
_ROOM = 1 / 8


class ShardLog:
    """The records of one shard."""

    __slots__ = ("committed", "id", "latest_ms", "next", "oldest_ms", "tail", "waiting")

    def __init__(self, id: int, last: int = 0, oldest_ms: int = 0, latest_ms: int = 0) -> None:
        self.id = id
        #: The number of the record that will come next.
        self.next = last + 1
        #: The number of the last record that is on the disk.
        self.committed = last
        #: When the oldest record came, in milliseconds since the epoch; 0: there is none.
        self.oldest_ms = oldest_ms
        #: When the latest one came; 0: there was none yet.
        self.latest_ms = latest_ms
        #: The newest chunks.
        self.tail: deque[Chunk] = deque()
        #: Those who wait for a record.
        self.waiting: list[asyncio.Future[None]] = []

    def wake(self) -> None:
        """Let those who wait look again."""
        if self.waiting:
            waiting, self.waiting = self.waiting, []
            for each in waiting:
                if not each.done():
                    each.set_result(None)

    async def wait(self, number: int) -> None:
        """Return when there may be a record of this number or after it, or the shard was closed."""
        if self.committed >= number:
            return
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.waiting.append(woken)
        try:
            await woken
        finally:
            if woken in self.waiting:
                self.waiting.remove(woken)


class Log:
    """The logs of all shards.

    Args:
        most_bytes: The bytes of all records that may be kept.

    Attributes:
        size: The bytes of all records that are kept.
        dropped: The bytes of records that went before their time, for want of room.
    """

    def __init__(self, database: Database, clock: Clock, most_bytes: int) -> None:
        self._database, self._clock = database, clock
        self._most_bytes = most_bytes
        self.size = 0
        self.dropped = 0
        #: The shards of the chunks in memory, in the order in which they came, and their bytes.
        self._held: deque[ShardLog] = deque()
        self._held_bytes = 0
        self._dropping = False

    def append(
        self, shard: ShardLog, records: Sequence[tuple[str, bytes]]
    ) -> asyncio.Future[tuple[int, int]]:
        """Append records; they are on the disk once the result is there.

        They have their numbers when this returns, so that a shard that is closed from then on
        ends after them.

        Args:
            shard: Where.
            records: Key and data of each.

        Returns:
            The number of the first one, and when they came (milliseconds since the epoch).

        Raises:
            StorageError: None of them was kept.
        """
        first = shard.next
        shard.next += len(records)
        size = sum(len(key) + len(data) for key, data in records)
        # A clock that is set back does not change the order.
        arrived_ms = shard.latest_ms = max(shard.latest_ms, int(self._clock.now() * 1000))
        chunk = Chunk(first, shard.next - 1, arrived_ms, size, records)
        done: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        content = pack(records)
        try:
            self._database.submit(
                lambda connection: rows.append(connection, shard.id, chunk, content),
                partial(self._appended, shard, chunk, done),
            )
        except StorageError as error:
            done.set_exception(error)
        # Who gives up does not take back what is on its way to the disk.
        return asyncio.shield(done)

    def _appended(
        self,
        shard: ShardLog,
        chunk: Chunk,
        done: asyncio.Future[tuple[int, int]],
        _: Any,
        error: StorageError | None,
    ) -> None:
        if error is not None:
            if not done.done():
                done.set_exception(error)
            return
        shard.committed = chunk.last
        shard.oldest_ms = shard.oldest_ms or chunk.arrived_ms
        shard.tail.append(chunk)
        self._held.append(shard)
        self._held_bytes += _weight(chunk)
        while self._held_bytes > _IN_MEMORY and self._held:
            oldest = self._held.popleft()
            if oldest.tail:
                self._held_bytes -= _weight(oldest.tail.popleft())
        self.size += chunk.size
        if self.size > self._most_bytes and not self._dropping:
            self._drop()
        shard.wake()
        if not done.done():
            done.set_result((chunk.first, chunk.arrived_ms))

    def _drop(self) -> None:
        self._dropping = True
        wanted = self.size - int(self._most_bytes * (1 - _ROOM))

        def dropped(gone: Any, error: StorageError | None) -> None:
            self._dropping = False
            if error is None:
                self.size -= gone
                self.dropped += gone

        self._database.submit(lambda c: rows.drop_oldest(c, wanted), dropped)

    async def read(
        self, shard: ShardLog, number: int, *, limit: int, most_bytes: int, after_ms: int = 0
    ) -> list[Record]:
        """Return records from a number on.

        Args:
            shard: Of which shard.
            number: The first one's; what was trimmed is left out.
            limit: How many at most.
            most_bytes: After so many bytes no further one follows.
            after_ms: Only what came then or later (milliseconds since the epoch).

        Raises:
            StorageError: They could not be read.
        """
        while number <= shard.committed:
            chunks = await self._chunks(shard, number, limit, most_bytes)
            found = _chosen(chunks, number, limit, most_bytes, after_ms)
            if found or not chunks:
                return found
            # All of these came too early; what follows may not.
            number = chunks[-1].last + 1
        return []

    async def _chunks(
        self, shard: ShardLog, number: int, limit: int, most_bytes: int
    ) -> Sequence[Chunk]:
        if shard.tail and shard.tail[0].first <= number:
            # From the newest on: whoever keeps up passes over nothing.
            newest = takewhile(lambda chunk: chunk.last >= number, reversed(shard.tail))
            return tuple(newest)[::-1]
        return await self._database.read(
            lambda c: rows.read(c, shard.id, number, limit, most_bytes)
        )

    async def number_at(self, shard: ShardLog, arrived_ms: int) -> int:
        """Return the number of the first record that came at a time or after it.

        Raises:
            StorageError: They could not be read.
        """
        after = shard.committed + 1
        found = await self._database.read(lambda c: rows.number_at(c, shard.id, arrived_ms))
        return after if found is None else found

    async def trim(self, shard: ShardLog, before_ms: int) -> None:
        """Remove the records that came before a time (milliseconds since the epoch)."""
        if not shard.oldest_ms or shard.oldest_ms >= before_ms:
            return
        while shard.tail and shard.tail[0].arrived_ms < before_ms:
            self._held_bytes -= _weight(shard.tail.popleft())
            # One mention less of it, wherever it stands.
            self._held.remove(shard)
        gone, oldest_ms = await self._database.write(lambda c: rows.trim(c, shard.id, before_ms))
        # Records that were committed right behind it are told of before this goes on.
        shard.oldest_ms = oldest_ms or (shard.tail[0].arrived_ms if shard.tail else 0)
        self.size -= gone

    def forget(self, shard: ShardLog, size: int = 0) -> None:
        """Let go of a shard that was removed."""
        for chunk in shard.tail:
            self._held_bytes -= _weight(chunk)
        if shard.tail:
            shard.tail.clear()
            self._held = deque(each for each in self._held if each is not shard)
        self.size -= size
        shard.wake()


def _weight(chunk: Chunk) -> int:
    return chunk.size + _OVERHEAD * len(chunk.records)


def _chosen(
    chunks: Sequence[Chunk], number: int, limit: int, most_bytes: int, after_ms: int
) -> list[Record]:
    """Return the records from a number on that came at a time or after it."""
    found: list[Record] = []
    for chunk in chunks:
        if chunk.last < number or chunk.arrived_ms < after_ms:
            continue
        for record in chunk.since(number):
            most_bytes -= len(record.key) + len(record.data)
            if len(found) >= limit or (found and most_bytes < 0):
                return found
            found.append(record)
    return found
