"""The embedded metric format: metrics in a line of a log.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import orjson

_MOST_METRICS, _MOST_DIMENSIONS, _MOST_VALUES = 100, 30, 100
_UNITS = frozenset(
    unit
    for size in ("", "Kilo", "Mega", "Giga", "Tera")
    for what in ("Bytes", "Bits")
    for each in (size + (what if not size else what.lower()),)
    for unit in (each, f"{each}/Second")
) | {"Seconds", "Microseconds", "Milliseconds", "Percent", "Count", "Count/Second", "None"}


def read_metrics(line: str) -> list[tuple[str, dict[str, Any]]]:
    """Return the metrics of a line: each with its namespace, as PutMetricData takes them.

    What is not as the format wants it is left out.
    """
    try:
        root: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return []
    meta = root.get("_aws") if isinstance(root, dict) else None
    if not isinstance(meta, dict) or not isinstance(meta.get("CloudWatchMetrics"), list):
        return []
    at = meta.get("Timestamp")
    found: list[tuple[str, dict[str, Any]]] = []
    for directive in meta["CloudWatchMetrics"]:
        if isinstance(directive, dict) and _is_text(directive.get("Namespace"), 1024):
            for datum in _data(root, directive):
                if isinstance(at, (int, float)) and not isinstance(at, bool):
                    datum["Timestamp"] = at / 1000
                found.append((directive["Namespace"], datum))
    return found


def _is_text(value: Any, longest: int) -> bool:
    return isinstance(value, str) and 0 < len(value) <= longest


def _data(root: Mapping[str, Any], directive: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    given = directive.get("Dimensions")
    # Without any, a metric has none.
    sets = given if isinstance(given, list) and given else [[]]
    metrics = directive.get("Metrics")
    for metric in metrics[:_MOST_METRICS] if isinstance(metrics, list) else ():
        if not isinstance(metric, dict) or not _is_text(metric.get("Name"), 255):
            continue
        values = _values(root.get(metric["Name"]))
        if not values:
            continue
        for names in sets:
            dimensions = _dimensions(root, names)
            if dimensions is None:
                continue
            unit = metric.get("Unit")
            yield {
                "MetricName": metric["Name"],
                "Dimensions": dimensions,
                "Values": values,
                "Unit": unit if unit in _UNITS else "None",
                "StorageResolution": 1 if metric.get("StorageResolution") == 1 else 60,
            }


def _values(value: Any) -> list[float]:
    every: Sequence[Any] = value if isinstance(value, list) else [value]
    return [
        float(each)
        for each in every[:_MOST_VALUES]
        if isinstance(each, (int, float)) and not isinstance(each, bool) and math.isfinite(each)
    ]


def _dimensions(root: Mapping[str, Any], names: Any) -> list[dict[str, str]] | None:
    """Return dimensions with their values; None where one has none."""
    if not isinstance(names, list) or len(names) > _MOST_DIMENSIONS:
        return None
    found: dict[str, str] = {}
    for name in names:
        value = root.get(name) if isinstance(name, str) else None
        if not _is_text(value, 1024):
            return None
        found[name] = str(value)
    return [{"Name": name, "Value": value} for name, value in found.items()]
