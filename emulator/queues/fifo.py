"""FIFO queues: groups in strict order, and each message sent once within five minutes."""

from __future__ import annotations

import asyncio
import heapq
from collections import deque
from collections.abc import Generator, Sequence
from dataclasses import dataclass, field

from emulator.model.errors import StorageError
from emulator.model.journal import DeduplicationRecord
from emulator.queues import rules
from emulator.queues.errors import AttemptNotRetryable, ExpiredHandle
from emulator.queues.memory import Host
from emulator.queues.message import Draft, Message, Sent, State
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.queues.spill import CHUNK


@dataclass(slots=True, eq=False)
class _Group:
    """The messages of one MessageGroupId in memory."""

    #: In order of position; only the first can be received.
    waiting: deque[Message] = field(default_factory=deque)
    in_flight: dict[int, Message] = field(default_factory=dict)
    #: The position under which the group is offered to receives; 0 where it is not.
    offered: int = 0

    def barrier(self) -> float:
        """Return the position from which messages wait for one in flight before them."""
        return min((m.position for m in self.in_flight.values()), default=float("inf"))

    def head(self) -> Message | None:
        """Return the message that can be received now."""
        while self.waiting and self.waiting[0].state is State.GONE:
            self.waiting.popleft()
        if not self.waiting:
            return None
        first = self.waiting[0]
        if first.state is not State.READY or first.position >= self.barrier():
            return None
        return first

    def put(self, message: Message) -> None:
        """Put a message where its position says: nearly always at one of the ends."""
        waiting = self.waiting
        if not waiting or waiting[-1].position < message.position:
            waiting.append(message)
        elif message.position < waiting[0].position:
            waiting.appendleft(message)
        else:
            index = next(i for i, m in enumerate(waiting) if m.position > message.position)
            waiting.insert(index, message)


@dataclass(slots=True, eq=False)
class _Remembered:
    """A send that its repetitions are answered with."""

    expires_at: float
    sent: Sent
    #: Its commit, while that is under way.
    pending: asyncio.Future[None] | None = None


@dataclass(slots=True, eq=False)
class _Attempt:
    """A receive that may be repeated under its id."""

    expires_at: float
    taken: list[tuple[Message, int, float]]


