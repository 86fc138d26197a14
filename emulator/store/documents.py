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
    #: The body that was written, after a round trip through JSON.
    body: Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """A new body for a document: anything that JSON can hold. None deletes the document."""

    kind: str
    account: str
    region: str
    key: str
    body: Any


class Documents:
    """A write-through table: a change whose :meth:`write` returned outlives a power cut."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def write(self, *changes: Change) -> None:
        """Make several changes in one transaction: all of them or none.

        Raises:
            StorageFull: The disk is full; nothing was changed.
            StorageError: The disk refused; nothing was changed.
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

    async def clear(self, account: str | None) -> None:
        """Delete all documents, or all of one account, in one write.

        Raises:
            StorageError: The disk refused; nothing was deleted.
        """
        await self._database.write(
            lambda c: c.execute(queries()["clear_documents"], {"account": account})
        )

    async def has(self, kind: str) -> bool:
        """Say whether there is a document of ``kind``."""
        return await self._database.read(
            lambda c: bool(c.execute(queries()["has_documents"], (kind,)).fetchone()[0])
        )

    async def load_all(self, kind: str) -> list[Document]:
        """Return every document of ``kind``, ordered by account, region and key."""
        rows = await self._database.read(
            lambda c: c.execute(queries()["load_documents"], (kind,)).fetchall()
        )
        return [
            Document(account=account, region=region, key=key, body=orjson.loads(body))
            for account, region, key, body in rows
        ]
