"""State machines, versions, aliases and activities from templates."""

from __future__ import annotations

import json
from typing import Any

from tests.patience import until

from .conftest import Running

ROLE = "arn:aws:iam::000000000000:role/workflows"


def deploy(running: Running, name: str, template: dict[str, Any], **change: Any) -> dict[str, str]:
    """Create or change a stack; return the physical ids of its resources."""
    client = running.client("cloudformation")
    make = client.update_stack if change.get("update") else client.create_stack
    make(StackName=name, TemplateBody=json.dumps(template), Capabilities=["CAPABILITY_AUTO_EXPAND"])
    (stack,) = until(
        lambda: client.describe_stacks(StackName=name)["Stacks"],
        lambda stacks: stacks[0]["StackStatus"].endswith("_COMPLETE"),
    )
    events = client.describe_stack_events(StackName=name)["StackEvents"]
    reasons = [each.get("ResourceStatusReason") for each in events]
    assert "ROLLBACK" not in stack["StackStatus"], reasons
    found = client.describe_stack_resources(StackName=name)["StackResources"]
    client.close()
    return {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in found}


def pass_with(value: Any) -> dict[str, Any]:
    return {
        "StartAt": "P",
        "States": {"P": {"Type": "Pass", "Result": value, "End": True}},
    }


def test_a_machine_with_versions_and_an_alias(running: Running) -> None:
    def template(value: str) -> dict[str, Any]:
        machine = {
            "RoleArn": ROLE,
            "DefinitionString": json.dumps(pass_with("${value} and ${Missing}")),
            "DefinitionSubstitutions": {"value": value},
            "Tags": [{"Key": "a", "Value": value}],
        }
        route = {"StateMachineVersionArn": {"Ref": "Version"}, "Weight": 100}
        return {
            "Resources": {
                "Machine": {"Type": "AWS::StepFunctions::StateMachine", "Properties": machine},
                "Version": {
                    "Type": "AWS::StepFunctions::StateMachineVersion",
                    "Properties": {
                        "StateMachineArn": {"Ref": "Machine"},
                        "StateMachineRevisionId": {
                            "Fn::GetAtt": ["Machine", "StateMachineRevisionId"]
                        },
                    },
                },
                "Alias": {
                    "Type": "AWS::StepFunctions::StateMachineAlias",
                    "Properties": {"Name": "live", "RoutingConfiguration": [route]},
                },
                "Work": {"Type": "AWS::StepFunctions::Activity", "Properties": {"Name": "work"}},
            }
        }

    made = deploy(running, "machines", template("one"))
    client = running.client("stepfunctions")
    found = client.describe_state_machine(stateMachineArn=made["Machine"])
    assert json.loads(found["definition"]) == pass_with("one and ${Missing}")
    assert made["Version"] == f"{made['Machine']}:1"
    assert made["Alias"] == f"{made['Machine']}:live"
    assert made["Work"].endswith(":activity:work")
    made = deploy(running, "machines", template("two"), update=True)
    assert made["Version"] == f"{made['Machine']}:2"
    alias = client.describe_state_machine_alias(stateMachineAliasArn=made["Alias"])
    assert alias["routingConfiguration"][0]["stateMachineVersionArn"] == made["Version"]
    tags = client.list_tags_for_resource(resourceArn=made["Machine"])["tags"]
    assert {"key": "a", "value": "two"} in tags
    stacks = running.client("cloudformation")
    stacks.delete_stack(StackName="machines")
    until(lambda: not client.list_state_machines()["stateMachines"])
    client.close()
    stacks.close()


def test_a_definition_from_an_object_and_from_s3(running: Running) -> None:
    s3 = running.client("s3")
    s3.create_bucket(Bucket="definitions")
    text = "StartAt: P\nStates:\n  P:\n    Type: Pass\n    Result: ${value}\n    End: true\n"
    s3.put_object(Bucket="definitions", Key="a.yaml", Body=text.encode())
    template = {
        "Resources": {
            "Object": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {"RoleArn": ROLE, "Definition": pass_with(1)},
            },
            "Stored": {
                "Type": "AWS::StepFunctions::StateMachine",
                "Properties": {
                    "RoleArn": ROLE,
                    "StateMachineType": "EXPRESS",
                    "DefinitionS3Location": {"Bucket": "definitions", "Key": "a.yaml"},
                    "DefinitionSubstitutions": {"value": "kept"},
                },
            },
        }
    }
    made = deploy(running, "definitions", template)
    client = running.client("stepfunctions")
    found = client.describe_state_machine(stateMachineArn=made["Stored"])
    assert (json.loads(found["definition"]), found["type"]) == (pass_with("kept"), "EXPRESS")
    found = client.describe_state_machine(stateMachineArn=made["Object"])
    assert json.loads(found["definition"]) == pass_with(1)
    client.close()
    s3.close()
