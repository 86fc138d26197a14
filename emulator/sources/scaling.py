"""Pure functions that say how many batches of a mapping may be in flight.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
"""

from __future__ import annotations

from dataclasses import dataclass

#: Concurrent batches: at first, at most, and how many more a second with a backlog.
FIRST, MOST, GROWTH = 5, 1250, 300 / 60
#: The same for each provisioned poller; all of a mapping grow by 1,000 a minute.
PER_POLLER, PROVISIONED_GROWTH = 10, 1000 / 60
#: Default numbers of provisioned pollers: minimum and maximum.
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
        """Return the limit for a function with ``reserved`` reserved concurrency.

        With 0, one batch is still tried, to be throttled as on AWS.
        """
        return self.most if reserved is None else min(self.most, max(1, reserved))


@dataclass(frozen=True, slots=True)
class Scale:
    """How far a mapping is scaled."""

    #: Batches that may be in flight.
    allowed: int
    #: Batches that failed since the last success.
    failures: int = 0

    def grown(self, limits: BatchConcurrency) -> Scale:
        """Scale up by one, because of a backlog."""
        return Scale(min(limits.most, self.allowed + 1), self.failures)

    def succeeded(self, limits: BatchConcurrency) -> Scale:
        """A batch succeeded: give back one batch of those that failures took."""
        return Scale(max(self.allowed, min(limits.first, self.allowed + 1)), 0)

    def failed(self) -> Scale:
        """A batch failed or was throttled: no more than at first, then one less each time."""
        if self.allowed > FIRST:
            return Scale(max(FIRST, self.allowed // 2), self.failures + 1)
        return Scale(max(1, self.allowed - 1), self.failures + 1)

    def rested(self, limits: BatchConcurrency) -> Scale:
        """There is no work left: start again from the initial number."""
        return Scale(min(self.allowed, limits.first), self.failures)

    def pause(self) -> float:
        """Return how long no further batch begins (seconds)."""
        if self.failures < 2:
            return 0.0
        return min(PAUSE[1], PAUSE[0] * 2.0 ** min(self.failures - 2, 20))


def retry_delay(attempts: int) -> float:
    """Return how long a throttled batch waits for its next attempt (seconds)."""
    return min(1.0, 0.05 * 2.0 ** min(attempts, 10))
