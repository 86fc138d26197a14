"""Keeps metrics: a write returns when it is on the disk, and the whole is bounded in bytes."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

from emulator.model.clock import Clock, Timer
from emulator.model.console import Console
from emulator.model.errors import StorageError
from emulator.services.cloudwatch import rows
from emulator.services.cloudwatch.rows import Event, Known
from emulator.services.cloudwatch.series import Data, Found, Series
from emulator.store.store import Store

#: Bytes of metrics that are kept; in memory, where nothing lasts, less.
MOST_BYTES, MOST_IN_MEMORY = 512 << 20, 64 << 20
#: Writes after which it is looked how much there is, and seconds after which data gets old.
_LOOK_AFTER, _AGES_EVERY_S = 2000, 300.0


class MetricStore:
    """The rows of all metrics and of alarms' histories.

    Args:
        store: Opens the database.
        clock: The time.
        console: Told once that data goes before its time.
        most_bytes: How much is kept.
    """

    def __init__(self, store: Store, clock: Clock, console: Console, most_bytes: int) -> None:
        self._database = store.open_database("cloudwatch", files(__package__) / "migrations")
        self._clock, self._console, self._most_bytes = clock, console, most_bytes
        self._written = 0
        self._warned = False
        self._timer: Timer | None = None
        self._closed = False

    async def put(self, every: Sequence[Data]) -> None:
        """Add data; it is kept once this returns.

        Raises:
            StorageError: None of it was kept.
        """
        if not every:
            return
        self._written += len(every)
        look = self._written >= _LOOK_AFTER
        if look:
            self._written = 0
        dropped = await self._database.write(lambda c: self._put(c, every, look=look))
        if dropped and not self._warned:
            self._warned = True
            self._console.warn(
                f"CloudWatch keeps {self._most_bytes >> 20} MB of metrics, and removes the oldest "
                "ones before their time now."
            )
        if self._timer is None and not self._closed:
            self._timer = self._clock.call_later(_AGES_EVERY_S, self._age)

    def _put(self, connection: rows.Connection, every: Sequence[Data], *, look: bool) -> int:
        rows.put(connection, every)
        dropped = 0
        while look and rows.size(connection) > self._most_bytes:
            gone = rows.drop_oldest(connection)
            dropped += gone
            if not gone:
                break
        return dropped

    def _age(self) -> None:
        self._timer = None
        now = int(self._clock.now())

        def done(more: object, error: StorageError | None) -> None:
            if error is not None:
                self._console.warn(f"CloudWatch could not put old data together: {error}")
            elif more and not self._closed:
                self._age()

        self._database.submit(lambda c: rows.age(c, now), done)

    async def read(
        self, series: Series, unit: str | None, start: int, end: int, period: int
    ) -> list[Found]:
        """Return a metric's data in periods; see :func:`rows.read`.

        Raises:
            StorageError: It could not be read.
        """
        return await self._database.read(lambda c: rows.read(c, series, unit, start, end, period))

    async def metrics(
        self,
        account: str,
        region: str,
        namespace: str | None = None,
        name: str | None = None,
        since: int = 0,
    ) -> list[Known]:
        """Return the metrics of an account in a region, in order.

        Args:
            account: Whose.
            region: Where.
            namespace: Of these; None: of all.
            name: Of this name; None: of any.
            since: With data since then (seconds since the epoch).
        """
        return await self._database.read(
            lambda c: list(rows.metrics(c, account, region, namespace, name, since))
        )

    async def add_events(self, every: Sequence[Event]) -> None:
        """Add lines to alarms' histories."""
        await self._database.write(lambda c: rows.add_events(c, every))

    async def events(self, account: str, region: str, alarm: str | None) -> list[tuple[int, Event]]:
        """Return the lines of an alarm's history, or of all alarms', the oldest first."""
        return await self._database.read(lambda c: rows.events(c, account, region, alarm))

    async def clear(self, account: str | None) -> None:
        """Remove everything, or all of an account."""
        await self._database.write(lambda c: rows.clear(c, account))

    async def close(self) -> None:
        """Let go of the database."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()
        await self._database.close()
