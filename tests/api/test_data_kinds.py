"""Resource types of the services that keep data: made, changed, replaced and removed by stacks."""

from __future__ import annotations

import json
from typing import Any

from tests.api.conftest import Running

_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:root"},
            "Action": "kms:*",
            "Resource": "*",
        }
    ],
}


def _template(stage: int) -> str:
    """Return the template: as it is made (0), changed in place (1), with other names (2)."""
    changed, other = min(stage, 1), "other" if stage == 2 else "first"
    alarm = {
        "AlarmName": f"{other}-alarm",
        "Namespace": "Shop",
        "MetricName": "orders",
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 1,
        "Threshold": 5 + changed,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    resources: dict[str, tuple[str, dict[str, Any]]] = {
        "Stream": (
            "AWS::Kinesis::Stream",
            {
                "Name": f"{other}-stream",
                "ShardCount": 1 + changed,
                "RetentionPeriodHours": 24 + 24 * changed,
                "Tags": [{"Key": "stage", "Value": str(changed)}],
            },
        ),
        "Consumer": (
            "AWS::Kinesis::StreamConsumer",
            {"ConsumerName": f"{other}-consumer", "StreamARN": {"Fn::GetAtt": ["Stream", "Arn"]}},
        ),
        "Parameter": (
            "AWS::SSM::Parameter",
            {
                "Name": f"/{other}/parameter",
                "Type": "String",
                "Value": f"v{changed}",
                "Description": f"d{changed}",
                "Tags": {"stage": str(changed)},
            },
        ),
        "Secret": (
            "AWS::SecretsManager::Secret",
            {
                "Name": f"{other}/secret",
                "Description": f"d{changed}",
                "SecretString": f"s{changed}",
                "Tags": [{"Key": "stage", "Value": str(changed)}],
            },
        ),
        "Key": (
            "AWS::KMS::Key",
            {
                "Description": f"d{changed}",
                "KeyPolicy": _POLICY,
                "EnableKeyRotation": bool(changed),
                "Enabled": True,
                "PendingWindowInDays": 7,
            },
        ),
        "Alias": (
            "AWS::KMS::Alias",
            {"AliasName": f"alias/{other}", "TargetKeyId": {"Ref": "Key"}},
        ),
        "Alarm": ("AWS::CloudWatch::Alarm", alarm),
        "Composite": (
            "AWS::CloudWatch::CompositeAlarm",
            {
                "AlarmName": f"{other}-composite",
                "AlarmRule": {"Fn::Sub": "NOT " * changed + "ALARM(${Alarm})"},
            },
        ),
        "Dashboard": (
            "AWS::CloudWatch::Dashboard",
            {
                "DashboardName": f"{other}-dashboard",
                "DashboardBody": json.dumps({"widgets": [], "start": f"-PT{1 + changed}H"}),
            },
        ),
        "Group": (
            "AWS::XRay::Group",
            {"GroupName": f"{other}-group", "FilterExpression": f"responsetime > {1 + changed}"},
        ),
        "Rule": (
            "AWS::XRay::SamplingRule",
            {
                "SamplingRule": {
                    "RuleName": f"{other}-rule",
                    "Priority": 10 + changed,
                    "FixedRate": 0.5,
                    "ReservoirSize": 1,
                    "ServiceName": "*",
                    "ServiceType": "*",
                    "Host": "*",
                    "HTTPMethod": "*",
                    "URLPath": "*",
                    "ResourceARN": "*",
                    "Version": 1,
                }
            },
        ),
        "Logs": (
            "AWS::Logs::LogGroup",
            {"LogGroupName": f"/{other}/logs", "RetentionInDays": 7 if changed else 1},
        ),
        "Filter": (
            "AWS::Logs::MetricFilter",
            {
                "LogGroupName": {"Ref": "Logs"},
                "FilterName": f"{other}-filter",
                "FilterPattern": "ERROR" if changed else "WARN",
                "MetricTransformations": [
                    {"MetricName": "m", "MetricNamespace": "Shop", "MetricValue": "1"}
                ],
            },
        ),
    }
    body = {
        name: {"Type": kind, "Properties": properties}
        for name, (kind, properties) in resources.items()
    }
    return json.dumps({"Resources": body})


class Made:
    """What there is, as the services themselves show it."""

    def __init__(self, running: Running) -> None:
        names = ("kinesis", "ssm", "secretsmanager", "kms", "cloudwatch", "xray", "logs")
        self.clients = {name: running.client(name) for name in names}

    def shown(self, name: str) -> dict[str, Any]:
        """Return what was made with names that begin with ``name``; "" where it is not there."""
        of = self.clients
        kms, watch = of["kms"], of["cloudwatch"]
        aliases = {each["AliasName"]: each for each in kms.list_aliases()["Aliases"]}
        alias = aliases.get(f"alias/{name}")
        alarms = watch.describe_alarms(AlarmTypes=["MetricAlarm", "CompositeAlarm"])
        groups = of["logs"].describe_log_groups(logGroupNamePrefix=f"/{name}/")["logGroups"]
        streams = of["kinesis"].list_streams()["StreamNames"]
        found: dict[str, Any] = {
            "Stream": "",
            "Consumer": [],
            "Parameter": [
                (each["Description"], each["Version"])
                for each in of["ssm"].describe_parameters()["Parameters"]
                if each["Name"] == f"/{name}/parameter"
            ],
            "Secret": [
                (each["Description"], each["Tags"][-1]["Value"])
                for each in of["secretsmanager"].list_secrets()["SecretList"]
                if each["Name"] == f"{name}/secret"
            ],
            "Key": "",
            "Alarm": [
                each["Threshold"]
                for each in alarms["MetricAlarms"]
                if each["AlarmName"] == f"{name}-alarm"
            ],
            "Composite": [
                each["AlarmRule"]
                for each in alarms["CompositeAlarms"]
                if each["AlarmName"] == f"{name}-composite"
            ],
            "Dashboard": [
                json.loads(
                    watch.get_dashboard(DashboardName=each["DashboardName"])["DashboardBody"]
                )
                for each in watch.list_dashboards()["DashboardEntries"]
                if each["DashboardName"] == f"{name}-dashboard"
            ],
            "Group": [
                each["FilterExpression"]
                for each in of["xray"].get_groups()["Groups"]
                if each["GroupName"] == f"{name}-group"
            ],
            "Rule": [
                each["SamplingRule"]["Priority"]
                for each in of["xray"].get_sampling_rules()["SamplingRuleRecords"]
                if each["SamplingRule"]["RuleName"] == f"{name}-rule"
            ],
            "Logs": [each["retentionInDays"] for each in groups],
            "Filter": [
                each["filterPattern"]
                for group in groups
                for each in of["logs"].describe_metric_filters(logGroupName=group["logGroupName"])[
                    "metricFilters"
                ]
            ],
        }
        if f"{name}-stream" in streams:
            shown = of["kinesis"].describe_stream_summary(StreamName=f"{name}-stream")[
                "StreamDescriptionSummary"
            ]
            consumers = of["kinesis"].list_stream_consumers(StreamARN=shown["StreamARN"])
            found["Stream"] = (shown["OpenShardCount"], shown["RetentionPeriodHours"])
            found["Consumer"] = [each["ConsumerName"] for each in consumers["Consumers"]]
        if alias is not None:
            key = kms.describe_key(KeyId=alias["TargetKeyId"])["KeyMetadata"]
            rotation = kms.get_key_rotation_status(KeyId=key["KeyId"])["KeyRotationEnabled"]
            found["Key"] = (key["Description"], rotation)
        return found

    def close(self) -> None:
        for client in self.clients.values():
            client.close()


def _ended(stacks: Any, status: str) -> None:
    waiting = {"Delay": 1, "MaxAttempts": 60}
    stacks.get_waiter(status).wait(StackName="data", WaiterConfig=waiting)


def test_each_kind_is_made_changed_replaced_and_removed(running: Running) -> None:
    stacks, made = running.client("cloudformation"), Made(running)

    def physical() -> dict[str, str]:
        found = stacks.describe_stack_resources(StackName="data")["StackResources"]
        return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}

    nothing = made.shown("first")
    assert not any(nothing.values())
    stacks.create_stack(StackName="data", TemplateBody=_template(0))
    _ended(stacks, "stack_create_complete")
    first = physical()
    assert made.shown("first") == {
        "Stream": (1, 24),
        "Consumer": ["first-consumer"],
        "Parameter": [("d0", 1)],
        "Secret": [("d0", "0")],
        "Key": ("d0", False),
        "Alarm": [5.0],
        "Composite": ["ALARM(first-alarm)"],
        "Dashboard": [{"widgets": [], "start": "-PT1H"}],
        "Group": ["responsetime > 1"],
        "Rule": [10],
        "Logs": [1],
        "Filter": ["WARN"],
    }
    stacks.update_stack(StackName="data", TemplateBody=_template(1))
    _ended(stacks, "stack_update_complete")
    assert physical() == first
    changed = {
        "Stream": (2, 48),
        "Parameter": [("d1", 2)],
        "Secret": [("d1", "1")],
        "Key": ("d1", True),
        "Alarm": [6.0],
        "Dashboard": [{"widgets": [], "start": "-PT2H"}],
        "Group": ["responsetime > 2"],
        "Rule": [11],
        "Logs": [7],
        "Filter": ["ERROR"],
    }
    rule = ["NOT ALARM(first-alarm)"]
    assert made.shown("first") == {**changed, "Consumer": ["first-consumer"], "Composite": rule}
    stacks.update_stack(StackName="data", TemplateBody=_template(2))
    _ended(stacks, "stack_update_complete")
    # A key has no name of its own: it stays.
    assert {name for name, id in physical().items() if id == first[name]} == {"Key"}
    rule = ["NOT ALARM(other-alarm)"]
    new = {**changed, "Parameter": [("d1", 1)], "Consumer": ["other-consumer"], "Composite": rule}
    assert made.shown("other") == new
    assert made.shown("first") == nothing
    key = first["Key"]
    stacks.delete_stack(StackName="data")
    _ended(stacks, "stack_delete_complete")
    assert made.shown("other") == nothing
    kept = made.clients["kms"].describe_key(KeyId=key)["KeyMetadata"]
    assert kept["KeyState"] == "PendingDeletion"
    stacks.close()
    made.close()
