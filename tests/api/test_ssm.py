"""Parameter Store through boto3: versions, selectors, labels, tiers, paths; and in templates."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running


@pytest.fixture(scope="module")
def ssm(running: Running) -> Any:
    return running.client("ssm")


def refused(call: Any, code: str, **given: Any) -> str:
    """Return the text of a refusal."""
    with pytest.raises(ClientError) as raised:
        call(**given)
    error = raised.value.response["Error"]
    assert error["Code"] == code
    return str(error.get("Message", ""))


def put(ssm: Any, name: str, value: str = "v", **given: Any) -> dict[str, Any]:
    return ssm.put_parameter(**{"Name": name, "Value": value, "Type": "String", **given})


def test_a_parameter_and_its_versions(ssm: Any) -> None:
    assert put(ssm, "/shop/url", "one", Description="d")["Version"] == 1
    refused(ssm.put_parameter, "ParameterAlreadyExists", Name="/shop/url", Value="x", Type="String")
    made = ssm.put_parameter(Name="/shop/url", Value="two", Overwrite=True)
    assert (made["Version"], made["Tier"]) == (2, "Standard")
    found = ssm.get_parameter(Name="/shop/url")["Parameter"]
    assert (found["Value"], found["Version"], found["Type"]) == ("two", 2, "String")
    assert found["ARN"] == "arn:aws:ssm:us-east-1:000000000000:parameter/shop/url"
    assert "Selector" not in found
    first = ssm.get_parameter(Name="/shop/url:1")["Parameter"]
    assert (first["Value"], first["Selector"], first["Name"]) == ("one", ":1", "/shop/url")
    assert ssm.get_parameter(Name=found["ARN"])["Parameter"]["Value"] == "two"
    assert ssm.get_parameter(Name=f"{found['ARN']}:1")["Parameter"]["Value"] == "one"
    history = ssm.get_parameter_history(Name="/shop/url")["Parameters"]
    assert [each["Value"] for each in history] == ["one", "two"]
    assert history[1]["Description"] == "d"
    refused(ssm.get_parameter, "ParameterVersionNotFound", Name="/shop/url:7")
    refused(ssm.get_parameter, "ParameterNotFound", Name="/shop/none")
    ssm.delete_parameter(Name="/shop/url")
    refused(ssm.delete_parameter, "ParameterNotFound", Name="/shop/url")


def test_several_at_once(ssm: Any) -> None:
    put(ssm, "first")
    put(ssm, "second")
    answer = ssm.get_parameters(Names=["first", "second:1", "third", "first:9"])
    assert {each["Name"] for each in answer["Parameters"]} == {"first", "second"}
    assert answer["InvalidParameters"] == ["third", "first:9"]
    answer = ssm.delete_parameters(Names=["first", "second", "third"])
    assert sorted(answer["DeletedParameters"]) == ["first", "second"]
    assert answer["InvalidParameters"] == ["third"]


@pytest.mark.parametrize(
    ("given", "code", "text"),
    [
        ({"Name": "aws-x"}, "ValidationException", 'prefixed with "aws" or "ssm"'),
        ({"Name": "/aws/x"}, "AccessDeniedException", "reserved parameter name: /aws/x."),
        ({"Name": "/ssm/x"}, "ValidationException", 'prefixed with "ssm"'),
        ({"Name": "a b"}, "ValidationException", "mix of letters, numbers"),
        ({"Name": "a/b"}, "ValidationException", "must be a fully qualified name"),
        ({"Name": "/a" * 16}, "HierarchyLevelLimitExceededException", "15"),
        ({"Type": None}, "ValidationException", "A parameter type is required"),
        ({"Value": ""}, "ValidationException", "greater than or equal to 1"),
        ({"Value": "x" * 4097}, "ValidationException", "maximum parameter value of 4096"),
        ({"Value": "x" * 8193, "Tier": "Advanced"}, "ValidationException", "value of 8192"),
        ({"DataType": "none"}, "ValidationException", "data type is not supported: none"),
        ({"AllowedPattern": "^[0-9]+$"}, "ParameterPatternMismatchException", "^[0-9]+$"),
        ({"AllowedPattern": "("}, "InvalidAllowedPatternException", "regular expression"),
        ({"AllowedPattern": "(?=w)v"}, "ParameterPatternMismatchException", "(?=w)v"),
        (
            {"AllowedPattern": "(a+)+b", "Value": "a" * 4000},
            "InvalidAllowedPatternException",
            "too long",
        ),
        ({"KeyId": "alias/x"}, "ValidationException", "SecureString type parameter only"),
        ({"KeyId": "nope", "Type": "SecureString"}, "InvalidKeyId", "Invalid keyId 'nope'"),
        (
            {"KeyId": "alias/nope", "Type": "SecureString"},
            "InvalidKeyId",
            "alias/nope is not found.",
        ),
        (
            {"Tags": [{"Key": str(number), "Value": "v"} for number in range(51)]},
            "TooManyTagsError",
            "50 at most",
        ),
        ({"Policies": "[]x", "Tier": "Advanced"}, "InvalidPolicyAttributeException", "JSON"),
        (
            {"Overwrite": True, "Tags": [{"Key": "a", "Value": "b"}]},
            "ValidationException",
            "tags and overwrite can't be used together",
        ),
    ],
)
def test_what_is_refused(ssm: Any, given: dict[str, Any], code: str, text: str) -> None:
    request = {"Name": "/refused/x", "Value": "v", "Type": "String", **given}
    request = {key: value for key, value in request.items() if value is not None}
    assert text in refused(ssm.put_parameter, code, **request)


def test_tiers(ssm: Any) -> None:
    assert put(ssm, "big", "x" * 5000, Tier="Intelligent-Tiering")["Tier"] == "Advanced"
    text = refused(
        ssm.put_parameter,
        "ValidationException",
        Name="big",
        Value="x",
        Tier="Standard",
        Overwrite=True,
    )
    assert "can't downgrade" in text


def test_a_secret_value_looks_encrypted(ssm: Any) -> None:
    put(ssm, "/secret/a", "hidden", Type="SecureString")
    assert ssm.get_parameter(Name="/secret/a")["Parameter"]["Value"].startswith("AQIC")
    shown = ssm.get_parameter(Name="/secret/a", WithDecryption=True)["Parameter"]
    assert shown["Value"] == "hidden"
    described = ssm.describe_parameters(
        ParameterFilters=[{"Key": "Type", "Values": ["SecureString"]}]
    )["Parameters"]
    assert [each["KeyId"] for each in described] == ["alias/aws/ssm"]


def test_an_expired_parameter_is_gone(ssm: Any) -> None:
    def policies(timestamp: str) -> str:
        attributes = {"Timestamp": timestamp}
        return json.dumps([{"Type": "Expiration", "Version": "1.0", "Attributes": attributes}])

    put(ssm, "old", Tier="Advanced", Policies=policies("2020-01-01T00:00:00Z"))
    refused(ssm.get_parameter, "ParameterNotFound", Name="old")
    put(ssm, "young", Tier="Advanced", Policies=policies("2220-01-01T00:00:00Z"))
    assert ssm.get_parameter(Name="young")["Parameter"]["Value"] == "v"


def test_paths(ssm: Any) -> None:
    for name in ("/app/a", "/app/b", "/app/sub/c", "/apple"):
        put(ssm, name)

    def names(**given: Any) -> list[str]:
        answer = ssm.get_parameters_by_path(Path="/app", **given)
        return [each["Name"] for each in answer["Parameters"]]

    assert names() == ["/app/a", "/app/b"]
    assert names(Recursive=True) == ["/app/a", "/app/b", "/app/sub/c"]
    pages = ssm.get_paginator("get_parameters_by_path").paginate(
        Path="/app", Recursive=True, MaxResults=2
    )
    assert [len(page["Parameters"]) for page in pages] == [2, 1]
    refused(ssm.get_parameters_by_path, "ValidationException", Path="app")
    refused(
        ssm.get_parameters_by_path,
        "InvalidFilterKey",
        Path="/app",
        ParameterFilters=[{"Key": "Name", "Values": ["x"]}],
    )
    refused(ssm.get_parameters_by_path, "InvalidNextToken", Path="/app", NextToken="x")


def test_labels(ssm: Any) -> None:
    put(ssm, "labelled", "one")
    put(ssm, "labelled", "two", Overwrite=True)
    answer = ssm.label_parameter_version(
        Name="labelled", ParameterVersion=1, Labels=["prod", "1st", "aws-x"]
    )
    assert answer == answer | {"InvalidLabels": ["1st", "aws-x"], "ParameterVersion": 1}
    assert ssm.get_parameter(Name="labelled:prod")["Parameter"]["Value"] == "one"
    ssm.label_parameter_version(Name="labelled", Labels=["prod"])
    assert ssm.get_parameter(Name="labelled:prod")["Parameter"]["Value"] == "two"
    history = ssm.get_parameter_history(Name="labelled")["Parameters"]
    assert [each["Labels"] for each in history] == [[], ["prod"]]
    answer = ssm.unlabel_parameter_version(
        Name="labelled", ParameterVersion=2, Labels=["prod", "none"]
    )
    assert (answer["RemovedLabels"], answer["InvalidLabels"]) == (["prod"], ["none"])
    refused(ssm.get_parameter, "ParameterVersionNotFound", Name="labelled:prod")
    many = [f"l{number}" for number in range(10)]
    ssm.label_parameter_version(Name="labelled", Labels=many)
    refused(
        ssm.label_parameter_version,
        "ParameterVersionLabelLimitExceeded",
        Name="labelled",
        Labels=["more"],
    )


def test_a_hundred_versions(ssm: Any) -> None:
    put(ssm, "many")
    for _ in range(100):
        put(ssm, "many", Overwrite=True)
    pages = ssm.get_paginator("get_parameter_history").paginate(Name="many")
    numbers = [each["Version"] for page in pages for each in page["Parameters"]]
    assert numbers == list(range(2, 102))
    ssm.label_parameter_version(Name="many", ParameterVersion=2, Labels=["kept"])
    text = refused(
        ssm.put_parameter,
        "ParameterMaxVersionLimitExceeded",
        Name="many",
        Value="v",
        Overwrite=True,
    )
    assert "Version 2, the oldest version" in text


def test_filters_and_tags(ssm: Any) -> None:
    put(ssm, "/team/one", Tags=[{"Key": "team", "Value": "shop"}])
    put(ssm, "/team/two", Type="StringList", Value="a,b")

    def names(*filters: dict[str, Any]) -> list[str]:
        answer = ssm.describe_parameters(ParameterFilters=list(filters))
        return [each["Name"] for each in answer["Parameters"]]

    below = {"Key": "Path", "Option": "Recursive", "Values": ["/team"]}
    assert names(below) == ["/team/one", "/team/two"]
    assert names(below, {"Key": "Type", "Values": ["StringList"]}) == ["/team/two"]
    assert names({"Key": "tag:team", "Values": ["shop"]}) == ["/team/one"]
    contains = {"Key": "Name", "Option": "Contains", "Values": ["eam/t"]}
    assert names(contains) == ["/team/two"]
    old = ssm.describe_parameters(Filters=[{"Key": "Name", "Values": ["/team/"]}])
    assert len(old["Parameters"]) == 2
    wrong = [{"Key": "Name", "Option": "Nearly", "Values": ["x"]}]
    refused(ssm.describe_parameters, "InvalidFilterOption", ParameterFilters=wrong)
    refused(ssm.describe_parameters, "InvalidFilterValue", ParameterFilters=[{"Key": "Name"}])
    which = {"ResourceType": "Parameter", "ResourceId": "/team/one"}
    ssm.add_tags_to_resource(**which, Tags=[{"Key": "more", "Value": "1"}])
    ssm.remove_tags_from_resource(**which, TagKeys=["team"])
    tags = ssm.list_tags_for_resource(**which)["TagList"]
    assert tags == [{"Key": "more", "Value": "1"}]
    refused(
        ssm.list_tags_for_resource,
        "InvalidResourceId",
        ResourceType="Parameter",
        ResourceId="none",
    )


def test_aws_own_parameters_are_refused_in_words(ssm: Any) -> None:
    text = refused(ssm.get_parameter, "ParameterNotFound", Name="/aws/service/ecs/optimized-ami")
    assert "localfaas has no public parameters" in text


def test_parameters_last(tmp_path: Path) -> None:
    for expected in (1, 2):
        running = Running(Settings(port=0, state=tmp_path / "state"), driver=ScriptedDriver())
        try:
            assert put(running.client("ssm"), "kept", Overwrite=True)["Version"] == expected
        finally:
            running.stop()


TEMPLATE: dict[str, Any] = {
    "Parameters": {
        "Read": {"Type": "AWS::SSM::Parameter::Value<String>", "Default": "/given"},
        "Value": {"Type": "String", "Default": "first"},
    },
    "Resources": {
        "Made": {
            "Type": "AWS::SSM::Parameter",
            "Properties": {
                "Name": "/made",
                "Type": "String",
                "Value": {"Ref": "Value"},
                "Description": "{{resolve:ssm:/given:1}}",
                "Tags": {"team": "shop"},
            },
        }
    },
    "Outputs": {
        "Read": {"Value": {"Ref": "Read"}},
        "Made": {"Value": {"Fn::GetAtt": ["Made", "Value"]}},
        "Name": {"Value": {"Ref": "Made"}},
    },
}


def test_in_a_stack(running: Running, ssm: Any) -> None:
    put(ssm, "/given", "value")
    cloudformation = running.client("cloudformation")

    def outputs() -> dict[str, str]:
        stack = cloudformation.describe_stacks(StackName="parameters")["Stacks"][0]
        return {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}

    body = json.dumps(TEMPLATE)
    cloudformation.create_stack(StackName="parameters", TemplateBody=body)
    cloudformation.get_waiter("stack_create_complete").wait(StackName="parameters")
    assert outputs() == {"Read": "value", "Made": "first", "Name": "/made"}
    assert ssm.get_parameter(Name="/made")["Parameter"]["Value"] == "first"
    history = ssm.get_parameter_history(Name="/made")["Parameters"]
    assert history[0]["Description"] == "value"
    cloudformation.update_stack(
        StackName="parameters",
        TemplateBody=body,
        Parameters=[{"ParameterKey": "Value", "ParameterValue": "second"}],
    )
    cloudformation.get_waiter("stack_update_complete").wait(StackName="parameters")
    assert outputs()["Made"] == "second"
    assert ssm.get_parameter(Name="/made")["Parameter"]["Version"] == 2
    cloudformation.delete_stack(StackName="parameters")
    cloudformation.get_waiter("stack_delete_complete").wait(StackName="parameters")
    refused(ssm.get_parameter, "ParameterNotFound", Name="/made")
