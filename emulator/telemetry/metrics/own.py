"""What the emulator measures of itself, by the minute, until somebody keeps it.

Services add values with :meth:`OwnMetrics.record`; what functions do is heard from their life cycle
(:mod:`emulator.telemetry.metrics.invocations`).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

from emulator.model.clock import Clock
from emulator.telemetry.metrics.aggregate import Aggregate

#: Names and values, in the order of the names.
Dimensions = tuple[tuple[str, str], ...]
#: Metrics of single minutes in memory, from which on somebody has to keep them; and beyond which
#: the oldest are dropped, if nobody does.
FULL, MOST = 500, 5_000

#: Records values of an account, in a region: of the metrics with dimensions, or (None) of all.
Gauge = Callable[[str, str, Mapping[str, str] | None], Awaitable[None]]
#: What is in a :class:`Measured`, which is equal to it and takes longer to make.
_Key = tuple[int, str, str, str, str, Dimensions, str]


class Measured(NamedTuple):
    """A metric, in a minute."""

    #: Where the minute begins (seconds since the epoch).
    at: int
    account: str
    region: str
    namespace: str
    name: str
    dimensions: Dimensions
    unit: str


class OwnMetrics:
    """Metrics of the emulator's own services.

    Args:
        clock: The time.

    Attributes:
        on_first: Called when something comes after all has been taken.
        on_full: Called when there is much that nobody has kept.
        sources: Called before values are taken: they record what they have not told yet.
        gauges: By namespace, what records the present values of metrics nobody counts.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._values: dict[Measured, Aggregate] = {}
        self._has_begun = False
        self.on_first: list[Callable[[], None]] = []
        self.on_full: list[Callable[[], None]] = []
        self.sources: list[Callable[[], None]] = []
        self.gauges: dict[str, Gauge] = {}

    def record(
        self,
        account: str,
        region: str,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        value: float,
        *,
        unit: str = "Count",
        count: float = 1.0,
        at: float | None = None,
    ) -> None:
        """Add a value.

        Args:
            account: Whose metric it is.
            region: Where.
            namespace: The service's: "AWS/Lambda".
            name: The metric's.
            dimensions: Names and values, in the order of the names.
            value: The value.
            unit: Its unit, as CloudWatch calls it.
            count: How often it was there.
            at: When (seconds since the epoch); None: now.
        """
        minute = int(self._clock.now() if at is None else at) // 60 * 60
        self._find((minute, account, region, namespace, name, dimensions, unit)).add(value, count)

    def add(
        self,
        account: str,
        region: str,
        namespace: str,
        name: str,
        dimensions: Dimensions,
        values: Aggregate,
        *,
        unit: str = "Count",
        at: float | None = None,
    ) -> None:
        """Add several values at once; see :meth:`record`."""
        minute = int(self._clock.now() if at is None else at) // 60 * 60
        self._find((minute, account, region, namespace, name, dimensions, unit)).merge(values)

    def _find(self, key: _Key) -> Aggregate:
        found: Aggregate | None = self._values.get(key)  # type: ignore[call-overload]
        if found is None:
            found = self._values[Measured(*key)] = Aggregate()
            self._look()
        return found

    def begin(self) -> None:
        """Take note that something has come, or will be recorded when values are taken."""
        if not self._has_begun:
            self._has_begun = True
            for call in self.on_first:
                call()

    def _look(self) -> None:
        """See whether there is much."""
        self.begin()
        if len(self._values) % FULL == 0:
            for call in self.on_full:
                call()
        while len(self._values) > MOST:
            del self._values[next(iter(self._values))]

    def take(self) -> dict[Measured, Aggregate]:
        """Return all values, and forget them."""
        for tell in self.sources:
            tell()
        taken, self._values = self._values, {}
        self._has_begun = False
        return taken

    def forget(self, account: str | None) -> None:
        """Forget all values, or those of an account: a reset."""
        taken = self.take()
        if account is not None:
            self.give_back({key: each for key, each in taken.items() if key.account != account})

    def give_back(self, taken: dict[Measured, Aggregate]) -> None:
        """Remember values that could not be kept."""
        newer, self._values = self._values, taken
        for key, values in newer.items():
            if key in taken:
                taken[key].merge(values)
            else:
                taken[key] = values
        while len(self._values) > MOST:
            del self._values[next(iter(self._values))]
