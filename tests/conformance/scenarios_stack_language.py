"""What the language of templates does in stacks: loops, JSON, conditions, references, nesting."""

from __future__ import annotations

import json
from typing import Any

from tests.conformance.replay import new_name
from tests.conformance.scenarios_stacks import PARAMETER, TOPIC
from tests.conformance.stack_scenario_parts import (
    ASSUME,
    list_resources,
    make_stack,
    outputs_of,
    parameters_of,
    physical_id,
    resource_of,
)
from tests.conformance.stack_updates import CAPABILITIES, StackScenario

_LANGUAGE = "AWS::LanguageExtensions"


def to_json(it: StackScenario) -> None:
    template = {
        "Transform": _LANGUAGE,
        "Resources": {
            "MyObjectParameter": resource_of(
                "AWS::SSM::Parameter",
                Type="String",
                Value={"Fn::ToJsonString": {"a": "foo", "b": "bar"}},
            ),
            "MyArrayParameter": resource_of(
                "AWS::SSM::Parameter", Type="String", Value={"Fn::ToJsonString": ["a", "b", "c"]}
            ),
        },
        "Outputs": {
            "ObjectName": {"Value": {"Ref": "MyObjectParameter"}},
            "ArrayName": {"Value": {"Ref": "MyArrayParameter"}},
        },
    }
    outputs = outputs_of(make_stack(it, template))
    ssm = it.clients("ssm")
    for step, name in (("array-value", "ArrayName"), ("object-value", "ObjectName")):
        it.match(step, ssm.get_parameter(Name=outputs[name])["Parameter"]["Value"])
    _language_resources(it)


def _language_resources(it: StackScenario) -> None:
    """Compare resources and the processed template; the recording has its own stack's names."""
    recorded = it.comparison.recorded("resources")["StackResources"]
    own = it.client.describe_stack_resources(StackName=it.stack)
    identity = recorded[0]["StackId"].rpartition("/")[2]
    for each in own["StackResources"]:
        each["StackId"] = each["StackId"].rpartition("/")[0] + f"/{identity}"
    it.match("resources", own)
    processed = it.client.get_template(StackName=it.stack, TemplateStage="Processed")
    it.match("transformed", processed["TemplateBody"])


def loops(it: StackScenario) -> None:
    def parameter(name: str) -> dict[str, Any]:
        return resource_of("AWS::SSM::Parameter", Type="String", Value=f"my value {name}")

    def inner(name: str) -> dict[str, Any]:
        loop = [
            "Letter",
            ["A", "B", "C"],
            {f"My{name}Parameter${{Letter}}": parameter("${Letter}")},
        ]
        return {f"Fn::ForEach::{name}": loop}

    template = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Transform": _LANGUAGE,
        "Resources": {
            "Fn::ForEach::Names": [
                "Name",
                ["Foo", "Bar"],
                {"My${Name}Parameter": parameter("${Name}")},
            ],
            **inner("Foo"),
            **inner("Bar"),
        },
    }
    make_stack(it, template)
    _language_resources(it)


def disabled_references(it: StackScenario) -> None:
    toggle = it.comparison.name.rpartition("[")[2].rstrip("]")
    value = {"Ref": "ParameterValue"}
    conditional = {
        **resource_of("AWS::SSM::Parameter", Type="String", Value=value),
        "Condition": "Yes",
    }
    reference = {"Fn::If": ["Yes", {"Fn::GetAtt": ["ConditionalParameter", "Value"]}, value]}
    template = {
        "Parameters": {"Toggle": {"Type": "String"}, "ParameterValue": {"Type": "String"}},
        "Conditions": {"Yes": {"Fn::Equals": [{"Ref": "Toggle"}, "yes"]}},
        "Resources": {
            "BaseParameter": resource_of("AWS::SSM::Parameter", Type="String", Value=reference),
            "ConditionalParameter": conditional,
            "AnotherResource": {
                **resource_of(
                    "AWS::SSM::Parameter", Type="String", Value={"Ref": "ConditionalParameter"}
                ),
                "Condition": "Yes",
            },
        },
        "Outputs": {
            "ConditionalParameterValue": {
                "Condition": "Yes",
                "Value": {"Fn::GetAtt": ["ConditionalParameter", "Value"]},
            }
        },
    }
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        Parameters=parameters_of({"Toggle": toggle, "ParameterValue": new_name("value")}),
        Capabilities=sorted(CAPABILITIES),
    )
    it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    it.client.execute_change_set(ChangeSetName=made["Id"])
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    described = it.client.describe_stacks(StackName=it.stack)
    for members in ("Capabilities", "Parameters"):
        stack = described["Stacks"][0]
        stack[members] = sorted(stack[members], key=lambda each: str(each))
    it.match("stack-description", described)
    list_resources(it, "resources-description")


def changed_reference(it: StackScenario) -> None:
    def template(value: str) -> dict[str, Any]:
        first = {**PARAMETER, "Properties": {"Type": "String", "Value": value}}
        second = {"Type": "String", "Value": {"Fn::GetAtt": ["A", "Value"]}}
        return {"Resources": {"A": first, "B": resource_of("AWS::SSM::Parameter", **second)}}

    ssm = it.clients("ssm")
    values = (new_name("value"), new_name("value"))
    make_stack(it, template(values[0]))
    name = physical_id(it, "B")
    it.comparison.know("<name-1>", values[0])
    it.comparison.know("<name-2>", values[1])
    it.match("before-value", ssm.get_parameter(Name=name)["Parameter"]["Value"])
    it.client.update_stack(StackName=it.stack, TemplateBody=json.dumps(template(values[1])))
    it.client.get_waiter("stack_update_complete").wait(StackName=it.stack)
    it.match("after-value", ssm.get_parameter(Name=name)["Parameter"]["Value"])


