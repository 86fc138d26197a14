"""What DynamoDB keeps: tables, items and streams, in a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from importlib.resources import files
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.registry.resource_table import ResourceTable
from emulator.services.dynamodb import log, rows, writing
from emulator.services.dynamodb.errors import no_resource
from emulator.services.dynamodb.expiry import Expiry
from emulator.services.dynamodb.log import Change, Sequences, Stream
from emulator.services.dynamodb.schema import Table
from emulator.services.dynamodb.writing import Result, Write
from emulator.store.database import Database

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

T = TypeVar("T")
#: What is done in the commit of writes before them, and after them, with what they did.
First = Callable[[rows.Connection], None]
Also = Callable[[rows.Connection, Result], None]


class Dynamodb:
    """The service's state; :func:`open` makes it.

    Attributes:
        database: Items, indexes, streams.
        sequences: The numbers of streams' records.
        changing: Held by what changes a table, from when it looks at it until the change is kept.
    """

    def __init__(self, parts: Parts, database: Database) -> None:
        self.parts = parts
        self.database = database
        self.sequences = Sequences(0)
        self.changing = asyncio.Lock()
        self._tables: dict[tuple[str, str], dict[str, Table]] = {}
        self._by_number: dict[int, Table] = {}
        #: Who waits for records, by the stream's number.
        self._waiting: dict[int, set[asyncio.Event]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: The last delivery to the streams of another service, by table: they go in order.
        self._delivering: dict[int, asyncio.Task[None]] = {}
        self.expiry = Expiry(self)
        #: Says that there are tables whose items expire: then the state is opened at the start.
        self.expiring = ResourceTable("dynamodb-expiring", parts.documents)

    async def open(self) -> None:
        """Bring back the tables."""
        await self.expiring.load()
        self.sequences = Sequences(await self.database.read(log.last_sequence))
        for table in await self.database.read(rows.all_tables):
            self.show(table)
        await self.expiry.trim()
        self.expiry.start()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        self.expiring.clear(account)
        for scope in [each for each in self._tables if account in (None, each[0])]:
            for table in self._tables.pop(scope).values():
                self._by_number.pop(table.number, None)
        await self.database.write(lambda c: rows.delete_account(c, account))
        self._wake(self._waiting)

    async def close(self) -> None:
        """Let go of the database."""
        self.expiry.stop()
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.database.close()

    @property
    def clock(self) -> Clock:
        """The emulator's clock."""
        return self.parts.clock

    # Tables

    def tables(self, account: str, region: str) -> dict[str, Table]:
        """Return the tables of an account and region, by name."""
        return self._tables.get((account, region), {})

    def all_tables(self) -> list[Table]:
        """Return all tables."""
        return list(self._by_number.values())

    def current(self, table: Table) -> Table | None:
        """Return a table as it is now; None: it is gone. On the writer's thread, too."""
        return self._by_number.get(table.number)

    def show(self, table: Table) -> None:
        """Let a table be found as it is now, in the regions of its replicas, too."""
        for region in [table.body["Region"], *(table.body.get("Replicas") or ())]:
            shown = Table(table.number, table.account, region, table.name, table.body)
            self._tables.setdefault((table.account, region), {})[table.name] = shown
            if region == table.body["Region"]:
                self._by_number[table.number] = shown

    def hide(self, table: Table) -> None:
        """Let a table be found no longer."""
        for region in [table.body["Region"], *(table.body.get("Replicas") or ())]:
            self._tables.get((table.account, region), {}).pop(table.name, None)
        self._by_number.pop(table.number, None)

    async def change(self, table: Table, **changes: Any) -> Table:
        """Change what is kept of a table; returns it as it is then."""
        changed = table.with_body(**changes)

        def work(connection: rows.Connection) -> None:
            rows.put_table(connection, changed)

        await self.database.write(work)
        self.show(changed)
        return changed

    # Items

    async def read(self, work: Callable[[rows.Connection], T]) -> T:
        """Read on the database's thread."""
        return await self.database.read(work)

    async def write(
        self,
        writes: Sequence[Write],
        *,
        together: bool = False,
        first: First | None = None,
        also: Also | None = None,
    ) -> Result:
        """Do writes in one commit; see :func:`emulator.services.dynamodb.writing.run`.

        Args:
            writes: What to do.
            together: If one is refused, none is done.
            first: Done before them in the same commit; where it raises, nothing is done.
            also: Done in the same commit, unless they were refused.

        Raises:
            StorageError: The disk did not take them.
        """
        now = self.parts.clock.now()

        def work(connection: rows.Connection) -> Result:
            if first is not None:
                first(connection)
            result = writing.run(connection, self, writes, now, together=together)
            if also is not None and not result.refused:
                also(connection, result)
            return result

        result = await self.database.write(work)
        if result.changes:
            self.written(result.changes)
        return result

    async def write_one(self, write: Write) -> writing.Written:
        """Do one write.

        Raises:
            AwsError: It was refused.
        """
        outcome = (await self.write((write,))).outcomes[0]
        if outcome.error is not None:
            raise outcome.error
        return outcome

    # Streams

    async def streams(self, account: str, region: str) -> list[Stream]:
        """Return the streams of an account and region, those that have ended, too."""
        since = self._oldest()
        found = await self.read(partial(log.listed, account=account, region=region))
        return [each for each in found if each.ended is None or each.ended >= since]

    async def find_stream(self, arn: str) -> Stream | None:
        """Return a stream by its ARN; None: there is none."""
        parts = arn.split(":", 5)
        path = parts[-1].split("/", 3)
        if len(parts) < 6 or len(path) < 4 or path[2] != "stream":
            return None
        found = await self.read(lambda c: log.find_named(c, parts[4], parts[3], path[1], path[3]))
        gone = found is None or (found.ended is not None and found.ended < self._oldest())
        return None if gone else found

    async def records(
        self, stream: Stream, after: int, most: int
    ) -> tuple[list[dict[str, Any]], int, bool]:
        """Return records of a stream, the number of the last, and whether nothing can follow.

        Args:
            stream: The stream.
            after: The last number that is not wanted.
            most: The most records.
        """
        since = self._oldest()

        def work(connection: rows.Connection) -> tuple[list[dict[str, Any]], int, bool]:
            # Whether it has ended is looked at first: what comes before that is then read.
            now = log.find(connection, stream.number)
            found = log.records(connection, stream.number, after, since, most)
            last = found[-1][0] if found else after
            more = now is not None and now.ended is None
            if not more:
                more = log.last_sequence(connection, stream.number) > last
            return [record for _, record in found], last, not more

        return await self.read(work)

    async def repeat(self, stream: Stream, records: Sequence[dict[str, Any]]) -> list[str]:
        """Tell a stream's readers of changes once more; returns the records' eventIDs.

        The table stays as it is.

        Args:
            stream: The stream.
            records: Records of it, as a function got them.

        Raises:
            StorageError: The disk did not take them.
        """
        now = self.clock.now()

        def work(connection: rows.Connection) -> list[str]:
            return [
                log.repeat(connection, stream, each, now, self.sequences.next(now))
                for each in records
            ]

        ids = await self.database.write(work)
        self._wake((stream.number,))
        return ids

    async def ends_of(self, stream: Stream) -> tuple[str, str]:
        """Return the first and the last sequence number of a stream's shard."""
        first, last = await self.read(
            lambda c: (
                log.first_sequence(c, stream.number),
                log.last_sequence(c, stream.number),
            )
        )
        began = int(stream.body["Created"] * 1_000_000)
        return log.sequence_text(min(first or began, began)), log.sequence_text(last or began)

    async def last_sequence_of(self, stream: Stream) -> int:
        """Return the number of a stream's last record; 0 for none."""
        return await self.read(lambda c: log.last_sequence(c, stream.number))

    async def trimmed_before(self, stream: Stream) -> int:
        """Return the number before which records were trimmed; 0: none was."""
        since = self._oldest()
        return 0 if stream.body["Created"] >= since else int(since * 1_000_000) - 1

    @staticmethod
    def sequence_of(text: str) -> int:
        """Return what a sequence number stands for."""
        return log.sequence_of(text)

    def _oldest(self) -> float:
        return self.parts.clock.now() - log.RETENTION_S

    def written(self, changes: Iterable[Change]) -> None:
        """Tell those who wait of changes that were kept."""
        for change in changes:
            if change.table.stream:
                self._wake((change.table.stream,))
            if change.table.destinations:
                self._deliver(change)

    def watch(self, stream: int) -> asyncio.Event:
        """Return what is set whenever a stream gets records; :meth:`unwatch` ends it."""
        event = asyncio.Event()
        self._waiting.setdefault(stream, set()).add(event)
        return event

    def unwatch(self, stream: int, event: asyncio.Event) -> None:
        """Watch no longer."""
        waiting = self._waiting.get(stream, set())
        waiting.discard(event)
        if not waiting:
            self._waiting.pop(stream, None)

    def _wake(self, streams: Iterable[int]) -> None:
        for number in list(streams):
            for event in self._waiting.get(number, ()):
                event.set()

    def _deliver(self, change: Change) -> None:
        from emulator.services.dynamodb import deliveries  # few tables have one

        number = change.table.number
        before = self._delivering.get(number)
        task = asyncio.create_task(deliveries.deliver(self.parts, change, before))
        self._delivering[number] = task
        self._tasks.add(task)

        def done(ended: asyncio.Task[None]) -> None:
            self._tasks.discard(ended)
            if self._delivering.get(number) is ended:
                del self._delivering[number]

        task.add_done_callback(done)


