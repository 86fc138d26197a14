"""How far mappings have come in their shards, kept in a database of its own.

Whatever is not kept yet when the emulator is killed is done again: at least once, as on AWS. So
nobody waits for a checkpoint, and it needs no sync of the disk.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection
from contextlib import suppress
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any, NamedTuple

from emulator.model.errors import StorageError
from emulator.store.database import Database

#: The migrations of the database.
MIGRATIONS: Traversable = files(__package__) / "migrations"


class Checkpoint(NamedTuple):
    """How far a mapping has come in a shard."""

    #: The last record that is done, with all before it; "" for none.
    sequence: str = ""
    #: The shard is closed, and all is done.
    finished: bool = False
    #: The open windows, as JSON; "" for none.
    windows: str = ""


class Checkpoints:
    """The checkpoints of all mappings of streams of one kind.

    Args:
        database: Opened with :data:`MIGRATIONS`.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    async def load(self, mapping: str) -> dict[str, Checkpoint]:
        """Return how far a mapping has come, by the keys of shards."""

        def work(connection: sqlite3.Connection) -> dict[str, Checkpoint]:
            rows = connection.execute(
                "SELECT shard, sequence, finished, windows FROM checkpoint WHERE mapping = ?",
                (mapping,),
            )
            return {shard: Checkpoint(s, bool(f), w) for shard, s, f, w in rows}

        return await self._database.write(work)

    def save(self, mapping: str, shard: str, checkpoint: Checkpoint) -> None:
        """Keep how far a mapping has come in a shard; nobody waits for it."""
        row = (mapping, shard, *checkpoint)
        self._submit("INSERT OR REPLACE INTO checkpoint VALUES (?, ?, ?, ?, ?)", row)

    def forget(self, mapping: str, shard: str) -> None:
        """Remove the checkpoint of a shard that is gone."""
        self._submit("DELETE FROM checkpoint WHERE mapping = ? AND shard = ?", (mapping, shard))

    def _submit(self, statement: str, row: tuple[Any, ...]) -> None:
        # Once it is closed, what follows is done again.
        with suppress(StorageError):
            self._database.submit(lambda c: c.execute(statement, row).rowcount, _ignore)

    async def flush(self) -> None:
        """Return when all that was saved is kept."""
        await self._database.write(lambda connection: None)

    async def keep(self, mappings: Collection[str]) -> None:
        """Remove the checkpoints of all mappings but these; those of pipes are kept, too."""

        def work(connection: sqlite3.Connection) -> None:
            there = [
                row[0] for row in connection.execute("SELECT DISTINCT mapping FROM checkpoint")
            ]
            gone = [
                (each,) for each in there if each not in mappings and not each.startswith("pipe-")
            ]
            connection.executemany("DELETE FROM checkpoint WHERE mapping = ?", gone)

        await self._database.write(work)

    async def close(self) -> None:
        """Keep what was saved, and close the database."""
        await self._database.close()


def _ignore(result: Any, error: StorageError | None) -> None: ...
