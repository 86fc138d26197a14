"""What S3 keeps: its database, its files, and the buckets in memory."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from importlib.resources import files as resources
from typing import TYPE_CHECKING, Any

from emulator.model.ids import new_request_id
from emulator.services.s3 import encryption, errors, rows
from emulator.services.s3.files import ObjectFiles
from emulator.services.s3.lifecycle import MARK, Lifecycle
from emulator.services.s3.notifications.configuration import Configuration
from emulator.services.s3.notifications.notices import Notices
from emulator.services.s3.notifications.records import Cause
from emulator.services.s3.rows import Bucket
from emulator.store.database import Database

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

#: Kinds of documents that decide what becomes of requests for objects: they are held in memory.
ACL = "acl"
OWNERSHIP = "ownership"
PUBLIC_ACCESS = "public-access"
HELD = frozenset({ACL, OWNERSHIP, PUBLIC_ACCESS, encryption.KIND})


class S3:
    """The service's state.

    Attributes:
        database: Buckets and objects.
        files: What objects hold that are not small.
        notices: Tells of what happens to objects.
        lifecycle: Removes what has come to its end.
    """

    def __init__(self, parts: Parts, database: Database) -> None:
        self._parts = parts
        self.database = database
        self.files = ObjectFiles(parts.folder / "objects")
        self._buckets: dict[str, Bucket] = {}
        self._held: dict[tuple[str, str], Mapping[str, Any]] = {}
        self.notices = Notices(parts, database, MARK)
        self.lifecycle = Lifecycle(parts, database, self.files, self.find_bucket, self.notices)

    async def open(self) -> None:
        """Bring back the buckets; remove what a crash has left."""
        for bucket in await self.database.read(rows.all_buckets):
            self._buckets[bucket.name] = bucket
        for kind in HELD:
            for name, body in await self.database.read(partial(rows.all_documents, kind=kind)):
                self.hold(kind, name, body)
        await self.files.collect(await self.database.read(rows.files))
        await self.notices.open()
        await self.lifecycle.open()

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        gone = [name for name, each in self._buckets.items() if account in (None, each.account)]
        if not gone:
            return
        left = await self.database.write(lambda c: rows.delete_whole_buckets(c, gone))
        for name in gone:
            self._buckets.pop(name, None)
            self._let_go(name)
            self.lifecycle.forget(name)
            self.notices.forget(name)
        await self.files.remove(left)
        if account is None:
            await self.notices.clear()

    async def close(self) -> None:
        """Let go of the database."""
        self.lifecycle.close()
        await self.notices.close()
        await self.database.close()

    def bucket(self, name: str) -> Bucket:
        """Return a bucket.

        Raises:
            AwsError: NoSuchBucket.
        """
        found = self._buckets.get(name)
        if found is None:
            raise errors.no_such_bucket(name)
        return found

    def find_bucket(self, name: str) -> Bucket | None:
        """Return a bucket, or None."""
        return self._buckets.get(name)

    def notified(self) -> list[tuple[Bucket, Configuration]]:
        """Return the buckets that tell somebody, each with whom."""
        return [
            (bucket, found)
            for bucket in self._buckets.values()
            if (found := self.notices.of(bucket.name)) is not None
        ]

    async def tell_again(self, bucket: str, key: str, account: str) -> bool:
        """Tell of an object as if it had just been put; False where there is none.

        Raises:
            AwsError: NoSuchBucket.
        """
        found = self.bucket(bucket)
        cause = Cause(account, new_request_id(), "PutObject")

        def work(connection: sqlite3.Connection) -> bool:
            there = rows.find(connection, bucket, key)
            if there is None or there.is_delete_marker:
                return False
            self.notices.keep(connection, "ObjectCreated:Put", found, there, cause)
            return True

        is_there = await self.database.write(work)
        self.notices.told(bucket)
        return is_there

    def keeps(self, name: str) -> bool:
        """Say whether there is a bucket of this name."""
        return name in self._buckets

    def buckets_of(self, account: str) -> list[Bucket]:
        """Return an account's buckets, by name."""
        found = (each for each in self._buckets.values() if each.account == account)
        return sorted(found, key=lambda each: each.name)

    def held(self, kind: str, bucket: str) -> Mapping[str, Any] | None:
        """Return a bucket's document of a kind of :data:`HELD`; None where it has put none."""
        return self._held.get((kind, bucket))

    def hold(self, kind: str, bucket: str, document: Mapping[str, Any] | None) -> None:
        """Let requests for objects go by a document from now on; None: there is none any more."""
        if document is None:
            self._held.pop((kind, bucket), None)
        else:
            self._held[kind, bucket] = document

    def _let_go(self, bucket: str) -> None:
        for kind in HELD:
            self.hold(kind, bucket, None)

    async def put_bucket(self, bucket: Bucket) -> None:
        """Add or change a bucket."""
        await self.database.write(lambda c: rows.put_bucket(c, bucket))
        self._buckets[bucket.name] = bucket

    async def set_versioning(self, bucket: Bucket, status: str) -> None:
        """Enable or suspend versioning."""
        await self.put_bucket(replace(bucket, versioning=status))

    async def delete_bucket(self, name: str) -> bool:
        """Remove a bucket; False where it holds something."""
        if not await self.database.write(lambda c: rows.delete_bucket(c, name)):
            return False
        if self.lifecycle.rules_of(name):
            await self.lifecycle.change(self._buckets[name], None)
        if self.notices.of(name) is not None:
            await self.notices.configure(self._buckets[name], None)
        self._let_go(name)
        self._buckets.pop(name, None)
        return True


async def open(parts: Parts) -> S3:
    """Open the service's state."""
    database = parts.store.open_database("s3", resources(__package__) / "migrations")
    state = S3(parts, database)
    await state.open()
    return state


def of(context: Context) -> S3:
    """Return the state of a request."""
    state: S3 = context.state
    return state
