"""How long environments are kept: the policies that the literature compares.

Sources: fixed keep-alive (AWS, Azure, OpenWhisk); the hybrid histogram of Shahrad et al.,
"Serverless in the Wild" (USENIX ATC 2020).
"""

from __future__ import annotations

from typing import Protocol


class Policy(Protocol):
    """Decides for one function how long its idle environments are kept."""

    def idle(self, seconds: float) -> None:
        """Learn that the function was idle for ``seconds`` before a request came."""
        ...

    @property
    def keep_alive_s(self) -> float:
        """Return how long an idle environment is kept."""
        ...

    @property
    def prewarm_s(self) -> float:
        """Return after which idle time one is started ahead; 0 keeps what is there instead."""
        ...


class FixedKeepAlive:
    """Keeps every idle environment for the same time. 0 keeps none."""

    prewarm_s = 0.0

    def __init__(self, keep_alive_s: float) -> None:
        self.keep_alive_s = keep_alive_s

    def idle(self, seconds: float) -> None:
        """Learn nothing."""


class Histogram:
    """Learns a function's idle times; ends its environment and starts one ahead of the next call.

    Until it has seen enough, or where idle times go beyond its range, it keeps environments for
    the whole range.

    Args:
        range_s: The longest idle time it knows.
        bin_s: The width of a bin.
    """

    #: Idle times seen before the histogram is believed.
    _ENOUGH = 10
    #: The percentiles of idle times between which an environment is there.
    _HEAD, _TAIL = 0.05, 0.99
    #: Room on both sides, as in the paper.
    _MARGIN = 0.1

    def __init__(self, range_s: float = 4 * 3600.0, bin_s: float = 60.0) -> None:
        self._range_s, self._bin_s = range_s, bin_s
        self._bins: dict[int, int] = {}
        self._seen = self._beyond = 0
        self.prewarm_s, self.keep_alive_s = 0.0, range_s

    def idle(self, seconds: float) -> None:
        """Learn one idle time."""
        self._seen += 1
        if seconds >= self._range_s:
            self._beyond += 1
        else:
            index = int(seconds / self._bin_s)
            self._bins[index] = self._bins.get(index, 0) + 1
        if self._seen < self._ENOUGH or self._beyond * 2 > self._seen:
            self.prewarm_s, self.keep_alive_s = 0.0, self._range_s
            return
        head = self._percentile(self._HEAD) * self._bin_s
        tail = (self._percentile(self._TAIL) + 1) * self._bin_s
        self.prewarm_s = head * (1 - self._MARGIN)
        self.keep_alive_s = tail * (1 + self._MARGIN) - self.prewarm_s

    def _percentile(self, share: float) -> int:
        wanted, count = share * sum(self._bins.values()), 0
        for index in sorted(self._bins):
            count += self._bins[index]
            if count >= wanted:
                return index
        return max(self._bins, default=0)
