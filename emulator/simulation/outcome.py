"""What became of a trace's requests."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(slots=True)
class Tally:
    """What is billed of one function's requests."""

    #: Served requests, and their seconds: each begun millisecond counts.
    served: int = 0
    billed_s: float = 0.0
    #: The same in environments of provisioned concurrency.
    provisioned: int = 0
    provisioned_billed_s: float = 0.0
    cold: int = 0


@dataclass(slots=True)
class Outcome:
    """What became of a trace's requests."""

    name: str
    requests: int = 0
    cold: int = 0
    throttled: int = 0
    #: Whether each counted, served request was cold (1) or warm (0), in order.
    was_cold: bytearray = field(default_factory=bytearray)
    #: Seconds from each counted, served request's arrival to its end.
    latencies: array[float] = field(default_factory=lambda: array("d"))
    #: Seconds of those in which its code did not run: in line, or while an environment started.
    waits: array[float] = field(default_factory=lambda: array("d"))
    #: Environment-seconds in use: INIT and requests.
    busy_s: float = 0.0
    #: Environment-seconds of INIT among those.
    init_s: float = 0.0
    #: Environment-seconds between requests.
    idle_s: float = 0.0
    #: Most environments at once.
    peak: int = 0
    #: Simulated seconds that were counted.
    seconds: float = 0.0
    #: By function, in the order of the trace's.
    tallies: list[Tally] = field(default_factory=list)

    @property
    def served(self) -> int:
        """Return the counted requests that were not throttled."""
        return self.requests - self.throttled

    @property
    def cold_share(self) -> float:
        """Return the share of served requests that were cold."""
        return self.cold / self.served if self.served else 0.0

    def cold_interval(self, batches: int = 20) -> tuple[float, float]:
        """Return the 95 % confidence interval of the cold share, by batch means.

        Cold starts come in rows, so that single requests are no independent samples; the means of
        long batches nearly are.
        """
        size = len(self.was_cold) // batches
        if size == 0:
            return 0.0, 1.0
        means = [sum(self.was_cold[i * size : (i + 1) * size]) / size for i in range(batches)]
        middle = sum(means) / batches
        variance = sum((mean - middle) ** 2 for mean in means) / (batches - 1)
        reach = 2.093 * math.sqrt(variance / batches)  # Student's t, 19 degrees of freedom
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def latency(self, share: float) -> float:
        """Return the latency that a share of the served requests does not exceed, seconds."""
        return _quantile(self.latencies, share)

    def wait(self, share: float) -> float:
        """Return the wait that a share of the served requests does not exceed, seconds."""
        return _quantile(self.waits, share)


def _quantile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
