"""Stacks through boto3: made, changed, undone, removed; AWS's words where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.stacks import ROLE, Stacks, function, outputs, queue, template


def test_a_stack_from_birth_to_end(stacks: Stacks) -> None:
    resources: dict[str, Any] = {
        "Function": function(Environment={"Variables": {"URL": {"Ref": "Orders"}}}),
        "Orders": queue(VisibilityTimeout="40"),
        "Feed": {
            "Type": "AWS::Lambda::EventSourceMapping",
            "Properties": {
                "EventSourceArn": {"Fn::GetAtt": "Orders.Arn"},
                "FunctionName": {"Ref": "Function"},
                "BatchSize": "5",
            },
        },
    }
    stack = stacks.create(
        "life", resources, Outputs={"Arn": {"Value": {"Fn::GetAtt": "Function.Arn"}}}
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    physical = stacks.physical("life")
    found = stacks.running.client("lambda").get_function_configuration(
        FunctionName=physical["Function"]
    )
    assert outputs(stack)["Arn"] == found["FunctionArn"]
    assert found["Environment"]["Variables"] == {"URL": physical["Orders"]}
    mapping = stacks.running.client("lambda").get_event_source_mapping(UUID=physical["Feed"])
    assert mapping["BatchSize"] == 5

    resources["Function"] = function(MemorySize=512)
    resources["More"] = queue()
    del resources["Feed"]
    updated = stacks.update("life", resources)
    assert updated["StackStatus"] == "UPDATE_COMPLETE"
    assert "Outputs" not in updated
    changed = stacks.running.client("lambda").get_function_configuration(
        FunctionName=physical["Function"]
    )
    assert changed["MemorySize"] == 512
    assert changed.get("Environment", {}).get("Variables", {}) == {}
    assert stacks.physical("life").keys() == {"Function", "Orders", "More"}
    stacks.client.delete_stack(StackName="life")
    gone = stacks.settled(stack["StackId"])
    assert gone["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="Stack with id life does not exist"):
        stacks.client.describe_stacks(StackName="life")
    names = stacks.running.client("sqs").list_queues(QueueNamePrefix="life-")
    assert "QueueUrls" not in names


def test_a_failed_creation_is_rolled_back(stacks: Stacks) -> None:
    stack = stacks.create(
        "failing", {"Good": queue(), "Bad": function(MemorySize=99999), "Other": queue()}
    )
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert "[Bad]" in " ".join(stacks.reasons("failing"))
    assert any("memorySize" in reason for reason in stacks.reasons("failing"))
    assert "QueueUrls" not in stacks.running.client("sqs").list_queues(QueueNamePrefix="failing-")
    with pytest.raises(ClientError, match="is in ROLLBACK_COMPLETE state and can not be updated"):
        stacks.update("failing", {"Good": queue()})


def test_a_failed_update_is_rolled_back(stacks: Stacks) -> None:
    stacks.create("back", {"F": function(MemorySize=256), "Q": queue(DelaySeconds=1)})
    before = stacks.physical("back")
    stack = stacks.update(
        "back",
        {
            "Q": queue(DelaySeconds=2),
            "New": queue(),
            "F": {**function(MemorySize=99999), "DependsOn": ["Q", "New"]},
        },
    )
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    assert stacks.physical("back") == before
    attributes = stacks.running.client("sqs").get_queue_attributes(
        QueueUrl=before["Q"], AttributeNames=["DelaySeconds"]
    )
    assert attributes["Attributes"] == {"DelaySeconds": "1"}
    assert (
        stacks.update("back", {"F": function(MemorySize=512)})["StackStatus"] == "UPDATE_COMPLETE"
    )


def test_what_only_creation_can_set_replaces_the_resource(stacks: Stacks) -> None:
    stacks.create("anew", {"F": function(FunctionName="anew-one"), "U": {
        "Type": "AWS::Lambda::Url",
        "Properties": {"TargetFunctionArn": {"Fn::GetAtt": "F.Arn"}, "AuthType": "NONE"},
    }})  # fmt: skip
    stacks.update("anew", {"F": function(FunctionName="anew-two")})
    names = [
        f["FunctionName"] for f in stacks.running.client("lambda").list_functions()["Functions"]
    ]
    assert "anew-two" in names
    assert "anew-one" not in names


def test_nothing_to_update(stacks: Stacks) -> None:
    stacks.create("same", {"Q": queue(DelaySeconds=1)})
    with pytest.raises(ClientError, match="No updates are to be performed"):
        stacks.update("same", {"Q": queue(DelaySeconds=1)})


def test_conditions_parameters_and_exports(stacks: Stacks) -> None:
    more: dict[str, Any] = {
        "Parameters": {"Stage": {"Type": "String", "AllowedValues": ["dev", "prod"]}},
        "Conditions": {"Prod": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
        "Outputs": {"Q": {"Value": {"Fn::GetAtt": "Q.Arn"}, "Export": {"Name": "exported-q"}}},
    }
    resources = {"Q": queue(), "Only": {**queue(), "Condition": "Prod"}}
    text = template(resources, **more)
    with pytest.raises(ClientError, match=r"Parameters: \[Stage\] must have values"):
        stacks.client.create_stack(StackName="cond", TemplateBody=text)
    stage = [{"ParameterKey": "Stage", "ParameterValue": "dev"}]
    stacks.client.create_stack(StackName="cond", TemplateBody=text, Parameters=stage)
    stacks.settled("cond")
    assert stacks.physical("cond").keys() == {"Q"}
    user = stacks.create("user", {"P": queue()}, Outputs={
        "V": {"Value": {"Fn::ImportValue": "exported-q"}},
    })  # fmt: skip
    assert outputs(user)["V"].endswith(stacks.physical("cond")["Q"].rpartition("/")[2])
    assert stacks.client.list_imports(ExportName="exported-q")["Imports"] == ["user"]
    with pytest.raises(ClientError, match="Export exported-q cannot be deleted as it is in use by"):
        stacks.client.delete_stack(StackName="cond")
    stage = [{"ParameterKey": "Stage", "ParameterValue": "prod"}]
    stacks.client.update_stack(StackName="cond", UsePreviousTemplate=True, Parameters=stage)
    stacks.settled("cond")
    assert stacks.physical("cond").keys() == {"Q", "Only"}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("{", "Template format error: JSON not well-formed"),
        ("a: [", "Template format error: YAML not well-formed"),
        ("[]", "Template format error: unsupported structure"),
        ("Resources: {}", "At least one Resources member must be defined"),
        ("Resources: {A: {}}", "Every Resources object must contain a Type member"),
        ("Resources: {A: {Type: 'AWS::No::Such'}}", r"resource types: \[AWS::No::Such\]"),
        ("Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}}", r"dependencies \[B\]"),
        (
            "Resources: {A: {Type: 'AWS::SQS::Queue', Properties: {QueueName: !Ref B}}}",
            r"Unresolved resource dependencies \[B\]",
        ),
        (
            "Resources: {A: {Type: 'AWS::SQS::Queue', DependsOn: B}, "
            "B: {Type: 'AWS::SQS::Queue', DependsOn: A}}",
            r"Circular dependency between resources: \[A, B\]",
        ),
        ("Resources: {A: 1}", "Any Resources member must be an object"),
        (
            "Parameters: {P: {Type: String, MinLength: x, Default: a}}\n"
            "Resources: {A: {Type: 'AWS::SQS::Queue'}}",
            "has a bound that is no number",
        ),
        ("Resource: {A: 1}", r"Invalid template property or properties \[Resource\]"),
    ],
)  # fmt: skip
def test_templates_that_are_refused(stacks: Stacks, text: str, says: str) -> None:
    with pytest.raises(ClientError, match=says) as raised:
        stacks.client.create_stack(StackName="refused", TemplateBody=text)
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 400
    with pytest.raises(ClientError, match="does not exist"):
        stacks.client.describe_stacks(StackName="refused")


def test_change_sets(stacks: Stacks) -> None:
    name = {"StackName": "sets", "ChangeSetName": "one"}
    stacks.client.create_change_set(
        **name, ChangeSetType="CREATE", TemplateBody=template({"Q": queue()})
    )
    assert stacks.client.describe_stacks(StackName="sets")["Stacks"][0]["StackStatus"] == (
        "REVIEW_IN_PROGRESS"
    )
    shown = stacks.client.describe_change_set(**name)
    assert shown["Status"] == "CREATE_COMPLETE"
    assert [each["ResourceChange"]["Action"] for each in shown["Changes"]] == ["Add"]
    stacks.client.execute_change_set(**name)
    assert stacks.settled("sets")["StackStatus"] == "CREATE_COMPLETE"
    stacks.client.create_change_set(**name, TemplateBody=template({"Q": queue()}))
    same = stacks.client.describe_change_set(**name)
    assert same["Status"] == "FAILED"
    assert same["StatusReason"].startswith("The submitted information didn't contain changes.")
    stacks.client.delete_change_set(**name)
    stacks.client.create_change_set(**name, TemplateBody=template({"Q": queue(QueueName="x")}))
    (change,) = stacks.client.describe_change_set(**name)["Changes"]
    assert change["ResourceChange"]["Replacement"] == "True"
    with pytest.raises(ClientError) as raised:
        stacks.client.describe_change_set(StackName="sets", ChangeSetName="none")
    assert raised.value.response["Error"]["Code"] == "ChangeSetNotFound"
    assert raised.value.response["ResponseMetadata"]["HTTPStatusCode"] == 404


def test_a_type_that_is_not_served_is_noted(stacks: Stacks) -> None:
    stack = stacks.create(
        "noted",
        {
            "V": {"Type": "AWS::EC2::VPC", "Properties": {"CidrBlock": "10.0.0.0/16"}},
            "J": {
                "Type": "AWS::Batch::JobDefinition",
                "Properties": {"JobDefinitionName": "j", "Type": "container"},
            },
            "F": {"Type": "AWS::EFS::AccessPoint", "Properties": {"FileSystemId": "fs-1"}},
            "E": {"Type": "AWS::EC2::VPCEndpoint", "Properties": {"VpcId": {"Ref": "V"}}},
            "Q": queue(),
        },
        Outputs={
            "V": {"Value": {"Ref": "V"}},
            "J": {"Value": {"Ref": "J"}},
            "F": {"Value": {"Fn::GetAtt": ["F", "Arn"]}},
            "E": {"Value": {"Fn::Select": [0, {"Fn::GetAtt": ["E", "DnsEntries"]}]}},
        },
    )
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    assert outputs(stack)["V"].startswith("vpc-")
    assert outputs(stack)["J"].endswith(":000000000000:job-definition/j:1")
    assert ":elasticfilesystem:us-east-1:000000000000:access-point/fsap-" in outputs(stack)["F"]
    assert outputs(stack)["E"].startswith("Z00000000000000:vpce-")
    assert any("does not serve AWS::EC2::VPC" in reason for reason in stacks.reasons("noted"))


def test_retained_protected_and_already_there(stacks: Stacks) -> None:
    stacks.create("kept", {"Q": {**queue(QueueName="kept-q"), "DeletionPolicy": "Retain"}})
    with pytest.raises(ClientError, match=r"Stack \[kept\] already exists"):
        stacks.create("kept", {"Q": queue()})
    stacks.client.update_termination_protection(StackName="kept", EnableTerminationProtection=True)
    with pytest.raises(ClientError, match="TerminationProtection is enabled"):
        stacks.client.delete_stack(StackName="kept")
    stacks.client.update_termination_protection(StackName="kept", EnableTerminationProtection=False)
    stack_id = stacks.settled("kept")["StackId"]
    stacks.client.delete_stack(StackName="kept")
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    assert stacks.running.client("sqs").get_queue_url(QueueName="kept-q")
    stacks.client.delete_stack(StackName="never-there")


def test_sam_needs_its_capability_and_is_made(stacks: Stacks) -> None:
    body = json.dumps(
        {
            "Transform": "AWS::Serverless-2016-10-31",
            "Resources": {
                "F": {
                    "Type": "AWS::Serverless::Function",
                    "Properties": {
                        "InlineCode": "def handler(e, c): return 1",
                        "Handler": "index.handler",
                        "Runtime": "python3.12",
                        "AutoPublishAlias": "live",
                    },
                }
            },
        }
    )
    with pytest.raises(ClientError, match=r"Requires capabilities : \[CAPABILITY_AUTO_EXPAND\]"):
        stacks.client.create_stack(StackName="sam", TemplateBody=body)
    stacks.client.create_stack(
        StackName="sam",
        TemplateBody=body,
        Capabilities=["CAPABILITY_AUTO_EXPAND", "CAPABILITY_IAM"],
    )
    assert stacks.settled("sam")["StackStatus"] == "CREATE_COMPLETE"
    name = stacks.physical("sam")["F"]
    alias = stacks.running.client("lambda").get_alias(FunctionName=name, Name="live")
    assert alias["FunctionVersion"] == "1"
    original = stacks.client.get_template(StackName="sam")["TemplateBody"]
    assert "AWS::Serverless::Function" in json.dumps(original)


def test_stacks_outlive_a_restart(tmp_path: Path) -> None:
    first = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    stacks = Stacks(first)
    stacks.create("lasting", {"Q": queue(DelaySeconds=1)}, Outputs={"U": {"Value": {"Ref": "Q"}}})
    events = len(stacks.reasons("lasting"))
    physical = stacks.physical("lasting")
    first.stop()
    second = Running(Settings(port=0, state=tmp_path), driver=ScriptedDriver())
    stacks = Stacks(second)
    assert stacks.physical("lasting").keys() == physical.keys()
    assert len(stacks.reasons("lasting")) == events
    assert (
        stacks.update("lasting", {"Q": queue(DelaySeconds=3)})["StackStatus"] == "UPDATE_COMPLETE"
    )
    second.stop()


def test_templates_are_validated_and_summed_up(stacks: Stacks) -> None:
    text = template(
        {"Q": queue(), "F": function()},
        Parameters={"P": {"Type": "Number", "Default": 5, "NoEcho": True}},
        Description="d",
    )
    shown = stacks.client.validate_template(TemplateBody=text)
    assert shown["Description"] == "d"
    assert shown["Parameters"] == [{"ParameterKey": "P", "DefaultValue": "5", "NoEcho": True}]
    summary = stacks.client.get_template_summary(TemplateBody=text)
    assert summary["ResourceTypes"] == ["AWS::Lambda::Function", "AWS::SQS::Queue"]
    assert summary["Parameters"][0]["ParameterType"] == "Number"
    with pytest.raises(ClientError, match="Template format error"):
        stacks.client.validate_template(TemplateBody="{")


@pytest.mark.parametrize(
    "parts",
    [
        {"Resources": {"Fn::Transform": "include", "Q": queue()}},
        {"Resources": {"Q": {**queue(), "Fn::Transform": "include"}}},
        {"Resources": {"Q": queue()}, "Outputs": {"Fn::Transform": "include"}},
    ],
)
def test_templates_are_validated_before_their_macros_run(
    stacks: Stacks, parts: dict[str, Any]
) -> None:
    include = json.dumps({"Name": "AWS::Include", "Parameters": {"Location": "s3://b/k.yaml"}})
    text = json.dumps(parts).replace('"include"', include)
    expand = ["CAPABILITY_AUTO_EXPAND"]
    assert stacks.client.validate_template(TemplateBody=text)["Capabilities"] == expand
    summary = stacks.client.get_template_summary(TemplateBody=text)
    assert summary["ResourceTypes"] == ["AWS::SQS::Queue"]


def test_what_stacks_have_is_listed(stacks: Stacks) -> None:
    stacks.create(
        "listed",
        {"Q": {**queue(), "Metadata": {"a": 1}}},
        Outputs={"O": {"Value": {"Ref": "Q"}, "Export": {"Name": "listed-o"}}},
    )
    summaries = stacks.client.list_stack_resources(StackName="listed")["StackResourceSummaries"]
    assert [each["ResourceStatus"] for each in summaries] == ["CREATE_COMPLETE"]
    one = stacks.client.describe_stack_resource(StackName="listed", LogicalResourceId="Q")
    assert json.loads(one["StackResourceDetail"]["Metadata"]) == {"a": 1}
    exports = {e["Name"]: e["Value"] for e in stacks.client.list_exports()["Exports"]}
    assert exports["listed-o"] == stacks.physical("listed")["Q"]
    names = [each["StackName"] for each in stacks.client.list_stacks()["StackSummaries"]]
    assert "listed" in names
    stacks.client.create_change_set(
        StackName="listed", ChangeSetName="c", TemplateBody=template({"Q": queue(DelaySeconds=1)})
    )
    sets = stacks.client.list_change_sets(StackName="listed")["Summaries"]
    assert [each["ChangeSetName"] for each in sets] == ["c"]
    types = stacks.client.list_types(Visibility="PUBLIC", MaxResults=100)
    assert len(types["TypeSummaries"]) == 100
    policy = '{"Statement": []}'
    stacks.client.set_stack_policy(StackName="listed", StackPolicyBody=policy)
    assert stacks.client.get_stack_policy(StackName="listed")["StackPolicyBody"] == policy


def test_what_failed_is_undone_on_request(stacks: Stacks) -> None:
    bad = {"Good": queue(), "Bad": {**function(MemorySize=99999), "DependsOn": "Good"}}
    stacks.client.create_stack(StackName="asked", TemplateBody=template(bad), DisableRollback=True)
    assert stacks.settled("asked")["StackStatus"] == "CREATE_FAILED"
    stacks.client.rollback_stack(StackName="asked")
    assert stacks.settled("asked")["StackStatus"] == "ROLLBACK_COMPLETE"
    with pytest.raises(ClientError, match="can not continue rollback"):
        stacks.client.continue_update_rollback(StackName="asked")
    with pytest.raises(ClientError, match="cannot be called from current stack status"):
        stacks.client.cancel_update_stack(StackName="asked")


def test_five_hundred_resources(stacks: Stacks) -> None:
    resources = {f"Q{n}": queue() for n in range(500)}
    stack = stacks.create("many", resources)
    assert stack["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match="greater than maximum allowed, 500"):
        stacks.create("more", {**resources, "One": queue()})


def test_loops_make_resources_of_stacks_and_change_sets(stacks: Stacks) -> None:
    loop = {"Fn::ForEach::Queues": ["Name", ["A", "B"], {"Queue${Name}": queue()}]}
    text = template(loop, Transform="AWS::LanguageExtensions")
    assert stacks.client.validate_template(TemplateBody=text)["Capabilities"]
    summary = stacks.client.get_template_summary(TemplateBody=text)
    assert summary["DeclaredTransforms"] == ["AWS::LanguageExtensions"]
    given = {"TemplateBody": text, "Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
    stacks.client.create_stack(StackName="loops", **given)
    assert stacks.settled("loops")["StackStatus"] == "CREATE_COMPLETE"
    assert sorted(stacks.physical("loops")) == ["QueueA", "QueueB"]
    names = {"StackName": "loops-2", "ChangeSetName": "c"}
    stacks.client.create_change_set(**names, **given, ChangeSetType="CREATE")
    found = stacks.client.describe_change_set(**names)["Changes"]
    made = [each["ResourceChange"]["LogicalResourceId"] for each in found]
    assert sorted(made) == ["QueueA", "QueueB"]


def test_a_loop_without_its_transform_is_no_resource(stacks: Stacks) -> None:
    loop = {"Fn::ForEach::Queues": ["Name", ["A"], {"Queue${Name}": queue()}]}
    with pytest.raises(ClientError, match="resource definition is malformed"):
        stacks.create("no-loops", loop)


def test_what_a_type_needs_is_needed_in_updates_too(stacks: Stacks) -> None:
    whole = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": "v"}}
    stacks.create("needed", {"P": whole})
    lacking = {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String"}}
    stack = stacks.update("needed", {"P": lacking})
    assert stack["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE"
    says = "Property validation failure: [The property {/Value} is required]"
    assert says in stacks.reasons("needed")


def test_a_capacity_provider_and_its_function(stacks: Stacks) -> None:
    network = {"SubnetIds": ["subnet-1"], "SecurityGroupIds": ["sg-1"]}
    provider = {
        "CapacityProviderName": "of-a-stack",
        "VpcConfig": network,
        "PermissionsConfig": {"CapacityProviderOperatorRoleArn": ROLE},
    }
    config = {
        "LambdaManagedInstancesCapacityProviderConfig": {
            "CapacityProviderArn": {"Fn::GetAtt": ["P", "Arn"]}
        }
    }
    resources = {
        "P": {"Type": "AWS::Lambda::CapacityProvider", "Properties": provider},
        "F": function(CapacityProviderConfig=config, MemorySize=2048, Runtime="python3.13"),
    }
    stacks.client.create_stack(StackName="managed", TemplateBody=template(resources))
    assert stacks.settled("managed")["StackStatus"] == "CREATE_COMPLETE", stacks.reasons("managed")
    lambda_ = stacks.running.client("lambda")
    found = lambda_.list_capacity_providers()["CapacityProviders"]
    assert [each["CapacityProviderArn"].rpartition(":")[2] for each in found] == ["of-a-stack"]
    stack_id = stacks.settled("managed")["StackId"]
    stacks.client.delete_stack(StackName="managed")
    stacks.client.get_waiter("stack_delete_complete").wait(StackName=stack_id)
    assert lambda_.list_capacity_providers()["CapacityProviders"] == []


def test_images_of_instances_are_plausible(stacks: Stacks) -> None:
    path = "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-6.1-x86_64"
    kind = "AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>"
    parameters = {"Image": {"Type": kind, "Default": path}}
    stack = stacks.create(
        "images", {"Q": queue()}, Parameters=parameters, Outputs={"Id": {"Value": {"Ref": "Image"}}}
    )
    assert outputs(stack)["Id"].startswith("ami-")
