"""PutMetricData: what may be put, and what becomes of it.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from emulator.services.cloudwatch.errors import combination, invalid, missing
from emulator.services.cloudwatch.series import Data, Series, dimensions_of
from emulator.services.cloudwatch.state import of
from emulator.services.context import Context, Request, Response
from emulator.telemetry.metrics.aggregate import Aggregate

_MOST_DATA, _MOST_VALUES, _MOST_DIMENSIONS = 1000, 150, 30
_OLDEST_S, _NEWEST_S = 14 * 86_400, 2 * 3600
#: Values beyond these are refused.
_SMALLEST, _LARGEST = 2.0**-360, 2.0**360
#: Characters of a namespace's name.
_NAMESPACE = re.compile(r"[A-Za-z0-9.\-_/#:\s]+")


async def put_metric_data(ctx: Context, request: Request) -> Response:
    """Serve PutMetricData: it answers when the data is on the disk.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricData.html
    """
    namespace = request["Namespace"]
    if not _NAMESPACE.fullmatch(namespace):
        raise invalid(f"The value {namespace} for parameter Namespace is invalid.")
    if namespace.startswith("AWS/"):
        raise invalid(
            "The value AWS/ for parameter Namespace is invalid. Namespaces beginning with AWS/ are "
            "reserved."
        )
    given = list(_given(request))
    if not given:
        raise missing("The parameter MetricData is required.")
    if len(given) > _MOST_DATA:
        raise invalid(f"The collection MetricData must not have a size greater than {_MOST_DATA}.")
    now = ctx.clock.now()
    every = [_datum(ctx, namespace, each, place, now) for place, each in given]
    await of(ctx).put(gathered(every))
    return {}


def _given(request: Request) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the data of a request, each with how errors name it."""
    for number, each in enumerate(request.get("MetricData") or (), 1):
        yield f"MetricData.member.{number}", each
    # An entity only says which service or resource the data is of.
    for outer, entity in enumerate(request.get("EntityMetricData") or (), 1):
        for number, each in enumerate(entity.get("MetricData") or (), 1):
            yield f"EntityMetricData.member.{outer}.MetricData.member.{number}", each


def _datum(ctx: Context, namespace: str, datum: Mapping[str, Any], place: str, now: float) -> Data:
    resolution = datum.get("StorageResolution") or 60
    if resolution not in (1, 60):
        raise invalid(
            f"The value {resolution} for parameter {place}.StorageResolution is invalid. Valid "
            "values are 1 and 60."
        )
    at = float(datum.get("Timestamp") or now)
    if not now - _OLDEST_S <= at <= now + _NEWEST_S:
        raise invalid(
            f"The parameter {place}.Timestamp must specify a time within the past two weeks and "
            "no more than two hours in the future."
        )
    dimensions = datum.get("Dimensions") or ()
    names = [each["Name"] for each in dimensions]
    if len(names) > _MOST_DIMENSIONS:
        raise invalid(
            f"The collection {place}.Dimensions must not have a size greater than "
            f"{_MOST_DIMENSIONS}."
        )
    if len(set(names)) < len(names):
        raise invalid(f"No Dimension name may be given twice in {place}.Dimensions.")
    for number, each in enumerate(dimensions, 1):
        for member in ("Name", "Value"):
            _check_text(each[member], f"{place}.Dimensions.member.{number}.{member}")
    series = Series(
        ctx.account, ctx.region, namespace, datum["MetricName"], dimensions_of(dimensions)
    )
    values = _values(datum, place)
    start = int(at) if resolution == 1 else int(at // 60 * 60)
    return Data(series, datum.get("Unit") or "None", start, resolution, values)


def _check_text(text: str, place: str) -> None:
    if not text.strip() or not text.isascii() or text.startswith(":"):
        raise invalid(f"The value {text} for parameter {place} is invalid.")


def _values(datum: Mapping[str, Any], place: str) -> Aggregate:
    """Return the values of a datum.

    Raises:
        AwsError: It has none, those of two kinds, or one that is no value.
    """
    given = [name for name in ("Value", "StatisticValues", "Values") if datum.get(name) is not None]
    if len(given) > 1:
        raise combination(
            f"The parameters {place}.{given[0]} and {place}.{given[1]} are mutually exclusive and "
            "you have specified both."
        )
    if not given:
        raise missing(
            f"At least one of the parameters {place}.Value, {place}.Values or "
            f"{place}.StatisticValues must be specified."
        )
    made = Aggregate()
    if given[0] == "Value":
        made.add(_checked(datum["Value"], f"{place}.Value"))
    elif given[0] == "Values":
        _add_all(made, datum["Values"], datum.get("Counts"), place)
    else:
        _add_set(made, datum["StatisticValues"], f"{place}.StatisticValues")
    return made


def _add_all(
    made: Aggregate, values: Sequence[float], counts: Sequence[float] | None, place: str
) -> None:
    if not values or len(values) > _MOST_VALUES:
        raise invalid(
            f"The collection {place}.Values must have a size between 1 and {_MOST_VALUES}."
        )
    if counts is not None and len(counts) != len(values):
        raise invalid(f"The parameters {place}.Values and {place}.Counts must be of the same size.")
    for number, value in enumerate(values, 1):
        count = 1.0 if counts is None else counts[number - 1]
        if not math.isfinite(count) or count <= 0:
            raise invalid(
                f"The value {count} for parameter {place}.Counts.member.{number} is invalid."
            )
        made.add(_checked(value, f"{place}.Values.member.{number}"), float(count))


def _add_set(made: Aggregate, given: Mapping[str, float], place: str) -> None:
    samples, total, least, most = (
        _checked(given[name], f"{place}.{name}")
        for name in ("SampleCount", "Sum", "Minimum", "Maximum")
    )
    if samples <= 0:
        raise invalid(f"The value {samples:g} for parameter {place}.SampleCount is invalid.")
    if least > most:
        raise combination(
            f"The parameter {place}.Maximum must be greater than or equal to {place}.Minimum."
        )
    made.add_set(samples, total, least, most)


def _checked(value: float, place: str) -> float:
    value = float(value)
    size = abs(value)
    if not math.isfinite(value) or size > _LARGEST or 0 < size < _SMALLEST:
        shown = str(value).lower() if not math.isfinite(value) else repr(value)
        raise invalid(f"The value {shown} for parameter {place} is invalid.")
    return value


def gathered(every: Sequence[Data]) -> list[Data]:
    """Return data with that of the same metric, unit and time as one."""
    found: dict[tuple[Any, ...], Data] = {}
    for each in every:
        key = (each.series, each.unit, each.at, each.width)
        if key in found:
            found[key].values.merge(each.values)
        else:
            found[key] = each
    return list(found.values())
