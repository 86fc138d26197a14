"""AWS::LanguageExtensions, parameters in SSM and what change sets show of them, through boto3."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running
from tests.api.stacks import Stacks, outputs, queue, template

EXTENSIONS = "AWS::LanguageExtensions"
EXPAND = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
_numbers = itertools.count(1)


@pytest.fixture(scope="module")
def stacks() -> Iterator[Stacks]:
    running = Running(Settings(port=0), driver=ScriptedDriver())
    yield Stacks(running)
    running.stop()


@pytest.fixture
def name() -> str:
    return f"stack-{next(_numbers)}"


def parameter(value: Any, **more: Any) -> dict[str, Any]:
    return {"Type": "AWS::SSM::Parameter", "Properties": {"Type": "String", "Value": value}, **more}


def extended(resources: dict[str, Any], **more: Any) -> str:
    return template(resources, Transform=EXTENSIONS, **more)


def processed(stacks: Stacks, name: str, text: str, **values: str) -> Any:
    """Return what the transform makes of a template, as a change set shows it."""
    given = [{"ParameterKey": key, "ParameterValue": value} for key, value in values.items()]
    names = {"StackName": name, "ChangeSetName": "c"}
    stacks.client.create_change_set(
        **names, ChangeSetType="CREATE", TemplateBody=text, Parameters=given
    )
    found = stacks.client.describe_change_set(**names)
    assert found["Status"] == "CREATE_COMPLETE", found
    return stacks.client.get_template(**names, TemplateStage="Processed")["TemplateBody"]


def test_what_is_known_before_a_deployment_is_worked_out(stacks: Stacks, name: str) -> None:
    values: dict[str, Any] = {
        "Length": {"Fn::Length": {"Ref": "Names"}},
        "Joined": {"Fn::Join": ["-", [{"Ref": "Stage"}, {"Fn::Select": [1, {"Ref": "Names"}]}]]},
        "Mapped": {"Fn::FindInMap": ["M", {"Fn::Sub": "${Stage}"}, "b"]},
        "Default": {"Fn::FindInMap": ["M", "x", "y", {"DefaultValue": {"Ref": "Stage"}}]},
        "Branch": {"Fn::If": ["IsProd", "yes", {"Fn::Select": [9, ["none"]]}]},
        "Json": {"Fn::ToJsonString": {"a": {"Ref": "Names"}, "b": [1, True]}},
        "Pseudo": {"Fn::Sub": "${AWS::StackName}/${AWS::Region}"},
        "Split": {"Fn::Select": [0, {"Fn::Split": [",", "x,y"]}]},
        "Base": {"Fn::Base64": {"Ref": "Stage"}},
        "Absent": {"Ref": "AWS::NoValue"},
        "Secret": {"Fn::Sub": "${Secret}!"},
        "Later": {"Fn::Join": ["", [{"Ref": "Stage"}, {"Ref": "Other"}]]},
        "Imported": {"Fn::Join": ["", [{"Fn::ImportValue": {"Fn::Sub": "${Stage}-x"}}]]},
        "Attribute": {"Fn::GetAtt": [{"Fn::Sub": "Oth${End}"}, "Value"]},
        "Short": {"Fn::GetAtt": "Other.Value"},
        "Named": {"Ref": {"Fn::Sub": "Oth${End}"}},
    }
    text = extended(
        {"P": {**parameter("v"), "Metadata": values}, "Other": parameter("o")},
        Parameters={
            "Names": {"Type": "CommaDelimitedList"},
            "Stage": {"Type": "String"},
            "End": {"Type": "String", "Default": "er"},
            "Secret": {"Type": "String", "Default": "hidden", "NoEcho": True},
        },
        Mappings={"M": {"prod": {"b": "c"}}},
        Conditions={"IsProd": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]}},
    )
    made = processed(stacks, name, text, Names="one,two", Stage="prod")
    assert made["Resources"]["P"]["Metadata"] == {
        "Length": 2,
        "Joined": "prod-two",
        "Mapped": "c",
        "Default": "prod",
        "Branch": "yes",
        "Json": '{"a":["one","two"],"b":[1,true]}',
        "Pseudo": f"{name}/us-east-1",
        "Split": "x",
        "Base": "cHJvZA==",
        "Absent": {"Ref": "AWS::NoValue"},
        "Secret": {"Fn::Sub": "${Secret}!"},
        "Later": {"Fn::Join": ["", ["prod", {"Ref": "Other"}]]},
        "Imported": {"Fn::Join": ["", [{"Fn::ImportValue": "prod-x"}]]},
        "Attribute": {"Fn::GetAtt": ["Other", "Value"]},
        "Short": {"Fn::GetAtt": ["Other", "Value"]},
        "Named": {"Ref": "Other"},
    }
    assert "Transform" not in made
    assert made["Conditions"].keys() == {"IsProd"}


def test_policies_are_worked_out_and_act(stacks: Stacks, name: str) -> None:
    policies = {"DeletionPolicy": {"Fn::If": ["Keep", "Retain", "Delete"]}}
    text = extended(
        {
            "P": parameter({"Fn::ToJsonString": {"a": {"Fn::GetAtt": "Q.Value"}}}, **policies),
            "Q": parameter("q", UpdateReplacePolicy={"Ref": "Policy"}),
        },
        Parameters={"Policy": {"Type": "String", "Default": "Retain"}},
        Conditions={"Keep": {"Fn::Equals": [{"Ref": "Policy"}, "Retain"]}},
        Outputs={"Made": {"Value": {"Fn::GetAtt": ["P", "Value"]}}},
    )
    stacks.client.create_stack(StackName=name, TemplateBody=text, **EXPAND)
    assert outputs(stacks.settled(name)) == {"Made": '{"a":"q"}'}
    there = stacks.physical(name)
    stack_id = stacks.settled(name)["StackId"]
    stacks.client.delete_stack(StackName=name)
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    ssm = stacks.running.client("ssm")
    assert ssm.get_parameter(Name=there["P"])["Parameter"]["Value"] == '{"a":"q"}'
    with pytest.raises(ClientError, match="ParameterNotFound"):
        ssm.get_parameter(Name=there["Q"])


_BAD_LOOP = {"Fn::ForEach::L": ["Name", ["a"]]}


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        (_BAD_LOOP, "Fn::ForEach layout is incorrect"),
        ({"Fn::ForEach::L": ["N", {"Ref": "Q"}, {"X${N}": queue()}], "Q": queue()},
         "Fn::ForEach layout is incorrect"),
        ({"P": parameter({"Fn::Select": [2, ["a"]]})},
         "Template error: Fn::Select cannot select nonexistent value at index 2"),
    ],
)  # fmt: skip
def test_what_the_transform_refuses(
    stacks: Stacks, name: str, resources: dict[str, Any], says: str
) -> None:
    text, says = extended(resources), f"Transform {EXTENSIONS} failed with: {says}"
    stacks.client.create_stack(StackName=name, TemplateBody=text, **EXPAND)
    assert stacks.settled(name)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"{says}. Rollback requested by user." in stacks.reasons(name)
    names = {"StackName": f"{name}-c", "ChangeSetName": "c"}
    stacks.client.create_change_set(**names, TemplateBody=text, ChangeSetType="CREATE")
    found = stacks.client.describe_change_set(**names)
    assert (found["Status"], found["StatusReason"]) == ("FAILED", says)


@pytest.mark.parametrize(
    ("resource", "says"),
    [
        (parameter({"Fn::Length": ["a"]}), "Encountered unsupported function: Fn::Length"),
        (parameter({"Fn::ToJsonString": {}}), "Encountered unsupported function: Fn::ToJsonString"),
        (parameter({"Fn::FindInMap": ["M", "a", "b", {"DefaultValue": "x"}]}),
         "every Fn::FindInMap object requires three parameters"),
        (parameter("v", DeletionPolicy={"Ref": "AWS::Region"}),
         "Template format error: Every DeletionPolicy member must be a string."),
        (parameter("v", UpdateReplacePolicy={"Ref": "AWS::Region"}),
         "Template format error: Every UpdateReplacePolicy member must be a string."),
    ],
)  # fmt: skip
def test_what_needs_the_transform(
    stacks: Stacks, name: str, resource: dict[str, Any], says: str
) -> None:
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.create(name, {"P": resource}, Mappings={"M": {"a": {"b": "c"}}})


def _with_ssm(kind: str = "String", **more: Any) -> str:
    declared = {"V": {"Type": f"AWS::SSM::Parameter::Value<{kind}>", **more}}
    return template({"P": parameter({"Ref": "V"})}, Parameters=declared)


def test_values_of_ssm_are_shown_beside_their_names(stacks: Stacks, name: str) -> None:
    ssm, client = stacks.running.client("ssm"), stacks.client
    ssm.put_parameter(Name=f"/{name}", Type="String", Value="one")
    given = {"Parameters": [{"ParameterKey": "V", "ParameterValue": f"/{name}"}]}
    client.create_stack(StackName=name, TemplateBody=_with_ssm(), **given)
    shown = {"ParameterKey": "V", "ParameterValue": f"/{name}", "ResolvedValue": "one"}
    assert stacks.settled(name)["Parameters"] == [shown]
    with pytest.raises(ClientError, match="No updates are to be performed"):
        client.update_stack(StackName=name, UsePreviousTemplate=True, **given)

    ssm.put_parameter(Name=f"/{name}", Type="String", Value="two", Overwrite=True)
    names = {"StackName": name, "ChangeSetName": "c"}
    kept = {"Parameters": [{"ParameterKey": "V", "UsePreviousValue": True}]}
    client.create_change_set(**names, UsePreviousTemplate=True, **kept)
    found = client.describe_change_set(**names, IncludePropertyValues=True)
    assert found["Parameters"] == [{**shown, "ResolvedValue": "two"}]
    (change,) = found["Changes"]
    (detail,) = change["ResourceChange"]["Details"]
    target = detail["Target"]
    assert (target["BeforeValue"], target["AfterValue"]) == ("one", "two")
    assert stacks.settled(name)["Parameters"] == [shown]
    client.execute_change_set(**names)
    assert stacks.settled(name)["Parameters"] == [{**shown, "ResolvedValue": "two"}]


def test_a_parameter_of_ssm_goes_before_its_change_set_is_executed(
    stacks: Stacks, name: str
) -> None:
    ssm, names = stacks.running.client("ssm"), {"StackName": name, "ChangeSetName": "c"}
    ssm.put_parameter(Name=f"/{name}", Type="String", Value="v")
    text = _with_ssm(Default=f"/{name}")
    stacks.client.create_change_set(**names, ChangeSetType="CREATE", TemplateBody=text)
    ssm.delete_parameter(Name=f"/{name}")
    with pytest.raises(ClientError, match="Unable to fetch parameters") as raised:
        stacks.client.execute_change_set(**names)
    assert raised.value.response["Error"]["Code"] == "ValidationError"
    ssm.put_parameter(Name=f"/{name}", Type="String", Value="v")
    stacks.client.execute_change_set(**names)
    assert stacks.settled(name)["StackStatus"] == "CREATE_COMPLETE"


def test_hidden_values_of_ssm_are_hidden(stacks: Stacks, name: str) -> None:
    stacks.running.client("ssm").put_parameter(Name=f"/{name}", Type="String", Value="hush")
    client, names = stacks.client, {"StackName": name, "ChangeSetName": "c"}
    text = _with_ssm(Default=f"/{name}", NoEcho=True)
    client.create_change_set(**names, ChangeSetType="CREATE", TemplateBody=text)
    found = client.describe_change_set(**names, IncludePropertyValues=True)
    hidden = {"ParameterKey": "V", "ParameterValue": "****", "ResolvedValue": "****"}
    assert found["Parameters"] == [hidden]
    assert "hush" not in json.dumps(found["Changes"])


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (_with_ssm(Default="/none"),
         "Unable to fetch parameters [/none] from parameter store for this account."),
        (template({"P": parameter("{{resolve:ssm:/none:3}} {{resolve:ssm:/nil}}")}),
         "Parameters: [ssm:/none:3, ssm:/nil] cannot be found."),
    ],
)  # fmt: skip
def test_parameters_of_ssm_that_are_not_there(
    stacks: Stacks, name: str, text: str, says: str
) -> None:
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.client.create_stack(StackName=name, TemplateBody=text)
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.client.create_change_set(
            StackName=name, ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=text
        )


@pytest.mark.parametrize(
    "more",
    [
        {"Outputs": {"O": {"Value": {"Fn::GetAtt": ["Q", "Nope.Deep"]}}}},
        {"Outputs": {"O": {"Value": {"Fn::Sub": "${Q.Nope.Deep}"}}}},
    ],
)
def test_attributes_that_a_type_has_not(stacks: Stacks, name: str, more: dict[str, Any]) -> None:
    says = "Template error: resource Q does not support attribute type Nope.Deep in Fn::GetAtt"
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.create(name, {"Q": queue()}, **more)
    text = extended({"Q": queue()}, **more)
    stacks.client.create_stack(StackName=name, TemplateBody=text, **EXPAND)
    assert stacks.settled(name)["StackStatus"] == "ROLLBACK_COMPLETE"
    assert f"{says}. Rollback requested by user." in stacks.reasons(name)


def test_an_attribute_named_by_a_parameter(stacks: Stacks, name: str) -> None:
    attribute = {"Fn::GetAtt": ["Q", {"Ref": "Attribute"}]}
    stack = stacks.create(
        name,
        {"Q": queue(QueueName=name)},
        Parameters={"Attribute": {"Type": "String", "Default": "QueueName"}},
        Outputs={"O": {"Value": attribute}},
    )
    assert outputs(stack) == {"O": name}


def test_an_import_that_is_not_there_fails_the_stack(stacks: Stacks, name: str) -> None:
    resources = {"A": queue(), "P": parameter({"Fn::ImportValue": {"Fn::Sub": "${AWS::Region}-x"}})}
    stack = stacks.create(name, resources)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    said = "No export named us-east-1-x found. Rollback requested by user."
    assert said in stacks.reasons(name)
    assert stacks.physical(name) == {}


def test_an_import_of_no_name_fails_the_stack(stacks: Stacks, name: str) -> None:
    output = {"O": {"Value": {"Fn::ImportValue": ["a"]}}}
    stack = stacks.create(name, {"P": parameter("v")}, Outputs=output)
    assert stack["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("Fn::ImportValue" in reason for reason in stacks.reasons(name))


def _changes(stacks: Stacks, name: str, text: str) -> list[Any]:
    names = {"StackName": name, "ChangeSetName": "c"}
    stacks.client.create_change_set(**names, TemplateBody=text)
    found = stacks.client.describe_change_set(**names, IncludePropertyValues=True)
    return [found["Status"], *(each["ResourceChange"] for each in found["Changes"])]


def test_metadata_and_policies_change_with_and_without_more(stacks: Stacks, name: str) -> None:
    client = stacks.client
    stacks.create(name, {"P": parameter("v", Metadata={"a": "b"}, DeletionPolicy="Retain")})
    text = template({"P": parameter("v", Metadata={"a": "c"}, DeletionPolicy="Delete")})
    status, change = _changes(stacks, name, text)
    assert (status, change["Action"], change["Replacement"]) == (
        "CREATE_COMPLETE",
        "Modify",
        "False",
    )
    assert change["Scope"] == ["Metadata"]
    (detail,) = change["Details"]
    assert detail["Target"] == {"Attribute": "Metadata", "RequiresRecreation": "Never"}
    properties = {"Type": "String", "Value": "v"}
    for context, letter, policy in (
        ("BeforeContext", "b", "Retain"),
        ("AfterContext", "c", "Delete"),
    ):
        assert json.loads(change[context]) == {
            "Properties": properties,
            "Metadata": {"a": letter},
            "DeletionPolicy": policy,
        }
    client.execute_change_set(StackName=name, ChangeSetName="c")
    stack_id = stacks.settled(name)["StackId"]
    found = client.describe_stack_resource(StackName=name, LogicalResourceId="P")
    assert json.loads(found["StackResourceDetail"]["Metadata"]) == {"a": "c"}
    physical = stacks.physical(name)["P"]
    client.delete_stack(StackName=name)
    assert stacks.settled(stack_id)["StackStatus"] == "DELETE_COMPLETE"
    with pytest.raises(ClientError, match="ParameterNotFound"):
        stacks.running.client("ssm").get_parameter(Name=physical)


def test_a_resource_keeps_its_type(stacks: Stacks, name: str) -> None:
    stacks.create(name, {"P": parameter("v"), "Q": queue()})
    other = {"P": queue(), "Q": queue()}
    says = (
        "Update of resource type is not permitted. The new template modifies resource type of the"
        " following resources: [P]"
    )
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.update(name, other)
    assert _changes(stacks, name, template(other)) == ["FAILED"]
    found = stacks.client.describe_change_set(StackName=name, ChangeSetName="c")
    assert (found["StatusReason"], found["ExecutionStatus"]) == (says, "UNAVAILABLE")


def test_a_change_set_of_what_a_stack_was_is_obsolete(stacks: Stacks, name: str) -> None:
    client, names = stacks.client, {"StackName": name, "ChangeSetName": "c"}
    stacks.create(name, {"P": parameter("one")})
    assert _changes(stacks, name, template({"P": parameter("two")}))[0] == "CREATE_COMPLETE"
    stacks.update(name, {"P": parameter("three")})
    assert client.describe_change_set(**names)["ExecutionStatus"] == "OBSOLETE"
    says = r"cannot be executed in its current execution status of \[OBSOLETE\]"
    with pytest.raises(ClientError, match=says):
        client.execute_change_set(**names)
    client.delete_change_set(**names)


def test_a_deleted_stack_still_tells_its_outputs(stacks: Stacks, name: str) -> None:
    export = {"Value": "v", "Export": {"Name": name}}
    stack = stacks.create(name, {"P": parameter("v")}, Outputs={"Out": export})
    stacks.client.delete_stack(StackName=name)
    gone = stacks.settled(stack["StackId"])
    assert (gone["StackStatus"], outputs(gone)) == ("DELETE_COMPLETE", {"Out": "v"})
    exports = stacks.client.list_exports()["Exports"]
    assert name not in [each["Name"] for each in exports]


RULES = """
Parameters:
  Stage: {Type: String}
  Names: {Type: CommaDelimitedList, Default: "a,b"}
