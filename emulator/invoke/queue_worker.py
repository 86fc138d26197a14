"""Takes the events of one function off its queue.

It begins with a few events at once and takes more while those are slow. Each needs a permit
(:mod:`emulator.invoke.fair_semaphore`), so a backlog or a slow function delays no other function.
"""

from __future__ import annotations

import asyncio

from emulator.invoke.event_concurrency import EventConcurrency, Intake
from emulator.invoke.event_runner import EventRunner, EventTools
from emulator.invoke.fair_semaphore import FairSemaphore
from emulator.model.arn import split_function_arn
from emulator.model.clock import Timer
from emulator.queues.message import Received
from emulator.queues.queue import Queue

#: Seconds, longer than any event is kept: nobody else receives an event that was taken.
_FOREVER_S = 1e7


class FunctionQueueWorker:
    """Works off the events of one function.

    Args:
        arn: The function's.
        queue: Where its events wait.
        permits: The permits that all functions share.
        intake: Tells whether new events come first.
    """

    def __init__(
        self,
        tools: EventTools,
        arn: str,
        queue: Queue,
        *,
        concurrency: EventConcurrency,
        permits: FairSemaphore,
        intake: Intake,
    ) -> None:
        self.queue = queue
        self._registry, self._clock = tools.registry, tools.clock
        self._at = split_function_arn(arn)
        self._runner = EventRunner(tools, arn, queue)
        self._concurrency, self._permits, self._intake = concurrency, permits, intake
        #: Start times (monotonic seconds) of running events by receipt handle, oldest first.
        self._began: dict[str, float] = {}
        self._allowed = concurrency.first
        self._growth: Timer | None = None
        #: Set when there may be room for one more.
        self._changed = asyncio.Event()
        self._taking: asyncio.Task[None] | None = None
        self._work: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._taking = asyncio.get_running_loop().create_task(self._take())

    @property
    def is_taking(self) -> bool:
        """Whether it takes events off the queue."""
        return self._taking is not None and not self._taking.done()

    @property
    def running(self) -> int:
        """How many events run."""
        return len(self._began)

    @property
    def paused_until(self) -> float | None:
        """When a throttled function is tried again (seconds since the epoch); None: now."""
        return self._runner.pause.until

    async def close(self) -> None:
        """Take no further events; returns when the running ones have ended."""
        if self._taking is not None:
            self._taking.cancel()
            await asyncio.gather(self._taking, return_exceptions=True)
        if self._growth is not None:
            self._growth.cancel()
        while self._work:
            await asyncio.wait(self._work)

    def cancel(self) -> None:
        """Cancel the running events and take no further ones."""
        if self._taking is not None:
            self._taking.cancel()
        for task in self._work:
            task.cancel()

    async def _take(self) -> None:
        while True:
            room = await self._room()
            if not self.running and not self.queue.counts().visible:
                self._allowed = self._concurrency.first
            received = await self.queue.receive(room, wait=_FOREVER_S, visibility=_FOREVER_S)
            for message in received:
                shared = await self._permits.acquire(self)
                self._began[message.handle] = self._clock.monotonic()
                task = asyncio.get_running_loop().create_task(self._process(message, shared))
                self._work.add(task)
                task.add_done_callback(self._work.discard)

    async def _process(self, message: Received, shared: bool) -> None:
        try:
            event, outcome = await self._runner.attempt(message)
        finally:
            del self._began[message.handle]
            self._permits.release(self, shared)
            self._changed.set()
        await self._runner.settle(message, event, outcome)

    async def _room(self) -> int:
        """Wait until at least one more event may begin; return how many may."""
        while True:
            pause_s = self._runner.pause.left_s
            if pause_s > 0:
                self._changed.clear()
                end = self._clock.call_later(pause_s, self._changed.set)
                await self._changed.wait()
                end.cancel()
                continue
            allowed = self._concurrency.first if self._intake.is_busy else self._allowed
            room = min(allowed, self._most()) - self.running
            if room > 0:
                return room
            if self._growth is None:
                self._growth = self._clock.call_later(self._concurrency.growth_s, self._grow)
            self._changed.clear()
            await self._changed.wait()

    def _most(self) -> int:
        function = self._registry.find(*self._at)
        reserved = None if function is None else function.reserved_concurrency
        most = self._concurrency.function
        # With a reserved concurrency of 0, events are still taken one by one, to fail.
        return most if reserved is None else min(most, max(1, reserved))

    def _grow(self) -> None:
        self._growth = None
        concurrency = self._concurrency
        if self.running >= self._allowed and not self._intake.is_busy:
            oldest = next(iter(self._began.values()))
            if self._clock.monotonic() - oldest >= concurrency.growth_s:
                self._allowed = min(concurrency.function, self._allowed + 1)
        if self.paused_until is None:
            # Looks again for room, or waits for it anew.
            self._changed.set()
