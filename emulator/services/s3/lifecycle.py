"""Lifecycles at work: at each midnight (UTC), what has come to its end is removed."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Mapping
from functools import partial
from itertools import islice
from typing import TYPE_CHECKING, Any

from emulator.model.clock import Timer
from emulator.model.errors import AwsError, StorageError
from emulator.model.ids import new_request_id
from emulator.registry.document_store import change
from emulator.services.s3 import expiry, locks, rows, upload_rows
from emulator.services.s3.expiry import Rules
from emulator.services.s3.files import ObjectFiles
from emulator.services.s3.notifications.notices import Notices
from emulator.services.s3.notifications.records import Cause
from emulator.services.s3.rows import NULL, Bucket, StoredObject
from emulator.store.database import Database

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: The kind of a document that is there while a bucket has rules, or notifications: S3 is opened at
#: the start then.
MARK = "s3-lifecycle"
#: Versions that are looked at in one reading.
_PAGE = 1000


class Lifecycle:
    """Removes what the rules of buckets say, each midnight.

    Args:
        parts: The clock, and what keeps the mark.
        database, files: The objects.
        find_bucket: Finds buckets.
        notices: Tells of what is removed.
    """

    def __init__(
        self,
        parts: Parts,
        database: Database,
        files: ObjectFiles,
        find_bucket: Callable[[str], Bucket | None],
        notices: Notices,
    ) -> None:
        self._parts = parts
        self._database = database
        self._files = files
        self._find_bucket = find_bucket
        self._notices = notices
        self._rules: dict[str, Rules] = {}
        self._timer: Timer | None = None
        self._pass: asyncio.Task[None] | None = None
        #: A midnight has come that no pass has looked at yet.
        self._is_due = False

    async def open(self) -> None:
        """Bring back the rules; do what came due meanwhile."""
        found = await self._database.read(lambda c: rows.all_documents(c, expiry.KIND))
        self._rules = {name: rules for name, body in found if (rules := expiry.active(body))}
        if self._rules:
            self._begin_pass()

    def close(self) -> None:
        """Stop."""
        if self._timer is not None:
            self._timer.cancel()
        if self._pass is not None:
            self._pass.cancel()

    def rules_of(self, bucket: str) -> Rules:
        """Return a bucket's rules that are enabled."""
        return self._rules.get(bucket, ())

    async def change(self, bucket: Bucket, document: Mapping[str, Any] | None) -> None:
        """Follow a bucket's new document; None: it has none any more."""
        rules = expiry.active(document)
        if rules:
            self._rules[bucket.name] = rules
        else:
            self._rules.pop(bucket.name, None)
        await self._parts.documents.write(
            change(MARK, bucket.account, bucket.region, bucket.name, {} if rules else None)
        )
        self._wait()

    def forget(self, bucket: str) -> None:
        """Forget a bucket that is gone."""
        self._rules.pop(bucket, None)

    def _wait(self) -> None:
        """Wake at the next midnight, if there is a rule."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._rules:
            now = self._parts.clock.now()
            wait_s = expiry.midnight_after(now) - now
            self._timer = self._parts.clock.call_later(wait_s, self._begin_pass)

    def _begin_pass(self) -> None:
        self._is_due = True
        if self._pass is None or self._pass.done():
            self._pass = self._parts.spawn(self._all())
        self._wait()

    async def _all(self) -> None:
        while self._is_due:
            self._is_due = False
            await self._once()

    async def _once(self) -> None:
        for name in list(self._rules):
            bucket = self._find_bucket(name)
            if bucket is not None:
                try:
                    await self._bucket(bucket, self.rules_of(name))
                except StorageError as error:
                    self._parts.console.warn(f"The lifecycle of {name} waits for a day: {error}")

    async def _bucket(self, bucket: Bucket, rules: Rules) -> None:
        """Remove what of a bucket has come to its end."""
        now = self._parts.clock.now()
        uploads = await self._database.read(lambda c: upload_rows.uploads_of(c, bucket.name))
        for upload in uploads:
            if expiry.is_given_up(rules, upload, now):
                freed = await self._database.write(
                    partial(upload_rows.end_upload, upload_id=upload.upload_id)
                )
                await self._files.remove(freed)
        key, number, newer, rank = "", -1, None, 0
        while True:
            found = await self._database.read(
                partial(_page, bucket=bucket.name, key=key, number=number)
            )
            over = []
            for each in found:
                if newer is not None and newer.key != each.key:
                    newer = None
                rank = 0 if newer is None or newer.is_latest else rank + 1
                if expiry.is_over(rules, each, newer, rank, now):
                    over.append(each)
                newer = each
            await self._remove(bucket, rules, over)
            markers = [each for each in found if each.is_delete_marker and each.is_latest]
            await self._remove_markers(rules, markers)
            if len(found) < _PAGE:
                return
            key, number = found[-1].key, found[-1].number

    async def _remove(self, bucket: Bucket, rules: Rules, over: list[StoredObject]) -> None:
        """Remove versions, or put delete markers in front of the newest."""
        if not over:
            return
        now = self._parts.clock.now()
        cause = Cause("s3.amazonaws.com", new_request_id(), "Lifecycle Expiration", "")

        def work(connection: sqlite3.Connection) -> list[str]:
            freed: list[str] = []
            for each in over:
                there = rows.find(connection, each.bucket, each.key, each.version)
                if there is None or there.number != each.number:
                    continue
                if not there.is_latest or not bucket.versioning:
                    if _is_locked(there, now):
                        continue
                    freed += rows.delete(connection, there.bucket, there.key, there.version)
                    self._notices.keep(
                        connection, "LifecycleExpiration:Delete", bucket, there, cause
                    )
                elif each.is_latest:
                    marker = _marker(bucket, each.key, now)
                    freed += rows.put(connection, marker)
                    event = "LifecycleExpiration:DeleteMarkerCreated"
                    self._notices.keep(connection, event, bucket, marker, cause)
            return freed

        freed = await self._database.write(work)
        self._notices.told(bucket.name)
        await self._files.remove(freed)

    async def _remove_markers(self, rules: Rules, markers: list[StoredObject]) -> None:
        wanted = [each for each in markers if expiry.removes_markers(rules, each)]
        if not wanted:
            return

        def work(connection: sqlite3.Connection) -> None:
            for each in wanted:
                if rows.count_versions(connection, each.bucket, each.key) == 1:
                    rows.delete(connection, each.bucket, each.key, each.version)

        await self._database.write(work)


def _page(connection: sqlite3.Connection, bucket: str, key: str, number: int) -> list[StoredObject]:
    return list(islice(rows.versions_after(connection, bucket, "", key, number), _PAGE))


def _marker(bucket: Bucket, key: str, now: float) -> StoredObject:
    version = rows.NEW if bucket.versioning == "Enabled" else NULL
    return StoredObject(
        bucket=bucket.name, key=key, version=version, is_delete_marker=True, modified_at=now
    )


def _is_locked(found: StoredObject, now: float) -> bool:
    try:
        locks.refuse_removal(found, now, bypass=False)
    except AwsError:
        return True
    return False
