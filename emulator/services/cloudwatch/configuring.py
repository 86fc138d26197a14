"""Alarms are made, changed and deleted.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudwatch.alarms.alarm import Body, Key, new_body, period_of
from emulator.services.cloudwatch.alarms.decisions import COMPARISONS, TREATMENTS
from emulator.services.cloudwatch.alarms.rules import RuleError, name_of, parse_rule
from emulator.services.cloudwatch.describing import ACTIONS, shown
from emulator.services.cloudwatch.errors import combination, violated
from emulator.services.cloudwatch.queries import read_queries
from emulator.services.cloudwatch.state import of
from emulator.services.cloudwatch.statistic import statistic
from emulator.services.context import Context, Request, Response

_DAY_S, _WEEK_S = 86_400, 604_800
_OF_METRIC = (
    "MetricName",
    "Namespace",
    "Dimensions",
    "Period",
    "Unit",
    "Statistic",
    "ExtendedStatistic",
)
_NOT_SERVED = {
    "ThresholdMetricId": "localfaas does not serve anomaly detection; ThresholdMetricId is given.",
    "EvaluationCriteria": "localfaas does not serve PromQL alarms; EvaluationCriteria is given.",
    "EvaluationInterval": "localfaas does not serve PromQL alarms; EvaluationInterval is given.",
}


async def put_metric_alarm(ctx: Context, request: Request) -> Response:
    """Serve PutMetricAlarm.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutMetricAlarm.html
    """
    _check_metric_alarm(ctx, request)
    await _put(ctx, "MetricAlarm", request)
    return {}


async def put_composite_alarm(ctx: Context, request: Request) -> Response:
    """Serve PutCompositeAlarm.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_PutCompositeAlarm.html
    """
    try:
        rule = parse_rule(request["AlarmRule"])
    except RuleError as error:
        raise violated(f"{error}.") from error
    state = of(ctx)
    suppressor = request.get("ActionsSuppressor")
    named = [*rule.children, *([name_of(suppressor)] if suppressor else [])]
    unknown = [each for each in named if state.find(Key(ctx.account, ctx.region, each)) is None]
    if unknown:
        raise violated(
            f"Could not save the composite alarm as alarms [{', '.join(unknown)}] in the alarm "
            "rule do not exist"
        )
    periods = ("ActionsSuppressorWaitPeriod", "ActionsSuppressorExtensionPeriod")
    for name in periods:
        if (request.get(name) is None) == bool(suppressor):
            raise violated(
                f"The parameters ActionsSuppressor and {name} must be specified together."
            )
    await _put(ctx, "CompositeAlarm", request)
    return {}


async def _put(ctx: Context, kind: str, request: Request) -> None:
    for name in ACTIONS:
        for arn in request.get(name) or ():
            if arn.count(":") < 5 or not arn.startswith("arn:"):
                raise violated(f"Invalid arn syntax: {arn}")
    state = of(ctx)
    key = Key(ctx.account, ctx.region, request["AlarmName"])
    before = state.find(key)
    if before is not None and before["kind"] != kind:
        raise violated(f"An alarm of another type with the name {key.name} already exists.")
    fields = {
        name: value
        for name, value in request.items()
        if name not in ("AlarmName", "Tags") and value is not None
    }
    tags = {each["Key"]: each["Value"] for each in request.get("Tags") or ()}
    body = new_body(kind, fields, tags, ctx.clock.now(), before)
    await state.alarms.put(*key, body)
    verb = "created" if before is None else "updated"
    told: dict[str, Any] = {"version": "1.0", "type": "Create" if before is None else "Update"}
    told[f"{verb}Alarm"] = _told(key, body)
    await state.watch.write(key, kind, "ConfigurationUpdate", f'Alarm "{key.name}" {verb}', told)
    if state.find(key) is body:
        state.watch.arm(key)


def _told(key: Key, body: Body) -> dict[str, Any]:
    """Return an alarm as its history tells it."""
    found = {}
    for name, value in shown(key, body).items():
        if isinstance(value, float) and name.endswith("Timestamp"):
            continue
        found[name[0].lower() + name[1:]] = value
    return found


def _check_metric_alarm(ctx: Context, request: Request) -> None:
    for name, text in _NOT_SERVED.items():
        if request.get(name) is not None:
            raise violated(text)
    if request.get("EvaluationPeriods") is None:
        raise violated("The parameter EvaluationPeriods must be specified.")
    comparison = request.get("ComparisonOperator")
    if comparison is None:
        raise violated("The parameter ComparisonOperator must be specified.")
    if comparison not in COMPARISONS:
        raise violated(
            f"localfaas does not serve anomaly detection; ComparisonOperator is {comparison}."
        )
    if request.get("Threshold") is None:
        raise violated("The parameter Threshold must be specified.")
    needed = request.get("DatapointsToAlarm")
    if needed is not None and needed > request["EvaluationPeriods"]:
        raise violated(
            "The parameter DatapointsToAlarm must be less than or equal to EvaluationPeriods."
        )
    if (treatment := request.get("TreatMissingData")) is not None and treatment not in TREATMENTS:
        raise violated(
            f"The value {treatment} is unsupported for parameter TreatMissingData. Supported "
            f"values are [{', '.join(TREATMENTS)}]"
        )
    low = request.get("EvaluateLowSampleCountPercentile")
    if low is not None and low not in ("evaluate", "ignore"):
        raise violated(
            f"Option {low} is not supported. Supported options for parameter "
            "EvaluateLowSampleCountPercentile are evaluate and ignore."
        )
    if request.get("Metrics"):
        _check_expression(ctx, request)
    else:
        _check_metric(request)
    _check_length(request)


def _check_metric(request: Request) -> None:
    for name in ("Namespace", "MetricName"):
        if not request.get(name):
            raise violated(
                "Exactly one of the parameters Metrics and MetricName must be specified."
                if name == "MetricName"
                else f"The parameter {name} must be specified."
            )
    stat, extended = request.get("Statistic"), request.get("ExtendedStatistic")
    if (stat is None) == (extended is None):
        text = "Exactly one of the parameters Statistic and ExtendedStatistic must be specified."
        raise violated(text)
    if extended is not None and statistic(extended) is None:
        raise violated(f"The value {extended} for parameter ExtendedStatistic is not supported.")
    period = request.get("Period")
    if period is None:
        raise violated("The parameter Period must be specified.")
    if period not in (10, 20, 30) and period % 60:
        raise violated("Period must be 10, 20, 30 or a multiple of 60")


def _check_expression(ctx: Context, request: Request) -> None:
    for name in _OF_METRIC:
        if request.get(name) is not None and request.get(name) != []:
            raise combination(
                f"The parameters Metrics and {name} are mutually exclusive and you have specified "
                "both."
            )
    queries = read_queries(request["Metrics"], ctx.account, ctx.region, "Metrics")
    returned = [each for each in queries if each.is_returned]
    if len(returned) != 1:
        raise violated(
            "Metrics list must contain exactly one metric matching the ReturnData with the value "
            "true."
        )
    if any(each.expression and each.expression.searches for each in queries):
        raise violated("SEARCH is not supported in the expressions of alarms.")


def _check_length(request: Request) -> None:
    period = period_of(request)
    whole = period * request["EvaluationPeriods"]
    most = _DAY_S if period < 3600 else _WEEK_S
    if whole > most:
        raise violated(
            "Metrics cannot be checked across more than "
            f"{'a day' if most == _DAY_S else 'seven days'} (EvaluationPeriods * Period must be "
            f"<= {most})."
        )


async def delete_alarms(ctx: Context, request: Request) -> Response:
    """Serve DeleteAlarms: those that are there are deleted.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DeleteAlarms.html
    """
    state = of(ctx)
    keys = [Key(ctx.account, ctx.region, name) for name in dict.fromkeys(request["AlarmNames"])]
    there = [key for key in keys if state.find(key) is not None]
    composite = [key for key in there if _body(ctx, key)["kind"] == "CompositeAlarm"]
    if len(composite) > 1:
        raise violated(
            "Bulk deletion of composite alarms is not supported. You can delete only one composite "
            "alarm at a time."
        )
    for key in there:
        above = [name for name in state.watch.parents(key) if name not in request["AlarmNames"]]
        if above:
            raise violated(
                f"The alarm {key.name} can't be deleted: the composite alarm {above[0]} depends on "
                "it."
            )
    for key in there:
        body = _body(ctx, key)
        await state.alarms.delete(*key)
        state.watch.disarm(key)
        told = {"version": "1.0", "type": "Delete", "deletedAlarm": _told(key, body)}
        summary = f'Alarm "{key.name}" deleted'
        await state.watch.write(key, body["kind"], "ConfigurationUpdate", summary, told)
    if keys and not there and len(keys) == 1:
        raise AwsError("ResourceNotFound", f"Alarm {keys[0].name} does not exist")
    return {}


def _body(ctx: Context, key: Key) -> Body:
    found = of(ctx).find(key)
    if found is None:
        raise AwsError("ResourceNotFound", f"Alarm {key.name} does not exist")
    return found


async def enable_alarm_actions(ctx: Context, request: Request) -> Response:
    """Serve EnableAlarmActions.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_EnableAlarmActions.html
    """
    return await _set_actions(ctx, request, enabled=True)


async def disable_alarm_actions(ctx: Context, request: Request) -> Response:
    """Serve DisableAlarmActions.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DisableAlarmActions.html
    """
    return await _set_actions(ctx, request, enabled=False)


async def _set_actions(ctx: Context, request: Mapping[str, Any], *, enabled: bool) -> Response:
    state = of(ctx)
    for name in request["AlarmNames"]:
        key = Key(ctx.account, ctx.region, name)
        body = state.find(key)
        # Names without an alarm are passed over, as AWS does.
        if body is not None:
            fields = {**body["fields"], "ActionsEnabled": enabled}
            await state.alarms.put(*key, {**body, "fields": fields, "updated": ctx.clock.now()})
    return {}


async def set_alarm_state(ctx: Context, request: Request) -> Response:
    """Serve SetAlarmState: until the alarm is looked at again.

    Source: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_SetAlarmState.html
    """
    data = request.get("StateReasonData")
    if data is not None:
        _check_json(data)
    key = Key(ctx.account, ctx.region, request["AlarmName"])
    found = of(ctx).find(key)
    if found is None:
        raise AwsError("ResourceNotFound", "")
    await of(ctx).watch.change(
        key, found, request["StateValue"], request["StateReason"], data or ""
    )
    return {}


def _check_json(text: str) -> None:
    import orjson

    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        raise AwsError("InvalidFormatFault", "StateReasonData must be valid JSON.") from error
