"""Standard queues: at least once, the oldest available message first.

AWS promises no order. Recorded is that a message which comes back is received before younger ones.
"""

from __future__ import annotations

import heapq
from collections.abc import Generator
from itertools import count

from emulator.queues.message import Message, MessageState
from emulator.queues.order import Tally
from emulator.queues.spill import LOW_WATER, WINDOW


class StandardOrder:
    """An :class:`emulator.queues.order.Order` by when a message first became available."""

    def __init__(self, tally: Tally) -> None:
        self._tally = tally
        #: A heap. Some of it is not available any more, or is there twice.
        self._available: list[tuple[int, int, int, Message]] = []
        self._ties = count()

    def position(self, id: int, available_at: float) -> int:
        return int(available_at * 1e6)

    def admitted(self, message: Message) -> None: ...

    def ready(self, message: Message) -> None:
        heapq.heappush(self._available, (*message.key, next(self._ties), message))

    def leased(self, message: Message) -> None: ...

    def set_aside(self, message: Message) -> None: ...

    def left(self, message: Message) -> None:
        # Those that are gone stay in line until it is more than twice too long.
        if len(self._available) > 1000 + 2 * self._tally.ready:
            ready = {e[3].id: e for e in self._available if e[3].state is MessageState.READY}
            self._available = sorted(ready.values())

    def clear(self) -> None:
        self._available.clear()

    def pick(self) -> Generator[Message]:
        while self._available:
            message = heapq.heappop(self._available)[3]
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
