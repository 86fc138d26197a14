"""The records of a shard whose order is kept: one batch of them after the other.

A shard has one lane, or as many as its mapping's parallelization factor says; records with the same
key are in the same lane.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple

import orjson

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.model.limits import SYNC_PAYLOAD
from emulator.sources.mapped_function import Attempt, MappedFunction
from emulator.sources.scaling import retry_delay
from emulator.sources.streams import outcomes, windows
from emulator.sources.streams.base import StreamRecord
from emulator.sources.streams.failures import GivenUp
from emulator.sources.streams.outcomes import Condition, Part
from emulator.sources.streams.progress import Entry
from emulator.sources.streams.settings import StreamSettings
from emulator.sources.streams.windows import Window

log = logging.getLogger(__name__)

#: Bytes of an event that are no records.
_AROUND = 1024
#: What a mapping shows of its last batch.
OK, FAILED = "OK", "PROBLEM: Function call failed"
_TOO_LARGE = "RequestEntityTooLargeException"
#: Seconds between two looks at whether a batch is to come again now, if nothing wakes it.
_LOOK_S = 60.0


class Item(NamedTuple):
    """A record that waits for its batch."""

    record: StreamRecord
    entry: Entry
    #: When it was read, on the monotonic clock.
    read_s: float


@dataclass(frozen=True, slots=True, kw_only=True)
class LaneWork:
    """What lanes of one shard share.

    Attributes:
        finish: Called with records that are done.
        give_up: Reports records that were given up; returns whether that is kept.
        report: Shows how the last batch went.
        crashed: Called with a bug of ours that has ended a lane.
        ending: Set when nothing more is to be begun.
        last: Set when no further record will come.
        retry_scale: What delays between attempts are multiplied by.
    """

    settings: StreamSettings
    shard: str
    function: MappedFunction
    clock: Clock
    finish: Callable[[Iterable[Entry]], None]
    give_up: Callable[[GivenUp], Awaitable[bool]]
    report: Callable[[str], None]
    crashed: Callable[[BaseException], None]
    ending: asyncio.Event
    last: asyncio.Event
    retry_scale: float = 1.0


class Lane:
    """Handles records in order.

    Attributes:
        window: The tumbling window that is open; None: there is none.
        task: What handles them now; None while there is nothing to do.
    """

    def __init__(self, work: LaneWork, window: Window | None = None) -> None:
        self._work = work
        self.window = window
        self._items: deque[Item] = deque()
        self._woken = asyncio.Event()
        #: How often in a row the function could not be tried.
        self._refusals = 0
        self.task: asyncio.Task[None] | None = None
        if window is not None:
            self._start()

    def add(self, item: Item) -> None:
        """Take a record."""
        self._items.append(item)
        self.wake()

    def wake(self) -> None:
        """Look again at what there is to do."""
        if self.task is not None and not self.task.done():
            self._woken.set()
        elif self._items:
            self._start()

    def _start(self) -> None:
        self.task = asyncio.get_running_loop().create_task(self._run())
        self.task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._work.report("PROBLEM: localfaas failed; its log says why")
            self._work.crashed(error)

    async def _run(self) -> None:
        work = self._work
        while (self._items or self.window is not None) and not work.ending.is_set():
            if self.window is not None and self._is_over(self.window):
                await self._close(self.window)
            elif not self._items:
                assert self.window is not None
                await self._wait(self.window.end - work.clock.now())
            elif batch := await self._gather():
                await self._handle(batch)

    def _is_over(self, window: Window) -> bool:
        if self._items:
            return not window.holds(self._items[0].record.arrived)
        # What came at the very end of it may still be read.
        return self._work.clock.now() >= window.end

    async def _wait(self, seconds: float) -> None:
        """Wait for a record, the end, or so many seconds."""
        self._woken.clear()
        timer = self._work.clock.call_later(max(0.0, seconds), self._woken.set)
        try:
            await self._woken.wait()
        finally:
            timer.cancel()

    # -- batches --------------------------------------------------------------------------------

    async def _gather(self) -> list[Item]:
        """Return the next batch: full, or as much as came within the mapping's window."""
        work = self._work
        until_s = self._items[0].read_s + work.settings.window_s
        while True:
            count = self._fitting()
            full = count >= work.settings.batch_size or count < len(self._items)
            left_s = until_s - work.clock.monotonic()
            if full or left_s <= 0 or work.last.is_set():
                return [self._items.popleft() for _ in range(count)]
            await self._wait(left_s)
            if work.ending.is_set():
                return []

    def _fitting(self) -> int:
        """Return how many of the records that wait make a batch."""
        settings = self._work.settings
        window = self.window
        if settings.tumbling_s and window is None:
            window = windows.window_at(self._items[0].record.arrived, settings.tumbling_s)
        room, count = SYNC_PAYLOAD - _AROUND, 0
        if window is not None and window.state is not None:
            room -= len(orjson.dumps(window.state))
        for item in self._items:
            room -= item.record.size + 1
            if count == settings.batch_size or (count and room < 0):
                break
            if window is not None and not window.holds(item.record.arrived):
                break
            count += 1
        return max(1, count)

    async def _handle(self, batch: Sequence[Item]) -> None:
        """Have a batch handled, in parts if need be, until each record is done or given up."""
        work, settings = self._work, self._work.settings
        records = tuple(item.record for item in batch)
        arrived = [record.arrived for record in records]
        entries = [item.entry for item in batch]
        if settings.tumbling_s and self.window is None:
            self.window = windows.window_at(arrived[0], settings.tumbling_s)
        parts, failures, last = [Part(0, len(batch))], 0, None
        while parts:
            part = parts[0]
            young = outcomes.expired(arrived, part, settings.record_age_s, work.clock.now())
            if young > part.start:
                gone = Part(part.start, young, part.attempts)
                if not await self._give_up(records, entries, gone, "RecordAgeExceeded", last):
                    return
                parts[:1] = [Part(young, part.end, part.attempts)] if young < part.end else []
                continue
            work.function.measure_age(work.clock.now() - arrived[part.end - 1])
            window = self.window
            attempt = await self._attempt(
                self._payload(records[part.start : part.end]), arrived[part.start]
            )
            if attempt is None:
                if work.ending.is_set():
                    return
                continue
            last = attempt
            sequences = [record.sequence for record in records[part.start : part.end]]
            failed = outcomes.failed_at(attempt.result, sequences, reports=settings.reports)
            if failed is None and await self._comes_again(records[part.start : part.end]):
                if work.ending.is_set():
                    return
                self.window = window  # nothing is known of the first delivery
                continue
            outcome = outcomes.judge(
                part,
                None if failed is None else part.start + failed,
                bisects=settings.bisects,
                retries=settings.retries,
            )
            if self.window is not None and failed is None:
                self.window = self.window.with_state(attempt.result)
            work.report(OK if failed is None else FAILED)
            if outcome.done > part.start:
                work.finish(entries[part.start : outcome.done])
            parts[:1] = outcome.retry
            failures = 0 if failed is None else failures + 1
            if outcome.given_up is not None:
                exhausted = outcome.given_up
                if not await self._give_up(
                    records, entries, exhausted, "RetryAttemptsExhausted", last
                ):
                    return
            elif failed is not None:
                if work.ending.is_set():
                    return
                await self._pause(
                    outcomes.retry_delay_s(failures, work.retry_scale), arrived[parts[0].start]
                )
                if work.ending.is_set():
                    return
        if self.window is not None and self.window.is_too_large:
            await self._close(self.window)

    async def _comes_again(self, records: Sequence[StreamRecord]) -> bool:
        """Wait until records that were handled are to come again, or the end; False: they aren't.

        So they do on AWS where a checkpoint got lost: all of the batch, before any that follow.
        """
        work, waited_for = self._work, set[str]()

        def give_back(id: str) -> None:
            waited_for.discard(id)
            self._woken.set()

        for record in records:
            id = str(record.event.get("eventID", record.sequence))
            if work.function.comes_again(id, partial(give_back, id), ordered=True):
                waited_for.add(id)
        if not waited_for:
            return False
        while waited_for and not work.ending.is_set():
            await self._wait(_LOOK_S)
        return True

    def _payload(self, records: Sequence[StreamRecord], *, final: bool = False) -> bytes:
        event: dict[str, object] = {"Records": [record.event for record in records]}
        if self.window is not None:
            arn = self._work.settings.arn
            event |= self.window.members(self._work.shard, arn, final=final)
        return orjson.dumps(event)

    async def _attempt(self, payload: bytes, arrived: float) -> Attempt | None:
        """Invoke the function; None: it could not be tried, and may be the next time.

        Args:
            payload: The event.
            arrived: When the first of its records came, in seconds since the epoch.
        """
        work = self._work
        while not work.ending.is_set():
            if not work.function.is_ready():
                await self._until_ready()
                continue
            try:
                await work.function.ready()
                attempt = await work.function.attempt(payload)
                self._refusals = 0
                return attempt
            except AwsError as error:
                log.info("a batch of %s is tried again: %s", work.settings.arn, error)
                if error.code == _TOO_LARGE:
                    return _refused(error)
                if error.code != "TooManyRequestsException":
                    work.report(f"PROBLEM: {error.message}")
                await self._pause(retry_delay(self._refusals), arrived)
                self._refusals += 1
                if work.settings.record_age_s >= 0:
                    return None
        return None

    async def _until_ready(self) -> None:
        """Wait until there may be something to invoke, or the end."""
        waits = (self._work.function.changed.wait(), self._work.ending.wait())
        tasks = [asyncio.ensure_future(each) for each in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()

    async def _pause(self, seconds: float, arrived: float) -> None:
        """Wait before the next attempt, but no longer than the records may grow old."""
        clock, age_s = self._work.clock, self._work.settings.record_age_s
        if age_s >= 0:
            seconds = min(seconds, max(0.0, arrived + age_s - clock.now()))
        until_s = clock.monotonic() + seconds
        while not self._work.ending.is_set() and (left_s := until_s - clock.monotonic()) > 0:
            await self._wait(left_s)

    async def _give_up(
        self,
        records: tuple[StreamRecord, ...],
        entries: Sequence[Entry],
        part: Part,
        condition: Condition,
        last: Attempt | None,
    ) -> bool:
        """Report records and let go of them; False: the end came before, and they come again."""
        chosen = records[part.start : part.end]
        given_up = GivenUp(
            self._work.shard, chosen, condition, part.attempts, last, self._payload(chosen)
        )
        if not await self._work.give_up(given_up):
            return False
        self._work.finish(entries[part.start : part.end])
        return True

    async def _close(self, window: Window) -> None:
        """Have a window finished: the function gets its state for the last time."""
        work, failures = self._work, 0
        while not work.ending.is_set():
            attempt = await self._attempt(self._payload((), final=True), window.end)
            if attempt is None:
                if work.settings.record_age_s < 0 or work.ending.is_set():
                    return
                if work.clock.now() - window.end < work.settings.record_age_s:
                    continue
                break
            if not attempt.result.function_error:
                work.report(OK)
                break
            work.report(FAILED)
            failures += 1
            if 0 <= work.settings.retries < failures:
                break
            await self._pause(outcomes.retry_delay_s(failures, work.retry_scale), window.end)
        if not work.ending.is_set():
            self.window = None
            work.finish(())


def _refused(error: AwsError) -> Attempt:
    """Return what an invocation that can never begin counts as: a failure."""
    from emulator.model.ids import new_request_id
    from emulator.model.invocation import InvocationResult

    text = orjson.dumps({"errorMessage": error.message})
    return Attempt(
        new_request_id(), "$LATEST", InvocationResult(payload=text, function_error="Unhandled")
    )
