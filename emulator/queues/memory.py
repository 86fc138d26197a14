"""The part of a queue that is in memory: its front, everything in flight, and counters.

Memory and disk share the journal's order: everything up to the spill's cursor is in memory, what
follows is on the disk only. :class:`Memory` keeps that true while messages are published, loaded,
received and removed; an :class:`emulator.queues.order.Order` says how they wait.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Callable, Collection
from itertools import count, islice
from typing import NamedTuple

from emulator.model.journal import WindowRecord
from emulator.queues.flow import Flow
from emulator.queues.groups import GroupOrder
from emulator.queues.host import Host
from emulator.queues.message import Message, MessageState
from emulator.queues.order import Order, Tally
from emulator.queues.rules import QueueSettings
from emulator.queues.spill import CHUNK, PAYLOAD_LIMIT, Spill
from emulator.queues.standard import StandardOrder

_WAITING = (MessageState.DELAYED, MessageState.IN_FLIGHT)


class Counts(NamedTuple):
    """ApproximateNumberOfMessages, …NotVisible and …Delayed."""

    visible: int
    in_flight: int
    delayed: int


class Memory:
    """The messages of one queue that are in memory.

    Attributes:
        id: The queue's number in the journal; another one after a purge, negative after its end.
        settings: How the queue behaves.
        messages: By id.
        pending: Written, but not known to be committed; by id.
        order: How they wait.
        flow: Counts what goes through; None: nobody watches.
    """

    def __init__(self, host: Host, id: int, settings: QueueSettings) -> None:
        self.id = id
        self.settings = settings
        self.messages: dict[int, Message] = {}
        self.pending: dict[int, Message] = {}
        self.tally = Tally()
        self.flow: Flow | None = None
        make_order: type[GroupOrder] | type[StandardOrder] = (
            GroupOrder if settings.fifo else StandardOrder
        )
        self.order: Order = make_order(self.tally)
        self._host = host
        self._due: list[tuple[float, int, Message]] = []
        self._ties = count()
        self._spill = Spill()
        self._loading: asyncio.Task[None] | None = None
        #: Messages published, and ids of messages removed, while a part is being loaded.
        self._late: list[Message] = []
        self._removed: set[int] = set()

    async def count_stored(self) -> int:
        """Count, and return, what the disk has."""
        found, later = await self._host.journal.depth(self.id, self._host.clock.now())
        # A FIFO queue's positions don't tell when its messages are available.
        self._spill.reset(found, {} if self.settings.fifo else dict(later))
        return found

    # -- counting -----------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Return how many messages there are, at no cost that grows with them."""
        now = self._host.clock.now()
        self.make_due_available(now)
        later = self._spill.delayed(now)
        return Counts(
            self.tally.ready + self._spill.count - later,
            self.tally.in_flight,
            self.tally.delayed + later,
        )

    @property
    def is_empty(self) -> bool:
        """Whether no message is in memory or on the disk."""
        return not self.messages and not self._spill.count

    # -- coming and going ---------------------------------------------------------------------

    def publish(self, message: Message) -> None:
        """Bring a committed message to memory, or leave it to the disk."""
        now = self._host.clock.now()
        spill = self._spill
        if self._loading is None and (
            message.key <= spill.cursor or (not spill.count and self.order.room() > 0)
        ):
            self.admit(message, now)
            return
        spill.add(message.visible_at, now)
        if self._loading is None:
            message.payload = None
        else:
            # Whether the part being loaded includes it is known when that is here.
            self._late.append(message)

    def admit(self, message: Message, now: float) -> None:
        """Take a message into memory."""
        if not self._spill.count:
            self._spill.cursor = max(self._spill.cursor, message.key)
        if message.payload is not None and not self._host.budget.take(message.size):
            message.payload = None
        self.messages[message.id] = message
        if message.visible_at <= now:
            message.state = MessageState.READY
        else:
            message.state = MessageState.IN_FLIGHT if message.held else MessageState.DELAYED
        self.tally.add(message)
        self.order.admitted(message)
        if message.state is MessageState.READY:
            self.order.ready(message)
        else:
            self.push_due(message)
        bound = self.order.bound()
        if bound is not None and self._loading is None:
            self._evict(bound, now)

    def forget(self, message: Message) -> None:
        """Take a message out of memory."""
        del self.messages[message.id]
        self.tally.move(message, MessageState.GONE)
        self.drop_payload(message)
        self._host.forget_lease(message)
        self.order.left(message)

    def _evict(self, bound: int, now: float) -> None:
        """Leave the end of a front that grew too long to the disk again."""
        received = (m.key for m in self.messages.values() if m.receives)
        waiting = sorted((m for m in self.messages.values() if not m.receives), key=_key)
        cursor = max([waiting[bound].key, *received])
        for message in islice(waiting, bound, None):
            if message.key > cursor and message.state is not MessageState.LEAVING:
                self._spill.add(message.visible_at, now)
                self.forget(message)
        self._spill.cursor = max(m.key for m in self.messages.values())

    def removed(self, ids: Collection[int], deleted: int) -> None:
        """Forget messages deleted from the disk, ``deleted`` of ``ids`` that were still there."""
        for id in ids:
            message = self.messages.get(id)
            if message is not None:
                self.forget(message)
                deleted -= 1
            elif self._loading is not None:
                self._removed.add(id)
        self._spill.count = max(0, self._spill.count - max(0, deleted))

    def drop_payload(self, message: Message) -> None:
        """Leave a payload to the disk."""
        if message.payload is not None:
            self._host.budget.give(message.size)
            message.payload = None

    def reset(self, id: int) -> None:
        """Start over, empty, under another id."""
        for message in self.messages.values():
            message.state = MessageState.GONE
            self.drop_payload(message)
            self._host.forget_lease(message)
        self.id = id
        self.messages.clear()
        self.tally.clear()
        self._due.clear()
        self._spill.reset()
        self.order.clear()

    # -- time ---------------------------------------------------------------------------------

    def push_due(self, message: Message) -> None:
        """Have a message become available at its ``visible_at``."""
        heapq.heappush(self._due, (message.visible_at, next(self._ties), message))
        live = self.tally.delayed + self.tally.in_flight
        if len(self._due) > 1000 + 4 * live:
            # Deleted messages leave their entries behind.
            self._due = [entry for entry in self._due if _is_due(entry)]
            heapq.heapify(self._due)

    def make_due_available(self, now: float) -> None:
        """Make available what is due."""
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            if _is_due(entry):
                self.tally.move(entry[2], MessageState.READY)
                self.order.ready(entry[2])

    def next_due(self) -> float | None:
        """Return when the next message becomes available; None where none is to."""
        while self._due and not _is_due(self._due[0]):
            heapq.heappop(self._due)
        return self._due[0][0] if self._due else None

    # -- from the disk ------------------------------------------------------------------------

    def must_load(self) -> bool:
        """Return whether there is more on the disk, and room for it."""
        return self._spill.count > 0 and self.order.room() > 0

    def load(self, then: Callable[[], None]) -> asyncio.Task[None]:
        """Fill up the front from the disk, one part at a time.

        Args:
            then: Called when it is here.
        """
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load_part(then))
            self._host.keep(self._loading)
        return self._loading

    async def _load_part(self, then: Callable[[], None]) -> None:
        epoch = self.id
        limit = max(1, min(CHUNK, self.order.room()))
        try:
            rows = await self._host.journal.window(epoch, self._spill.cursor, limit, PAYLOAD_LIMIT)
        finally:
            late, self._late = self._late, []
            removed, self._removed = self._removed, set()
            self._loading = None
        if epoch == self.id:
            self._take_in(rows, late, removed, complete=len(rows) < limit)
            then()

    def _take_in(
        self, rows: list[WindowRecord], late: list[Message], removed: set[int], *, complete: bool
    ) -> None:
        now = self._host.clock.now()
        loaded = set()
        for row in rows:
            self._spill.cursor = (row.position, row.id)
            # One that is pending is committed, and will be published in a moment.
            if row.id not in removed and row.id not in self.pending:
                loaded.add(row.id)
                message = stored_message(row, self.settings)
                # Counted by what they waited for on the disk, not by what receives made of it.
                later = message.visible_at if self.settings.fifo else row.position / 1e6
                self._spill.take(later)
                self.admit(message, now)
        left = 0
        for message in late:
            if message.id in loaded or message.id in removed:
                continue
            if message.key <= self._spill.cursor:
                self._spill.take(message.visible_at)
                self.admit(message, now)
            else:
                message.payload = None
                left += 1
        if complete:
            # The end of the disk was seen: the counter is put right.
            self._spill.end(left)


def _key(message: Message) -> tuple[int, int]:
    return message.key


def _is_due(entry: tuple[float, int, Message]) -> bool:
    at, _, message = entry
    return message.state in _WAITING and message.visible_at == at


def stored_message(row: WindowRecord, settings: QueueSettings) -> Message:
    """Return a message as the disk has it."""
    # A standard queue's position is when its message becomes available.
    available_at = row.sent_at if settings.fifo else row.position / 1e6
    return Message(
        id=row.id,
        position=row.position,
        sent_at=row.sent_at,
        message_id=row.message_id,
        group=row.group,
        deduplication=row.deduplication,
        source=row.source,
        size=row.size,
        payload=None if row.headers is None or row.body is None else (row.headers, row.body),
        visible_at=available_at
        if row.visible_at is None or not settings.lasting_leases
        else row.visible_at,
        receives=row.receives or 0,
        uncounted=row.uncounted or 0,
        first_received_at=row.first_received_at or 0.0,
        held=bool(row.held),
    )
