"""Asynchronous invokes: on the disk before they are acknowledged, run when there is room.

Each function has a queue of its own in the queue engine, so that no backlog stands in another's
way. A :class:`Channel` works one off: the decisions are :mod:`emulator.invoke.events`.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from emulator.invoke.destinations import Destinations
from emulator.invoke.destinations import Target as DestinationTarget
from emulator.invoke.events import Event, from_message
from emulator.invoke.failures import QUEUE as FAILED
from emulator.invoke.failures import SETTINGS as FAILED_SETTINGS
from emulator.invoke.failures import Failure, Failures
from emulator.invoke.fair_semaphore import Places
from emulator.invoke.invoker import Invoker
from emulator.invoke.queue_worker import Channel, Limits, parts_of
from emulator.model.arn import function_arn, parse_function_name
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, StorageError
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.ids import new_request_id
from emulator.model.invocation import Invocation
from emulator.queues.engine import Engine
from emulator.queues.rules import QueueSettings
from emulator.registry.functions import Registry

log = logging.getLogger(__name__)

_PREFIX = "async:"
_STATES = {"ready": "waiting", "delayed": "retrying", "in flight": "running"}
#: Events are kept for longer than the age any of them may reach.
_SETTINGS = QueueSettings(retention=86_400.0, lasting_leases=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Backlog:
    """What one function has before it."""

    function_arn: str
    waiting: int
    retrying: int
    running: int
    #: When a throttled function is tried again (seconds since the epoch); None: it is not.
    paused_until: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Pending:
    """An event that was accepted and has not ended."""

    event: Event
    function_arn: str
    #: "waiting", "retrying" or "running".
    state: str
    #: When it is run at the earliest (seconds since the epoch).
    due: float


class AsynchronousInvokes:
    """The asynchronous events of all functions.

    Attributes:
        destinations: Where it is told how events ended.
        outcomes: How many events ended in this process's life, by condition.

    Args:
        targets: Where destinations are, by the service's name in ARNs; functions are always some.
    """

    def __init__(
        self,
        registry: Registry,
        invoker: Invoker,
        clock: Clock,
        *,
        limits: Limits | None = None,
        retry_scale: float = 1.0,
        targets: Mapping[str, DestinationTarget] | None = None,
    ) -> None:
        self.registry = registry
        self.invoker = invoker
        self.clock = clock
        self.limits = limits or Limits()
        self.retry_scale = retry_scale
        self.destinations = Destinations({**(targets or {}), "lambda": _Functions(self)})
        self.outcomes: Counter[str] = Counter()
        self.places = Places(self.limits.total)
        self.failures: Failures
        self._engine: Engine | None = None
        self._channels: dict[str, Channel] = {}
        self._opening: dict[str, asyncio.Task[Channel]] = {}
        self._accepting = 0
        self._busy_until = 0.0
        self._dropping: set[asyncio.Task[None]] = set()

    async def open(self, engine: Engine) -> None:
        """Begin to work: first on what an earlier process left behind."""
        self._engine = engine
        self.failures = Failures(await engine.open_queue(FAILED, FAILED_SETTINGS))
        await self.failures.load()
        for record in engine.stored(_PREFIX):
            arn = record.name.removeprefix(_PREFIX)
            channel = await self._open(arn)
            if self._function(arn) is None and not any(channel.queue.counts()):
                await self._drop(arn)
        self.registry.on_retired.append(self._on_retired)

    async def submit(
        self, account: str, region: str, name: str, qualifier: str, invocation: Invocation
    ) -> None:
        """Accept an event: it outlives a crash and a power cut once this returns.

        It runs on the version its qualifier means then.

        Raises:
            AwsError: ServiceException: it could not be kept.
        """
        event = Event(
            request_id=invocation.request_id,
            payload=invocation.payload,
            qualifier=qualifier or LATEST,
            invoked_arn=invocation.invoked_arn,
            trace_id=invocation.trace_id,
            client_context=invocation.client_context,
            tenant_id=invocation.tenant_id,
            accepted=self.clock.now(),
        )
        self._accepting += 1
        if self._accepting >= self.limits.busy:
            self._busy_until = self.clock.monotonic() + self.limits.while_busy
        try:
            channel = await self._channel(function_arn(account, region, name))
            await channel.queue.send(event.draft())
        except StorageError as error:
            raise AwsError("ServiceException", f"The event was not kept: {error}") from error
        finally:
            self._accepting -= 1

    @property
    def busy(self) -> bool:
        """Return whether many wait, or just waited, for their events to be kept."""
        return self.clock.monotonic() < self._busy_until

    # -- looking in ---------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Events accepted and not yet ended."""
        return sum(sum(channel.queue.counts()) for channel in self._channels.values())

    def backlogs(self) -> list[Backlog]:
        """Return what waits, per function, at a cost that does not grow with it."""
        found = []
        for arn, channel in sorted(self._channels.items()):
            counts = channel.queue.counts()
            found.append(
                Backlog(
                    function_arn=arn,
                    waiting=counts.visible + counts.in_flight - channel.running,
                    retrying=counts.delayed,
                    running=channel.running,
                    paused_until=channel.paused_until(),
                )
            )
        return found

    async def look(self, limit: int, function: str | None = None) -> list[Pending]:
        """Return the first events of each function that have not ended.

        Args:
            limit: Events per function.
            function: Its name; None for all.
        """
        found = []
        for arn, channel in sorted(self._channels.items()):
            if function not in (None, parts_of(arn)[2]):
                continue
            for seen in await channel.queue.peek(limit):
                found.append(
                    Pending(
                        event=from_message(seen),
                        function_arn=arn,
                        state=_STATES[seen.state],
                        due=seen.visible_at,
                    )
                )
        return found

    def failed(self) -> list[Failure]:
        """Return the events that failed for good, the oldest first (the last thousand)."""
        return self.failures.all()

    async def replay(self, request_id: str) -> bool:
        """Run a failed event again, under its own id; False where there is none such."""
        failure = self.failures.find(request_id)
        if failure is None:
            return False
        channel = await self._channel(failure.function_arn)
        return await self.failures.replay(request_id, channel.queue, self.clock.now())

    # -- channels -----------------------------------------------------------------------------

    async def _channel(self, arn: str) -> Channel:
        found = self._channels.get(arn)
        if found is not None:
            return found
        opening = self._opening.get(arn)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._open(arn))
            self._opening[arn] = opening
            opening.add_done_callback(lambda _: self._opening.pop(arn, None))
        return await asyncio.shield(opening)

    async def _open(self, arn: str) -> Channel:
        if self._engine is None:
            raise StorageError("the emulator is not ready")
        queue = await self._engine.open_queue(_PREFIX + arn, _SETTINGS)
        channel = self._channels[arn] = Channel(self, arn, queue)
        channel.start()
        return channel

    def _function(self, arn: str) -> object | None:
        account, region, name = parts_of(arn)
        return self.registry.find(account, region, name)

    def _on_retired(self, version: FunctionVersion, reason: str) -> None:
        # As on AWS, what waits for a function goes with it.
        if reason == "function deleted" and version.version == LATEST:
            task = asyncio.get_running_loop().create_task(self._drop(version.function_arn))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    async def _drop(self, arn: str) -> None:
        channel = self._channels.pop(arn, None)
        if channel is not None and self._engine is not None:
            self.outcomes["FunctionDeleted"] += sum(channel.queue.counts()) - channel.running
            try:
                await self._engine.drop_queue(channel.queue.name)
            except StorageError as error:
                log.error("events of %s, which is gone, are still kept: %s", arn, error)
            finally:
                await channel.close()

    async def close(self) -> None:
        """Begin nothing more; returns when nothing runs. What waits stays on the disk."""
        await asyncio.gather(*(channel.close() for channel in self._channels.values()))
        await asyncio.gather(*self._dropping, return_exceptions=True)

    def cancel(self) -> None:
        """Give up what still runs: it is run again at the next start. Nothing more begins."""
        for channel in self._channels.values():
            channel.cancel()

    async def abort(self) -> None:
        """Do as :meth:`cancel`; returns when nothing runs."""
        self.cancel()
        await self.close()


class _Functions:
    """Functions as destinations."""

    def __init__(self, asynchronous: AsynchronousInvokes) -> None:
        self._asynchronous = asynchronous

    async def deliver(
        self,
        arn: str,
        body: bytes,
        attributes: Mapping[str, Mapping[str, str]],
        trace_id: str,
    ) -> None:
        named = parse_function_name(arn)
        if named is None or named.account is None or named.region is None:
            raise AwsError("InvalidParameterValueException", f"{arn} is no function's ARN.")
        qualifier = named.qualifier or LATEST
        self._asynchronous.registry.resolve(named.account, named.region, named.name, qualifier)
        await self._asynchronous.submit(
            named.account,
            named.region,
            named.name,
            qualifier,
            Invocation(
                request_id=new_request_id(), payload=body, invoked_arn=arn, trace_id=trace_id
            ),
        )
