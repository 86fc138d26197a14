"""A replay at work: it goes on where it was after a restart, and may repeat its last events."""

from __future__ import annotations

import asyncio
import logging
from datetime import datetime
from typing import Any

import orjson

from emulator.model.errors import LocalfaasError
from emulator.registry.resource_table import ResourceTable
from emulator.services.events.arns import BusPlace, bus_at
from emulator.services.events.envelope import Event
from emulator.services.events.fanout import dispatch_of
from emulator.services.events.rule import Body, Buses
from emulator.store.event_archive import Archived, EventArchive

log = logging.getLogger(__name__)

ACTIVE = ("STARTING", "RUNNING", "CANCELLING")
#: Events of one commit.
_BATCH = 100
#: Seconds for which a replay is shown starting.
_STARTING_S = 0.5


def moment_of(value: Any) -> float:
    """Return a request's instant as seconds since the epoch."""
    return float(value.timestamp()) if isinstance(value, datetime) else float(value)


class Replay:
    """One replay.

    Args:
        buses: All buses.
        archives: The events.
        replays: Where it is kept.
        account: Whose it is.
        region: Where it is.
        name: Its name.
    """

    def __init__(
        self,
        buses: Buses,
        archives: EventArchive,
        replays: ResourceTable,
        account: str,
        region: str,
        name: str,
    ) -> None:
        self._buses, self._archives, self._replays = buses, archives, replays
        self._key = (account, region, name)

    @property
    def _body(self) -> Body | None:
        return self._replays.find(*self._key)

    async def _keep(self, **changes: Any) -> None:
        body = self._body
        if body is not None:
            await self._replays.put(*self._key, {**body, **changes})

    async def run(self) -> None:
        """Send the events, until all are sent or somebody cancels it."""
        clock = self._buses.parts.clock
        await clock.sleep(_STARTING_S)
        try:
            state = await self._send_all()
        except asyncio.CancelledError:
            raise
        except LocalfaasError as error:
            log.error("replay %s ended: %s", self._key[2], error)
            await self._keep(state="FAILED", reason=str(error), ended=clock.now())
            return
        await self._keep(state=state, ended=clock.now())

    async def _send_all(self) -> str:
        while (body := self._body) is not None and body["state"] != "CANCELLING":
            at, number = body.get("cursor") or (body["begins"], 0)
            batch = await self._archives.after(body["archive"], at, number, body["ends"], _BATCH)
            if not batch:
                return "COMPLETED"
            await self._send(body, batch)
            last = batch[-1]
            now = self._body
            state = "CANCELLING" if now and now["state"] == "CANCELLING" else "RUNNING"
            await self._keep(state=state, cursor=[last.at, last.number], last=last.at)
        return "CANCELLED"

    async def _send(self, body: Body, batch: list[Archived]) -> None:
        bus: BusPlace = bus_at(body["bus"], "", "")
        wanted, received = body["rules"], self._buses.parts.clock.now()
        dispatches = []
        for each in batch:
            document = {**orjson.loads(each.text), "replay-name": body["name"]}
            event = Event(document, orjson.dumps(document), received)
            dispatches += [
                dispatch_of(rule, target, event)
                for rule in self._buses.matching(bus, document)
                if not wanted or rule.arn in wanted
                for target in rule.body["targets"]
            ]
        if dispatches:
            await self._buses.outbox.accept(dispatches)
