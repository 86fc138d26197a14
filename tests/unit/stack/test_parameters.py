"""Parameters: types, defaults and AWS's checks; dynamic references; language extensions."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.stack import dynamic, language_extensions, parameters
from emulator.stack.errors import TemplateError


def test_values_by_type() -> None:
    declared = {
        "Text": {"Type": "String", "Default": 5},
        "List": {"Type": "CommaDelimitedList", "Default": "a, b"},
        "Numbers": {"Type": "List<Number>", "Default": "1,2"},
        "Secret": {"Type": "String", "NoEcho": True},
        "Kept": {"Type": "String"},
        "Ami": {"Type": "AWS::SSM::Parameter::Value<List<String>>", "Default": "/a/b"},
    }
    found = parameters.read(declared, {"Secret": "s"}, {"Kept": "old"})
    assert found.values["Text"] == "5"
    assert found.values["List"] == ["a", "b"]
    assert found.values["Numbers"] == ["1", "2"]
    assert found.values["Kept"] == "old"
    assert found.shown("Secret") == "****"
    assert found.shown("List") == "a, b"
    assert found.in_ssm == {"Ami": "/a/b"}
    assert parameters.with_ssm(found, declared, {"Ami": "x,y"})["Ami"] == ["x", "y"]


@pytest.mark.parametrize(
    ("body", "given", "says"),
    [
        ({"Type": "String"}, {}, "Parameters: [P] must have values"),
        ({"Type": "String"}, {"P": "1", "Q": "2"}, "Parameters: [Q] do not exist in the template"),
        ({"Type": "Number"}, {"P": "x"}, "Parameter 'P' must be a number."),
        ({"Type": "Number", "MinValue": 3}, {"P": "2"}, "must be a number not less than 3"),
        ({"Type": "List<Number>", "MaxValue": 3}, {"P": "2,4"}, "not greater than 3"),
        ({"Type": "String", "MinLength": 3}, {"P": "ab"}, "must contain at least 3 characters"),
        ({"Type": "String", "MaxLength": "3"}, {"P": "abcd"}, "must contain at most 3 characters"),
        ({"Type": "String", "AllowedValues": ["a", 1]}, {"P": "b"}, "must be one of AllowedValues"),
        ({"Type": "String", "AllowedPattern": "[a-z]+"}, {"P": "A"}, "must match pattern [a-z]+"),
        (
            {"Type": "String", "AllowedPattern": "a", "ConstraintDescription": "be an a"},
            {"P": "b"},
            "Parameter P failed to satisfy constraint: be an a",
        ),
    ],
)
def test_what_is_refused(body: dict[str, Any], given: dict[str, str], says: str) -> None:
    with pytest.raises(TemplateError) as raised:
        parameters.read({"P": body}, given)
    assert says in raised.value.message


def test_a_secure_string_may_depend_on_a_condition() -> None:
    secure, nothing = "{{resolve:ssm-secure:x:1}}", {"Ref": "AWS::NoValue"}

    def refuse(profile: Any, **properties: Any) -> None:
        user = {"Type": "AWS::IAM::User", "Properties": {"LoginProfile": profile, **properties}}
        dynamic.refuse_secure({"U": user})

    refuse({"Fn::If": ["C", {"Password": secure}, nothing]})
    refuse({"Fn::If": ["C", {"Fn::If": ["D", nothing, {"Password": secure}]}, nothing]})
    refuse({"Password": {"Fn::If": ["C", secure, nothing]}})
    refuse({"Password": {"Fn::Sub": ["${A}", {"A": secure}]}})
    for wrong in ({"Other": secure}, [{"Password": secure}]):
        with pytest.raises(TemplateError, match="is not supported in"):
            refuse({"Fn::If": ["C", wrong, nothing]})
    with pytest.raises(TemplateError, match=r"\[AWS::IAM::User/Properties/Tags\]"):
        refuse({}, Tags={"Fn::If": ["C", [{"Key": "a", "Value": secure}], nothing]})


def test_dynamic_references_are_found_and_replaced() -> None:
    secret = "{{resolve:secretsmanager:db:SecretString:password}}"
    value = {"A": f"x{secret}y", "B": ["{{resolve:ssm:/a/b:3}}", 1], "C": "{{other}}"}
    found = dynamic.find(value)
    assert found[secret].name == "db"
    assert found[secret].key == "password"
    assert found[secret].stage == "AWSCURRENT"
    assert found["{{resolve:ssm:/a/b:3}}"].version == "3"
    arn = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:db-AbCdEf"
    by_arn = dynamic.find(f"{{{{resolve:secretsmanager:{arn}:SecretString:k}}}}")
    assert [each.name for each in by_arn.values()] == [arn]
    replaced = dynamic.replace(value, {secret: "p", "{{resolve:ssm:/a/b:3}}": "v"})
    assert replaced == {"A": "xpy", "B": ["v", 1], "C": "{{other}}"}


def test_loops_are_written_out() -> None:
    template = {
        "Resources": {
            "Fn::ForEach::Queues": [
                "Name",
                {"Ref": "Names"},
                {
                    "Queue${Name}": {
                        "Type": "AWS::SQS::Queue",
                        "Properties": {
                            "QueueName": {"Ref": "Name"},
                            "Tags": [{"Key": "n", "Value": {"Fn::Sub": "${Name}-${Stage}"}}],
                        },
                    }
                },
            ],
            "Other": {"Type": "AWS::SQS::Queue"},
        },
        "Description": "${Name} stays",
    }
    expanded = language_extensions.expand(template, lambda value, path: ["A", "B"])
    assert list(expanded["Resources"]) == ["QueueA", "QueueB", "Other"]
    assert expanded["Resources"]["QueueA"]["Properties"] == {
        "QueueName": "A",
        "Tags": [{"Key": "n", "Value": {"Fn::Sub": "A-${Stage}"}}],
    }
    assert expanded["Description"] == "${Name} stays"


def test_functions_in_functions_are_worked_out_once_each(monkeypatch: pytest.MonkeyPatch) -> None:
    depth, calls = 16, 0
    value: Any = {"Ref": "Other"}
    for _ in range(depth):
        value = {"Fn::Join": ["-", ["a", value]]}
    settle = language_extensions._Early.settle

    def counted(*given: Any) -> Any:
        nonlocal calls
        calls += 1
        return settle(*given)

    monkeypatch.setattr(language_extensions._Early, "settle", counted)
    template = {"Resources": {"P": {"Type": "T", "Properties": {"Value": value}}}}
    assert language_extensions.apply(template, {})["Resources"] == template["Resources"]
    assert calls < 10 * depth


@pytest.mark.parametrize("loop", [[], ["a"], ["N", "x", {}], [1, ["a"], {}], ["N", ["a"], "b"]])
def test_a_loop_that_is_none(loop: Any) -> None:
    with pytest.raises(TemplateError, match="Fn::ForEach layout is incorrect"):
        language_extensions.expand(
            {"Resources": {"Fn::ForEach::L": loop}}, lambda value, path: value
        )
