"""Log events on their way to the destinations of subscription filters: a batch, gzipped.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html
"""

from __future__ import annotations

import asyncio
import base64
import gzip
import logging
from collections.abc import Callable
from typing import Any, NamedTuple

import orjson

from emulator.invoke.outbox.dispatch import Dispatch
from emulator.invoke.outbox.outbox import Outbox
from emulator.invoke.outbox.sender import Outcome
from emulator.invoke.outbox.target_sender import TargetSender
from emulator.invoke.targets import Delivery, DeliveryError
from emulator.model.clock import Timer
from emulator.model.errors import LocalfaasError
from emulator.services.context import Parts
from emulator.services.logs.pattern import Matches, compile_pattern
from emulator.telemetry.groups import LogEvent, LogGroup, LogStream

log = logging.getLogger(__name__)

#: Seconds for which events of a stream are gathered, and the most of one batch.
_GATHERS_S = 0.2
_MOST_EVENTS, _MOST_BYTES = 1000, 200_000
#: Seconds until events are passed on that the disk did not take, and how many wait for that, of
#: one stream for one filter.
_PAUSE_S, _MOST_WAITING = 5.0, 10_000

Body = dict[str, Any]
#: Events by the key of a group, the stream and the filter.
_Gathered = dict[tuple[tuple[str, str, str], str, str], list[LogEvent]]


class Filter(NamedTuple):
    """A subscription filter at work."""

    body: Body
    matches: Matches


class LogsSender(TargetSender):
    """Satisfies :class:`emulator.invoke.outbox.sender.Sender`.

    Args:
        targets: Where batches are delivered to.
    """

    age_s, most_delay_s = 86_400.0, 300.0

    def ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        """See the protocol."""
        if error is not None:
            log.error("log events were not passed on to %s: %s", dispatch.target, error)


class Forwarder:
    """Gathers the events that filters want, and passes them on.

    Args:
        parts: The parts of the emulator.
    """

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._outbox: Outbox | None = None
        self._opening = asyncio.Lock()
        self._unlisten: Callable[[], None] | None = None
        #: (account, region, group) → filters by name.
        self._filters: dict[tuple[str, str, str], dict[str, Filter]] = {}
        self._gathered: _Gathered = {}
        self._timer: Timer | None = None

    async def follow(self, account: str, region: str, body: Body) -> None:
        """Pass on what a filter wants from now on."""
        async with self._opening:
            if self._outbox is None:
                self._outbox = await Outbox.open(
                    "logs",
                    LogsSender(self._parts.targets),
                    engine=self._parts.queues,
                    targets=self._parts.targets,
                    clock=self._parts.clock,
                )
        if self._unlisten is None:
            self._unlisten = self._parts.logs.listen(self._hear)
        made = Filter(body, compile_pattern(body["pattern"]))
        self._filters.setdefault((account, region, body["group"]), {})[body["name"]] = made

    def forget(self, account: str, region: str, group: str, name: str) -> None:
        """Pass on nothing of a filter any more."""
        key = (account, region, group)
        there = self._filters.get(key, {})
        there.pop(name, None)
        if not there:
            self._filters.pop(key, None)
        if not self._filters and self._unlisten is not None:
            self._unlisten()
            self._unlisten = None

    async def keep(self, account: str, region: str, group: str) -> None:
        """Pass on what is gathered of a group now: it outlives a crash once this returns.

        Raises:
            StorageError: The disk did not take it; it is passed on later.
        """
        key = (account, region, group)
        if any(each == key for each, _, _ in self._gathered):
            error = await self._pass_on()
            if error is not None:
                raise error

    async def close(self) -> None:
        """Pass on what is gathered, and let go."""
        if self._unlisten is not None:
            self._unlisten()
        if self._outbox is not None:
            await self._pass_on()
            await self._outbox.close()
        if self._timer is not None:
            self._timer.cancel()

    async def clear(self) -> None:
        """Forget what is on its way: a reset of all accounts."""
        self._gathered.clear()
        if self._outbox is not None:
            await self._outbox.clear()

    def _hear(self, group: LogGroup, stream: LogStream, event: LogEvent) -> None:
        key = (group.account, group.region, group.name)
        for name, each in self._filters.get(key, {}).items():
            if each.matches(event.message):
                self._gathered.setdefault((key, stream.name, name), []).append(event)
                if self._timer is None:
                    self._timer = self._parts.clock.call_later(_GATHERS_S, self._due)

    def _due(self) -> None:
        self._timer = None
        self._parts.spawn(self._pass_on_later())

    async def _pass_on_later(self) -> None:
        await self._pass_on()

    async def _pass_on(self) -> LocalfaasError | None:
        """Pass on what is gathered; what the disk does not take is gathered again.

        Returns:
            Why the disk did not take it.
        """
        gathered, self._gathered = self._gathered, {}
        if self._outbox is None or not gathered:
            return None
        try:
            await self._outbox.accept(self._dispatches(gathered))
        except LocalfaasError as error:
            log.error("log events are passed on again in %g s: %s", _PAUSE_S, error)
            for key, events in gathered.items():
                kept = [*events, *self._gathered.get(key, ())]
                self._gathered[key] = kept[-_MOST_WAITING:]
                if len(kept) > _MOST_WAITING:
                    log.error("%d log events were not passed on", len(kept) - _MOST_WAITING)
            if self._timer is not None:
                self._timer.cancel()
            self._timer = self._parts.clock.call_later(_PAUSE_S, self._due)
            return error
        return None

    def _dispatches(self, gathered: _Gathered) -> list[Dispatch]:
        return [
            self._dispatch(key, stream, found, batch)
            for (key, stream, name), events in gathered.items()
            if (found := self._filters.get(key, {}).get(name)) is not None
            for batch in _batches(events)
        ]

    def _dispatch(
        self, key: tuple[str, str, str], stream: str, found: Filter, events: list[LogEvent]
    ) -> Dispatch:
        account, _, group = key
        body, arn = found.body, found.body["destination"]
        data = gzip.compress(
            orjson.dumps(
                {
                    "messageType": "DATA_MESSAGE",
                    "owner": account,
                    "logGroup": group,
                    "logStream": stream,
                    "subscriptionFilters": [body["name"]],
                    "logEvents": [
                        {
                            "id": f"{each.timestamp:020d}{each.sequence:036d}",
                            "timestamp": each.timestamp,
                            "message": each.message,
                        }
                        for each in events
                    ],
                }
            ),
            compresslevel=1,
            mtime=0,
        )
        payload = data
        if arn.split(":")[2] == "lambda":
            payload = orjson.dumps({"awslogs": {"data": base64.b64encode(data).decode()}})
        return Dispatch(
            target=arn,
            lane=f"{key} {body['name']}",
            accepted=self._parts.clock.now(),
            delivery=Delivery(payload=payload, group_id=stream),
        )


def _batches(events: list[LogEvent]) -> list[list[LogEvent]]:
    batches: list[list[LogEvent]] = [[]]
    size = 0
    for each in events:
        size += len(each.message)
        if batches[-1] and (len(batches[-1]) >= _MOST_EVENTS or size > _MOST_BYTES):
            batches.append([])
            size = len(each.message)
        batches[-1].append(each)
    return batches
