"""What scenarios of stacks share: stacks made and described, parts of templates."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.stack_updates import CAPABILITIES, StackScenario

ASSUME = {
    "Version": "2012-10-17",
    "Statement": [
        {
            "Action": "sts:AssumeRole",
            "Effect": "Allow",
            "Principal": {"Service": "lambda.amazonaws.com"},
        }
    ],
}


def make_stack(it: StackScenario, template: dict[str, Any], **parameters: str) -> dict[str, Any]:
    """Make a stack; return its description."""
    it.client.create_stack(
        StackName=it.stack,
        TemplateBody=json.dumps(template),
        Parameters=parameters_of(parameters),
        Capabilities=sorted(CAPABILITIES),
    )
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    return describe_stack(it)


def describe_stack(it: StackScenario) -> dict[str, Any]:
    stack: dict[str, Any] = it.client.describe_stacks(StackName=it.stack)["Stacks"][0]
    return stack


def parameters_of(values: dict[str, str]) -> list[dict[str, str]]:
    return [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]


def outputs_of(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs") or []}


def physical_id(it: StackScenario, logical: str) -> str:
    found = it.client.describe_stack_resource(StackName=it.stack, LogicalResourceId=logical)
    return str(found["StackResourceDetail"]["PhysicalResourceId"])


def resource_of(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Type": kind, "Properties": properties}


def lone(kind: str, **properties: Any) -> dict[str, Any]:
    return {"Resources": {"R": resource_of(kind, **properties)}}


def list_resources(it: StackScenario, step: str) -> None:
    it.match(step, it.client.describe_stack_resources(StackName=it.stack))
