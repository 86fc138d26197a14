"""Asynchronous invokes: on the disk before they are acknowledged, run when there is room.

Each function has a queue of its own in the queue engine, so that no backlog stands in another's
way. A :class:`FunctionQueueWorker` works one off: the decisions are :mod:`emulator.invoke.events`.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from dataclasses import dataclass

from emulator.invoke.destinations import Destinations
from emulator.invoke.event_concurrency import EventConcurrency, Intake
from emulator.invoke.event_measures import EventMeasures
from emulator.invoke.event_runner import EventTools
from emulator.invoke.events import Event, from_message
from emulator.invoke.failures import QUEUE as FAILED
from emulator.invoke.failures import SETTINGS as FAILED_SETTINGS
from emulator.invoke.failures import Failure, Failures
from emulator.invoke.fair_semaphore import FairSemaphore
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.invoke.queue_worker import FunctionQueueWorker
from emulator.invoke.targets import Placed, Targets
from emulator.model.arn import function_arn, split_function_arn
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, StorageError
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.invocation import Invocation
from emulator.queues.engine import Engine
from emulator.queues.rules import QueueSettings
from emulator.registry.functions import Registry
from emulator.telemetry.metrics.own import OwnMetrics

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
    due_at: float


class AsynchronousInvokes:
    """The asynchronous events of all functions.

    Args:
        functions: Runs them.
        targets: Where their destinations are.
        concurrency: How many run at once.
        retry_scale: What the delays between attempts are multiplied with, for tests.
        metrics: Told what comes and what is lost; None: nobody is.

    Attributes:
        destinations: Where it is reported how events ended.
        failures: The events that failed for good; there from :meth:`open` on.
        outcomes: How many events ended in this process's life, by condition.
    """

    def __init__(
        self,
        registry: Registry,
        functions: FunctionInvoker,
        targets: Targets,
        clock: Clock,
        *,
        concurrency: EventConcurrency | None = None,
        retry_scale: float = 1.0,
        metrics: OwnMetrics | None = None,
    ) -> None:
        self._registry = registry
        self._functions = functions
        self._clock = clock
        self.concurrency = concurrency or EventConcurrency()
        self._retry_scale = retry_scale
        self.measures = EventMeasures(OwnMetrics(clock) if metrics is None else metrics)
        self.destinations = Destinations(targets, self.measures)
        self.outcomes: Counter[str] = Counter()
        self._permits = FairSemaphore(self.concurrency.total)
        self._intake = Intake(self.concurrency, clock)
        self.failures: Failures
        self._tools: EventTools
        self._engine: Engine | None = None
        self._workers: dict[str, FunctionQueueWorker] = {}
        self._opening: dict[str, asyncio.Task[FunctionQueueWorker]] = {}
        self._dropping: set[asyncio.Task[None]] = set()

    async def open(self, engine: Engine) -> None:
        """Begin to work: first on what an earlier process left behind."""
        self._engine = engine
        self.failures = Failures(await engine.open_queue(FAILED, FAILED_SETTINGS))
        await self.failures.load()
        self._tools = EventTools(
            registry=self._registry,
            functions=self._functions,
            destinations=self.destinations,
            failures=self.failures,
            clock=self._clock,
            outcomes=self.outcomes,
            measures=self.measures,
            retry_scale=self._retry_scale,
        )
        for record in engine.stored(_PREFIX):
            arn = record.name.removeprefix(_PREFIX)
            worker = await self._open(arn)
            if self._function(arn) is None and not any(worker.queue.counts()):
                await self._drop(arn)
        self._registry.on_retired.append(self._on_retired)

    async def submit(
        self, account: str, region: str, name: str, qualifier: str, invocation: Invocation
    ) -> None:
        """Accept an event: it outlives a crash and a power cut once this returns.

        It runs on the version its qualifier means then.

        Raises:
            AwsError: ServiceException: it could not be kept.
        """
        with self._intake.accepting():
            try:
                placed = await self._placed(account, region, name, qualifier, invocation)
                await placed.queue.send(placed.draft)
            except StorageError as error:
                text = f"The event was not kept: {error}"
                raise AwsError("ServiceException", text) from error

    async def place(
        self, account: str, region: str, name: str, qualifier: str, invocation: Invocation
    ) -> Placed:
        """Return the message by which an event is accepted: once it is sent, see :meth:`submit`.

        Raises:
            StorageError: The function's queue could not be opened.
        """
        self._intake.note_placed()
        return await self._placed(account, region, name, qualifier, invocation)

    async def _placed(
        self, account: str, region: str, name: str, qualifier: str, invocation: Invocation
    ) -> Placed:
        worker = await self._worker(function_arn(account, region, name))
        self.measures.received(account, region, name, qualifier or LATEST)
        event = Event(
            request_id=invocation.request_id,
            payload=invocation.payload,
            qualifier=qualifier or LATEST,
            invoked_arn=invocation.invoked_arn,
            trace_id=invocation.trace_id,
            client_context=invocation.client_context,
            tenant_id=invocation.tenant_id,
            accepted=self._clock.now(),
        )
        return Placed(worker.queue, event.draft())

    # -- looking in ---------------------------------------------------------------------------

    @property
    def pending(self) -> int:
        """Events accepted and not yet ended."""
        return sum(sum(worker.queue.counts()) for worker in self._workers.values())

    def backlogs(self) -> list[Backlog]:
        """Return what waits, per function, at a cost that does not grow with it."""
        return [_backlog(arn, worker) for arn, worker in sorted(self._workers.items())]

    def backlog(self, arn: str) -> Backlog | None:
        """Return what waits for a function; None: nothing ever did."""
        worker = self._workers.get(arn)
        return None if worker is None else _backlog(arn, worker)

    async def peek(self, limit: int, function: str | None = None) -> list[Pending]:
        """Return the first events of each function that have not ended.

        Args:
            limit: Events per function.
            function: Its name; None for all.
        """
        found = []
        for arn, worker in sorted(self._workers.items()):
            if function not in (None, split_function_arn(arn)[2]):
                continue
            for seen in await worker.queue.peek(limit):
                found.append(
                    Pending(
                        event=from_message(seen),
                        function_arn=arn,
                        state=_STATES[seen.state],
                        due_at=seen.visible_at,
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
        worker = await self._worker(failure.function_arn)
        return await self.failures.replay(request_id, worker.queue, self._clock.now())

    # -- workers -----------------------------------------------------------------------------

    async def _worker(self, arn: str) -> FunctionQueueWorker:
        found = self._workers.get(arn)
        if found is not None:
            return found
        opening = self._opening.get(arn)
        if opening is None:
            opening = asyncio.get_running_loop().create_task(self._open(arn))
            self._opening[arn] = opening
            opening.add_done_callback(lambda _: self._opening.pop(arn, None))
        return await asyncio.shield(opening)

    async def _open(self, arn: str) -> FunctionQueueWorker:
        if self._engine is None:
            raise StorageError("the emulator is not ready")
        queue = await self._engine.open_queue(_PREFIX + arn, _SETTINGS)
        worker = self._workers[arn] = FunctionQueueWorker(
            self._tools,
            arn,
            queue,
            concurrency=self.concurrency,
            permits=self._permits,
            intake=self._intake,
        )
        worker.start()
        return worker

    def _function(self, arn: str) -> object | None:
        account, region, name = split_function_arn(arn)
        return self._registry.find(account, region, name)

    def _on_retired(self, version: FunctionVersion, reason: str) -> None:
        # As on AWS, what waits for a function goes with it.
        if reason == "function deleted" and version.version == LATEST:
            task = asyncio.get_running_loop().create_task(self._drop(version.function_arn))
            self._dropping.add(task)
            task.add_done_callback(self._dropping.discard)

    async def _drop(self, arn: str) -> None:
        worker = self._workers.pop(arn, None)
        if worker is not None and self._engine is not None:
            self.outcomes["FunctionDeleted"] += sum(worker.queue.counts()) - worker.running
            try:
                await self._engine.drop_queue(worker.queue.name)
            except StorageError as error:
                log.error("events of %s, which is gone, are still kept: %s", arn, error)
            finally:
                await worker.close()

    async def close(self) -> None:
        """Begin nothing more; returns when nothing runs. What waits stays on the disk."""
        await asyncio.gather(*(worker.close() for worker in self._workers.values()))
        await asyncio.gather(*self._dropping, return_exceptions=True)

    def cancel(self) -> None:
        """Give up what still runs: it is run again at the next start. Nothing more begins."""
        for worker in self._workers.values():
            worker.cancel()

    async def abort(self) -> None:
        """Do as :meth:`cancel`; returns when nothing runs."""
        self.cancel()
        await self.close()


def _backlog(arn: str, worker: FunctionQueueWorker) -> Backlog:
    counts = worker.queue.counts()
    return Backlog(
        function_arn=arn,
        waiting=counts.visible + counts.in_flight - worker.running,
        retrying=counts.delayed,
        running=worker.running,
        paused_until=worker.paused_until,
    )
