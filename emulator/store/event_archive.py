"""Events kept to be replayed: rows of a database of their own, made when the first one is kept."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from typing import NamedTuple

from emulator.model.clock import Clock
from emulator.store.database import Database
from emulator.store.store import Store

_DAY_S = 86_400.0


class Archived(NamedTuple):
    """An event of an archive."""

    number: int
    at: float
    text: bytes


class EventArchive:
    """Keeps events until their archive lets go of them.

    Args:
        name: The database's name: the service's.
        store: Opens it.
        clock: The time.
    """

    def __init__(self, name: str, store: Store, clock: Clock) -> None:
        self._name, self._store, self._clock = name, store, clock
        self._database: Database | None = None

    @property
    def database(self) -> Database:
        """The rows; the file is made where there is none."""
        if self._database is None:
            migrations = files(__package__) / "archives"
            self._database = self._store.open_database(self._name, migrations)
        return self._database

    async def close(self) -> None:
        """Let go of the database."""
        if self._database is not None:
            await self._database.close()

    async def keep(self, archive: str, id: str, at: float, size: int, text: bytes) -> None:
        """Keep an event once.

        Args:
            archive: The archive's ARN.
            id: The event's.
            at: When it happened.
            size: What it counts for.
            text: It.

        Raises:
            StorageError: The disk did not take it.
        """
        now = self._clock.now()

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(
                "INSERT OR IGNORE INTO archived (archive, id, at, kept, size, event)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                (archive, id, at, now, size, text),
            )

        await self.database.write(work)

    async def counts(self, archive: str, retention_days: int) -> tuple[int, int]:
        """Return how many events an archive has, and their size; what is too old is removed."""
        before = self._clock.now() - retention_days * _DAY_S if retention_days else None

        def work(connection: sqlite3.Connection) -> tuple[int, int]:
            if before is not None:
                connection.execute(
                    "DELETE FROM archived WHERE archive = ? AND kept < ?", (archive, before)
                )
            query = "SELECT count(*), coalesce(sum(size), 0) FROM archived WHERE archive = ?"
            found: tuple[int, int] = connection.execute(query, (archive,)).fetchone()
            return found

        return await self.database.write(work)

    async def after(
        self, archive: str, at: float, number: int, until: float, most: int
    ) -> list[Archived]:
        """Return the next events of an archive, in the order in which they happened.

        Args:
            archive: The archive's ARN.
            at: Of the last event that is known already, or when to begin.
            number: Of that event; 0 for none.
            until: When to end.
            most: The most to return.
        """
        query = (
            "SELECT number, at, event FROM archived WHERE archive = ? AND (at, number) > (?, ?)"
            " AND at <= ? ORDER BY at, number LIMIT ?"
        )

        def work(connection: sqlite3.Connection) -> list[Archived]:
            rows = connection.execute(query, (archive, at, number, until, most))
            return [Archived(*row) for row in rows]

        return await self.database.read(work)

    async def forget(self, archive: str) -> None:
        """Remove an archive's events, or (``""``) those of all archives."""

        def work(connection: sqlite3.Connection) -> None:
            if archive:
                connection.execute("DELETE FROM archived WHERE archive = ?", (archive,))
            else:
                connection.execute("DELETE FROM archived")

        await self.database.write(work)