async def open(parts: Parts) -> Dynamodb:
    """Open the service's state."""
    database = parts.store.open_database("dynamodb", files(__package__) / "migrations")
    state = Dynamodb(parts, database)
    await state.open()
    return state


def of(context: Context) -> Dynamodb:
    """Return the state of a request."""
    state: Dynamodb = context.state
    return state


def split(name: str, account: str, region: str) -> tuple[str, str, str]:
    """Return account, region and name of a table, by its name or its ARN."""
    parts = name.split(":", 5)
    if parts[0] != "arn" or len(parts) < 6:
        return account, region, name
    return parts[4], parts[3], parts[5].removeprefix("table/").partition("/")[0]


def find(context: Context, name: str) -> Table:
    """Return the table of a request on items.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    found = lookup(context, name)
    if found is None:
        raise no_resource()
    return found


def lookup(context: Context, name: str) -> Table | None:
    """Return a table by its name or ARN; None: there is none.

    Raises:
        AwsError: ValidationException: it can't be a name.
    """
    account, region, plain = split(name, context.account, context.region)
    if (
        not 3 <= len(plain) <= 255
        or not plain.replace(".", "a").replace("-", "a").replace("_", "a").isalnum()
    ):
        raise AwsError(
            "ValidationException",
            "Invalid table/index name.  Table/index names must be between 3 and 255 characters "
            "long, and may contain only the characters a-z, A-Z, 0-9, '_', '-', and '.'",
        )
    return of(context).tables(account, region).get(plain)
