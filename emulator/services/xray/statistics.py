"""How often, how well and how fast services answered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any

from emulator.telemetry.traces import tree


class Tally:
    """Counts calls."""

    def __init__(self) -> None:
        self.ok = self.faults = self.errors = self.throttles = 0
        self.total_s = 0.0
        self._times: Counter[float] = Counter()
        self.start = float("inf")
        self.end = 0.0

    def add(self, node: tree.Node) -> None:
        """Count a call."""
        match tree.status(node.document):
            case "fault":
                self.faults += 1
            case "throttle":
                self.throttles += 1
            case "error":
                self.errors += 1
            case _:
                self.ok += 1
        seconds = node.end - node.start
        self.total_s += seconds
        self._times[round(seconds, 3)] += 1
        self.start, self.end = min(self.start, node.start), max(self.end, node.end)

    @property
    def total(self) -> int:
        """How many calls were counted."""
        return self.ok + self.faults + self.errors + self.throttles

    def shown(self) -> dict[str, Any]:
        """Return the counts as the API has them."""
        return {
            "OkCount": self.ok,
            "ErrorStatistics": {
                "ThrottleCount": self.throttles,
                "OtherCount": self.errors,
                "TotalCount": self.throttles + self.errors,
            },
            "FaultStatistics": {"OtherCount": self.faults, "TotalCount": self.faults},
            "TotalCount": self.total,
            "TotalResponseTime": round(self.total_s, 3),
        }

    def histogram(self) -> list[dict[str, Any]]:
        """Return how many calls took how many seconds."""
        return [{"Value": value, "Count": count} for value, count in sorted(self._times.items())]


def series(
    roots: list[list[tree.Node]], chosen: Callable[[tree.Node], bool] | None, period: int
) -> list[dict[str, Any]]:
    """Return what services did in each period.

    Args:
        roots: The trees of the traces.
        chosen: Which segments count; None for those that traces begin with.
        period: Seconds of a period.
    """
    tallies: dict[int, Tally] = {}
    for trees in roots:
        for root in trees:
            for _, node in root.walk():
                counts = node is root if chosen is None else chosen(node)
                if node.is_segment and counts:
                    at = int(node.start) // period * period
                    tallies.setdefault(at, Tally()).add(node)
    return [
        {
            "Timestamp": float(at),
            "ServiceSummaryStatistics": tally.shown(),
            "ResponseTimeHistogram": tally.histogram(),
        }
        for at, tally in sorted(tallies.items())
    ]
