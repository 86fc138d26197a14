"""What is measured of asynchronous events.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from emulator.model.function import LATEST
from emulator.telemetry.metrics.own import OwnMetrics


class EventMeasures:
    """Records what becomes of functions' asynchronous events.

    Each is of the account, of its function, and of the version or alias it was sent to.

    Args:
        own: Where it goes.
    """

    def __init__(self, own: OwnMetrics) -> None:
        self._own = own

    def received(self, account: str, region: str, name: str, qualifier: str) -> None:
        """An event is accepted."""
        self._add(account, region, name, qualifier, "AsyncEventsReceived", 1.0)

    def begun(self, account: str, region: str, name: str, qualifier: str, age_s: float) -> None:
        """An event is about to run, some time after it was accepted."""
        age_ms = max(0.0, age_s) * 1000
        self._add(account, region, name, qualifier, "AsyncEventAge", age_ms, "Milliseconds")

    def dropped(self, account: str, region: str, name: str, qualifier: str) -> None:
        """An event has ended without having run well."""
        self._add(account, region, name, qualifier, "AsyncEventsDropped", 1.0)

    def undelivered(
        self, account: str, region: str, name: str, qualifier: str, *, dead_letter: bool
    ) -> None:
        """A record of an event's end was not delivered."""
        metric = "DeadLetterErrors" if dead_letter else "DestinationDeliveryFailures"
        self._add(account, region, name, qualifier, metric, 1.0)

    def _add(
        self,
        account: str,
        region: str,
        name: str,
        qualifier: str,
        metric: str,
        value: float,
        unit: str = "Count",
    ) -> None:
        own, of_name = self._own, ("FunctionName", name)
        resource = name if qualifier == LATEST else f"{name}:{qualifier}"
        for dimensions in ((), (of_name,), (of_name, ("Resource", resource))):
            own.record(account, region, "AWS/Lambda", metric, dimensions, value, unit=unit)
