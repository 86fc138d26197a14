"""Removes items that have expired.

AWS does so within days; here it is within some ten seconds, on the emulator's clock.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/TTL.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial
from typing import Protocol, TypeVar

from emulator.model.clock import Clock
from emulator.model.errors import StorageError
from emulator.registry.resource_table import ResourceTable
from emulator.services.dynamodb import log, rows
from emulator.services.dynamodb.log import EXPIRY_IDENTITY
from emulator.services.dynamodb.schema import Table
from emulator.services.dynamodb.values import Item
from emulator.services.dynamodb.writing import Result, Write
from emulator.store.database import Database

T = TypeVar("T")

#: Seconds between two looks.
PAUSE_S = 10.0
_TRIM_EVERY = 30
#: Times further back than this are no times of expiry.
_OLDEST_S = 5 * 365 * 86400.0
_MOST = 500


class Host(Protocol):
    """What removes items and records: the service's state."""

    database: Database
    #: Says that there are tables whose items expire.
    expiring: ResourceTable

    @property
    def clock(self) -> Clock:
        """The emulator's clock."""
        ...

    def all_tables(self) -> list[Table]:
        """Return all tables."""
        ...

    async def read(self, work: Callable[[rows.Connection], T]) -> T:
        """Read on the database's thread."""
        ...

    async def write(self, writes: Sequence[Write]) -> Result:
        """Do writes in one commit."""
        ...


class Expiry:
    """Looks for items that have expired, and for records that are too old, now and then."""

    def __init__(self, state: Host) -> None:
        self._state = state
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to look, if there is anything to look for."""
        if self._task is None and any(t.expiry or t.stream for t in self._state.all_tables()):
            self._task = asyncio.create_task(self._run())

    async def changed(self, table: Table, *, ends: bool = False) -> None:
        """Take note of whether a table's items expire, also for the next start.

        Args:
            table: The table as it is now.
            ends: It is gone.
        """
        expiring = self._state.expiring
        place = (table.account, table.body["Region"], table.name)
        if table.expiry and not ends:
            await expiring.put(*place, {"table": table.name})
            self.start()
        elif expiring.find(*place) is not None:
            await expiring.delete(*place)

    def stop(self) -> None:
        """Look no longer."""
        if self._task is not None:
            self._task.cancel()
            self._task = None

    async def _run(self) -> None:
        looks = 0
        while True:
            await self._state.clock.sleep(PAUSE_S)
            try:
                await self.sweep()
                looks += 1
                if looks % _TRIM_EVERY == 0:
                    await self.trim()
            except StorageError:
                # The disk is full: nothing is lost if it goes on later.
                continue

    async def sweep(self) -> int:
        """Remove what has expired; returns how many items that were."""
        state, removed = self._state, 0
        now = state.clock.now()
        for table in state.all_tables():
            while table.expiry:
                found = await state.read(
                    partial(rows.expired, table=table, since=now - _OLDEST_S, until=now, most=_MOST)
                )
                writes = [
                    Write(
                        table=table,
                        key=key,
                        compute=partial(_removed_if_expired, table, now),
                        identity=EXPIRY_IDENTITY,
                    )
                    for key, _ in found
                ]
                if writes:
                    result = await state.write(writes)
                    removed += sum(each.new is None for each in result.outcomes)
                if len(found) < _MOST:
                    break
        return removed

    async def trim(self) -> None:
        """Remove records that are older than a day."""
        before = self._state.clock.now() - log.RETENTION_S
        await self._state.database.write(lambda c: log.trim(c, before))


def _removed_if_expired(table: Table, now: float, old: Item | None) -> Item | None:
    """Return nothing, unless the item was given more time meanwhile."""
    at = None if old is None else rows.expires_at(table, old)
    return None if at is not None and at <= now else old
