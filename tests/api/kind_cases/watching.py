"""What the sweep changes of resource types: Logs, CloudWatch and X-Ray."""

from __future__ import annotations

import json
from typing import Any

from tests.api.kind_cases.case import TAGS, Also, Ask, Case, Clients, policy, resource
from tests.api.stacks import ROLE


def _read_log_group(clients: Clients, name: str) -> Any:
    client = clients("logs")
    (found,) = client.describe_log_groups(logGroupNamePrefix=name)["logGroups"]
    arn = found["arn"].removesuffix(":*")
    return found, client.list_tags_for_resource(resourceArn=arn)["tags"]


def _read_alarm(clients: Clients, name: str) -> Any:
    client = clients("cloudwatch")
    (found,) = client.describe_alarms(AlarmNames=[name])["MetricAlarms"]
    return found, client.list_tags_for_resource(ResourceARN=found["AlarmArn"])["Tags"]


_ALARM = "arn:aws:cloudwatch:us-east-1:000000000000:alarm:"
_GROUPS = {name: {"Type": "AWS::Logs::LogGroup"} for name in "LM"}
_TRANSFORMATION = {"MetricName": "m", "MetricNamespace": "n", "MetricValue": "1"}
_XRAY = policy("xray:PutTraceSegments")
_SAMPLING = {
    "RuleName": "swept",
    "Priority": 9,
    "FixedRate": 0.1,
    "ReservoirSize": 1,
    "ServiceName": "*",
    "ServiceType": "*",
    "Host": "*",
    "HTTPMethod": "*",
    "URLPath": "*",
    "ResourceARN": "*",
    "Version": 1,
}


