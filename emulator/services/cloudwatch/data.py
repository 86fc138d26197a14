"""GetMetricData: the data of metrics and expressions, in pages.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from emulator.services.cloudwatch.errors import bad_token, violated
from emulator.services.cloudwatch.expressions.values import MOST_POINTS, ExpressionError, Line
from emulator.services.cloudwatch.queries import Evaluation, Query, read_queries
from emulator.services.cloudwatch.state import of
from emulator.services.context import Context, Request, Response

_MOST_QUERIES = 500
_DYNAMIC = re.compile(r"\$\{([A-Z_]+)(?:\('([^']*)'\))?\}")
_ZONE = re.compile(r"([+-])(\d{2}):?(\d{2})")


async def get_metric_data(ctx: Context, request: Request) -> Response:
    """Serve GetMetricData.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricData.html
    """
    given = request["MetricDataQueries"]
    start, end = float(request["StartTime"]), float(request["EndTime"])
    if start >= end:
        raise violated("The parameter StartTime must be less than the parameter EndTime.")
    if len(given) > _MOST_QUERIES:
        raise violated(
            f"The collection MetricDataQueries must not have a size greater than {_MOST_QUERIES}."
        )
    most = request.get("MaxDatapoints") or MOST_POINTS
    if not 1 <= most <= MOST_POINTS:
        raise violated(f"The value {most} for parameter MaxDatapoints is invalid.")
    queries = read_queries(given, ctx.account, ctx.region, "MetricDataQueries")
    if not any(each.is_returned for each in queries):
        raise violated("At least one of the metric data queries must have ReturnData as true.")
    zone = _zone(request)
    evaluation = of(ctx).evaluation(queries, start, end, (ctx.account, ctx.region))
    await evaluation.prepare()
    results = _results(evaluation, queries, zone)
    ascending = request.get("ScanBy") == "TimestampAscending"
    skipped = _skipped(request.get("NextToken"))
    return _page(results, skipped, most, ascending=ascending)


def _results(
    evaluation: Evaluation, queries: Sequence[Query], zone: timezone
) -> list[tuple[str, str, Line]]:
    """Return id, label and points of each result."""
    found: list[tuple[str, str, Line]] = []
    for query in queries:
        if query.is_returned:
            try:
                found += [
                    (query.id, _labelled(each, query, zone), each)
                    for each in evaluation.results(query)
                ]
            except ExpressionError as error:
                raise violated(f"Error in expression '{query.id}' [{error}]") from error
    return found


def _page(
    results: Sequence[tuple[str, str, Line]], skipped: int, most: int, *, ascending: bool
) -> Response:
    shown: list[dict[str, Any]] = []
    left, at, more = most, 0, False
    for id, label, line in results:
        points = sorted(line.points.items(), reverse=not ascending)
        first = min(max(0, skipped - at), len(points))
        at += len(points)
        chosen = points[first : first + left]
        left -= len(chosen)
        is_complete = first + len(chosen) == len(points)
        more = more or not is_complete
        if first and not chosen and is_complete:
            continue
        shown.append(
            {
                "Id": id,
                "Label": label,
                "Timestamps": [float(time) for time, _ in chosen],
                "Values": [value for _, value in chosen],
                "StatusCode": "Complete" if is_complete else "PartialData",
            }
        )
    token = None
    if more:
        token = base64.urlsafe_b64encode(str(skipped + most).encode()).decode()
    return {"MetricDataResults": shown, "NextToken": token, "Messages": []}


def _skipped(token: str | None) -> int:
    if token is None:
        return 0
    try:
        skipped = int(base64.b64decode(token.encode(), b"-_", validate=True))
    except (binascii.Error, ValueError) as error:
        raise bad_token() from error
    if not 0 < skipped < 1 << 40:
        raise bad_token()
    return skipped


def _zone(request: Request) -> timezone:
    text = (request.get("LabelOptions") or {}).get("Timezone")
    if text is None:
        return UTC
    match = _ZONE.fullmatch(text)
    if match is None or int(match[2]) > 23 or int(match[3]) > 59:
        raise violated(f"The value {text} for parameter LabelOptions.Timezone is invalid.")
    minutes = int(match[2]) * 60 + int(match[3])
    return timezone(timedelta(minutes=minutes if match[1] == "+" else -minutes))


def _labelled(line: Line, query: Query, zone: timezone) -> str:
    """Return a label with what it says of its values.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/graph-dynamic-labels.html
    """
    if "${" not in line.label:
        return line.label
    ordered = sorted(line.points.items())
    values = [value for _, value in ordered]
    known: Mapping[str, float] = (
        {
            "AVG": sum(values) / len(values),
            "FIRST": values[0],
            "LAST": values[-1],
            "MAX": max(values),
            "MIN": min(values),
            "SUM": sum(values),
        }
        if values
        else {}
    )

    def text(match: re.Match[str]) -> str:
        name, argument = match[1], match[2]
        if name == "LABEL":
            return query.series.name if query.series else query.id
        if name == "DATAPOINT_COUNT":
            return str(len(values))
        if name == "PROP":
            return _property(query, argument or "")
        if name in known:
            return f"{known[name]:.15g}"
        base, _, kind = name.rpartition("_")
        if base in known and kind in ("TIME", "TIME_RELATIVE"):
            at = next(at for at, value in ordered if value == known[base])
            return datetime.fromtimestamp(at, zone).strftime("%H:%M:%S")
        return "--" if name in _KNOWN_NAMES else match[0]

    return _DYNAMIC.sub(text, line.label)


_KNOWN_NAMES = frozenset({"AVG", "FIRST", "LAST", "MAX", "MIN", "SUM"})


def _property(query: Query, name: str) -> str:
    if query.series is None:
        return ""
    if name.startswith("Dim."):
        return dict(query.series.dimensions).get(name[4:], "")
    return {
        "AccountId": query.series.account,
        "MetricName": query.series.name,
        "Namespace": query.series.namespace,
        "Period": str(query.period),
        "Region": query.series.region,
        "Stat": query.stat,
    }.get(name, "")
