"""The control plane's metadata: JSON documents by kind, account, region and key."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from typing import Any

import orjson

from emulator.store.database import Database
from emulator.store.queries import queries


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """One stored document."""

    account: str
    region: str
    key: str
    #: What was put, as JSON gives it back.
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A document's new body; None removes it."""

    kind: str
    account: str
    region: str
    key: str
    body: Any


class Documents:
    """A write-through table: a ``put`` or ``delete`` that returned outlives a power cut."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def put(self, kind: str, account: str, region: str, key: str, body: Any) -> None:
        """Keep ``body`` (anything JSON can say), replacing what the key had.

        Raises:
            StorageFull, StorageError: It was not kept.
        """
        row = (kind, account, region, key, orjson.dumps(body).decode())

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(queries()["put_document"], row)

        await self._database.write(work)

    async def delete(self, kind: str, account: str, region: str, key: str) -> None:
        """Forget a document; forgetting what is not there is no error."""

        def work(connection: sqlite3.Connection) -> None:
            connection.execute(queries()["delete_document"], (kind, account, region, key))

        await self._database.write(work)

    async def write(self, *changes: Change) -> None:
        """Make several changes in one transaction: all of them or none.

        Raises:
            StorageFull, StorageError: Nothing was changed.
        """
        rows = [
            (
                (change.kind, change.account, change.region, change.key),
                None if change.body is None else orjson.dumps(change.body).decode(),
            )
            for change in changes
        ]

        def work(connection: sqlite3.Connection) -> None:
            for key, body in rows:
                if body is None:
                    connection.execute(queries()["delete_document"], key)
                else:
                    connection.execute(queries()["put_document"], (*key, body))

        await self._database.write(work)

    async def load_all(self, kind: str) -> list[Document]:
        """Return every document of ``kind``, ordered by account, region and key."""
        rows = await self._database.read(
            lambda c: c.execute(queries()["load_documents"], (kind,)).fetchall()
        )
        return [
            Document(account=account, region=region, key=key, body=orjson.loads(body))
            for account, region, key, body in rows
        ]
