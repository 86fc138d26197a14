"""The poller of one SQS mapping.

One receive at a time is parked at the queue while a further batch may begin: the arrival of a
message wakes it, and a mapping without messages costs nothing. Batches are invoked beside each
other, as many as :mod:`emulator.sources.scaling` allows; a FIFO queue itself keeps a group from
being received while messages of it are in flight.

https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from functools import partial
from typing import Any

from emulator.invoke import recursion
from emulator.model.clock import Clock, Timer
from emulator.model.errors import AwsError, StorageError
from emulator.model.invocation import InvocationResult
from emulator.services.sqs.polling.base import Message, PolledQueue, PolledQueues
from emulator.services.sqs.polling.records import record
from emulator.services.sqs.polling.settings import SqsSettings
from emulator.sources import batching
from emulator.sources.batching import Batch
from emulator.sources.mapped_function import MappedFunction
from emulator.sources.scaling import Scale, retry_delay

log = logging.getLogger(__name__)

#: Longer than anybody waits for a message.
_FOREVER_S = 1e7
#: How many batches whose messages are still being deleted no longer count as running.
_UNSETTLED = 64
#: Of a queue's visibility timeout, how much a batch may wait for further messages, however long
#: its window: the first one must not become visible to others meanwhile.
_PATIENCE = 0.8
#: Seconds after which a queue that could not be polled is polled again.
_RETRY_S = 1.0


class SqsSource:
    """Satisfies :class:`emulator.sources.base.EventSource`."""

    def __init__(self, settings: SqsSettings, queues: PolledQueues, clock: Clock) -> None:
        self._settings = settings
        self._queues = queues
        self._clock = clock
        self._scale = Scale(settings.concurrency.first)
        self._resume_at = 0.0
        self._running = 0
        #: Wakes the poller: a batch ended, or one more may begin.
        self._changed = asyncio.Event()
        self._growth: Timer | None = None
        self._work: set[asyncio.Task[None]] = set()
        #: Set when nothing may be tried again.
        self._ending = asyncio.Event()

    @property
    def busy(self) -> bool:
        """Whether a batch is being processed, or its messages deleted."""
        return bool(self._work)

    # -- polling ------------------------------------------------------------------------------

    async def run(self, function: MappedFunction) -> None:
        warned = ""
        try:
            while True:
                try:
                    await self._poll(function)
                    warned = ""
                except (AwsError, StorageError) as error:
                    if str(error) != warned:
                        warned = str(error)
                        log.warning("%s can't be polled: %s", self._settings.arn, error)
                    await self._clock.sleep(_RETRY_S)
        finally:
            if self._growth is not None:
                self._growth.cancel()

    async def _poll(self, function: MappedFunction) -> None:
        await function.ready()
        queue = await self._queues.open(self._settings.arn)
        await self._room(function, queue)
        batch = await self._gather(queue)
        if batch:
            self._running += 1
            self._spawn(self._process(function, queue, batch))
        else:
            # The queue is gone. Nobody else may be kept from running.
            await asyncio.sleep(0)

    async def _room(self, function: MappedFunction, queue: PolledQueue) -> None:
        """Wait until one more batch may begin."""
        limits = self._settings.concurrency
        while True:
            pause_s = self._resume_at - self._clock.now()
            if pause_s <= 0:
                places = min(self._scale.allowed, limits.under(function.reserved))
                if self._running < places and len(self._work) < places + _UNSETTLED:
                    break
                if self._growth is None:
                    # Looks again from time to time, as nothing tells of what arrives meanwhile.
                    self._growth = self._clock.call_later(1 / limits.growth, self._grow, queue)
            self._changed.clear()
            timer = self._clock.call_later(pause_s, self._changed.set) if pause_s > 0 else None
            await self._changed.wait()
            if timer is not None:
                timer.cancel()
        if not self._running and not queue.waiting():
            self._scale = self._scale.rested(limits)

    def _grow(self, queue: PolledQueue) -> None:
        self._growth = None
        if self._running >= self._scale.allowed and queue.waiting():
            self._scale = self._scale.grown(self._settings.concurrency)
        self._changed.set()

    async def _gather(self, queue: PolledQueue) -> Batch:
        """Return the next batch: full, or as much as came within the window."""
        batch = Batch(self._settings.batch_size)
        window_s = min(self._settings.window_s, _PATIENCE * queue.visibility_timeout_s)
        wait_s = _FOREVER_S
        try:
            while batch.room > 0:
                received = await queue.receive(batch.room, wait_s)
                if not received or not self._add(queue, batch, received):
                    break
                if batch:
                    wait_s = batch.began + window_s - self._clock.now()
                    if wait_s <= 0:
                        break
        except BaseException:
            queue.release(list(batch.ids.values()))
            raise
        return batch

    def _add(self, queue: PolledQueue, batch: Batch, received: list[Message]) -> bool:
        """Put messages into a batch, but for those filtered out; False where it is full."""
        settings = self._settings
        unwanted: list[str] = []
        digests = settings.window_s > 0 or settings.filter is not None
        now = self._clock.now()
        full = False
        for index, message in enumerate(received):
            made = record(message, settings.arn, digests=digests)
            if settings.filter is not None and not settings.filter.matches(made):
                unwanted.append(message["ReceiptHandle"])
            elif not batch.add(
                made,
                id=made["messageId"],
                handle=made["receiptHandle"],
                trace_id=made["attributes"].get("AWSTraceHeader", ""),
                now=now,
            ):
                queue.release([each["ReceiptHandle"] for each in received[index:]])
                full = True
                break
        if unwanted:
            self._spawn(self._delete(queue, unwanted))
        return not full

    # -- one batch ----------------------------------------------------------------------------

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._work.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._work.discard(task)
        self._changed.set()

    async def _process(self, function: MappedFunction, queue: PolledQueue, batch: Batch) -> None:
        result: InvocationResult | None = None
        try:
            result = await self._attempt(function, queue, batch)
        except asyncio.CancelledError:
            queue.release(list(batch.ids.values()))
            raise
        except Exception:  # A bug of ours: told in full; the messages are received again.
            log.exception("a batch of %s could not be processed", self._settings.arn)
            self._back_off()
        finally:
            self._running -= 1
            self._changed.set()
        if result is not None:
            await self._settle(function, queue, batch, result)

    async def _attempt(
        self, function: MappedFunction, queue: PolledQueue, batch: Batch
    ) -> InvocationResult | None:
        """Invoke the function; None where it could not be tried.

        What is throttled is tried again until the messages become visible to others.
        """
        payload, trace_id = batch.payload(), recursion.furthest(batch.traces, function.arn)
        expires = batch.began + queue.visibility_timeout_s
        attempts = 0
        while True:
            try:
                links = batch.traces if len(batch.traces) > 1 else ()
                return await function.invoke(payload, trace_id, links)
            except AwsError as error:
                if error.code == recursion.CODE:
                    log.warning("a batch of %s: %s", self._settings.arn, error.message)
                    if queue.discards:
                        await self._delete(queue, list(batch.ids.values()))
                    return None
                if not function.is_ready() or self._ending.is_set():
                    # The function is gone, or the emulator is about to be.
                    queue.release(list(batch.ids.values()))
                    return None
                log.info("a batch of %s is tried again: %s", self._settings.arn, error)
                self._back_off()
                delay = retry_delay(attempts)
                attempts += 1
                if self._clock.now() + delay >= expires:
                    return None
                await self._wait(function, delay)

    async def _wait(self, function: MappedFunction, delay: float) -> None:
        """Wait for ``delay`` seconds, a change of the function or the end."""
        ends = (self._clock.sleep(delay), function.changed.wait(), self._ending.wait())
        over = [asyncio.ensure_future(each) for each in ends]
        try:
            await asyncio.wait(over, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in over:
                each.cancel()

    async def _settle(
        self, function: MappedFunction, queue: PolledQueue, batch: Batch, result: InvocationResult
    ) -> None:
        failed = batching.failed(result, batch.ids, reports=self._settings.reports)
        if failed and not self._settings.reports:
            self._back_off()
        else:
            self._scale = self._scale.succeeded(self._settings.concurrency)
        # What failed is received again when its visibility timeout is over.
        done = {id: handle for id, handle in batch.ids.items() if id not in failed}
        again = [id for id, h in done.items() if self._comes_again(function, queue, id, h)]
        for id in again:
            del done[id]
        await self._delete(queue, list(done.values()))

    def _comes_again(
        self, function: MappedFunction, queue: PolledQueue, id: str, handle: str
    ) -> bool:
        # In a FIFO queue its group waits for it until then, as if its deletion had got lost.
        ordered = self._settings.arn.endswith(".fifo")
        return function.comes_again(id, partial(queue.release, [handle]), ordered=ordered)

    def _back_off(self) -> None:
        self._scale = self._scale.failed()
        self._resume_at = self._clock.now() + self._scale.pause()

    async def _delete(self, queue: PolledQueue, handles: list[str]) -> None:
        if not handles:
            return
        try:
            await queue.delete(handles)
        except (AwsError, StorageError) as error:
            log.error("messages of %s are received again: %s", self._settings.arn, error)

    # -- the end ------------------------------------------------------------------------------

    async def drain(self) -> None:
        self._ending.set()
        while self._work:
            await asyncio.wait(self._work)

    def cancel(self) -> None:
        for task in self._work:
            task.cancel()
