"""Counts calls for Prometheus, from the first time that it asks."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from typing import Any

from emulator.model.lifecycle import Lifecycle
from emulator.model.lifecycle_events import (
    EnvironmentInitialised,
    Event,
    InvocationEnded,
    InvocationRefused,
)
from emulator.telemetry.prometheus.exposition import Family, Histogram
from emulator.telemetry.timeline.records import InvocationRecord

#: Functions with figures of their own; all others share one label.
MOST_FUNCTIONS = 200
OTHERS = "(others)"
_CALL_BOUNDS_S = (
    0.001,
    0.0025,
    0.005,
    0.01,
    0.025,
    0.05,
    0.1,
    0.25,
    0.5,
    1.0,
    2.5,
    5.0,
    10.0,
    60.0,
)
_INIT_BOUNDS_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class _Distribution:
    __slots__ = ("bounds", "counts", "sum")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, value: float) -> None:
        self.counts[bisect_left(self.bounds, value)] += 1
        self.sum += value

    def shown(self) -> Histogram:
        return Histogram(self.bounds, self.counts, self.sum)


class _Function:
    """What is counted of one function."""

    __slots__ = ("calls", "cold", "durations", "inits")

    def __init__(self) -> None:
        #: By status: "success", "error", "timeout", "throttled", "refused".
        self.calls: dict[str, int] = {}
        #: By cause.
        self.cold: dict[str, int] = {}
        self.durations = _Distribution(_CALL_BOUNDS_S)
        self.inits = _Distribution(_INIT_BOUNDS_S)


class Counts:
    """Counts calls and cold starts by function.

    Args:
        lifecycle: Where it hears of them from now on.
        before: What the timeline knows of the calls so far.
    """

    def __init__(self, lifecycle: Lifecycle, before: Iterable[InvocationRecord] = ()) -> None:
        self._functions: dict[str, _Function] = {}
        for record in before:
            self._call(record.version.function, record.status, record.duration_ms, record.cold)
            if record.init_ms is not None:
                self._of(record.version.function).inits.add(record.init_ms / 1000)
        self.stop: Callable[[], None] = lifecycle.add(self._hear, closely=False)

    def _of(self, name: str) -> _Function:
        found = self._functions.get(name)
        if found is None:
            if len(self._functions) >= MOST_FUNCTIONS:
                name = OTHERS
            found = self._functions.setdefault(name, _Function())
        return found

    def _hear(self, event: Event) -> None:
        if isinstance(event, InvocationEnded):
            self._call(event.version.name, event.status, event.duration_ms, event.cold)
        elif isinstance(event, InvocationRefused):
            status = "throttled" if event.is_throttled else "refused"
            self._call(event.version.name, status, 0.0, None)
        elif isinstance(event, EnvironmentInitialised):
            self._of(event.version.name).inits.add(event.duration_ms / 1000)

    def _call(self, name: str, status: str, duration_ms: float, cold: Any) -> None:
        function = self._of(name)
        function.calls[status] = function.calls.get(status, 0) + 1
        if status not in ("throttled", "refused"):
            function.durations.add(duration_ms / 1000)
        if cold is not None:
            cause = str(cold.cause.value)
            function.cold[cause] = function.cold.get(cause, 0) + 1

    def families(self) -> list[Family]:
        """Return what was counted."""
        functions = self._functions.items()
        return [
            Family(
                "localfaas_invocations",
                "counter",
                "Calls of functions that have ended or were refused, by how.",
                [
                    ({"function": name, "status": status}, float(count))
                    for name, each in functions
                    for status, count in each.calls.items()
                ],
            ),
            Family(
                "localfaas_invocation_duration_seconds",
                "histogram",
                "How long calls ran, without INIT phases.",
                [({"function": name}, each.durations.shown()) for name, each in functions],
            ),
            Family(
                "localfaas_cold_starts",
                "counter",
                "Calls that waited for an environment to start, by the reason.",
                [
                    ({"function": name, "cause": cause}, float(count))
                    for name, each in functions
                    for cause, count in each.cold.items()
                ],
            ),
            Family(
                "localfaas_init_duration_seconds",
                "histogram",
                "How long INIT phases took.",
                [({"function": name}, each.inits.shown()) for name, each in functions],
            ),
        ]
