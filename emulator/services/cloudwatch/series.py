"""What a metric is known by, and data of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import orjson

from emulator.telemetry.metrics.aggregate import Aggregate

Dimensions = tuple[tuple[str, str], ...]


class Series(NamedTuple):
    """A metric of an account in a region."""

    account: str
    region: str
    namespace: str
    name: str
    #: In the order of their names.
    dimensions: Dimensions = ()

    @property
    def dimensions_json(self) -> str:
        """The dimensions, as they are kept."""
        return orjson.dumps(self.dimensions).decode()

    def shown(self) -> dict[str, Any]:
        """Return it as the API shows it."""
        return {
            "Namespace": self.namespace,
            "MetricName": self.name,
            "Dimensions": [{"Name": name, "Value": value} for name, value in self.dimensions],
        }


class Data(NamedTuple):
    """Data of a metric in one stretch of time."""

    series: Series
    unit: str
    #: Where it begins (seconds since the epoch), and how long it is (seconds).
    at: int
    width: int
    values: Aggregate


class Found(NamedTuple):
    """Data of a metric that was asked for."""

    at: int
    unit: str
    values: Aggregate


def dimensions_of(given: Iterable[Mapping[str, Any]] | None) -> Dimensions:
    """Return the dimensions of a request, in order."""
    return tuple(sorted((each["Name"], each["Value"]) for each in given or ()))
