"""The log journal over SQLite: it takes batches of changes and returns events in pages."""

from __future__ import annotations

import sqlite3
from contextlib import closing

import orjson

from emulator.model.log_journal import EventRecord, GroupRecord, LogChanges, StreamRecord
from emulator.store.database import Database
from emulator.store.queries import queries

Connection = sqlite3.Connection

#: Counted for each event beside its message, bytes, so a page of empty lines is bounded too.
_EVENT_BYTES = 256


class StoredLogs:
    """Satisfies :class:`emulator.model.log_journal.LogJournal`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._sql = queries()

    async def write(self, changes: LogChanges) -> None:
        sql = self._sql

        def work(connection: Connection) -> None:
            for id in changes.dropped_groups:
                connection.execute(sql["delete_events_of_log_group"], (id,))
                connection.execute(sql["delete_streams_of_log_group"], (id,))
                connection.execute(sql["delete_log_group"], (id,))
            for id in changes.dropped_streams:
                connection.execute(sql["delete_events_of_log_stream"], (id,))
                connection.execute(sql["delete_log_stream"], (id,))
            for group in changes.groups:
                tags = orjson.dumps(dict(group.tags)).decode()
                connection.execute(sql["put_log_group"], group._replace(tags=tags))  # type: ignore[arg-type]
            connection.executemany(sql["put_log_stream"], changes.streams)
            connection.executemany(sql["insert_log_event"], changes.events)
            connection.executemany(sql["trim_log_stream"], changes.trimmed)

        await self._database.write(work)

    async def load(self) -> tuple[list[GroupRecord], list[StreamRecord], int]:
        sql = self._sql

        def work(
            connection: Connection,
        ) -> tuple[list[GroupRecord], list[StreamRecord], int]:
            # Before anything is deleted, or its id could be used again.
            (last,) = connection.execute(sql["last_log_id"]).fetchone()
            connection.execute(sql["delete_empty_log_streams"])
            groups = [
                GroupRecord(*row)._replace(tags=orjson.loads(row[-1]))
                for row in connection.execute(sql["load_log_groups"])
            ]
            streams = [
                StreamRecord(*row)._replace(of_lines=bool(row[-1]))
                for row in connection.execute(sql["load_log_streams"])
            ]
            return groups, streams, last

        return await self._database.write(work)

    async def events(self, after: int, until: int, limit_bytes: int) -> list[EventRecord]:
        def work(connection: Connection) -> list[EventRecord]:
            found: list[EventRecord] = []
            size = 0
            # An unfinished query would keep the reader at this commit.
            with closing(connection.execute(self._sql["load_log_events"], (after, until))) as rows:
                for row in rows:
                    found.append(EventRecord(*row))
                    size += _EVENT_BYTES + len(found[-1].message)
                    if size >= limit_bytes:
                        break
            return found

        return await self._database.read(work)

    async def close(self) -> None:
        await self._database.close()