Rules:
  Known:
    RuleCondition: !Not [!Equals [!Ref Stage, any]]
    Assertions:
      - Assert: !Contains [[dev, prod], !Ref Stage]
        AssertDescription: the stage is dev or prod
      - Assert: !EachMemberIn [!Ref Names, [a, b]]
Resources:
  Q: {Type: AWS::SQS::Queue}
"""


def test_rules_hold_before_anything_is_made(stacks: Stacks, name: str) -> None:
    def given(stage: str) -> dict[str, Any]:
        values = [{"ParameterKey": "Stage", "ParameterValue": stage}]
        return {"StackName": name, "TemplateBody": RULES, "Parameters": values}

    says = "Template validation error: Rule Known failed: the stage is dev or prod"
    with pytest.raises(ClientError, match=says):
        stacks.client.create_stack(**given("test"))
    with pytest.raises(ClientError, match=says):
        stacks.client.create_change_set(**given("test"), ChangeSetName="c", ChangeSetType="CREATE")
    with pytest.raises(ClientError, match="does not exist"):
        stacks.client.describe_stacks(StackName=name)
    stacks.client.create_stack(**given("dev"))
    assert stacks.settled(name)["StackStatus"] == "CREATE_COMPLETE"
    with pytest.raises(ClientError, match=says):
        stacks.client.update_stack(**given("test"))
    stacks.client.validate_template(TemplateBody=RULES)
    wrong = RULES.replace("[[dev, prod], !Ref Stage]", "[[dev, prod]]")
    with pytest.raises(ClientError, match="every Fn::Contains object requires"):
        stacks.client.validate_template(TemplateBody=wrong)


def test_a_rule_that_asks_for_networks_is_said_not_to_be_judged(stacks: Stacks, name: str) -> None:
    networks = "{Vpc: {Type: 'AWS::EC2::VPC::Id', Default: vpc-1}}"
    known = "!Contains [!RefAll 'AWS::EC2::VPC::Id', !Ref Vpc]"
    body = (
        f"Parameters: {networks}\nRules: {{Known: {{Assertions: [{{Assert: {known}}}]}}}}\n"
        "Resources: {Q: {Type: AWS::SQS::Queue}}\n"
    )
    stacks.client.create_stack(StackName=name, TemplateBody=body)
    assert stacks.settled(name)["StackStatus"] == "CREATE_COMPLETE"
    told = [each for each in stacks.running.console.warnings if each.startswith(f"{name}: ")]
    assert told == [f"{name}: the rule Known is not judged: it asks for resources of EC2"]


def test_secure_strings_go_into_some_properties_only(stacks: Stacks, name: str) -> None:
    stacks.running.client("ssm").put_parameter(
        Name=f"/{name}", Type="SecureString", Value="Hush-123!"
    )
    secure = f"{{{{resolve:ssm-secure:/{name}:1}}}}"
    user = {"Type": "AWS::IAM::User", "Properties": {"LoginProfile": {"Password": secure}}}
    stacks.client.create_stack(
        StackName=name, TemplateBody=template({"U": user}), Capabilities=["CAPABILITY_IAM"]
    )
    assert stacks.settled(name)["StackStatus"] == "CREATE_COMPLETE"
    tags = [{"Key": "a", "Value": {"Fn::Sub": f"x{secure}"}}]
    body = template({
        "P": parameter({"Fn::Join": ["", ["a", secure]]}),
        "Q": queue(QueueName=secure, Tags=tags),
    })  # fmt: skip
    says = (
        "SSM Secure reference is not supported in: [AWS::SSM::Parameter/Properties/Value,"
        " AWS::SQS::Queue/Properties/QueueName, AWS::SQS::Queue/Properties/Tags]"
    )
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.client.update_stack(StackName=name, TemplateBody=body)
    with pytest.raises(ClientError, match=re.escape(says)):
        stacks.client.create_change_set(StackName=name, ChangeSetName="c", TemplateBody=body)
    stacks.client.create_stack(
        StackName=f"{name}x", TemplateBody=extended({"P": parameter(secure)}), **EXPAND
    )
    assert stacks.settled(f"{name}x")["StackStatus"] == "ROLLBACK_COMPLETE"
    assert any("SSM Secure reference" in each for each in stacks.reasons(f"{name}x"))
