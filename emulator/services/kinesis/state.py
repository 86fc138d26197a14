"""What Kinesis keeps: streams, consumers, and the log of their records."""

from __future__ import annotations

import asyncio
import secrets
import string
from collections.abc import Iterable, Sequence
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any

from emulator.model.clock import Timer
from emulator.model.errors import StorageError
from emulator.services.kinesis import rows
from emulator.services.kinesis.limits import written
from emulator.services.kinesis.log import Log, ShardLog
from emulator.services.kinesis.streams import Place, Shard, Stream
from emulator.store.database import Database

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

Body = dict[str, Any]
#: Seconds between two looks for what has come to its end.
_TRIM_S = 60.0
#: Bytes of records that are kept; in memory, where nothing lasts, less.
_MOST_BYTES, _MOST_IN_MEMORY = 2 << 30, 256 << 20
#: What a new shard's range of hash keys and its parents are.
NewShard = tuple[int, int, tuple[int, ...]]


class Consumer:
    """A registered consumer of a stream.

    Attributes:
        body: What is kept of it: name, created (seconds), tags, policy.
        subscribed: Shard's id → what ends the subscription to it, and when it began.
    """

    def __init__(self, arn: str, stream: Stream, body: Body) -> None:
        self.arn, self.stream, self.body = arn, stream, body
        self.subscribed: dict[str, tuple[Any, float]] = {}


