"""Alarms are shown: by name, by metric, and what they lived through.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudwatch.alarms.alarm import Body, Key
from emulator.services.cloudwatch.alarms.rules import children_of, name_of
from emulator.services.cloudwatch.errors import bad_token, violated
from emulator.services.cloudwatch.series import dimensions_of
from emulator.services.cloudwatch.state import of
from emulator.services.context import Context, Request, Response
from emulator.services.paging import page

_MOST = 100
#: The members of an alarm that say what to tell when it changes to a state.
ACTIONS = ("OKActions", "AlarmActions", "InsufficientDataActions")


def shown(key: Key, body: Body) -> dict[str, Any]:
    """Return an alarm as DescribeAlarms shows it."""
    fields, state = body["fields"], body["state"]
    found: dict[str, Any] = {
        "AlarmName": key.name,
        "AlarmArn": key.arn,
        "AlarmConfigurationUpdatedTimestamp": body["updated"],
        "ActionsEnabled": fields.get("ActionsEnabled") is not False,
        **{name: fields.get(name) or [] for name in ACTIONS},
        "StateValue": state["value"],
        "StateReason": state["reason"],
        "StateReasonData": state["data"],
        "StateUpdatedTimestamp": state["updated"],
        "StateTransitionedTimestamp": state["transitioned"],
    }
    found |= {name: value for name, value in fields.items() if name not in found}
    if body["kind"] == "MetricAlarm":
        if not fields.get("Metrics"):
            found["Dimensions"] = fields.get("Dimensions") or []
    elif body.get("suppressed"):
        found["ActionsSuppressedBy"] = body["suppressed"]["by"]
        found["ActionsSuppressedReason"] = body["suppressed"]["reason"]
    return found


async def describe_alarms(ctx: Context, request: Request) -> Response:
    """Serve DescribeAlarms.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html
    """
    names, prefix = request.get("AlarmNames"), request.get("AlarmNamePrefix")
    if names and prefix:
        raise violated("AlarmNames and AlarmNamePrefix cannot be specified together.")
    related = request.get("ChildrenOfAlarmName"), request.get("ParentsOfAlarmName")
    if any(related):
        others = {name for name, value in request.items() if value} - {"MaxRecords", "NextToken"}
        if len(others) > 1:
            raise violated(
                "ChildrenOfAlarmName and ParentsOfAlarmName can't be specified with other "
                "parameters but MaxRecords and NextToken."
            )
        every = list(_related(ctx, *related))
    else:
        types = request.get("AlarmTypes") or ["MetricAlarm"]
        every = [
            (key, body)
            for key, body in _alarms(ctx)
            if body["kind"] in types and _is_wanted(key, body, request)
        ]
    chosen, token = _page(every, request)
    answer: Response = {"CompositeAlarms": [], "MetricAlarms": [], "NextToken": token}
    for key, body in chosen:
        whole = shown(key, body)
        if related[0]:
            names = ("AlarmName", "AlarmArn", "StateValue", "StateUpdatedTimestamp")
            whole = {name: whole[name] for name in names}
        elif related[1]:
            whole = {name: whole[name] for name in ("AlarmName", "AlarmArn")}
        answer[f"{body['kind']}s"].append(whole)
    return answer


def _alarms(ctx: Context) -> Iterator[tuple[Key, Body]]:
    state = of(ctx)
    for name in list(state.alarms.keys(ctx.account, ctx.region)):
        key = Key(ctx.account, ctx.region, name)
        body = state.find(key)
        if body is not None:
            yield key, body


def _is_wanted(key: Key, body: Body, request: Request) -> bool:
    names, value = request.get("AlarmNames"), request.get("StateValue")
    action = request.get("ActionPrefix")
    return (
        (not names or key.name in names)
        and key.name.startswith(request.get("AlarmNamePrefix") or "")
        and (not value or body["state"]["value"] == value)
        and (
            not action
            or any(
                arn.startswith(action) for each in ACTIONS for arn in body["fields"].get(each) or ()
            )
        )
    )


def _related(
    ctx: Context, of_parent: str | None, of_child: str | None
) -> Iterator[tuple[Key, Body]]:
    state = of(ctx)
    name = of_parent or of_child or ""
    key = Key(ctx.account, ctx.region, name_of(name))
    body = state.find(key)
    if body is None:
        return
    names: Sequence[str] = children_of(body) if of_parent else state.watch.parents(key)
    for each in sorted(names):
        other = Key(ctx.account, ctx.region, each)
        found = state.find(other)
        if found is not None:
            yield other, found


def _page(every: Sequence[Any], request: Request) -> tuple[list[Any], str | None]:
    try:
        return page(every, request.get("MaxRecords"), request.get("NextToken"), _MOST)
    except ValueError as error:
        raise bad_token() from error


async def describe_alarms_for_metric(ctx: Context, request: Request) -> Response:
    """Serve DescribeAlarmsForMetric: alarms of one metric, not those of expressions.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmsForMetric.html
    """
    dimensions = dimensions_of(request.get("Dimensions"))
    found = []
    for key, body in _alarms(ctx):
        fields = body["fields"]
        if (
            body["kind"] == "MetricAlarm"
            and fields.get("Namespace") == request["Namespace"]
            and fields.get("MetricName") == request["MetricName"]
            and dimensions_of(fields.get("Dimensions")) == dimensions
            and all(
                request.get(name) is None or fields.get(name) == request[name]
                for name in ("Statistic", "ExtendedStatistic", "Period", "Unit")
            )
        ):
            found.append(shown(key, body))
    return {"MetricAlarms": found}


async def describe_alarm_history(ctx: Context, request: Request) -> Response:
    """Serve DescribeAlarmHistory.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmHistory.html
    """
    types = request.get("AlarmTypes") or ["MetricAlarm", "CompositeAlarm"]
    item = request.get("HistoryItemType")
    start, end = request.get("StartDate"), request.get("EndDate")
    events = [
        event
        for _, event in await of(ctx).store.events(
            ctx.account, ctx.region, request.get("AlarmName")
        )
        if event.kind in types
        and item in (None, event.item)
        and (start is None or event.at >= float(start))
        and (end is None or event.at <= float(end))
    ]
    if request.get("ScanBy") != "TimestampAscending":
        events.reverse()
    chosen, token = _page(events, request)
    return {
        "AlarmHistoryItems": [
            {
                "AlarmName": event.alarm,
                "AlarmType": event.kind,
                "Timestamp": event.at,
                "HistoryItemType": event.item,
                "HistorySummary": event.summary,
                "HistoryData": event.body,
            }
            for event in chosen
        ],
        "NextToken": token,
    }


async def describe_alarm_contributors(ctx: Context, request: Request) -> Response:
    """Serve DescribeAlarmContributors: alarms here have one time series, and no contributors.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarmContributors.html
    """
    key = Key(ctx.account, ctx.region, request["AlarmName"])
    if of(ctx).find(key) is None:
        raise AwsError("ResourceNotFoundException", f"Alarm {key.name} does not exist")
    return {"AlarmContributors": []}
