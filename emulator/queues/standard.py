"""Standard queues: at least once, in the order messages become available."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from itertools import islice

from emulator.queues.memory import Host
from emulator.queues.message import Message, State
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.queues.spill import LOW_WATER, WINDOW


class StandardQueue(Queue):
    """See :class:`emulator.queues.queue.Queue`."""

    def __init__(self, host: Host, id: int, name: str, settings: QueueSettings, body: str) -> None:
        super().__init__(host, id, name, settings, body)
        self._available: deque[Message] = deque()

    def _position(self, id: int, available_at: float) -> int:
        return int(available_at * 1e6)

    def _ready(self, message: Message) -> None:
        self._available.append(message)

    def _pick(self) -> Generator[Message]:
        while self._available:
            message = self._available.popleft()
            # Others were deleted while they waited.
            if message.state is State.READY:
                yield message

    def _left(self, message: Message) -> None:
        if len(self._available) > 1000 + 2 * self._counts[State.READY]:
            self._available = deque(m for m in self._available if m.state is State.READY)

    def _clear(self) -> None:
        self._available.clear()

    def _room(self) -> int:
        return WINDOW - self._waiting()

    def _runs_low(self) -> bool:
        return self._waiting() < LOW_WATER

    def _admitted(self, message: Message) -> None:
        if self._waiting() > 2 * WINDOW and self._loading is None:
            self._evict()

    def _evict(self) -> None:
        """Leave the end of a front that grew too long to the disk again.

        It grows where messages that are due early follow many that are due late.
        """
        received = (m.key for m in self._messages.values() if m.receives)
        waiting = sorted((m for m in self._messages.values() if not m.receives), key=_key)
        cursor = max([waiting[WINDOW].key, *received])
        now = self._host.clock.now()
        for message in islice(waiting, WINDOW, None):
            if message.key > cursor and message.state is not State.LEAVING:
                self._spill.add(message.visible_at, now)
                self._forget(message)
        self._spill.cursor = max(m.key for m in self._messages.values())
        self._available = deque(m for m in self._available if m.state is State.READY)


def _key(message: Message) -> tuple[int, int]:
    return message.key
