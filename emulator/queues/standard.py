"""Standard queues: at least once, in the order messages become available."""

from __future__ import annotations

from collections import deque
from collections.abc import Generator

from emulator.queues.message import Message, MessageState
from emulator.queues.order import Tally
from emulator.queues.spill import LOW_WATER, WINDOW


class StandardOrder:
    """An :class:`emulator.queues.order.Order` by the time of availability."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        self._available: deque[Message] = deque()

    def position(self, id: int, available_at: float) -> int:
        return int(available_at * 1e6)

    def admitted(self, message: Message) -> None: ...

    def ready(self, message: Message) -> None:
        self._available.append(message)

    def leased(self, message: Message) -> None: ...

    def set_aside(self, message: Message) -> None: ...

    def left(self, message: Message) -> None:
        # Those that are gone stay in line until it is more than twice too long.
        if len(self._available) > 1000 + 2 * self._tally.ready:
            self._available = deque(m for m in self._available if m.state is MessageState.READY)

    def clear(self) -> None:
        self._available.clear()

    def pick(self) -> Generator[Message]:
        while self._available:
            message = self._available.popleft()
            # Others were deleted while they waited.
            if message.state is MessageState.READY:
                yield message

    def room(self) -> int:
        return WINDOW - self._tally.waiting

    def runs_low(self) -> bool:
        return self._tally.waiting < LOW_WATER

    def bound(self) -> int | None:
        # The front grows where messages that are due early follow many that are due late.
        return WINDOW if self._tally.waiting > 2 * WINDOW else None

    def check_handle(self, message: Message, receives: int) -> None: ...
