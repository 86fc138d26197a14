"""Metric filters: log events that match become metrics.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/MonitoringLogData.html
"""

from __future__ import annotations

import re
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.logs import lookup
from emulator.services.logs.extraction import compile_extract
from emulator.services.logs.lookup import invalid, not_found
from emulator.services.logs.measuring import compile_filter
from emulator.services.logs.pattern import compile_pattern
from emulator.services.logs.state import of

#: Filters of one group, and dimensions of one filter.
_MOST, _MOST_DIMENSIONS = 100, 3
_NUMBER = re.compile(r"-?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d+)?")
_SELECTOR = re.compile(r"\$(?:[\w-]+|(?:\.[\w-]+|\[(?:\d+|'[^']*')\])+)")
_NOT_SERVED = ("applyOnTransformedLogs", "fieldSelectionCriteria", "emitSystemFieldDimensions")


async def put_metric_filter(ctx: Context, request: Request) -> Response:
    """Serve PutMetricFilter.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutMetricFilter.html
    """
    group = lookup.group(ctx, request["logGroupName"])
    for name in _NOT_SERVED:
        if request.get(name):
            raise invalid(f"localfaas does not serve {name} of metric filters.")
    pattern, transformations = request["filterPattern"], request["metricTransformations"]
    compile_pattern(pattern)
    _check(transformations[0], pattern)
    state = of(ctx)
    there = state.metric_filters_of(ctx.account, ctx.region, group.name)
    name = request["filterName"]
    before = there.get(name)
    if before is None and len(there) >= _MOST:
        raise AwsError("LimitExceededException", "Resource limit exceeded.")
    body = {
        "group": group.name,
        "name": name,
        "pattern": pattern,
        "transformations": [dict(each) for each in transformations],
        "created": int(ctx.clock.now() * 1000) if before is None else before["created"],
    }
    compile_filter(body)
    await state.put_metric_filter(ctx.account, ctx.region, body)
    return {}


def _check(made: dict[str, Any], pattern: str) -> None:
    value = made["metricValue"]
    has_fields = pattern.strip()[:1] in ("{", "[")
    if not _NUMBER.fullmatch(value) and not (has_fields and _SELECTOR.fullmatch(value)):
        raise invalid("Invalid metric transformation: metricValue must be a number or a selector")
    if made["metricNamespace"].startswith("AWS/"):
        raise invalid("Invalid metric transformation: metricNamespace must not begin with AWS/")
    dimensions = made.get("dimensions") or {}
    if dimensions and made.get("defaultValue") is not None:
        raise invalid(
            "Invalid metric transformation: dimensions and default value are mutually exclusive "
            "properties"
        )
    if len(dimensions) > _MOST_DIMENSIONS:
        raise invalid(
            f"Invalid metric transformation: at most {_MOST_DIMENSIONS} dimensions are allowed"
        )
    for selector in dimensions.values():
        if not has_fields or not _SELECTOR.fullmatch(selector):
            raise invalid("Invalid metric transformation: a dimension's value must be a selector")


async def delete_metric_filter(ctx: Context, request: Request) -> Response:
    """Serve DeleteMetricFilter.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DeleteMetricFilter.html
    """
    group, name = lookup.group(ctx, request["logGroupName"]), request["filterName"]
    if name not in of(ctx).metric_filters_of(ctx.account, ctx.region, group.name):
        raise not_found("The specified metric filter does not exist.")
    await of(ctx).drop_metric_filter(ctx.account, ctx.region, group.name, name)
    return {}


async def describe_metric_filters(ctx: Context, request: Request) -> Response:
    """Serve DescribeMetricFilters.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeMetricFilters.html
    """
    group, prefix = request.get("logGroupName"), request.get("filterNamePrefix") or ""
    metric, namespace = request.get("metricName"), request.get("metricNamespace")
    if group is not None:
        lookup.group(ctx, group)
    if (metric is None) != (namespace is None):
        raise invalid("metricName and metricNamespace must be specified together.")
    found = [
        each
        for each in of(ctx).every_metric_filter(ctx.account, ctx.region)
        if group in (None, each["group"])
        and each["name"].startswith(prefix)
        and metric in (None, each["transformations"][0]["metricName"])
        and namespace in (None, each["transformations"][0]["metricNamespace"])
    ]
    found.sort(key=lambda each: (each["name"], each["group"]))
    chosen, token = lookup.page(found, request, lambda each: f"{each['name']} {each['group']}")
    return {"metricFilters": [_shown(each) for each in chosen], "nextToken": token}


def _shown(body: dict[str, Any]) -> dict[str, Any]:
    return {
        "filterName": body["name"],
        "filterPattern": body["pattern"],
        "metricTransformations": body["transformations"],
        "creationTime": body["created"],
        "logGroupName": body["group"],
        "applyOnTransformedLogs": False,
    }


async def test_metric_filter(ctx: Context, request: Request) -> Response:
    """Serve TestMetricFilter.

    Source: https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_TestMetricFilter.html
    """
    matches = compile_pattern(request["filterPattern"])
    extract = compile_extract(request["filterPattern"])
    return {
        "matches": [
            {"eventNumber": number, "eventMessage": message, "extractedValues": extract(message)}
            for number, message in enumerate(request["logEventMessages"], 1)
            if matches(message)
        ]
    }
