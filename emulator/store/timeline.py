"""The journal of the timeline over SQLite: pages, of which the oldest are dropped."""

from __future__ import annotations

import sqlite3

from emulator.model.timeline_journal import TimelineNumbers, TimelinePage, TimelineState
from emulator.store.database import Database
from emulator.store.queries import queries


class StoredTimeline:
    """Satisfies :class:`emulator.model.timeline_journal.TimelineJournal`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries()
        #: Bytes of all pages; None: not known. Those of an hour take a while to add up.
        self._size: int | None = None

    async def open(self, identity: str, now: float) -> TimelineState:
        sql = self._sql

        def work(connection: sqlite3.Connection) -> TimelineState:
            found = connection.execute(sql["load_timeline_journal"]).fetchone()
            if found is None:
                found = (identity, now)
                connection.execute(sql["insert_timeline_journal"], found)
            last = connection.execute(sql["last_timeline_page"]).fetchone() or ()
            return TimelineState(found[0], TimelineNumbers(*last), found[1])

        return await self._database.write(work)

    async def write(self, page: TimelinePage, limit_bytes: int) -> None:
        sql = self._sql
        # It is not known again if this write fails.
        known, self._size = self._size, None

        def work(connection: sqlite3.Connection) -> int:
            connection.execute(sql["insert_timeline_page"], (*page.last, page.at, page.content))
            size: int
            if known is None:
                (size,) = connection.execute(sql["size_of_timeline"]).fetchone()
            else:
                size = known + len(page.content)
            while size > limit_bytes:
                number, at, freed = connection.execute(sql["oldest_timeline_page"]).fetchone()
                if number == page.last.number:
                    break
                connection.execute(sql["delete_timeline_page"], (number,))
                connection.execute(sql["forget_timeline"], (at,))
                size -= freed
            return size

        self._size = await self._database.write(work)

    async def pages(self, until: int) -> list[TimelinePage]:
        def work(connection: sqlite3.Connection) -> list[TimelinePage]:
            rows = connection.execute(self._sql["load_timeline_pages"], (until,)).fetchall()
            return [TimelinePage(TimelineNumbers(*row[:3]), *row[3:]) for row in rows]

        return await self._database.read(work)

    async def close(self) -> None:
        """Close the database."""
        await self._database.close()