class FifoQueue(Queue):
    """See :class:`emulator.queues.queue.Queue`. Each draft needs a ``group``."""

    def __init__(self, host: Host, id: int, name: str, settings: QueueSettings, body: str) -> None:
        super().__init__(host, id, name, settings, body)
        self._groups: dict[str, _Group] = {}
        #: Groups whose head may be available, by its position. Entries may be out of date.
        self._eligible: list[tuple[int, str]] = []
        self._sends: dict[bytes, _Remembered] = {}
        self._attempts: dict[str, _Attempt] = {}

    async def restore(self) -> None:
        now = self._host.clock.now()
        for record in await self._host.journal.load_deduplications(self.id, now):
            sent = Sent(record.message_id, record.position)
            self._sends[record.key] = _Remembered(record.expires_at, sent)
        await super().restore()

    # -- sending ------------------------------------------------------------------------------

    async def send_many(self, drafts: Sequence[Draft]) -> list[Sent]:
        now = self._host.clock.now()
        self._forget_sends(now)
        sent: list[Sent] = []
        messages: list[Message] = []
        keys: list[bytes] = []
        waits: list[asyncio.Future[None]] = []
        for draft in drafts:
            assert draft.group is not None
            id = rules.deduplication_id(draft.deduplication, draft.body, self.settings)
            known = self._known(id, draft.group, now) if id is not None else None
            if known is not None:
                sent.append(known.sent)
                if known.pending is not None:
                    waits.append(known.pending)
                continue
            message = self._message(draft._replace(deduplication=id))
            messages.append(message)
            sent.append(Sent(message.message_id, message.position))
            if id is not None:
                key = rules.deduplication_key(id, draft.group, self.settings)
                expires_at = now + rules.DEDUPLICATION_INTERVAL
                self._sends[key] = _Remembered(expires_at, sent[-1])
                keys.append(key)
        if messages:
            records = [
                DeduplicationRecord(self.id, key, r.expires_at, *r.sent)
                for key, r in ((key, self._sends[key]) for key in keys)
            ]
            committed = self._append(messages, records)
            for key in keys:
                self._sends[key].pending = committed
            waits.append(committed)
        for wait in waits:
            # Shielded: a caller that goes away must not take the others' commit along.
            await asyncio.shield(wait)
        return sent

    def _known(self, id: str, group: str, now: float) -> _Remembered | None:
        """Return the send that one with this deduplication id repeats.

        What was sent under the scope "queue" is remembered for the queue after the scope became
        "messageGroup", as recorded from AWS.
        """
        for scope in {self.settings.deduplication_scope, "queue"}:
            settings = self.settings.with_(deduplication_scope=scope)
            known = self._sends.get(rules.deduplication_key(id, group, settings))
            if known is not None and known.expires_at > now:
                return known
        return None

    def _sent(self, messages: list[Message], error: StorageError | None) -> None:
        ids = {message.message_id for message in messages}
        for message in messages:
            if message.deduplication is None or message.group is None:
                continue
            key = rules.deduplication_key(message.deduplication, message.group, self.settings)
            known = self._sends.get(key)
            if known is not None and known.sent.message_id in ids:
                known.pending = None
                if error is not None:
                    del self._sends[key]

    def _forget_sends(self, now: float) -> None:
        # In order of insertion, which is that of expiry.
        while self._sends:
            key = next(iter(self._sends))
            if self._sends[key].expires_at > now:
                return
            del self._sends[key]

    # -- order --------------------------------------------------------------------------------

    def _position(self, id: int, available_at: float) -> int:
        return id

    def _admitted(self, message: Message) -> None:
        group = self._groups.setdefault(message.group or "", _Group())
        if message.state is State.IN_FLIGHT:
            group.in_flight[message.id] = message
        else:
            group.put(message)

    def _ready(self, message: Message) -> None:
        group = self._groups[message.group or ""]
        if group.in_flight.pop(message.id, None) is not None:
            group.put(message)
        self._offer(message.group or "", group)

    def _offer(self, name: str, group: _Group) -> None:
        head = group.head()
        if head is not None:
            if head.position != group.offered:
                group.offered = head.position
                heapq.heappush(self._eligible, (head.position, name))
        elif not group.waiting and not group.in_flight:
            self._groups.pop(name, None)

    def _pick(self) -> Generator[Message]:
        while self._eligible:
            position, name = heapq.heappop(self._eligible)
            group = self._groups.get(name)
            if group is None:
                continue
            if group.offered == position:
                group.offered = 0
            head = group.head()
            if head is None or head.position != position:
                continue
            # What this very receive takes does not stand in its own way.
            barrier = group.barrier()
            try:
                while (
                    group.waiting
                    and group.waiting[0].state is State.READY
                    and group.waiting[0].position < barrier
                ):
                    yield group.waiting.popleft()
            finally:
                if name in self._groups:
                    self._offer(name, group)

    def _leased(self, message: Message) -> None:
        self._groups[message.group or ""].in_flight[message.id] = message

    def _set_aside(self, message: Message) -> None:
        group = self._groups[message.group or ""]
        del group.in_flight[message.id]
        group.put(message)
        self._offer(message.group or "", group)

    def _left(self, message: Message) -> None:
        name = message.group or ""
        group = self._groups.get(name)
        if group is None:
            return
        if group.in_flight.pop(message.id, None) is None and message in group.waiting:
            group.waiting.remove(message)
        self._offer(name, group)

    def _clear(self) -> None:
        self._groups.clear()
        self._eligible.clear()
        self._attempts.clear()

    def _room(self) -> int:
        return rules.FIFO_LOOK_AHEAD - len(self._messages)

    def _runs_low(self) -> bool:
        return self._room() >= CHUNK

    # -- receipt handles and attempts ---------------------------------------------------------

    def _check_handle(self, message: Message, receives: int, now: float) -> None:
        # A higher number than is known was handed out just before a crash.
        if message.state not in (State.IN_FLIGHT, State.LEAVING) or receives < message.receives:
            raise ExpiredHandle(message.message_id)

    def _repeat(self, attempt: str, visibility: float | None) -> list[Message]:
        now = self._host.clock.now()
        self._wake(now)
        known = self._attempts.get(attempt)
        if known is None or known.expires_at <= now:
            return []
        for message, receives, visible_at in known.taken:
            if visible_at <= now:
                # Its visibility ended, so that this is a new receive.
                del self._attempts[attempt]
                return []
            if message.receives != receives or message.visible_at != visible_at:
                raise AttemptNotRetryable(attempt)
            if message.state is not State.IN_FLIGHT:
                raise AttemptNotRetryable(attempt)
        timeout = self.settings.visibility if visibility is None else visibility
        taken = [message for message, _, _ in known.taken]
        for message in taken:
            self._hide(message, timeout, now)
        return taken

    def _remember(self, attempt: str, taken: list[Message]) -> None:
        now = self._host.clock.now()
        for old in [a for a, known in self._attempts.items() if known.expires_at <= now]:
            del self._attempts[old]
        self._attempts[attempt] = _Attempt(
            now + rules.ATTEMPT_INTERVAL, [(m, m.receives, m.visible_at) for m in taken]
        )
