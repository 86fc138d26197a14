"""What EventBridge keeps: buses, rules, archives, connections, and what is on its way."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from emulator.invoke.outbox.outbox import Outbox
from emulator.registry.resource_table import ResourceTable
from emulator.schedules.missed import Missed
from emulator.services.events.arns import DEFAULT, BusPlace, parse
from emulator.services.events.authorizing import Authorizer
from emulator.services.events.envelope import made
from emulator.services.events.fanout import accept_at_last, dispatches_of
from emulator.services.events.replaying import ACTIVE, Replay
from emulator.services.events.rule import Body, Rule
from emulator.services.events.scheduling import RuleTimers
from emulator.services.events.sender import EventsSender
from emulator.services.resting import resting
from emulator.sources.pattern_index import Index
from emulator.sources.patterns import Pattern
from emulator.store.event_archive import EventArchive

if TYPE_CHECKING:
    from emulator.services.context import Context, Parts

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
        self.archives = ResourceTable("events-archive", documents)
        self.replays = ResourceTable("events-replay", documents)
        self.connections = ResourceTable("events-connection", documents)
        self.destinations = ResourceTable("events-destination", documents)
        self._fired = ResourceTable("events-fired", documents)
        self._tables = [
            self.buses, self.rules, self.archives, self.replays, self.connections,
            self.destinations, self._fired,
        ]  # fmt: skip
        self._indexes: dict[BusPlace, Index[Rule]] = {}
        #: Archives by bus, each with its pattern.
        self._archiving: dict[str, list[tuple[Pattern | None, Body]]] = {}
        self.archive_store = EventArchive("events", parts.store, parts.clock)
        self.authorizer: Authorizer = Authorizer(parts, self.connections)
        missed = Missed(parts.clock, parts.console, "rules")
        self._timers = RuleTimers(self, self._fired, missed)
        self._replaying: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        """Bring back what was kept, and go on with what was on its way."""
        for table in self._tables:
            await table.load()
        parts = self.parts
        sender = EventsSender(self)
        self.rates = sender.rates
        self.outbox = await Outbox.open(
            "events",
            sender,
            engine=parts.queues,
            targets=parts.targets,
            clock=parts.clock,
        )
        self._file_archives()
        parts.announcers.append(self._announce)
        for rule in self.all_rules():
            with resting(parts.console, f"the schedule of rule {rule.arn}"):
                self._timers.resume(rule)
        for account, region, name, body in self.replays.all():
            if body["state"] in ACTIVE:
                self._go_on(account, region, name)
        for account, region, _, body in self.connections.all():
            self.authorizer.begin(account, region, body)

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.ServiceState`."""
        for bus, rule in [(each.bus, each) for each in self.all_rules()]:
            if account in (None, bus.account):
                self._timers.forget(bus, rule.body["name"])
        for owner, _, _, archive in self.archives.all():
            if account in (None, owner):
                await self.archive_store.forget(archive["arn"])
        for table in self._tables:
            table.clear(account)
        self._indexes.clear()
        self._file_archives()
        if account is None:
            await self.outbox.clear()

    async def close(self) -> None:
        """Give up what is being tried; it is tried again at the next start."""
        self.parts.announcers.remove(self._announce)
        self._timers.close()
        for task in self._replaying:
            task.cancel()
        await asyncio.gather(*self._replaying, return_exceptions=True)
        await self.outbox.close()
        await self.archive_store.close()

    # -- events of our own services -----------------------------------------------------------

    def _announce(
        self,
        source: str,
        detail_type: str,
        detail: Mapping[str, Any],
        resources: Sequence[str],
        account: str,
        region: str,
    ) -> asyncio.Task[None] | None:
        """See :class:`emulator.services.context.Announcer`: it goes to the default bus."""
        bus = BusPlace(account, region, DEFAULT)
        if not self._index(bus) and bus.arn not in self._archiving:
            return None
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
        if not dispatches:
            return None
        return self.parts.spawn(accept_at_last(self, dispatches, f"an event of {source}"))

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

    def all_rules(self) -> list[Rule]:
        """Return the rules of all buses."""
        return [
            Rule(BusPlace(account, region, key.partition(_BETWEEN)[0]), body)
            for account, region, key, body in self.rules.all()
        ]

    async def put_rule(self, bus: BusPlace, body: Body) -> None:
        """Keep a rule."""
        key = rule_key(bus.name, body["name"])
        before = self.rules.find(bus.account, bus.region, key)
        if before is None or any(before[each] != body[each] for each in ("schedule", "state")):
            # A rate counts from when it was made, changed or enabled.
            body = {**body, "scheduled": self.parts.clock.now()}
        try:
            await self.rules.put(bus.account, bus.region, key, body)
        finally:
            self._indexes.pop(bus, None)
        self._timers.follow(Rule(bus, body))

    async def drop_rule(self, bus: BusPlace, name: str) -> None:
        """Remove a rule."""
        try:
            await self.rules.delete(bus.account, bus.region, rule_key(bus.name, name))
        finally:
            self._indexes.pop(bus, None)
        self._timers.forget(bus, name)

    def matching(self, bus: BusPlace, event: dict[str, Any]) -> Sequence[Rule]:
        """Return the rules that an event on a bus matches."""
        index = self._index(bus)
        return index.find(event) if index else ()

    def _index(self, bus: BusPlace) -> Index[Rule]:
        """Return the rules of a bus that wait for events, quick to be found."""
        index = self._indexes.get(bus)
        if index is None:
            found = []
            for rule in self.rules_of(bus):
                if rule.body.get("pattern") and rule.body["state"] in ENABLED:
                    with resting(self.parts.console, f"the pattern of rule {rule.arn}"):
                        found.append((Pattern(rule.body["pattern"]), rule))
            index = self._indexes[bus] = Index(found)
        return index

    # -- connections and API destinations ------------------------------------------------------

    def connection(self, arn: str) -> Body | None:
        """Return a connection by its ARN."""
        return _by_arn(self.connections, arn)

    def destination(self, arn: str) -> Body | None:
        """Return an API destination by its ARN."""
        return _by_arn(self.destinations, arn)

    # -- archives and replays -----------------------------------------------------------------

    def _file_archives(self) -> None:
        self._archiving = {}
        for *_, body in self.archives.all():
            with resting(self.parts.console, f"the archive {body['arn']}"):
                pattern = Pattern(body["pattern"]) if body["pattern"] else None
                self._archiving.setdefault(body["bus"], []).append((pattern, body))

    async def put_archive(self, account: str, region: str, body: Body) -> None:
        """Keep an archive."""
        try:
            await self.archives.put(account, region, body["name"], body)
        finally:
            self._file_archives()

    async def drop_archive(self, account: str, region: str, body: Body) -> None:
        """Remove an archive and its events."""
        try:
            await self.archives.delete(account, region, body["name"])
        finally:
            self._file_archives()
        await self.archive_store.forget(body["arn"])

    def archives_of(self, bus: BusPlace, event: dict[str, Any]) -> Sequence[Body]:
        """Return the archives of a bus that want an event; none wants a replayed one."""
        if not self._archiving or "replay-name" in event:
            return ()
        return [
            body
            for pattern, body in self._archiving.get(bus.arn, ())
            if pattern is None or pattern.matches(event)
        ]

    async def start_replay(self, account: str, region: str, body: Body) -> None:
        """Begin a replay."""
        await self.replays.put(account, region, body["name"], body)
        self._go_on(account, region, body["name"])

    def _go_on(self, account: str, region: str, name: str) -> None:
        replay = Replay(self, self.archive_store, self.replays, account, region, name)
        task = asyncio.get_running_loop().create_task(replay.run())
        self._replaying.add(task)
        task.add_done_callback(self._replaying.discard)


def _by_arn(table: ResourceTable, arn: str) -> Body | None:
    """Return a resource whose ARN ends with its kind, its name and an id."""
    parsed = parse(arn)
    parts = parsed.resource.split("/") if parsed else []
    if parsed is None or len(parts) != 3:
        return None
    body = table.find(parsed.account, parsed.region, parts[1])
    return body if body is not None and body["arn"] == arn else None


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
