"""How many batches of one mapping may be in flight, as pure functions.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

from dataclasses import dataclass

#: Concurrent batches at first, at most, and how many more a second while there is a backlog.
FIRST, MOST, GROWTH = 5, 1250, 300 / 60
#: The same of each provisioned poller; all of a mapping grow by 1,000 a minute.
PER_POLLER, PROVISIONED_GROWTH = 10, 1000 / 60
#: Provisioned pollers where the mapping does not say: at least, and at most.
POLLERS = (2, 200)
#: Seconds of the pause after a failure that follows others: at first, and at most. AWS slows down
#: by giving up concurrency; with a function next door, that alone would be a busy loop.
PAUSE = (0.005, 0.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchConcurrency:
    """The limits of a mapping's concurrency."""

    first: int = FIRST
    most: int = MOST
    #: Further batches in each second.
    growth: float = GROWTH

    def under(self, reserved: int | None) -> int:
        """Return how many there may be of a function with ``reserved`` reserved concurrency.

        With none at all one batch is still tried, to be throttled as on AWS.
        """
        return self.most if reserved is None else min(self.most, max(1, reserved))


@dataclass(frozen=True, slots=True)
class Scale:
    """How far a mapping is scaled."""

    #: Batches that may be in flight.
    allowed: int
    #: Batches that failed since one did not.
    failures: int = 0

    def grown(self, limits: BatchConcurrency) -> Scale:
        """One more, as there is a backlog."""
        return Scale(min(limits.most, self.allowed + 1), self.failures)

    def succeeded(self, limits: BatchConcurrency) -> Scale:
        """A batch did not fail: what failures took comes back, one at a time."""
        return Scale(max(self.allowed, min(limits.first, self.allowed + 1)), 0)

    def failed(self) -> Scale:
        """A batch failed or was throttled: soon no more than at first, then one less each time."""
        if self.allowed > FIRST:
            return Scale(max(FIRST, self.allowed // 2), self.failures + 1)
        return Scale(max(1, self.allowed - 1), self.failures + 1)

    def rested(self, limits: BatchConcurrency) -> Scale:
        """Nothing is there to do any more."""
        return Scale(min(self.allowed, limits.first), self.failures)

    def pause(self) -> float:
        """Return how long no further batch begins (seconds)."""
        if self.failures < 2:
            return 0.0
        return min(PAUSE[1], PAUSE[0] * 2.0 ** min(self.failures - 2, 20))


def retry_delay(attempts: int) -> float:
    """Return how long a throttled batch waits for its next attempt (seconds)."""
    return min(1.0, 0.05 * 2.0 ** min(attempts, 10))