class Kinesis:
    """The service's state; :func:`open` makes it.

    Attributes:
        log: The records of all shards.
        consumers: By their ARNs.
        limits: Whether shards take and give no more than AWS's.
    """

    def __init__(self, parts: Parts, database: Database) -> None:
        self._parts, self._database = parts, database
        self.clock = parts.clock
        most = _MOST_BYTES if parts.documents.lasting else _MOST_IN_MEMORY
        self.log = Log(database, parts.clock, most)
        self.limits = parts.settings.kinesis_limits
        self.consumers: dict[str, Consumer] = {}
        self._streams: dict[Place, Stream] = {}
        self._by_id: dict[int, Stream] = {}
        #: Called when a stream was made, got other shards, or went.
        self.on_changed: list[Any] = []
        self._timer: Timer | None = None
        self._warned = False
        self._closed = False

    async def open(self) -> None:
        """Bring back what was kept."""
        for id, account, region, name, body in await self._database.read(rows.streams):
            self._hold(Stream(id, Place(account, region, name), body))
        for row in await self._database.read(rows.shards):
            stream = self._by_id[row.stream]
            log = ShardLog(row.id, row.last, row.oldest_ms, row.latest_ms)
            stream.shards[row.number] = Shard.of(
                row.number, row.body, log, on_demand=stream.is_on_demand
            )
        for stream in self._streams.values():
            stream.sort()
        for arn, stream_id, body in await self._database.read(rows.consumers):
            self.consumers[arn] = Consumer(arn, self._by_id[stream_id], body)
        self.log.size = await self._database.read(rows.size)
        await self.trim()
        self._again()

    def _hold(self, stream: Stream) -> None:
        self._streams[stream.place] = self._by_id[stream.id] = stream

    # -- streams --------------------------------------------------------------------------------

    def find(self, place: Place) -> Stream | None:
        """Return a stream, or None."""
        return self._streams.get(place)

    def by_id(self, id: int) -> Stream | None:
        """Return a stream by its number in the database."""
        return self._by_id.get(id)

    def of(self, account: str, region: str) -> list[Stream]:
        """Return an account's streams in a region, by name."""
        found = (each for each in self._streams.values() if each.place[:2] == (account, region))
        return sorted(found, key=lambda each: each.name)

    async def create(self, place: Place, body: Body, ranges: Sequence[NewShard]) -> Stream:
        """Make a stream with its shards.

        Raises:
            StorageError: It was not kept.
        """
        body = {**body, "id": _stream_id()}
        made_s = int(self.clock.now())
        stream = Stream(0, place, body)
        # Nobody else may take the name meanwhile.
        self._streams[place] = stream

        def work(connection: rows.Connection) -> list[int]:
            id = rows.put_stream(connection, place, body)
            new = [Shard(n, ShardLog(0), made_s, *each) for n, each in enumerate(ranges)]
            return [id, *(rows.add_shard(connection, id, s.number, s.body()) for s in new)]

        try:
            stream.id, *ids = await self._database.write(work)
        except StorageError:
            del self._streams[place]
            raise
        for number, (each, id) in enumerate(zip(ranges, ids, strict=True)):
            meter = written(on_demand=stream.is_on_demand)
            stream.shards[number] = Shard(number, ShardLog(id), made_s, *each, written=meter)
        stream.sort()
        self._hold(stream)
        self._tell()
        return stream

    async def change(self, stream: Stream, **changes: Any) -> None:
        """Change what is kept of a stream.

        Raises:
            StorageError: It was not kept, and is as before.
        """
        before, stream.body = stream.body, {**stream.body, **changes}
        body = stream.body
        try:
            await self._database.write(lambda c: rows.put_stream(c, stream.place, body))
        except StorageError:
            stream.body = before
            raise
        for shard in stream.shards.values():
            shard.written.grows = stream.is_on_demand

    async def delete(self, stream: Stream) -> None:
        """Remove a stream with its records and consumers."""
        self._drop(stream)
        await self._database.write(lambda c: rows.delete_stream(c, stream.id))
        self.log.size = await self._database.read(rows.size)

    def _drop(self, stream: Stream) -> None:
        self._streams.pop(stream.place, None)
        self._by_id.pop(stream.id, None)
        for consumer in [each for each in self.consumers.values() if each.stream is stream]:
            self._end(consumer)
        for shard in stream.shards.values():
            self.log.forget(shard.log)
        self._tell()

    async def reshard(
        self, stream: Stream, closing: Iterable[Shard], ranges: Sequence[NewShard]
    ) -> None:
        """Close shards, and make others in their place; records that come meanwhile wait.

        Raises:
            StorageError: It was not kept, and all is as before.
        """
        now = self.clock.now()
        closed = list(closing)
        stream.changing = asyncio.Event()
        for shard in closed:
            shard.closed, shard.ending = now, shard.log.next - 1
        # A child's sequence numbers come after its parents'.
        made_s = max(int(now), *(shard.made_s + 1 for shard in closed))
        first = max(stream.shards) + 1
        new = [Shard(first + n, ShardLog(0), made_s, *each) for n, each in enumerate(ranges)]
        stream.sort()

        def work(connection: rows.Connection) -> list[int]:
            for shard in closed:
                rows.change_shard(connection, shard.log.id, shard.body())
            return [rows.add_shard(connection, stream.id, s.number, s.body()) for s in new]

        try:
            ids = await self._database.write(work)
        except StorageError:
            for shard in closed:
                shard.closed, shard.ending = 0.0, 0
            raise
        else:
            for shard, id in zip(new, ids, strict=True):
                shard.log.id = id
                shard.written = written(on_demand=stream.is_on_demand)
                stream.shards[shard.number] = shard
        finally:
            stream.sort()
            stream.changing.set()
            stream.changing = None
        for shard in closed:
            shard.log.wake()
        self._tell()

    def _tell(self) -> None:
        for each in tuple(self.on_changed):
            each()

    # -- consumers ------------------------------------------------------------------------------

    def consumers_of(self, stream: Stream) -> list[Consumer]:
        """Return a stream's consumers."""
        return [each for each in self.consumers.values() if each.stream is stream]

    async def put_consumer(self, consumer: Consumer, **changes: Any) -> None:
        """Keep a consumer that is new, or changes of one.

        Raises:
            StorageError: It was not kept, and is as before.
        """
        known, before = consumer.arn in self.consumers, consumer.body
        # Nobody else may take the name meanwhile.
        self.consumers[consumer.arn] = consumer
        body = consumer.body = {**before, **changes}
        stream = consumer.stream.id
        try:
            await self._database.write(lambda c: rows.put_consumer(c, consumer.arn, stream, body))
        except StorageError:
            consumer.body = before
            if not known:
                self.consumers.pop(consumer.arn, None)
            raise

    async def delete_consumer(self, consumer: Consumer) -> None:
        """Remove a consumer; its subscriptions end.

        Raises:
            StorageError: It is as before.
        """
        await self._database.write(lambda c: rows.delete_consumer(c, consumer.arn))
        self._end(consumer)

    def _end(self, consumer: Consumer) -> None:
        self.consumers.pop(consumer.arn, None)
        for ended, _ in consumer.subscribed.values():
            ended.set()

    # -- time -----------------------------------------------------------------------------------

    def oldest_ms(self, stream: Stream) -> int:
        """Return when the oldest record may have come that is still given (milliseconds)."""
        return int((self.clock.now() - stream.retention_s) * 1000)

    async def trim(self) -> None:
        """Remove the records whose time is over, and the closed shards whose records are."""
        for stream in list(self._streams.values()):
            before_ms = self.oldest_ms(stream)
            gone = [
                shard
                for shard in stream.shards.values()
                if shard.closed and shard.closed * 1000 < before_ms
            ]
            for shard in stream.shards.values():
                await self.log.trim(shard.log, before_ms)
            if gone:
                ids = [shard.log.id for shard in gone]
                await self._database.write(lambda c, ids=ids: rows.delete_shards(c, ids))  # type: ignore[misc]
                for shard in gone:
                    stream.shards.pop(shard.number, None)
                    self.log.forget(shard.log)
        if self.log.dropped and not self._warned:
            self._warned = True
            self._parts.console.warn(
                "Kinesis has dropped its oldest records before their time: there are more than "
                "it keeps here."
            )

    def _again(self) -> None:
        if not self._closed:
            self._timer = self.clock.call_later(_TRIM_S, self._on_timer)

    def _on_timer(self) -> None:
        self._parts.spawn(self._trim_and_again())

    async def _trim_and_again(self) -> None:
        try:
            await self.trim()
        except StorageError as error:
            self._parts.console.warn(f"Kinesis could not trim its records: {error}")
        self._again()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        gone = [each for at, each in self._streams.items() if account in (None, at.account)]
        for stream in gone:
            self._drop(stream)

        def work(connection: rows.Connection) -> None:
            for stream in gone:
                rows.delete_stream(connection, stream.id)

        if gone:
            await self._database.write(work)
            self.log.size = await self._database.read(rows.size)

    def drain(self) -> None:
        """End all subscriptions: they would hold up the end for minutes."""
        for consumer in self.consumers.values():
            for ended, _ in consumer.subscribed.values():
                ended.set()

    async def close(self) -> None:
        """Let go of the database."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        self.drain()
        await self._database.close()


def _stream_id() -> str:
    letters = string.ascii_lowercase + string.digits
    return "".join(secrets.choice(letters) for _ in range(20)) + "-000"


async def open(parts: Parts) -> Kinesis:
    """Open the service's state."""
    database = parts.store.open_database("kinesis", resources(__package__) / "migrations")
    state = Kinesis(parts, database)
    await state.open()
    return state


def of(context: Context) -> Kinesis:
    """Return the state of a request."""
    state: Kinesis = context.state
    return state