CASES: dict[str, Case] = {
    "AWS::CloudWatch::CompositeAlarm": Case(
        {"AlarmRule": "TRUE"},
        {
            "ActionsEnabled": False,
            "ActionsSuppressor": Also(
                ActionsSuppressor={"Ref": "W"},
                ActionsSuppressorExtensionPeriod=5,
                ActionsSuppressorWaitPeriod=6,
            ),
            "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:t"],
            "AlarmDescription": "d",
            "AlarmRule": "FALSE",
            "InsufficientDataActions": ["arn:aws:sns:us-east-1:000000000000:t"],
            "OKActions": ["arn:aws:sns:us-east-1:000000000000:t"],
            "Tags": TAGS,
        },
        (
            Ask(
                "cloudwatch",
                "describe_alarms",
                {"AlarmNamePrefix": "{R}", "AlarmTypes": ["CompositeAlarm"]},
            ),
            Ask("cloudwatch", "list_tags_for_resource", {"ResourceARN": f"{_ALARM}{{R}}"}),
        ),
        {
            "W": resource(
                "AWS::CloudWatch::CompositeAlarm", AlarmName="suppressor", AlarmRule="FALSE"
            )
        },
        replaces={"AlarmName": "other-swept"},
        unseen={
            "ActionsSuppressorExtensionPeriod": "with ActionsSuppressor",
            "ActionsSuppressorWaitPeriod": "with ActionsSuppressor",
        },
    ),
    "AWS::CloudWatch::Dashboard": Case(
        {"DashboardBody": '{"widgets": []}'},
        {"DashboardBody": '{"widgets": [], "start": "-PT2H"}'},
        (Ask("cloudwatch", "get_dashboard", {"DashboardName": "{R}"}),),
        replaces={"DashboardName": "other-swept"},
    ),
    "AWS::Logs::LogStream": Case(
        {"LogGroupName": {"Ref": "L"}},
        {},
        (Ask("logs", "describe_log_streams", {"logGroupName": "{L}"}),),
        _GROUPS,
        replaces={
            "LogStreamName": "other",
            "LogGroupName": Also(LogGroupName={"Ref": "M"}, LogStreamName="third"),
        },
    ),
    "AWS::Logs::MetricFilter": Case(
        {
            "LogGroupName": {"Ref": "L"},
            "FilterPattern": "A",
            "MetricTransformations": [_TRANSFORMATION],
        },
        {
            "FilterPattern": "B",
            "MetricTransformations": [
                {**_TRANSFORMATION, "MetricName": "o", "DefaultValue": 1, "Unit": "Count"}
            ],
        },
        (Ask("logs", "describe_metric_filters", {"logGroupName": "{L}"}),),
        _GROUPS,
        replaces={
            "FilterName": "other",
            "LogGroupName": Also(LogGroupName={"Ref": "M"}, FilterName="third"),
        },
        unseen=dict.fromkeys(
            ("ApplyOnTransformedLogs", "EmitSystemFieldDimensions", "FieldSelectionCriteria"),
            "it is refused",
        ),
    ),
    "AWS::Logs::SubscriptionFilter": Case(
        {
            "LogGroupName": {"Ref": "L"},
            "FilterPattern": "A",
            "DestinationArn": {"Fn::GetAtt": "S.Arn"},
            "RoleArn": ROLE,
        },
        {
            "DestinationArn": {"Fn::GetAtt": "T.Arn"},
            "Distribution": "Random",
            "FilterPattern": "B",
            "RoleArn": f"{ROLE}2",
        },
        (Ask("logs", "describe_subscription_filters", {"logGroupName": "{L}"}),),
        {
            **_GROUPS,
            **{name: resource("AWS::Kinesis::Stream", ShardCount=1) for name in "ST"},
        },
        replaces={
            "FilterName": "other",
            "LogGroupName": Also(LogGroupName={"Ref": "M"}, FilterName="third"),
        },
        unseen=dict.fromkeys(
            ("ApplyOnTransformedLogs", "EmitSystemFields", "FieldSelectionCriteria"),
            "it is refused",
        ),
    ),
    "AWS::XRay::Group": Case(
        {"GroupName": "swept"},
        {
            "FilterExpression": "responsetime > 1",
            "InsightsConfiguration": {"InsightsEnabled": True},
            "Tags": TAGS,
        },
        (
            Ask("xray", "get_group", {"GroupARN": "{R}"}),
            Ask("xray", "list_tags_for_resource", {"ResourceARN": "{R}"}),
        ),
        replaces={"GroupName": "other"},
    ),
    "AWS::XRay::ResourcePolicy": Case(
        {"PolicyName": "swept", "PolicyDocument": json.dumps(_XRAY)},
        {"PolicyDocument": json.dumps(_XRAY).replace("PutTraceSegments", "GetSamplingRules")},
        (Ask("xray", "list_resource_policies", {}),),
        replaces={"PolicyName": "other"},
        unseen={"BypassPolicyLockoutCheck": "it is kept nowhere"},
    ),
    "AWS::XRay::SamplingRule": Case(
        {"SamplingRule": _SAMPLING},
        {"SamplingRule": {**_SAMPLING, "FixedRate": 0.2, "Attributes": {"a": "b"}}, "Tags": TAGS},
        (
            Ask("xray", "get_sampling_rules", {}),
            Ask("xray", "list_tags_for_resource", {"ResourceARN": "{R}"}),
        ),
        replaces={"SamplingRule": {**_SAMPLING, "RuleName": "other"}},
        unseen={
            "RuleName": "with SamplingRule",
            "SamplingRuleRecord": "AWS says: not for templates",
            "SamplingRuleUpdate": "AWS says: not for templates",
        },
    ),
    "AWS::Logs::LogGroup": Case({}, {"RetentionInDays": 3, "Tags": TAGS}, _read_log_group),
    "AWS::CloudWatch::Alarm": Case(
        {
            "Namespace": "n",
            "MetricName": "m",
            "Statistic": "Sum",
            "Period": 60,
            "EvaluationPeriods": 1,
            "Threshold": 1,
            "ComparisonOperator": "GreaterThanThreshold",
        },
        {
            "ActionsEnabled": False,
            "AlarmActions": ["arn:aws:sns:us-east-1:000000000000:t"],
            "AlarmDescription": "d",
            "Dimensions": [{"Name": "a", "Value": "b"}],
            "Statistic": "Average",
            "Tags": TAGS,
            "Threshold": 2,
            "TreatMissingData": "ignore",
        },
        _read_alarm,
    ),
}
