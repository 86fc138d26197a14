"""What of a queue is in memory: its front, everything in flight, and counters.

Memory and disk share the journal's order: everything up to the spill's cursor is in memory, what
follows is on the disk only. :class:`Memory` keeps that true while messages are published, loaded,
received and removed; standard and FIFO queues say how messages wait.
"""

from __future__ import annotations

import asyncio
import heapq
from abc import ABC, abstractmethod
from collections.abc import Collection, Generator
from itertools import count
from typing import Any, NamedTuple, Protocol

from emulator.model.clock import Clock, Timer
from emulator.model.journal import Journal, WindowRecord
from emulator.queues.message import Message, State
from emulator.queues.polls import Polls
from emulator.queues.rules import QueueSettings
from emulator.queues.spill import CHUNK, PAYLOAD_LIMIT, PayloadBudget, Spill

_WAITING = (State.DELAYED, State.IN_FLIGHT)


class Counts(NamedTuple):
    """ApproximateNumberOfMessages, …NotVisible and …Delayed."""

    visible: int
    in_flight: int
    delayed: int


class Host(Protocol):
    """What a queue needs of the engine it is part of."""

    @property
    def journal(self) -> Journal: ...

    @property
    def clock(self) -> Clock: ...

    @property
    def budget(self) -> PayloadBudget: ...

    @property
    def draining(self) -> bool:
        """Return whether receives must not wait any more."""
        ...

    def next_id(self) -> int: ...

    def find(self, name: str) -> Any:
        """Return the open queue of this name, or None."""
        ...

    def touched(self, message: Message) -> None:
        """The lease of a message changed: to be written soon."""
        ...

    def forgotten(self, message: Message) -> None:
        """Its lease need not be written any more."""
        ...

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a background task, and tell if it fails."""
        ...


class Memory(ABC):
    """The state of one queue; :class:`emulator.queues.queue.Queue` adds what is done to it."""

    def __init__(self, host: Host, id: int, name: str, settings: QueueSettings) -> None:
        self.id = id
        self.name = name
        self.settings = settings
        self._host = host
        self._messages: dict[int, Message] = {}
        #: Written, but not known to be committed.
        self._pending: dict[int, Message] = {}
        self._counts = [0] * len(State)
        self._due: list[tuple[float, int, Message]] = []
        self._ties = count()
        self._polls = Polls(host.clock)
        self._alarm: Timer | None = None
        self._alarm_at = 0.0
        self._spill = Spill()
        self._loading: asyncio.Task[None] | None = None
        #: What was published, and what was removed, while a part is being loaded.
        self._late: list[Message] = []
        self._removed: set[int] = set()

    # -- how messages wait: standard and FIFO differ ------------------------------------------

    @abstractmethod
    def _ready(self, message: Message) -> None:
        """A message became available."""

    @abstractmethod
    def _pick(self) -> Generator[Message]:
        """Yield, taking them out, the messages that one receive may have, in order."""

    @abstractmethod
    def _left(self, message: Message) -> None:
        """A message was deleted, expired or moved away."""

    @abstractmethod
    def _clear(self) -> None:
        """All messages are gone."""

    @abstractmethod
    def _room(self) -> int:
        """Return how many more messages memory may hold."""

    @abstractmethod
    def _runs_low(self) -> bool:
        """Return whether the front should be filled up from the disk."""

    @abstractmethod
    def _serve(self) -> None:
        """Hand what is available to parked receives."""

    def _admitted(self, message: Message) -> None:  # noqa: B027 (a hook)
        """A message came to memory, available or not."""

    # -- counting -----------------------------------------------------------------------------

    def counts(self) -> Counts:
        """Return how many messages there are, at no cost that grows with them."""
        now = self._host.clock.now()
        self._wake(now)
        later = self._spill.delayed(now)
        return Counts(
            self._counts[State.READY] + self._spill.count - later,
            self._in_flight(),
            self._counts[State.DELAYED] + later,
        )

    def _in_flight(self) -> int:
        return self._counts[State.IN_FLIGHT] + self._counts[State.LEAVING]

    def _waiting(self) -> int:
        return self._counts[State.READY] + self._counts[State.DELAYED]

    def _to(self, message: Message, state: State) -> None:
        self._counts[message.state] -= 1
        self._counts[state] += 1
        message.state = state

    # -- coming and going ---------------------------------------------------------------------

    def _publish(self, message: Message) -> None:
        """A message is committed: bring it to memory, or leave it to the disk."""
        now = self._host.clock.now()
        spill = self._spill
        if self._loading is None and (
            message.key <= spill.cursor or (not spill.count and self._room() > 0)
        ):
            self._admit(message, now)
            return
        spill.add(message.visible_at, now)
        if self._loading is None:
            message.payload = None
        else:
            # Whether the part being loaded includes it is known when that is here.
            self._late.append(message)

    def _admit(self, message: Message, now: float) -> None:
        if not self._spill.count:
            self._spill.cursor = max(self._spill.cursor, message.key)
        if message.payload is not None and not self._host.budget.take(message.size):
            message.payload = None
        self._messages[message.id] = message
        if message.visible_at <= now:
            message.state = State.READY
        else:
            message.state = State.IN_FLIGHT if message.held else State.DELAYED
        self._counts[message.state] += 1
        self._admitted(message)
        if message.state is State.READY:
            self._ready(message)
        else:
            self._push_due(message)

    def _forget(self, message: Message) -> None:
        """Take a message out of memory."""
        del self._messages[message.id]
        self._to(message, State.GONE)
        self._drop_payload(message)
        self._host.forgotten(message)
        self._left(message)

    def _gone(self, ids: Collection[int], deleted: int) -> None:
        """Messages were deleted from the disk, ``deleted`` of ``ids`` that were still there."""
        for id in ids:
            message = self._messages.get(id)
            if message is not None:
                self._forget(message)
                deleted -= 1
            elif self._loading is not None:
                self._removed.add(id)
        self._spill.count = max(0, self._spill.count - max(0, deleted))

    def _drop_payload(self, message: Message) -> None:
        if message.payload is not None:
            self._host.budget.give(message.size)
            message.payload = None

    def _reset(self, id: int) -> None:
        """Start over, empty, under another id."""
        for message in self._messages.values():
            message.state = State.GONE
            self._drop_payload(message)
            self._host.forgotten(message)
        self.id = id
        self._messages.clear()
        self._counts = [0] * len(State)
        self._due.clear()
        self._spill.reset()
        self._clear()

    # -- time ---------------------------------------------------------------------------------

    def _push_due(self, message: Message) -> None:
        heapq.heappush(self._due, (message.visible_at, next(self._ties), message))
        live = self._counts[State.DELAYED] + self._in_flight()
        if len(self._due) > 1000 + 4 * live:
            # Deleted messages leave their entries behind.
            self._due = [entry for entry in self._due if _is_due(entry)]
            heapq.heapify(self._due)

    def _wake(self, now: float) -> None:
        """Make available what is due."""
        while self._due and self._due[0][0] <= now:
            entry = heapq.heappop(self._due)
            if _is_due(entry):
                self._to(entry[2], State.READY)
                self._ready(entry[2])

    def _arm(self) -> None:
        """Have parked receives served when the next message is due."""
        if not self._polls:
            return
        while self._due and not _is_due(self._due[0]):
            heapq.heappop(self._due)
        if not self._due:
            return
        at = self._due[0][0]
        if self._alarm is not None:
            if self._alarm_at <= at:
                return
            self._alarm.cancel()
        self._alarm_at = at
        delay = max(0.001, at - self._host.clock.now())
        self._alarm = self._host.clock.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self._serve()

    # -- from the disk ------------------------------------------------------------------------

    def _must_load(self) -> bool:
        return self._spill.count > 0 and self._room() > 0

    def _load(self) -> asyncio.Task[None]:
        """Fill up the front from the disk; one at a time."""
        if self._loading is None:
            self._loading = asyncio.get_running_loop().create_task(self._load_part())
            self._host.keep(self._loading)
        return self._loading

    async def _load_part(self) -> None:
        epoch = self.id
        limit = max(1, min(CHUNK, self._room()))
        try:
            rows = await self._host.journal.window(epoch, self._spill.cursor, limit, PAYLOAD_LIMIT)
        finally:
            late, self._late = self._late, []
            removed, self._removed = self._removed, set()
            self._loading = None
        if epoch == self.id:
            self._take_in(rows, late, removed, complete=len(rows) < limit)
            self._serve()

    def _take_in(
        self, rows: list[WindowRecord], late: list[Message], removed: set[int], *, complete: bool
    ) -> None:
        now = self._host.clock.now()
        loaded = set()
        for row in rows:
            self._spill.cursor = (row.position, row.id)
            # One that is pending is committed, and will be published in a moment.
            if row.id not in removed and row.id not in self._pending:
                loaded.add(row.id)
                message = stored_message(row, self.settings)
                # Counted by what they waited for on the disk, not by what receives made of it.
                later = message.visible_at if self.settings.fifo else row.position / 1e6
                self._spill.take(later)
                self._admit(message, now)
        left = 0
        for message in late:
            if message.id in loaded or message.id in removed:
                continue
            if message.key <= self._spill.cursor:
                self._spill.take(message.visible_at)
                self._admit(message, now)
            else:
                message.payload = None
                left += 1
        if complete:
            # Nothing else is on the disk, whatever the counter says.
            self._spill.end(left)


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
