"""GetMetricStatistics and ListMetrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import math
from typing import Any

from emulator.services.cloudwatch.errors import combination, invalid, missing
from emulator.services.cloudwatch.periods import begin, is_period
from emulator.services.cloudwatch.series import Series, dimensions_of
from emulator.services.cloudwatch.state import of
from emulator.services.cloudwatch.statistic import statistic
from emulator.services.context import Context, Request, Response
from emulator.services.paging import page

_MOST_POINTS = 1440
_PAGE = 500
#: How long ago the latest data of a metric may be that is listed; and that is active.
_LISTED_S, _ACTIVE_S = 14 * 86_400, 3 * 3600


async def get_metric_statistics(ctx: Context, request: Request) -> Response:
    """Serve GetMetricStatistics.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_GetMetricStatistics.html
    """
    period = request["Period"]
    names = [*(request.get("Statistics") or ()), *(request.get("ExtendedStatistics") or ())]
    if not names:
        raise missing("Must specify either Statistics or ExtendedStatistics")
    extended = request.get("ExtendedStatistics") or ()
    for each in extended:
        if statistic(each) is None:
            raise invalid(f"The value {each} for parameter ExtendedStatistics is invalid.")
    start, end = _times(ctx, request, period)
    series = Series(
        ctx.account,
        ctx.region,
        request["Namespace"],
        request["MetricName"],
        dimensions_of(request.get("Dimensions")),
    )
    found = await of(ctx).read(series, request.get("Unit"), start, end, period)
    points = []
    for each in found:
        point: dict[str, Any] = {"Timestamp": float(each.at), "Unit": each.unit}
        for name in request.get("Statistics") or ():
            find = statistic(name)
            point[name] = find(each.values) if find else None
        values = {
            name: value
            for name in extended
            if (find := statistic(name)) and (value := find(each.values)) is not None
        }
        if values:
            point["ExtendedStatistics"] = values
        if values or request.get("Statistics"):
            points.append(point)
    return {"Label": series.name, "Datapoints": points}


def _times(ctx: Context, request: Request, period: int) -> tuple[int, int]:
    if not is_period(period):
        raise invalid("The parameter Period must be 1, 5, 10, 20, 30, or any multiple of 60.")
    start, end = float(request["StartTime"]), float(request["EndTime"])
    if start >= end:
        raise combination("The parameter StartTime must be less than the parameter EndTime.")
    points = math.ceil((end - start) / period)
    if points > _MOST_POINTS:
        raise combination(
            f"You have requested up to {points:,} datapoints, which exceeds the limit of "
            f"{_MOST_POINTS:,}. You may reduce the datapoints requested by increasing Period, or "
            "decreasing the time range."
        )
    return begin(start, period, ctx.clock.now()), math.ceil(end)


async def list_metrics(ctx: Context, request: Request) -> Response:
    """Serve ListMetrics: those with data of the last two weeks.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_ListMetrics.html
    """
    age_s = _ACTIVE_S if request.get("RecentlyActive") else _LISTED_S
    wanted = [(each["Name"], each.get("Value")) for each in request.get("Dimensions") or ()]
    owner = request.get("OwningAccount")
    known = await of(ctx).metrics(
        ctx.account,
        ctx.region,
        request.get("Namespace"),
        request.get("MetricName"),
        int(ctx.clock.now() - age_s),
    )
    found = [
        each
        for each in known
        if owner in (None, ctx.account)
        and all(
            any(
                name == its and value in (None, its_value)
                for its, its_value in each.series.dimensions
            )
            for name, value in wanted
        )
    ]
    try:
        chosen, token = page(found, None, request.get("NextToken"), _PAGE)
    except ValueError as error:
        raise invalid("The value for parameter NextToken is invalid.") from error
    answer: Response = {"Metrics": [each.series.shown() for each in chosen], "NextToken": token}
    if request.get("IncludeLinkedAccounts"):
        answer["OwningAccounts"] = [ctx.account for _ in chosen]
    return answer
