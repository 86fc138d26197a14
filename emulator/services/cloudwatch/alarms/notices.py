"""What an alarm tells: topics, functions and the event bus, each in its own form.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch-and-eventbridge.html
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import orjson

from emulator.services.cloudwatch.alarms.alarm import Body, Key, written

#: Regions as messages name them.
_REGIONS = {
    "ap-northeast-1": "Asia Pacific (Tokyo)",
    "ap-south-1": "Asia Pacific (Mumbai)",
    "ap-southeast-1": "Asia Pacific (Singapore)",
    "ap-southeast-2": "Asia Pacific (Sydney)",
    "ca-central-1": "Canada (Central)",
    "eu-central-1": "EU (Frankfurt)",
    "eu-north-1": "EU (Stockholm)",
    "eu-west-1": "EU (Ireland)",
    "eu-west-2": "EU (London)",
    "eu-west-3": "EU (Paris)",
    "sa-east-1": "South America (Sao Paulo)",
    "us-east-1": "US East (N. Virginia)",
    "us-east-2": "US East (Ohio)",
    "us-west-1": "US West (N. California)",
    "us-west-2": "US West (Oregon)",
}
_STATISTICS = {
    "Average": "AVERAGE",
    "Maximum": "MAXIMUM",
    "Minimum": "MINIMUM",
    "SampleCount": "SAMPLE_COUNT",
    "Sum": "SUM",
}


def subject(key: Key, state: str) -> str:
    """Return the subject of a message to a topic."""
    region = _REGIONS.get(key.region, key.region)
    return f'{state}: "{key.name}" in {region}'[:100]


def message(key: Key, body: Body, before: Mapping[str, Any]) -> bytes:
    """Return the message to a topic, in the form that subscribers know.

    Args:
        key: The alarm.
        body: As it is now.
        before: The state that it had.
    """
    fields, state = body["fields"], body["state"]
    told: dict[str, Any] = {
        "AlarmName": key.name,
        "AlarmDescription": fields.get("AlarmDescription"),
        "AWSAccountId": key.account,
        "AlarmConfigurationUpdatedTimestamp": written(body["updated"]),
        "NewStateValue": state["value"],
        "NewStateReason": state["reason"],
        "StateChangeTime": written(state["updated"]),
        "Region": _REGIONS.get(key.region, key.region),
        "AlarmArn": key.arn,
        "OldStateValue": before["value"],
        "OKActions": fields.get("OKActions") or [],
        "AlarmActions": fields.get("AlarmActions") or [],
        "InsufficientDataActions": fields.get("InsufficientDataActions") or [],
    }
    if body["kind"] == "CompositeAlarm":
        told["AlarmRule"] = fields["AlarmRule"]
    else:
        told["Trigger"] = _trigger(fields)
    return orjson.dumps(told)


def _trigger(fields: Mapping[str, Any]) -> dict[str, Any]:
    common = {
        "Period": int(fields.get("Period") or 0),
        "EvaluationPeriods": fields["EvaluationPeriods"],
        "DatapointsToAlarm": fields.get("DatapointsToAlarm") or fields["EvaluationPeriods"],
        "ComparisonOperator": fields["ComparisonOperator"],
        "Threshold": fields.get("Threshold"),
        "TreatMissingData": fields.get("TreatMissingData") or "missing",
        "EvaluateLowSampleCountPercentile": fields.get("EvaluateLowSampleCountPercentile") or "",
    }
    if fields.get("Metrics"):
        return {**common, "Metrics": [_in_message(each) for each in fields["Metrics"]]}
    trigger: dict[str, Any] = {
        "MetricName": fields["MetricName"],
        "Namespace": fields["Namespace"],
        "Unit": fields.get("Unit"),
        "Dimensions": [
            {"value": each["Value"], "name": each["Name"]}
            for each in fields.get("Dimensions") or ()
        ],
    }
    if fields.get("ExtendedStatistic"):
        trigger |= {
            "StatisticType": "ExtendedStatistic",
            "ExtendedStatistic": fields["ExtendedStatistic"],
        }
    else:
        trigger |= {
            "StatisticType": "Statistic",
            "Statistic": _STATISTICS.get(fields.get("Statistic") or "", ""),
        }
    return {**trigger, **common}


def _in_message(query: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"Id": query["Id"], "ReturnData": query.get("ReturnData") is not False}
    if query.get("Label"):
        shown["Label"] = query["Label"]
    if stat := query.get("MetricStat"):
        metric = stat["Metric"]
        shown["MetricStat"] = {
            "Metric": {
                "Dimensions": [
                    {"value": each["Value"], "name": each["Name"]}
                    for each in metric.get("Dimensions") or ()
                ],
                "MetricName": metric["MetricName"],
                "Namespace": metric["Namespace"],
            },
            "Period": stat["Period"],
            "Stat": stat["Stat"],
        }
    else:
        shown["Expression"] = query["Expression"]
    return shown


def detail(key: Key, body: Body, before: Mapping[str, Any]) -> dict[str, Any]:
    """Return the detail of the event on the bus."""
    told: dict[str, Any] = {
        "alarmName": key.name,
        "configuration": _configuration(body["fields"]),
        "previousState": _state(before),
        "state": _state(body["state"]),
    }
    suppressed = body.get("suppressed")
    if suppressed:
        told["state"]["actionsSuppressedBy"] = suppressed["by"]
        told["state"]["actionsSuppressedReason"] = suppressed["reason"]
    return told


def for_function(key: Key, body: Body, before: Mapping[str, Any]) -> bytes:
    """Return the event for a function.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/alarms-and-actions-Lambda.html
    """
    return orjson.dumps(
        {
            "source": "aws.cloudwatch",
            "alarmArn": key.arn,
            "accountId": key.account,
            "time": written(body["state"]["updated"]),
            "region": key.region,
            "alarmData": detail(key, body, before),
        }
    )


def _state(state: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "value": state["value"],
        "reason": state["reason"],
        "timestamp": written(state["updated"]),
    }
    if state.get("data"):
        shown["reasonData"] = state["data"]
    return shown


def _configuration(fields: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if fields.get("AlarmDescription"):
        found["description"] = fields["AlarmDescription"]
    if fields.get("AlarmRule"):
        found["alarmRule"] = fields["AlarmRule"]
        for name in ("ActionsSuppressor", "ActionsSuppressorWaitPeriod"):
            if fields.get(name) is not None:
                found[name[0].lower() + name[1:]] = fields[name]
        if fields.get("ActionsSuppressorExtensionPeriod") is not None:
            found["actionsSuppressorExtensionPeriod"] = fields["ActionsSuppressorExtensionPeriod"]
        return found
    if fields.get("Metrics"):
        found["metrics"] = [_in_event(each) for each in fields["Metrics"]]
        return found
    stat = {
        "metric": _metric(fields),
        "period": fields["Period"],
        "stat": fields.get("Statistic") or fields.get("ExtendedStatistic"),
    }
    if fields.get("Unit"):
        stat["unit"] = fields["Unit"]
    id = str(uuid.uuid5(uuid.NAMESPACE_OID, str(stat)))
    found["metrics"] = [{"id": id, "metricStat": stat, "returnData": True}]
    return found


def _metric(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "namespace": fields["Namespace"],
        "name": fields["MetricName"],
        "dimensions": {each["Name"]: each["Value"] for each in fields.get("Dimensions") or ()},
    }


def _in_event(query: Mapping[str, Any]) -> dict[str, Any]:
    shown: dict[str, Any] = {"id": query["Id"], "returnData": query.get("ReturnData") is not False}
    if query.get("Label"):
        shown["label"] = query["Label"]
    if stat := query.get("MetricStat"):
        shown["metricStat"] = {
            "metric": _metric(stat["Metric"]),
            "period": stat["Period"],
            "stat": stat["Stat"],
        }
    else:
        shown["expression"] = query["Expression"]
    return shown
