"""What Scheduler keeps: schedules and groups; and what makes schedules come due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from emulator.invoke.outbox.outbox import Outbox
from emulator.registry.resource_table import ResourceTable
from emulator.schedules.missed import Missed
from emulator.services.scheduler.firing import Firing
from emulator.services.scheduler.keys import DEFAULT_GROUP, Key
from emulator.services.scheduler.sender import SchedulerSender

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts


class Scheduler:
    """The service's state; :func:`open` makes it.

    Attributes:
        schedules: By ``group/name``.
        groups: By name; the default group only once it has tags.
        firing: Makes them come due.
        opened: When this process first needed them.
    """

    firing: Firing
    outbox: Outbox

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.opened = parts.clock.now()
        self.schedules = ResourceTable("schedule", parts.documents)
        self.groups = ResourceTable("schedule-group", parts.documents)

    async def open(self) -> None:
        """Bring back what was kept; schedules come due again, those that were missed too."""
        parts = self.parts
        await self.schedules.load()
        await self.groups.load()
        self.outbox = await Outbox.open(
            "scheduler",
            SchedulerSender(parts),
            engine=parts.queues,
            targets=parts.targets,
            clock=parts.clock,
        )
        missed = Missed(parts.clock, parts.console, "schedules")
        self.firing = Firing(self, self.outbox, parts.clock, missed)
        for account, region, row, body in self.schedules.all():
            group, _, name = row.partition("/")
            self.firing.arm(Key(account, region, group, name), body)

    def find(self, key: Key) -> dict[str, Any] | None:
        """Return a schedule, or None."""
        return self.schedules.find(*key.row)

    async def put(self, key: Key, body: dict[str, Any]) -> None:
        """Keep a schedule, and have it come due.

        Raises:
            AwsError: The disk did not take it.
        """
        await self.schedules.put(*key.row, body)
        if self.find(key) is body:
            self.firing.arm(key, body)

    async def drop(self, key: Key) -> None:
        """Remove a schedule.

        Raises:
            AwsError: The disk did not take it.
        """
        await self.schedules.delete(*key.row)
        self.firing.disarm(key)

    def group(self, account: str, region: str, name: str) -> dict[str, Any] | None:
        """Return a group, or None; the default one is always there."""
        found = self.groups.find(account, region, name)
        if found is None and name == DEFAULT_GROUP:
            found = {"created": self.opened, "modified": self.opened, "tags": {}}
        return found

    def in_group(self, account: str, region: str, group: str) -> list[Key]:
        """Return the schedules of a group."""
        rows = (row.partition("/") for row in self.schedules.keys(account, region))
        return [Key(account, region, each, name) for each, _, name in rows if each == group]

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for owner, region, row, _ in self.schedules.all():
            if account in (None, owner):
                group, _, name = row.partition("/")
                self.firing.disarm(Key(owner, region, group, name))
        self.schedules.clear(account)
        self.groups.clear(account)
        if account is None:
            await self.outbox.clear()

    async def close(self) -> None:
        """Nothing comes due any more; what is being tried is tried again at the next start."""
        await self.firing.close()
        await self.outbox.close()


async def open(parts: Parts) -> Scheduler:
    """Open the service's state."""
    state = Scheduler(parts)
    await state.open()
    return state


def of(context: Context) -> Scheduler:
    """Return the state of a request."""
    state: Scheduler = context.state
    return state
