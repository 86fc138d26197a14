"""What CloudWatch keeps: metrics, alarms, dashboards; and what looks at alarms."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING

from emulator.model.errors import StorageError
from emulator.registry.resource_table import ResourceTable
from emulator.services.cloudwatch.alarms.alarm import Body, Key
from emulator.services.cloudwatch.alarms.watching import Watch
from emulator.services.cloudwatch.queries import Evaluation, Query
from emulator.services.cloudwatch.rows import Known
from emulator.services.cloudwatch.series import Data, Found, Series
from emulator.services.cloudwatch.store import MOST_BYTES, MOST_IN_MEMORY, MetricStore

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts


#: What the namespaces of the emulator's own services begin with.
OWN = "AWS/"


class CloudWatch:
    """The service's state; :func:`open` makes it.

    Attributes:
        store: Metrics, and alarms' histories.
        alarms: Alarms of both kinds, by name.
        dashboards: By name.
        watch: Looks at alarms.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        most = MOST_BYTES if parts.documents.lasting else MOST_IN_MEMORY
        self.store = MetricStore(parts.store, parts.clock, parts.console, most)
        self.alarms = ResourceTable("cloudwatch-alarm", parts.documents)
        self.dashboards = ResourceTable("cloudwatch-dashboard", parts.documents)
        self.watch = Watch(self)
        self._settling = asyncio.Lock()

    async def open(self) -> None:
        """Bring back what was kept; alarms are looked at again."""
        await self.alarms.load()
        await self.dashboards.load()
        await self.watch.open()

    def find(self, key: Key) -> Body | None:
        """Return an alarm, or None."""
        return self.alarms.find(*key)

    async def put(self, every: Sequence[Data]) -> None:
        """Add data of metrics; it is kept once this returns.

        Raises:
            StorageError: None of it was kept.
        """
        await self.store.put(every)

    async def settle(self) -> None:
        """Keep what the emulator has measured of itself until now.

        Raises:
            StorageError: It was not kept, and is tried again later.
        """
        own = self.parts.own_metrics
        async with self._settling:
            taken = own.take()
            if not taken:
                return
            every = [
                Data(Series(*key[1:6]), key.unit, key.at, 60, values)
                for key, values in taken.items()
            ]
            try:
                await self.store.put(every)
            except StorageError:
                own.give_back(taken)
                raise

    async def read(
        self, series: Series, unit: str | None, start: int, end: int, period: int
    ) -> list[Found]:
        """Return a metric's data in periods; see :func:`rows.read`."""
        gauge = self.parts.own_metrics.gauges.get(series.namespace)
        if gauge is not None:
            await gauge(series.account, series.region, dict(series.dimensions))
        if series.namespace.startswith(OWN):
            await self.settle()
        return await self.store.read(series, unit, start, end, period)

    async def metrics(
        self,
        account: str,
        region: str,
        namespace: str | None = None,
        name: str | None = None,
        since: int = 0,
    ) -> list[Known]:
        """Return the metrics of an account in a region; see :meth:`MetricStore.metrics`."""
        for gauged, gauge in self.parts.own_metrics.gauges.items():
            if namespace in (None, gauged):
                await gauge(account, region, None)
        if namespace is None or namespace.startswith(OWN):
            await self.settle()
        return await self.store.metrics(account, region, namespace, name, since)

    def evaluation(
        self, queries: Sequence[Query], start: float, end: float, scope: tuple[str, str]
    ) -> Evaluation:
        """Return what computes queries for a range of time.

        Args:
            queries: All of them.
            start: Seconds since the epoch.
            end: Seconds since the epoch.
            scope: The account and region in which SEARCH looks.
        """
        now = self.parts.clock.now()
        return Evaluation(queries, start, end, now, self.read, self.metrics, scope)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        await self.watch.reset(account)
        await self.settle()
        self.alarms.clear(account)
        self.dashboards.clear(account)
        await self.store.clear(account)

    async def close(self) -> None:
        """Let go of everything."""
        await self.watch.close()
        await self.store.close()


async def open(parts: Parts) -> CloudWatch:
    """Open the service's state."""
    state = CloudWatch(parts)
    await state.open()
    return state


def of(context: Context) -> CloudWatch:
    """Return the state of a request."""
    state: CloudWatch = context.state
    return state
