"""What AWS's managed policies allow: those that functions have, and those named by a rule.

Source: https://docs.aws.amazon.com/aws-managed-policy/latest/reference/policy-list.html
"""

from __future__ import annotations

import json
import re
from functools import cache
from typing import Any

_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:PutLogEvents")
_NETWORK = tuple(
    f"ec2:{each}"
    for each in (
        "AssignPrivateIpAddresses",
        "CreateNetworkInterface",
        "DeleteNetworkInterface",
        "DescribeNetworkInterfaces",
        "DescribeSubnets",
        "UnassignPrivateIpAddresses",
    )
)
#: By name: the actions that they allow on everything.
_KNOWN: dict[str, tuple[str, ...]] = {
    "AWSLambdaBasicExecutionRole": _LOGS,
    "AWSLambdaDynamoDBExecutionRole": (
        *("dynamodb:DescribeStream", "dynamodb:GetRecords", "dynamodb:GetShardIterator"),
        *("dynamodb:ListStreams", *_LOGS),
    ),
    "AWSLambdaKinesisExecutionRole": (
        *("kinesis:DescribeStream", "kinesis:DescribeStreamSummary", "kinesis:GetRecords"),
        *("kinesis:GetShardIterator", "kinesis:ListShards", "kinesis:ListStreams"),
        *("kinesis:SubscribeToShard", *_LOGS),
    ),
    "AWSLambdaRole": ("lambda:InvokeFunction",),
    "AWSLambdaSQSQueueExecutionRole": (
        *("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage", *_LOGS),
    ),
    "AWSLambdaVPCAccessExecutionRole": (*_LOGS, *_NETWORK),
    "AWSLambda_FullAccess": ("lambda:*", "logs:*", "iam:PassRole", "xray:*", "states:*"),
    "AWSXRayDaemonWriteAccess": (
        *("xray:GetSamplingRules", "xray:GetSamplingStatisticSummaries"),
        *("xray:GetSamplingTargets", "xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    ),
    "AdministratorAccess": ("*",),
    "CloudWatchLambdaInsightsExecutionRolePolicy": _LOGS,
}
#: What AWS's names of services in policies are called in actions.
_PREFIXES = {
    "apigatewayadministrator": "apigateway",
    "cloudwatchevents": "events",
    "cloudwatchlogs": "logs",
    "eventbridge": "events",
    "eventbridgescheduler": "scheduler",
    "stepfunctions": "states",
    "xray": "xray",
}
_BY_RULE = re.compile(
    r"(?:Amazon|AWS)?(?P<service>[A-Za-z0-9]+?)(?P<kind>FullAccess|ReadOnlyAccess)"
)
_READING = ("BatchGet", "Describe", "Get", "List", "Query", "Scan")
_POWERFUL = {"Effect": "Allow", "NotAction": ["iam:*", "organizations:*", "account:*"]}


@cache
def document(name: str) -> str:
    """Return the document of one of AWS's managed policies, as JSON.

    One that is not known here allows nothing.

    Args:
        name: What follows the path in its ARN.
    """
    statement: dict[str, Any] = {"Effect": "Allow", "Action": _actions(name), "Resource": "*"}
    if name == "PowerUserAccess":
        statement = {**_POWERFUL, "Resource": "*"}
    statements = [statement] if statement.get("Action") != [] else []
    return json.dumps({"Version": "2012-10-17", "Statement": statements}, separators=(",", ":"))


def _actions(name: str) -> list[str]:
    if name in _KNOWN:
        return list(_KNOWN[name])
    if name == "ReadOnlyAccess":
        return [f"*:{verb}*" for verb in _READING]
    match = _BY_RULE.fullmatch(name)
    if match is None:
        return []
    service = match["service"].lower()
    prefix = _PREFIXES.get(service, service)
    if match["kind"] == "FullAccess":
        return [f"{prefix}:*"]
    return [f"{prefix}:{verb}*" for verb in _READING]
