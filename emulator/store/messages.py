"""The queue engine's journal over SQLite. No operation gets slower as a queue gets deeper."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from itertools import chain
from typing import Any

from emulator.model.journal import (
    DeduplicationRecord,
    Done,
    LeaseRecord,
    MessageRecord,
    QueueRecord,
    WindowRecord,
)
from emulator.store.database import Database
from emulator.store.queries import queries

Connection = sqlite3.Connection
#: Messages of one statement, and what each after the first adds to it.
_MOST_ROWS = 16
_ROW = f", ({', '.join('?' * len(MessageRecord._fields))})"


class MessageJournal:
    """Satisfies :class:`emulator.model.journal.Journal`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries()

    async def load_queues(self) -> list[QueueRecord]:
        rows = await self._database.read(lambda c: c.execute(self._sql["load_queues"]).fetchall())
        return [QueueRecord(*row) for row in rows]

    async def create_queue(self, name: str, body: str) -> int:
        def work(connection: Connection) -> int:
            return _insert_queue(connection, self._sql, name, body)

        return await self._database.write(work)

    async def update_queue(self, queue: int, body: str) -> None:
        await self._write("update_queue", (body, queue))

    async def drop_queue(self, queue: int) -> None:
        def work(connection: Connection) -> None:
            connection.execute(self._sql["delete_queue"], (queue,))
            connection.execute(self._sql["insert_dropped_queue"], (queue,))

        await self._database.write(work)

    async def purge_queue(self, queue: int, name: str, body: str) -> int:
        def work(connection: Connection) -> int:
            connection.execute(self._sql["delete_queue"], (queue,))
            connection.execute(self._sql["insert_dropped_queue"], (queue,))
            # A purge ends the deduplication of what was sent before, too, as on AWS.
            connection.execute(self._sql["delete_deduplications"], (queue,))
            return _insert_queue(connection, self._sql, name, body)

        return await self._database.write(work)

    async def collect(self, limit: int) -> bool:
        def work(connection: Connection) -> bool:
            dropped = connection.execute(self._sql["load_dropped_queues"]).fetchone()
            if dropped is None:
                return False
            ids = connection.execute(self._sql["collect_messages"], (*dropped, limit)).fetchall()
            connection.executemany(self._sql["delete_lease"], ids)
            if len(ids) < limit:
                connection.execute(self._sql["delete_dropped_queue"], dropped)
            return True

        return await self._database.write(work)

    def append(
        self,
        messages: Sequence[MessageRecord],
        leases: Sequence[LeaseRecord],
        deduplications: Sequence[DeduplicationRecord],
        done: Done,
        *,
        replacing: int | None = None,
    ) -> None:
        def work(connection: Connection) -> None:
            if replacing is not None:
                connection.execute(self._sql["delete_lease"], (replacing,))
                connection.execute(self._sql["delete_message"], (replacing,))
            self._insert(connection, messages)
            if leases:
                connection.executemany(self._sql["put_lease"], leases)
            if deduplications:
                connection.executemany(self._sql["put_deduplication"], deduplications)

        self._database.submit(work, done)

    def _insert(self, connection: Connection, messages: Sequence[MessageRecord]) -> None:
        # For each statement that is run the loop and this thread take turns.
        for begin in range(0, len(messages), _MOST_ROWS):
            rows = messages[begin : begin + _MOST_ROWS]
            sql = self._sql["insert_message"].rstrip(";") + _ROW * (len(rows) - 1)
            connection.execute(sql, tuple(chain.from_iterable(rows)))

    def remove(self, ids: Sequence[int], done: Done) -> None:
        rows = [(id,) for id in ids]

        def work(connection: Connection) -> int:
            connection.executemany(self._sql["delete_lease"], rows)
            return connection.executemany(self._sql["delete_message"], rows).rowcount

        self._database.submit(work, done)

    def move(
        self, id: int, queue: int, position: int, sent_at: float, source: str, done: Done
    ) -> None:
        row = (queue, position, sent_at, source, id)
        self._database.submit(lambda c: c.execute(self._sql["move_message"], row).rowcount, done)

    async def lease(self, leases: Sequence[LeaseRecord]) -> None:
        await self._database.write(lambda c: c.executemany(self._sql["put_lease"], leases).rowcount)

    async def window(
        self, queue: int, after: tuple[int, int], limit: int, payload_limit: int
    ) -> list[WindowRecord]:
        parameters = (queue, *after, payload_limit, limit)

        def work(connection: Connection) -> list[WindowRecord]:
            rows = connection.execute(self._sql["load_window"], parameters)
            return [WindowRecord(*row) for row in rows]

        return await self._database.read(work)

    async def headers(
        self, queue: int, members: tuple[str, str], limit: int
    ) -> list[tuple[int, Any, Any]]:
        parameters = (queue, *(f"$.{name}" for name in members), limit)
        return await self._database.read(
            lambda c: c.execute(self._sql["load_headers"], parameters).fetchall()
        )

    async def payloads(self, ids: Sequence[int]) -> Mapping[int, tuple[str, str | bytes]]:
        def work(connection: Connection) -> dict[int, tuple[str, str | bytes]]:
            found = {}
            for id in ids:
                row = connection.execute(self._sql["load_payload"], (id,)).fetchone()
                if row is not None:
                    found[id] = row
            return found

        return await self._database.read(work)

    async def depth(self, queue: int, now: float) -> tuple[int, Mapping[int, int]]:
        def work(connection: Connection) -> tuple[int, dict[int, int]]:
            count = connection.execute(self._sql["count_messages"], (queue,)).fetchone()[0]
            later = connection.execute(self._sql["count_later"], (queue, int(now * 1e6)))
            return count, dict(later.fetchall())

        return await self._database.read(work)

    async def last_id(self) -> int:
        row = await self._database.read(lambda c: c.execute(self._sql["last_message"]).fetchone())
        return int(row[0])

    async def expire(self, queue: int, sent_before: float, limit: int) -> list[int]:
        parameters = (queue, int(sent_before * 1e6), sent_before, limit)

        def work(connection: Connection) -> list[int]:
            ids = connection.execute(self._sql["expire_messages"], parameters).fetchall()
            connection.executemany(self._sql["delete_lease"], ids)
            return [row[0] for row in ids]

        return await self._database.write(work)

    async def load_deduplications(self, queue: int, now: float) -> list[DeduplicationRecord]:
        def work(connection: Connection) -> list[DeduplicationRecord]:
            rows = connection.execute(self._sql["load_deduplications"], (queue, now))
            return [DeduplicationRecord(queue, *row) for row in rows]

        return await self._database.read(work)

    async def forget_deduplications(self, now: float) -> None:
        await self._write("forget_deduplications", (now,))

    async def _write(self, name: str, parameters: tuple[Any, ...]) -> None:
        def work(connection: Connection) -> None:
            connection.execute(self._sql[name], parameters)

        await self._database.write(work)


def _insert_queue(connection: Connection, sql: Mapping[str, str], name: str, body: str) -> int:
    id = connection.execute(sql["insert_queue"], (name, body)).lastrowid
    assert id is not None
    return id
