"""How much a shard takes and gives in a second. Pure.

https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html
"""

from __future__ import annotations

from dataclasses import dataclass

#: What a shard takes in a second.
WRITTEN_RECORDS, WRITTEN_BYTES = 1000, 1 << 20
#: GetRecords of a shard in a second, and the bytes they give.
READS, READ_BYTES = 5, 2 << 20


@dataclass(slots=True)
class Meter:
    """Counts what passes in one second.

    Args:
        most: How many may pass in a second.
        most_bytes: How many bytes.
        grows: The limits of a second are twice what passed in the fullest second before, as those
            of streams on demand.
    """

    most: int
    most_bytes: int
    grows: bool = False
    began: float = 0.0
    count: int = 0
    size: int = 0

    def takes(self, size: int, now: float) -> bool:
        """Count one thing of ``size`` bytes, unless it is too much for this second.

        Args:
            size: Its bytes.
            now: Seconds on any clock.
        """
        self._turn(now)
        if self.count >= self.most or (self.size and self.size + size > self.most_bytes):
            return False
        self.count += 1
        self.size += size
        return True

    def allows(self, now: float) -> bool:
        """Count one thing whose size is told afterwards, unless it is too much for this second."""
        self._turn(now)
        if self.count >= self.most or self.size >= self.most_bytes:
            return False
        self.count += 1
        return True

    def add(self, size: int) -> None:
        """Tell the size of what was counted last. What is over counts for the next seconds."""
        self.size += size

    def _turn(self, now: float) -> None:
        passed = int(now - self.began)
        if passed < 1 and now >= self.began:
            return
        if self.grows:
            self.most = max(self.most, 2 * self.count)
            self.most_bytes = max(self.most_bytes, 2 * self.size)
        self.began = now
        self.count = 0
        self.size = max(0, self.size - passed * self.most_bytes) if passed > 0 else 0


def written(*, on_demand: bool) -> Meter:
    """Return the meter of what a shard takes."""
    return Meter(WRITTEN_RECORDS, WRITTEN_BYTES, grows=on_demand)


def read() -> Meter:
    """Return the meter of what a shard gives to GetRecords."""
    return Meter(READS, READ_BYTES)
