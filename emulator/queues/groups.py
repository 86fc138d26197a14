"""FIFO queues: the messages of a group in strict order, groups beside one another.

Groups take turns, as recorded from AWS: one that was served, and has messages to offer again, goes
behind those that wait already, so that no group keeps the others from their turn.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from dataclasses import dataclass, field

from emulator.queues import rules
from emulator.queues.errors import ExpiredHandle
from emulator.queues.message import Message, MessageState
from emulator.queues.order import Tally
from emulator.queues.spill import CHUNK


@dataclass(slots=True, eq=False)
class _Group:
    """The messages of one MessageGroupId in memory."""

    #: In order of position; only the first can be received.
    waiting: deque[Message] = field(default_factory=deque)
    in_flight: dict[int, Message] = field(default_factory=dict)
    #: Whether the group is in line for receives.
    offered: bool = False

    def barrier(self) -> float:
        """Return the position from which messages wait for one in flight before them."""
        return min((m.position for m in self.in_flight.values()), default=float("inf"))

    def head(self) -> Message | None:
        """Return the message that can be received now."""
        while self.waiting and self.waiting[0].state is MessageState.GONE:
            self.waiting.popleft()
        if not self.waiting:
            return None
        first = self.waiting[0]
        if first.state is not MessageState.READY or first.position >= self.barrier():
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


class GroupOrder:
    """An :class:`emulator.queues.order.Order` of groups. Each message needs a ``group``."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._groups: dict[str, _Group] = {}
        #: Groups in line: those whose first message is available, and some where it no longer is.
        self._line: deque[tuple[str, _Group]] = deque()

    def __len__(self) -> int:
        return len(self._groups)

    def position(self, id: int, available_at: float) -> int:
        return id

    def admitted(self, message: Message) -> None:
        group = self._groups.setdefault(message.group or "", _Group())
        if message.state is MessageState.IN_FLIGHT:
            group.in_flight[message.id] = message
        else:
            group.put(message)

    def ready(self, message: Message) -> None:
        group = self._groups[message.group or ""]
        if group.in_flight.pop(message.id, None) is not None:
            group.put(message)
        self._offer(message.group or "", group)

    def _offer(self, name: str, group: _Group) -> None:
        if group.head() is not None:
            if not group.offered:
                group.offered = True
                self._line.append((name, group))
        elif not group.waiting and not group.in_flight:
            self._groups.pop(name, None)

    def leased(self, message: Message) -> None:
        self._groups[message.group or ""].in_flight[message.id] = message

    def set_aside(self, message: Message) -> None:
        group = self._groups[message.group or ""]
        del group.in_flight[message.id]
        group.put(message)
        self._offer(message.group or "", group)

    def left(self, message: Message) -> None:
        name = message.group or ""
        group = self._groups.get(name)
        if group is None:
            return
        if group.in_flight.pop(message.id, None) is None and message in group.waiting:
            group.waiting.remove(message)
        self._offer(name, group)

    def clear(self) -> None:
        self._groups.clear()
        self._line.clear()

    def pick(self) -> Generator[Message]:
        while self._line:
            name, group = self._line.popleft()
            if group.head() is None or self._groups.get(name) is not group:
                group.offered = False
                continue
            # What this very receive takes does not stand in its own way.
            barrier = group.barrier()
            try:
                while (
                    group.waiting
                    and group.waiting[0].state is MessageState.READY
                    and group.waiting[0].position < barrier
                ):
                    yield group.waiting.popleft()
            finally:
                group.offered = False
                if self._groups.get(name) is group:
                    self._offer(name, group)

    def room(self) -> int:
        return rules.FIFO_LOOK_AHEAD - self._tally.total

    def runs_low(self) -> bool:
        return self.room() >= CHUNK

    def bound(self) -> int | None:
        return None

    def check_handle(self, message: Message, receives: int) -> None:
        # A higher number than is known was handed out just before a crash.
        if (
            message.state not in (MessageState.IN_FLIGHT, MessageState.LEAVING)
            or receives < message.receives
        ):
            raise ExpiredHandle(message.message_id)
