"""Stacks for tests: a client that does what they do most, and parts of templates."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.patience import until

if TYPE_CHECKING:
    from tests.api.conftest import Running

CODE = {"ZipFile": "def handler(event, context): return 1"}
ROLE = "arn:aws:iam::000000000000:role/r"


def function(**more: Any) -> dict[str, Any]:
    properties = {"Code": CODE, "Handler": "index.handler", "Role": ROLE, "Runtime": "python3.12"}
    return {"Type": "AWS::Lambda::Function", "Properties": {**properties, **more}}


def queue(**properties: Any) -> dict[str, Any]:
    return {"Type": "AWS::SQS::Queue", "Properties": properties}


class Stacks:
    """A client for stacks, with what tests do most."""

    def __init__(self, running: Running) -> None:
        self.running = running
        self.client = running.client("cloudformation")

    def create(self, name: str, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.client.create_stack(StackName=name, TemplateBody=template(resources, **more))
        return self.settled(name)

    def update(self, name: str, resources: dict[str, Any], **more: Any) -> dict[str, Any]:
        self.client.update_stack(StackName=name, TemplateBody=template(resources, **more))
        return self.settled(name)

    def settled(self, name: str) -> dict[str, Any]:
        return settled(self.client, name)

    def physical(self, name: str) -> dict[str, str]:
        found = self.client.describe_stack_resources(StackName=name)["StackResources"]
        return {each["LogicalResourceId"]: each.get("PhysicalResourceId", "") for each in found}

    def reasons(self, name: str) -> list[str]:
        events = self.client.describe_stack_events(StackName=name)["StackEvents"]
        return [each.get("ResourceStatusReason", "") for each in events]


def settled(client: Any, name: str) -> dict[str, Any]:
    """Wait until nothing of a stack is under way; return it."""
    (stack,) = until(
        lambda: client.describe_stacks(StackName=name)["Stacks"],
        lambda stacks: not stacks[0]["StackStatus"].endswith("_IN_PROGRESS"),
    )
    return dict(stack)


def template(resources: dict[str, Any], **more: Any) -> str:
    return json.dumps({"Resources": resources, **more})


def outputs(stack: dict[str, Any]) -> dict[str, str]:
    return {each["OutputKey"]: each["OutputValue"] for each in stack.get("Outputs", [])}
