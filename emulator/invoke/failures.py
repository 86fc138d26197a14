"""The asynchronous events that failed for good: kept for a while, to be looked at and replayed.

AWS keeps none of them; a developer wants to see them. They are the last so many, on the disk.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace

import orjson

from emulator.invoke.events import Condition, Event, from_message
from emulator.model.arn import split_function_arn
from emulator.model.errors import StorageError
from emulator.queues.errors import QueueError
from emulator.queues.message import Received
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings

log = logging.getLogger(__name__)

QUEUE = "async-failed"
SETTINGS = QueueSettings(retention=1_209_600.0, lasting_leases=False)
#: How much is kept: events, and bytes of memory.
KEPT_EVENTS = 1000
KEPT_BYTES = 16 << 20
#: What a failure takes beside its payload and its error, bytes.
_FAILURE_BYTES = 2048
_FOREVER_S = 1e10


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """An event that failed for good."""

    event: Event
    function_arn: str
    condition: Condition
    #: The function's last error, or "".
    error: str
    #: Seconds since the epoch.
    ended: float
    handle: str

    @property
    def size(self) -> int:
        """About the bytes of memory it takes."""
        return _FAILURE_BYTES + len(self.event.payload) + len(self.error)


class Failures:
    """Those events, oldest first, over a queue of the engine."""

    def __init__(self, queue: Queue) -> None:
        self._queue = queue
        self._held: dict[str, Failure] = {}
        #: Ids of those that are on their way.
        self._replaying: set[str] = set()
        #: One for each that is being kept just now.
        self._adding: set[asyncio.Future[None]] = set()
        self._bytes = 0

    async def load(self) -> None:
        """Take in what was kept, and forget what is too much."""
        while received := await self._queue.receive(100, visibility=_FOREVER_S):
            for message in received:
                failure = _failure(message)
                self._held[message.message_id] = failure
                self._bytes += failure.size
        await self._delete_surplus()

    async def _delete_surplus(self) -> None:
        """Delete the oldest where they are too many."""
        count, size = len(self._held), self._bytes
        surplus: dict[str, str] = {}
        for id, failure in self._held.items():
            if count <= KEPT_EVENTS and size <= KEPT_BYTES:
                break
            surplus[id] = failure.handle
            count -= 1
            size -= failure.size
        if not surplus:
            return
        try:
            await self._queue.delete_many(list(surplus.values()))
        except StorageError as error:
            log.error("old failed events are deleted later: %s", error)
            return
        for id in surplus:
            self._forget(id)

    def _forget(self, id: str) -> None:
        failure = self._held.pop(id, None)
        if failure is not None:
            self._bytes -= failure.size

    async def add(
        self,
        event: Event,
        function_arn: str,
        condition: Condition,
        error: str,
        now: float,
        *,
        source: Queue,
        handle: str,
    ) -> None:
        """Keep an event that failed, taking it out of ``source`` in the same commit.

        Raises:
            QueueError: It is not in flight there any more.
            StorageError: It could not be kept, and is still there.
        """
        draft = event.draft(function=function_arn, condition=condition, error=error, ended=now)
        added = asyncio.get_running_loop().create_future()
        self._adding.add(added)
        try:
            await source.hand_over(handle, self._queue, draft)
            await self.load()
        finally:
            self._adding.discard(added)
            added.set_result(None)

    async def clear(self, account: str | None) -> None:
        """Forget all of them, or those of one account's functions.

        Raises:
            StorageError: They are still kept.
        """
        # Those on their way to the disk are of the past, too.
        while self._adding:
            await asyncio.wait(self._adding)
        gone = {
            id: failure.handle
            for id, failure in self._held.items()
            if account in (None, split_function_arn(failure.function_arn)[0])
        }
        if gone:
            await self._queue.delete_many(list(gone.values()))
        for id in gone:
            self._forget(id)

    def all(self) -> list[Failure]:
        return list(self._held.values())

    async def replay(self, request_id: str, target: Queue, now: float) -> bool:
        """Have an event run again as if it had just come; False where there is none such.

        Args:
            request_id: The event's.
            target: The function's queue.
            now: Seconds since the epoch, from which its age counts anew.

        Raises:
            StorageError: It could not be written down, and is still here.
        """
        failure = self._held.get(request_id)
        if failure is None or request_id in self._replaying:
            return False
        event = replace(failure.event, attempts=0, accepted=now)
        self._replaying.add(request_id)
        try:
            await self._queue.hand_over(failure.handle, target, event.draft())
        except QueueError:
            # Kept for as long as failures are kept.
            self._forget(request_id)
            return False
        finally:
            self._replaying.discard(request_id)
        self._forget(request_id)
        return True

    def find(self, request_id: str) -> Failure | None:
        return self._held.get(request_id)


def _failure(message: Received) -> Failure:
    headers = orjson.loads(message.headers)
    return Failure(
        event=from_message(message),
        function_arn=headers["function"],
        condition=headers["condition"],
        error=headers["error"],
        ended=headers["ended"],
        handle=message.handle,
    )
