"""What is measured of asynchronous events.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from emulator.telemetry.metrics.own import OwnMetrics


class EventMeasures:
    """Records what becomes of functions' asynchronous events.

    Args:
        own: Where it goes.
    """

    def __init__(self, own: OwnMetrics) -> None:
        self._own = own

    def received(self, account: str, region: str, name: str) -> None:
        """An event is accepted."""
        self._add(account, region, name, "AsyncEventsReceived", 1.0)

    def begun(self, account: str, region: str, name: str, age_s: float) -> None:
        """An event is about to run, some time after it was accepted."""
        age_ms = max(0.0, age_s) * 1000
        self._add(account, region, name, "AsyncEventAge", age_ms, "Milliseconds")

    def dropped(self, account: str, region: str, name: str) -> None:
        """An event has ended without having run well."""
        self._add(account, region, name, "AsyncEventsDropped", 1.0)

    def undelivered(self, account: str, region: str, name: str, *, dead_letter: bool) -> None:
        """A record of an event's end was not delivered."""
        metric = "DeadLetterErrors" if dead_letter else "DestinationDeliveryFailures"
        self._add(account, region, name, metric, 1.0)

    def _add(
        self, account: str, region: str, name: str, metric: str, value: float, unit: str = "Count"
    ) -> None:
        own = self._own
        for dimensions in (
            (),
            (("FunctionName", name),),
            (("FunctionName", name), ("Resource", name)),
        ):
            own.record(account, region, "AWS/Lambda", metric, dimensions, value, unit=unit)
