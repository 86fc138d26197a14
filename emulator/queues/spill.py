"""The part of a deep queue that is on the disk only, and the budget of what is in memory.

Memory holds the front of a queue, in the journal's order; what follows stays in the journal until
the front is used up. So a million messages take no more memory than some thousands.
"""

from __future__ import annotations

#: Messages of one standard queue held in memory before the rest is left to the disk.
WINDOW = 8192
#: A window this empty is filled up (messages), with this many at a time.
LOW_WATER = 2048
CHUNK = 2048
#: Payloads up to this size are read together with the window; larger ones at the receive (bytes).
PAYLOAD_LIMIT = 4096


class Spill:
    """Counts what is on the disk only, and says where that part begins."""

    __slots__ = ("_later", "count", "cursor")

    def __init__(self) -> None:
        #: The place in the journal's order after which messages are on the disk only.
        self.cursor = (0, 0)
        self.count = 0
        #: Of those, the delayed ones, by the second they become available.
        self._later: dict[int, int] = {}

    def reset(self, count: int = 0, later: dict[int, int] | None = None) -> None:
        """Start over with ``count`` messages, all of them on the disk."""
        self.cursor = (0, 0)
        self.count = count
        self._later = later or {}

    def add(self, visible_at: float, now: float) -> None:
        """Leave a message to the disk."""
        self.count += 1
        if visible_at > now:
            second = int(visible_at)
            self._later[second] = self._later.get(second, 0) + 1

    def take(self, visible_at: float) -> None:
        """Take a message back to memory, or forget it."""
        self.count -= 1
        second = int(visible_at)
        if self._later.get(second, 0) > 1:
            self._later[second] -= 1
        else:
            self._later.pop(second, None)

    def end(self, count: int) -> None:
        """Set right what is left on the disk, once its end was seen."""
        self.count = count
        if not count:
            self._later.clear()

    def delayed(self, now: float) -> int:
        """Return how many of them are not available yet."""
        if not self._later:
            return 0
        for second in [second for second in self._later if second < now]:
            del self._later[second]
        return min(self.count, sum(self._later.values()))


class PayloadBudget:
    """Bounds the payloads kept in memory over all queues; the disk has them anyway.

    Args:
        limit: Bytes.
    """

    __slots__ = ("_limit", "used")

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self.used = 0

    def take(self, size: int) -> bool:
        """Return whether ``size`` more bytes may be kept, and count them if so."""
        if self.used + size > self._limit:
            return False
        self.used += size
        return True

    def give(self, size: int) -> None:
        self.used -= size
