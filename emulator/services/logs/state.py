"""Log groups are kept by :mod:`emulator.telemetry`, which writes them; this keeps their filters."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.registry.resource_table import ResourceTable
from emulator.services.context import Context, Parts
from emulator.services.logs.measuring import Measuring
from emulator.services.resting import resting

if TYPE_CHECKING:
    from emulator.services.logs.forwarding import Forwarder
    from emulator.telemetry.groups import LogGroup

Body = dict[str, Any]
#: Between a group and a filter in the keys of filters; no group's name has it.
_BETWEEN = "|"


class LogGroups:
    """All log groups, and who is passed on their events.

    Args:
        parts: The parts of the emulator.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._filters = ResourceTable("logs-subscription", parts.documents)
        self._metric_filters = ResourceTable("logs-metric-filter", parts.documents)
        self._forwarder: Forwarder | None = None
        self._measuring = Measuring(parts)

    async def open(self) -> None:
        """Go on with the filters that were kept."""
        await self._filters.load()
        for account, region, _, body in self._filters.all():
            with resting(self._parts.console, f"the filter {body['name']} of {body['group']}"):
                await self._follow(account, region, body)
        await self._metric_filters.load()
        for account, region, _, body in self._metric_filters.all():
            with resting(self._parts.console, f"the filter {body['name']} of {body['group']}"):
                self._measuring.follow(account, region, body)

    async def _follow(self, account: str, region: str, body: Body) -> None:
        if self._forwarder is None:
            from emulator.services.logs.forwarding import Forwarder  # most groups have no filter

            self._forwarder = Forwarder(self._parts)
        await self._forwarder.follow(account, region, body)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        logs = self._parts.logs
        for (owner, region), groups in logs.groups.items():
            if account in (None, owner):
                for name in list(groups):
                    logs.delete_group(owner, region, name)
        for owner, region, _, body in self._filters.all():
            if account in (None, owner) and self._forwarder is not None:
                self._forwarder.forget(owner, region, body["group"], body["name"])
        self._filters.clear(account)
        for owner, region, _, body in self._metric_filters.all():
            if account in (None, owner):
                self._measuring.forget(owner, region, body["group"], body["name"])
        self._metric_filters.clear(account)
        self._measuring.clear(account)
        if account is None and self._forwarder is not None:
            await self._forwarder.clear()

    async def close(self) -> None:
        """Let go of the filters: the groups are not this service's own."""
        await self._measuring.close()
        if self._forwarder is not None:
            await self._forwarder.close()

    # -- metric filters -------------------------------------------------------------------------

    def every_metric_filter(self, account: str, region: str) -> list[Body]:
        """Return the metric filters of an account in a region."""
        every = self._metric_filters.all()
        return [body for owner, where, _, body in every if (owner, where) == (account, region)]

    def metric_filters_of(self, account: str, region: str, group: str) -> dict[str, Body]:
        """Return the metric filters of a group, by name."""
        every = self.every_metric_filter(account, region)
        return {body["name"]: body for body in every if body["group"] == group}

    async def put_metric_filter(self, account: str, region: str, body: Body) -> None:
        """Keep a metric filter, and have it act."""
        key = f"{body['group']}{_BETWEEN}{body['name']}"
        await self._metric_filters.put(account, region, key, body)
        self._measuring.follow(account, region, body)

    async def drop_metric_filter(self, account: str, region: str, group: str, name: str) -> None:
        """Remove a metric filter."""
        await self._metric_filters.delete(account, region, f"{group}{_BETWEEN}{name}")
        self._measuring.forget(account, region, group, name)

    # -- subscription filters -------------------------------------------------------------------

    def filters_of(self, account: str, region: str, group: str) -> dict[str, Body]:
        """Return the subscription filters of a group, by name."""
        return {
            body["name"]: body
            for owner, where, _, body in self._filters.all()
            if (owner, where, body["group"]) == (account, region, group)
        }

    async def put_filter(self, account: str, region: str, body: Body) -> None:
        """Keep a subscription filter, and pass on what it wants."""
        key = f"{body['group']}{_BETWEEN}{body['name']}"
        await self._filters.put(account, region, key, body)
        await self._follow(account, region, body)

    async def keep_passed_on(self, group: LogGroup) -> None:
        """Return when what filters want of a group's events outlives a crash.

        Raises:
            StorageError: The disk did not take it.
        """
        if self._forwarder is not None:
            await self._forwarder.keep(group.account, group.region, group.name)

    async def drop_filter(self, account: str, region: str, group: str, name: str) -> None:
        """Remove a subscription filter."""
        await self._filters.delete(account, region, f"{group}{_BETWEEN}{name}")
        if self._forwarder is not None:
            self._forwarder.forget(account, region, group, name)


async def open(parts: Parts) -> LogGroups:
    """Return the state."""
    state = LogGroups(parts)
    await state.open()
    return state


def of(context: Context) -> LogGroups:
    """Return the state of a request."""
    state: LogGroups = context.state
    return state
