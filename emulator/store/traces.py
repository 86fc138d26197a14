"""The journal of traces over SQLite: pages, of which the oldest are dropped."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable

from emulator.store.database import Database
from emulator.store.queries import queries


class StoredTraces:
    """Satisfies :class:`emulator.model.trace_journal.TraceJournal`.

    Args:
        open_database: Opens its database, which happens when it is first used; blocks.
    """

    def __init__(self, open_database: Callable[[], Database]) -> None:
        self._open_database = open_database
        self._opening: asyncio.Task[Database] | None = None
        self._sql = queries()

    async def _database(self) -> Database:
        if self._opening is None:
            opening = asyncio.to_thread(self._open_database)
            self._opening = asyncio.get_running_loop().create_task(opening)
        return await asyncio.shield(self._opening)

    async def write(self, page: bytes, limit_bytes: int) -> None:
        sql = self._sql

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(sql["insert_trace_page"], (page,))
            (size,) = connection.execute(sql["size_of_traces"]).fetchone()
            while size > limit_bytes:
                number, freed = connection.execute(sql["oldest_trace_page"]).fetchone()
                connection.execute(sql["delete_trace_page"], (number,))
                size -= freed

        await (await self._database()).write(work)

    async def pages(self) -> list[bytes]:
        def work(connection: sqlite3.Connection) -> list[bytes]:
            return [row[0] for row in connection.execute(self._sql["load_trace_pages"])]

        return await (await self._database()).read(work)

    async def clear(self) -> None:
        def work(connection: sqlite3.Connection) -> None:
            connection.execute(self._sql["delete_trace_pages"])

        await (await self._database()).write(work)
