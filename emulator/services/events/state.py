"""What EventBridge keeps: buses, rules, archives, connections, and what is on its way."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.outbox import Outbox
from emulator.model.errors import StorageError
from emulator.registry.resource_table import ResourceTable
from emulator.services.events.arns import DEFAULT, BusPlace
from emulator.services.events.envelope import made
from emulator.services.events.fanout import dispatches_of
from emulator.services.events.routing import Index
from emulator.services.events.rule import Body, Rule
from emulator.services.events.sender import EventsSender
from emulator.sources.patterns import Pattern

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

log = logging.getLogger(__name__)

#: Between a bus and a rule in the keys of rules; no name has it.
_BETWEEN = "|"
ENABLED = ("ENABLED", "ENABLED_WITH_ALL_CLOUDTRAIL_MANAGEMENT_EVENTS")


class Events:
    """The service's state; :func:`open` makes it.

    Attributes:
        buses: By name; the default one is there as soon as something is kept of it.
        rules: By :func:`rule_key`, with their targets.
        outbox: What is on its way to targets.
    """

    outbox: Outbox

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        documents = parts.documents
        self.opened = parts.clock.now()
        self.buses = ResourceTable("events-bus", documents)
        self.rules = ResourceTable("events-rule", documents)
        self._tables = [self.buses, self.rules]
        self._indexes: dict[BusPlace, Index[Rule]] = {}

    async def open(self) -> None:
        """Bring back what was kept, and go on with what was on its way."""
        for table in self._tables:
            await table.load()
        parts = self.parts
        self.outbox = await Outbox.open(
            "events",
            EventsSender(self),
            engine=parts.queues,
            targets=parts.targets,
            clock=parts.clock,
        )
        parts.announcers.append(self._announce)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for table in self._tables:
            table.clear(account)
        self._indexes.clear()
        if account is None:
            await self.outbox.clear()

    async def close(self) -> None:
        """Give up what is being tried; it is tried again at the next start."""
        self.parts.announcers.remove(self._announce)
        await self.outbox.close()

    # -- events of our own services -----------------------------------------------------------

    def _announce(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str],
        account: str,
        region: str,
    ) -> None:
        """See :class:`emulator.services.context.Announcer`: it goes to the default bus."""
        bus = BusPlace(account, region, DEFAULT)
        if not self._index(bus):
            return
        now = self.parts.clock.now()
        event = made(
            source=source,
            detail_type=detail_type,
            detail=dict(detail),
            resources=resources,
            account=account,
            region=region,
            at=now,
            received=now,
        )
        dispatches = dispatches_of(self, bus, event)
        if dispatches:
            self.parts.spawn(self._accept(dispatches))

    async def _accept(self, dispatches: list[Dispatch]) -> None:
        try:
            await self.outbox.accept(dispatches)
        except StorageError as error:
            log.error("an event of a service was not kept: %s", error)

    # -- buses and rules ----------------------------------------------------------------------

    def bus(self, place: BusPlace) -> Body | None:
        """Return a bus; every account has a default one."""
        found = self.buses.find(*place)
        if found is None and place.name == DEFAULT:
            return {"name": DEFAULT, "created": self.opened, "modified": self.opened}
        return found

    async def put_bus(self, place: BusPlace, body: Body) -> None:
        """Keep a bus."""
        await self.buses.put(*place, body)

    def rules_of(self, bus: BusPlace) -> Iterator[Rule]:
        """Return the rules of a bus, by name."""
        prefix = rule_key(bus.name, "")
        for key in self.rules.keys(bus.account, bus.region):
            if key.startswith(prefix):
                body = self.rules.find(bus.account, bus.region, key)
                if body is not None:
                    yield Rule(bus, body)

    def rule(self, bus: BusPlace, name: str) -> Rule | None:
        """Return a rule."""
        body = self.rules.find(bus.account, bus.region, rule_key(bus.name, name))
        return None if body is None else Rule(bus, body)

    async def put_rule(self, bus: BusPlace, body: Body) -> None:
        """Keep a rule."""
        key = rule_key(bus.name, body["name"])
        try:
            await self.rules.put(bus.account, bus.region, key, body)
        finally:
            self._indexes.pop(bus, None)

    async def drop_rule(self, bus: BusPlace, name: str) -> None:
        """Remove a rule."""
        try:
            await self.rules.delete(bus.account, bus.region, rule_key(bus.name, name))
        finally:
            self._indexes.pop(bus, None)

    def matching(self, bus: BusPlace, event: dict[str, Any]) -> Sequence[Rule]:
        """Return the rules that an event on a bus matches."""
        index = self._index(bus)
        return index.find(event) if index else ()

    def _index(self, bus: BusPlace) -> Index[Rule]:
        """Return the rules of a bus that wait for events, quick to be found."""
        index = self._indexes.get(bus)
        if index is None:
            index = self._indexes[bus] = Index(
                (Pattern(rule.body["pattern"]), rule)
                for rule in self.rules_of(bus)
                if rule.body.get("pattern") and rule.body["state"] in ENABLED
            )
        return index


def rule_key(bus: str, name: str) -> str:
    """Return the key of a rule among those of its account and region."""
    return f"{bus}{_BETWEEN}{name}"


async def open(parts: Parts) -> Events:
    """Open the service's state."""
    state = Events(parts)
    await state.open()
    return state


def of(context: Context) -> Events:
    """Return the state of a request."""
    state: Events = context.state
    return state