def nested_outputs(it: StackScenario) -> None:
    s3, bucket, role = it.clients("s3"), new_name("bucket"), new_name("role")
    s3.create_bucket(Bucket=bucket)

    def child(key: str, template: dict[str, Any], **parameters: Any) -> dict[str, Any]:
        s3.put_object(Bucket=bucket, Key=key, Body=json.dumps(template))
        url = f"https://{bucket}.s3.amazonaws.com/{key}"
        return resource_of("AWS::CloudFormation::Stack", TemplateURL=url, Parameters=parameters)

    text = {"Type": "String"}
    statement = {"Effect": "Allow", "Action": ["sns:Publish"], "Resource": [{"Ref": "Topic"}]}
    policy = {
        "PolicyName": "PolicyA",
        "PolicyDocument": {"Version": "2012-10-17", "Statement": [statement]},
        "Roles": [{"Ref": "Role"}],
    }
    topics = {
        "Resources": {"T": TOPIC},
        "Outputs": {"Arn": {"Value": {"Ref": "T"}}},
    }
    roles = {
        "Parameters": {"Topic": text, "Role": text},
        "Resources": {
            "R": resource_of("AWS::IAM::Role", RoleName=role, AssumeRolePolicyDocument=ASSUME),
            "P": {**resource_of("AWS::IAM::Policy", **policy), "DependsOn": "R"},
        },
    }
    arn = {"Fn::GetAtt": ["Topics", "Outputs.Arn"]}
    template = {
        "Resources": {
            "Topics": child("topics.json", topics),
            "Roles": child("roles.json", roles, Topic=arn, Role=role),
        }
    }
    make_stack(it, template)
    iam = it.clients("iam")
    it.match("get_role_response", iam.get_role(RoleName=role))
    it.match("role_policies", iam.list_role_policies(RoleName=role))
    it.match("actual_policy", iam.get_role_policy(RoleName=role, PolicyName="PolicyA"))


def without_parameters(it: StackScenario) -> None:
    def topic(name: str) -> str:
        return json.dumps(
            {"Resources": {"topic123": resource_of("AWS::SNS::Topic", TopicName=name)}}
        )

    it.client.create_stack(StackName=it.stack, TemplateBody=topic(new_name("topic")))
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        ChangeSetType="UPDATE",
        TemplateBody=topic(new_name("topic")),
    )
    it.match("create_change_set", made)
    # Each answer's names were numbered on their own.
    it.comparison.forget("<resource:1>")
    it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    described = it.client.describe_change_set(ChangeSetName=made["Id"])
    for change in described["Changes"]:
        # Since 2024 answers tell more.
        change["ResourceChange"].pop("PolicyAction", None)
        for detail in change["ResourceChange"]["Details"]:
            detail["Target"] = {
                name: detail["Target"][name] for name in ("Attribute", "Name", "RequiresRecreation")
            }
    it.match("describe_change_set", described)
    it.match("list_change_set", it.client.list_change_sets(StackName=it.stack))


def nested_conditions(it: StackScenario) -> None:
    environment, given = it.comparison.name.partition("[")[2].split("-")[:2]
    bucket = new_name("bucket") if given == "bucket" else ""
    is_production = {"Fn::Equals": [{"Ref": "EnvType"}, "prod"]}
    named = {"Fn::Not": [{"Fn::Equals": [{"Ref": "BucketName"}, ""]}]}
    statement = {
        "Action": ["s3:GetObject"],
        "Effect": "Allow",
        "Resource": [{"Fn::Sub": "arn:${AWS::Partition}:s3:::${Bucket}/*"}],
        "Principal": {"Service": "lambda.amazonaws.com"},
    }
    policy = resource_of(
        "AWS::S3::BucketPolicy",
        Bucket={"Ref": "Bucket"},
        PolicyDocument={"Version": "2012-10-17", "Statement": [statement]},
    )
    template = {
        "Parameters": {
            "EnvType": {"Type": "String", "AllowedValues": ["prod", "test"]},
            "BucketName": {"Type": "String", "Default": ""},
        },
        "Conditions": {
            "IsProduction": is_production,
            "CreateBucket": named,
            "CreatePolicy": {
                "Fn::And": [{"Condition": "IsProduction"}, {"Condition": "CreateBucket"}]
            },
        },
        "Resources": {
            "Bucket": {
                **resource_of("AWS::S3::Bucket", BucketName={"Ref": "BucketName"}),
                "Condition": "CreateBucket",
            },
            "Policy": {**policy, "Condition": "CreatePolicy"},
        },
    }
    made = it.client.create_change_set(
        StackName=it.stack,
        ChangeSetName=it.change_set,
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(template),
        Parameters=parameters_of({"EnvType": environment, "BucketName": bucket}),
    )
    it.match("create_cs_result", made)
    it.client.get_waiter("change_set_create_complete").wait(ChangeSetName=made["Id"])
    described = it.client.describe_change_set(ChangeSetName=made["Id"])
    described["Parameters"].sort(key=lambda each: each["ParameterKey"])
    it.match("describe_changeset_result", described)
    it.client.execute_change_set(ChangeSetName=made["Id"])
    it.client.get_waiter("stack_create_complete").wait(StackName=it.stack)
    stacks = it.client.describe_stacks(StackName=it.stack)
    stacks["Stacks"][0]["Parameters"].sort(key=lambda each: each["ParameterKey"])
    it.match("describe_stack_result", stacks)
    it.match("stack_events", it.client.describe_stack_events(StackName=it.stack))
    list_resources(it, "stack_resources")
