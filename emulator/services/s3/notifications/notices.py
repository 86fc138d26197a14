"""Keeps events in the commit that makes them happen, and passes them on."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
from typing import TYPE_CHECKING, Any

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.outbox import Outbox
from emulator.invoke.targets import Delivery
from emulator.model.errors import LocalfaasError
from emulator.model.ids import new_request_id
from emulator.registry.document_store import change
from emulator.services.s3 import rows
from emulator.services.s3.notifications.configuration import KIND, Configuration, active
from emulator.services.s3.notifications.records import (
    Cause,
    bridged,
    event_body,
    record,
    test_event,
)
from emulator.services.s3.notifications.sender import S3Sender
from emulator.services.s3.rows import Bucket, StoredObject
from emulator.store.database import Database

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

log = logging.getLogger(__name__)

_NAME = "s3"
#: Events that are passed on in one commit.
_BATCH = 100
#: Seconds until what the disk did not take is tried again.
_PAUSE_S = 5.0
_SUBJECT = "Amazon S3 Notification"


def cause_of(ctx: Context, reason: str) -> Cause:
    """Return who made a request, for its events."""
    return Cause(ctx.account, ctx.request_id, reason)


class Notices:
    """What buckets tell.

    Args:
        parts: The emulator's.
        database: Holds objects, and events that are still to be told.
        mark: The kind of the document that has S3 opened at the start.
    """

    def __init__(self, parts: Parts, database: Database, mark: str) -> None:
        self._parts, self._database, self._mark = parts, database, mark
        self._configurations: dict[str, Configuration] = {}
        self._outbox: Outbox | None = None
        self._opening = asyncio.Lock()
        self._telling: asyncio.Task[None] | None = None
        self._is_more = False

    async def open(self) -> None:
        """Bring back the configurations; go on with what was still to be told."""
        found = await self._database.read(lambda c: rows.all_documents(c, KIND))
        self._configurations = {name: each for name, body in found if (each := active(body))}
        if self._configurations or Outbox.is_needed(_NAME, self._parts.queues):
            await self._open_outbox()
            self._wake()

    async def close(self) -> None:
        """Stop telling; it goes on at the next start."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        if self._outbox is not None:
            await self._outbox.close()

    async def clear(self) -> None:
        """Forget what is still to be told: a reset."""
        await self._database.write(lambda c: c.execute("DELETE FROM events"))
        if self._outbox is not None:
            await self._outbox.clear()

    def forget(self, bucket: str) -> None:
        """Forget a bucket that is gone."""
        self._configurations.pop(bucket, None)

    async def by_lane(self) -> dict[str, tuple[int, int]]:
        """Return what waits for each destination of each bucket; see ``Outbox.by_lane``."""
        return {} if self._outbox is None else await self._outbox.by_lane()

    def of(self, bucket: str) -> Configuration | None:
        """Return what a bucket tells; None: nothing."""
        return self._configurations.get(bucket)

    async def configure(self, bucket: Bucket, document: dict[str, Any] | None) -> None:
        """Follow a bucket's new document, and send the test event to those that are new in it."""
        found = active(document)
        before = self._configurations.get(bucket.name)
        if found is None:
            self._configurations.pop(bucket.name, None)
        else:
            await self._open_outbox()
            self._configurations[bucket.name] = found
        mark = change(
            self._mark,
            bucket.account,
            bucket.region,
            f"{bucket.name}/{KIND}",
            None if found is None else {},
        )
        await self._parts.documents.write(mark)
        if found is not None:
            known = {rule.arn for rule in before.rules} if before else set()
            new = {rule.arn for rule in found.rules} - known
            await self._send_tests(bucket, sorted(new))

    async def _send_tests(self, bucket: Bucket, arns: list[str]) -> None:
        now = self._parts.clock.now()
        body = orjson.dumps(test_event(bucket.name, new_request_id(), now))
        # Functions get none.
        wanted = [arn for arn in arns if arn.split(":")[2] != "lambda"]
        if wanted and self._outbox is not None:
            await self._outbox.accept([_dispatch(arn, bucket.name, body, now) for arn in wanted])

    async def _open_outbox(self) -> None:
        async with self._opening:
            if self._outbox is None:
                parts = self._parts
                self._outbox = await Outbox.open(
                    _NAME,
                    S3Sender(parts.targets, parts.console),
                    engine=parts.queues,
                    targets=parts.targets,
                    clock=parts.clock,
                )

    # -- in a commit ------------------------------------------------------------------------------

    def keep(
        self,
        connection: sqlite3.Connection,
        event: str,
        bucket: Bucket,
        found: StoredObject,
        cause: Cause,
        **more: Any,
    ) -> None:
        """Keep an event, if anybody wants it: part of the commit that makes it happen.

        Runs on the thread of the database; :meth:`told` is called after the commit. See
        :func:`emulator.services.s3.notifications.records.event_body`.
        """
        configuration = self._configurations.get(bucket.name)
        if configuration is None:
            return
        rules = configuration.wanting(event, found.key)
        if not rules and not configuration.bridge:
            return
        body = event_body(event, bucket, found, cause, self._parts.clock.now(), **more)
        body["rules"] = [(rule.arn, rule.id) for rule in rules]
        body["bridge"] = configuration.bridge
        connection.execute("INSERT INTO events (body) VALUES (?)", (orjson.dumps(body).decode(),))

    def told(self, bucket: str) -> None:
        """Pass on what a commit may have kept of a bucket's objects."""
        if bucket in self._configurations:
            self._wake()

    # -- passing on -------------------------------------------------------------------------------

    def _wake(self) -> None:
        self._is_more = True
        if self._telling is None or self._telling.done():
            self._telling = asyncio.get_running_loop().create_task(self._tell())

    async def _tell(self) -> None:
        while self._is_more:
            self._is_more = False
            try:
                while await self._batch():
                    pass
            except LocalfaasError as error:
                log.error("events of buckets wait for %g s: %s", _PAUSE_S, error)
                await self._parts.clock.sleep(_PAUSE_S)
                self._is_more = True

    async def _batch(self) -> bool:
        """Pass on the first events that wait; False: there are none."""
        found = await self._database.read(_waiting)
        if not found or self._outbox is None:
            return False
        dispatches: list[Dispatch] = []
        kept: list[asyncio.Task[None]] = []
        for number, text in found:
            try:
                body = orjson.loads(text)
                dispatches += _dispatches(body, number)
                if body["bridge"]:
                    kept += self._announce(body, number)
            except Exception:  # A bug of ours: told in full, and the others are told all the same.
                log.exception("an event of a bucket could not be told: %s", text[:500])
        await self._outbox.accept(dispatches)
        await asyncio.gather(*kept)
        last = found[-1][0]
        await self._database.write(
            lambda c: c.execute("DELETE FROM events WHERE number <= ?", (last,))
        )
        return True

    def _announce(self, body: dict[str, Any], number: int) -> list[asyncio.Task[None]]:
        detail_type, detail = bridged(body, number)
        return self._parts.announce(
            "aws.s3",
            detail_type,
            detail,
            [f"arn:aws:s3:::{body['bucket']}"],
            account=body["account"],
            region=body["region"],
        )


def _waiting(connection: sqlite3.Connection) -> list[tuple[int, str]]:
    found = connection.execute("SELECT number, body FROM events ORDER BY number LIMIT ?", (_BATCH,))
    return found.fetchall()


def _dispatches(body: dict[str, Any], number: int) -> list[Dispatch]:
    """Return an event on its way to each rule's destination."""
    return [
        _dispatch(
            arn,
            body["bucket"],
            orjson.dumps({"Records": [record(body, number, rule)]}),
            body["at"],
        )
        for arn, rule in body["rules"]
    ]


def _dispatch(arn: str, bucket: str, payload: bytes, now: float) -> Dispatch:
    return Dispatch(
        target=arn,
        delivery=Delivery(payload=payload, subject=_SUBJECT, source_arn=f"arn:aws:s3:::{bucket}"),
        lane=f"{bucket} {arn}",
        accepted=now,
    )
