"""The queue engine: all queues of the emulator over one journal."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable, Iterator
from typing import Any

from emulator.model.clock import Clock, Timer
from emulator.model.errors import StorageError
from emulator.model.journal import Journal, QueueRecord
from emulator.queues import rules
from emulator.queues.commits import begin_commit
from emulator.queues.errors import QueueExists, QueueNotFound
from emulator.queues.message import Draft, Message, Received
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.queues.sending import stage_all, write
from emulator.queues.spill import PayloadBudget

log = logging.getLogger(__name__)

#: Seconds for which a changed lease may wait to be written: after a crash, a message in flight
#: may be visible again that much too early, which at-least-once delivery allows.
LEASE_DELAY = 0.05
#: Seconds between two looks for what is expired.
MAINTENANCE_INTERVAL = 60.0
#: Messages deleted per commit where many go, so that senders need not wait for all of them.
SWEEP = 1000
#: Bytes of payloads kept in memory over all queues.
PAYLOAD_BUDGET = 64 << 20


class Engine:
    """Owns the queues, from :meth:`resume` to :meth:`close`; used from one event loop.

    Attributes:
        journal: Where messages last.
        clock: Whose time everything goes by.
        budget: Bounds the payloads in memory.
    """

    def __init__(self, journal: Journal, clock: Clock, *, budget: int = PAYLOAD_BUDGET) -> None:
        self.journal = journal
        self.clock = clock
        self.budget = PayloadBudget(budget)
        self._queues: dict[str, Queue] = {}
        self._stored: dict[str, QueueRecord] = {}
        self._last_id = 0
        self._changed_leases: dict[int, Message] = {}
        self._lease_timer: Timer | None = None
        self._maintenance: Timer | None = None
        self._tasks: set[asyncio.Task[Any]] = set()
        self._closed = False
        #: Receives don't wait any more.
        self.draining = False

    @classmethod
    async def open(cls, journal: Journal, clock: Clock, *, budget: int = PAYLOAD_BUDGET) -> Engine:
        """Return an engine over what ``journal`` holds; its queues are opened one by one."""
        engine = cls(journal, clock, budget=budget)
        await engine.resume()
        return engine

    async def resume(self) -> None:
        """Take up what the journal holds; before anything else is asked of the engine."""
        self._last_id = await self.journal.last_id()
        self._stored = {record.name: record for record in await self.journal.load_queues()}
        self._plan_maintenance()
        self._collect_soon()

    async def close(self) -> None:
        """Drain, and write what is still to be written. The journal is closed by its owner."""
        self._closed = True
        self.drain()
        for timer in (self._lease_timer, self._maintenance):
            if timer is not None:
                timer.cancel()
        await self._write_leases()
        if self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def drain(self) -> None:
        """Answer parked receives with nothing, and let no others wait: the end is near."""
        self.draining = True
        for queue in self._queues.values():
            queue.end_polls()

    # -- queues -------------------------------------------------------------------------------

    def stored(self, prefix: str = "") -> list[QueueRecord]:
        """Return the queues the journal knew at open whose name starts with ``prefix``."""
        return [record for name, record in self._stored.items() if name.startswith(prefix)]

    async def open_queue(self, name: str, settings: QueueSettings, body: str = "{}") -> Queue:
        """Open a stored queue, or create it; a stored one keeps its own ``body``.

        Raises:
            QueueExists: It is open already.
            StorageError: It could not be created.
        """
        if name in self._queues:
            raise QueueExists(name)
        stored = self._stored.get(name)
        if stored is not None:
            queue = Queue(self, stored.id, name, settings, stored.body)
            self._queues[name] = queue
            await queue.restore()
            return queue
        queue = Queue(self, 0, name, settings, body)
        # Taken before the await, so that of two creators one is told.
        self._queues[name] = queue
        try:
            queue.created(await self.journal.create_queue(name, body))
        except BaseException:
            del self._queues[name]
            raise
        return queue

    def find(self, name: str) -> Queue | None:
        """Return the open queue of this name."""
        return self._queues.get(name)

    def queue(self, name: str) -> Queue:
        """Return the open queue of this name.

        Raises:
            QueueNotFound: There is none.
        """
        try:
            return self._queues[name]
        except KeyError:
            raise QueueNotFound(name) from None

    def __iter__(self) -> Iterator[Queue]:
        return iter(self._queues.values())

    async def update_queue(self, name: str, settings: QueueSettings, body: str) -> None:
        """Change how a queue behaves and what is kept with it, durably.

        Raises:
            QueueNotFound, StorageError
        """
        queue = self.queue(name)
        await self.journal.update_queue(queue.id, body)
        queue.change(settings, body)

    async def drop_queue(self, name: str) -> None:
        """Delete a queue and, soon after, its messages. Parked receives are answered.

        Raises:
            QueueNotFound, StorageError
        """
        queue = self.queue(name)
        await self.journal.drop_queue(queue.id)
        self._queues.pop(name, None)
        self._stored.pop(name, None)
        queue.ended()
        self._collect_soon()

    async def purge_queue(self, name: str) -> None:
        """Delete all messages of a queue, at a cost that does not grow with them.

        Raises:
            QueueNotFound, StorageError
        """
        queue = self.queue(name)
        queue.purged(await self.journal.purge_queue(queue.id, name, queue.body))
        self._collect_soon()

    async def send_together(self, items: Iterable[tuple[Queue, Draft]]) -> None:
        """Send messages to several queues in one commit; returns when they are on the disk.

        Args:
            items: Each message with its queue. The messages of one queue keep their order.

        Raises:
            StorageFull, StorageError: None of them was sent.
        """
        committed = begin_commit()
        await write(self.journal, stage_all(items, committed), committed)

    async def transfer(self, message: Received, source: Queue, target: Queue) -> None:
        """Move a received message to another queue as a new message, in one commit.

        It gets a new id and its retention starts over, as at AWS's dead-letter redrive.

        Raises:
            InvalidHandle, ExpiredHandle, StorageError: It stays where it is.
        """
        draft = Draft(
            message.body,
            message.headers,
            delay=0.0,
            group=message.group,
            deduplication=message.deduplication,
        )
        await source.hand_over(message.handle, target, draft)

    # -- what queues need (host.Host) ---------------------------------------------------------

    def next_id(self) -> int:
        """Return a new id for a message."""
        self._last_id = rules.next_id(self._last_id, self.clock.now())
        return self._last_id

    def lease_changed(self, message: Message) -> None:
        self._changed_leases[message.id] = message
        if self._lease_timer is None and not self._closed:
            self._lease_timer = self.clock.call_later(LEASE_DELAY, self._lease_due)

    def forget_lease(self, message: Message) -> None:
        self._changed_leases.pop(message.id, None)

    def keep(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._task_ended)

    def _task_ended(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            bug = None if isinstance(error, StorageError) else error
            log.error("the queue engine could not do its work: %s", error, exc_info=bug)

    # -- in the background --------------------------------------------------------------------

    def _lease_due(self) -> None:
        self._lease_timer = None
        self.keep(asyncio.get_running_loop().create_task(self._write_leases()))

    async def _write_leases(self) -> None:
        if self._changed_leases:
            changed, self._changed_leases = self._changed_leases, {}
            try:
                await self.journal.lease([message.lease() for message in changed.values()])
            except StorageError:
                # Written with those that change next.
                self._changed_leases = {**changed, **self._changed_leases}
                raise

    def _plan_maintenance(self) -> None:
        self._maintenance = self.clock.call_later(MAINTENANCE_INTERVAL, self._maintenance_due)

    def _maintenance_due(self) -> None:
        if not self._closed:
            self.keep(asyncio.get_running_loop().create_task(self.maintain()))
            self._plan_maintenance()

    async def maintain(self) -> None:
        """Delete what is expired and what dropped queues left behind."""
        now = self.clock.now()
        await self.journal.forget_deduplications(now)
        for queue in list(self._queues.values()):
            await queue.expire(now, SWEEP)
        await self._collect()

    def _collect_soon(self) -> None:
        self.keep(asyncio.get_running_loop().create_task(self._collect()))

    async def _collect(self) -> None:
        while not self._closed and await self.journal.collect(SWEEP):
            pass
