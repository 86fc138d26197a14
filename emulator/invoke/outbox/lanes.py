"""How the deliveries of an outbox are tried: each lane has room of its own.

A target that is slow or dead fills its own lane and no other's: what a full lane can't take goes
back to the queue for a while.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from emulator.invoke.fair_semaphore import FairSemaphore
from emulator.invoke.outbox.dispatch import Dispatch, dispatch_of
from emulator.model.clock import Clock
from emulator.model.errors import LocalfaasError
from emulator.queues.errors import QueueError
from emulator.queues.message import Received
from emulator.queues.queue import Queue

log = logging.getLogger(__name__)

#: Longer than any attempt takes (seconds): what was taken is nobody else's.
_FOREVER_S = 1e7
#: Seconds to wait after the end of an attempt could not be written down, or after a bug of ours.
PAUSE_S = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How much of an outbox is tried at once."""

    #: Attempts of one lane.
    per_lane: int = 10
    #: Attempts beside the first one of each lane.
    shared: int = 200
    #: Deliveries of one lane in memory.
    waiting_per_lane: int = 100
    #: Deliveries in memory, and their bytes.
    waiting: int = 2000
    waiting_bytes: int = 32 << 20
    #: Seconds that a delivery is put back for where its lane is full.
    put_back_s: float = 0.5


@dataclass(slots=True, eq=False)
class _Lane:
    """Deliveries that share their room."""

    waiting: deque[tuple[Dispatch, Received]] = field(default_factory=deque)
    running: int = 0
    #: A permit is being waited for.
    is_waiting: bool = False


#: Tries a delivery; its message is gone, replaced or given back when it returns.
Try = Callable[["Lanes", Dispatch, str], Awaitable[None]]


class Lanes:
    """Takes deliveries from one queue of an outbox.

    Args:
        queue: Where they wait.
        attempt: Tries one.
        clock: The time.
        limits: How much is tried at once.
        is_ordered: The queue keeps the order of each lane and message group.
    """

    def __init__(
        self, queue: Queue, attempt: Try, clock: Clock, limits: Limits, *, is_ordered: bool
    ) -> None:
        self.queue = queue
        self.is_ordered = is_ordered
        self._try, self._clock, self._limits = attempt, clock, limits
        self._permits = FairSemaphore(limits.shared)
        self._lanes: dict[str, _Lane] = {}
        self._held = self._held_bytes = 0
        self._room = asyncio.Event()
        self._taking: asyncio.Task[None] | None = None
        self._work: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin."""
        self._taking = asyncio.get_running_loop().create_task(self._take())

    def is_behind(self, dispatch: Dispatch) -> bool:
        """Say whether something waits that a delivery must not overtake."""
        return any(self.queue.counts())

    async def close(self) -> None:
        """Give up what is being tried; nothing more begins."""
        tasks = [*self._work, *([self._taking] if self._taking else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _take(self) -> None:
        limits = self._limits
        while True:
            while self._held >= limits.waiting or self._held_bytes >= limits.waiting_bytes:
                self._room.clear()
                await self._room.wait()
            # Few at once where they are large: their size is known when they are here.
            most = min(100, limits.waiting - self._held)
            most = most if self._held_bytes < limits.waiting_bytes // 2 else 1
            received = await self.queue.receive(most, wait=_FOREVER_S, visibility=_FOREVER_S)
            # Without that, what was received was purged meanwhile.
            if not received and self.queue.is_draining:
                return
            for message in received:
                self._admit(message)

    def _admit(self, message: Received) -> None:
        dispatch = dispatch_of(message)
        lane = self._lanes.setdefault(dispatch.lane, _Lane())
        if len(lane.waiting) >= self._limits.waiting_per_lane:
            self._give_back(message, self._limits.put_back_s)
            return
        self._held += 1
        self._held_bytes += len(message.body)
        lane.waiting.append((dispatch, message))
        self._begin(dispatch.lane, lane)

    def _begin(self, name: str, lane: _Lane) -> None:
        """Have the next delivery of a lane tried, if the lane has room."""
        if lane.waiting and lane.running < self._limits.per_lane and not lane.is_waiting:
            lane.is_waiting = True
            task = asyncio.get_running_loop().create_task(self._run(name, lane))
            self._work.add(task)
            task.add_done_callback(self._work.discard)

    async def _run(self, name: str, lane: _Lane) -> None:
        shared = await self._permits.acquire(name)
        lane.is_waiting = False
        dispatch, message = lane.waiting.popleft()
        lane.running += 1
        self._begin(name, lane)
        try:
            await self._try(self, dispatch, message.handle)
        except QueueError:
            log.info("a delivery to %s is gone", dispatch.target)
        except LocalfaasError as error:
            log.error("a delivery to %s is tried again: %s", dispatch.target, error)
            self._give_back(message, PAUSE_S)
        except Exception:  # A bug of ours: told in full, and the delivery is kept.
            log.exception("a delivery to %s could not be tried", dispatch.target)
            self._give_back(message, PAUSE_S)
        finally:
            lane.running -= 1
            self._held -= 1
            self._held_bytes -= len(message.body)
            self._permits.release(name, shared)
            self._room.set()
            if not lane.waiting and not lane.running:
                self._lanes.pop(name, None)
            self._begin(name, lane)

    def _give_back(self, message: Received, delay_s: float) -> None:
        try:
            self.queue.release(message.handle, delay_s, counted=False)
        except QueueError:
            log.info("delivery %s is gone", message.message_id)
