"""Rules of templates: what holds, what does not, and what can't be told."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.stack import checks, rules, sections
from emulator.stack.errors import TemplateError

PARAMETERS = {
    "Stage": {"Type": "String"},
    "Names": {"Type": "CommaDelimitedList"},
    "Vpc": {"Type": "AWS::EC2::VPC::Id"},
    "Subnets": {"Type": "List<AWS::EC2::Subnet::Id>"},
}
VALUES = {"Stage": "prod", "Names": ["a", "b"], "Vpc": "vpc-1", "AWS::Region": "us-east-1"}
YES = {"Fn::Equals": ["1", 1]}
NO = {"Fn::Equals": ["1", "2"]}
UNKNOWN = {"Fn::Contains": [{"Fn::RefAll": "AWS::EC2::VPC::Id"}, {"Ref": "Vpc"}]}


def template(asserted: Any, **rule: Any) -> dict[str, Any]:
    assertion = {"Assert": asserted, "AssertDescription": "so it is not"}
    return {"Parameters": PARAMETERS, "Rules": {"R": {"Assertions": [assertion], **rule}}}


def judged(body: dict[str, Any]) -> list[str]:
    rules.check(body)
    return rules.judge(body, VALUES)


HOLD = [
    YES,
    {"Fn::Not": [NO]},
    {"Fn::And": [YES, YES, {"Fn::Not": [NO]}]},
    {"Fn::Or": [NO, YES]},
    {"Fn::Or": [UNKNOWN, YES]},
    {"Fn::Not": [{"Fn::And": [UNKNOWN, NO]}]},
    {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
    {"Fn::Equals": [True, "true"]},
    {"Fn::Equals": [{"Ref": "Names"}, ["a", "b"]]},
    {"Fn::Equals": [YES, "true"]},
    {"Fn::Equals": [{"Ref": "AWS::Region"}, "us-east-1"]},
    {"Fn::Contains": [["dev", "prod"], {"Ref": "Stage"}]},
    {"Fn::Contains": [{"Ref": "Names"}, "b"]},
    {"Fn::EachMemberEquals": [["prod", "prod"], {"Ref": "Stage"}]},
    {"Fn::EachMemberIn": [{"Ref": "Names"}, ["a", "b", "c"]]},
]
DO_NOT = [
    NO,
    {"Fn::Not": [YES]},
    {"Fn::And": [YES, NO]},
    {"Fn::And": [UNKNOWN, NO]},
    {"Fn::Or": [NO, NO]},
    {"Fn::Equals": [{"Ref": "Stage"}, "Prod"]},
    {"Fn::Contains": [["dev", "test"], {"Ref": "Stage"}]},
    {"Fn::EachMemberEquals": [["prod", "dev"], {"Ref": "Stage"}]},
    {"Fn::EachMemberIn": [{"Ref": "Names"}, ["a", "c"]]},
]
CANT_BE_TOLD = [
    UNKNOWN,
    {"Fn::Not": [UNKNOWN]},
    {"Fn::And": [YES, UNKNOWN]},
    {"Fn::Or": [NO, UNKNOWN]},
    {"Fn::Equals": [UNKNOWN, "true"]},
    {"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags.Department"]}, "IT"]},
    {"Fn::EachMemberIn": [
        {"Fn::ValueOfAll": ["AWS::EC2::Subnet::Id", "VpcId"]}, {"Fn::RefAll": "AWS::EC2::VPC::Id"},
    ]},
    {"Fn::EachMemberEquals": [{"Fn::ValueOf": ["Subnets", "AvailabilityZone"]}, "us-east-1a"]},
]  # fmt: skip


@pytest.mark.parametrize("asserted", HOLD)
def test_what_holds(asserted: Any) -> None:
    assert judged(template(asserted)) == []


@pytest.mark.parametrize("asserted", DO_NOT)
def test_what_does_not_hold(asserted: Any) -> None:
    with pytest.raises(TemplateError) as raised:
        judged(template(asserted))
    assert raised.value.message == "Template validation error: Rule R failed: so it is not"


@pytest.mark.parametrize("asserted", CANT_BE_TOLD)
def test_what_can_not_be_told_is_noted(asserted: Any) -> None:
    assert judged(template(asserted)) == ["the rule R is not judged: it asks for resources of EC2"]


def test_a_rule_whose_condition_does_not_hold_is_left_out() -> None:
    assert judged(template(NO, RuleCondition={"Fn::Equals": [{"Ref": "Stage"}, "dev"]})) == []
    with pytest.raises(TemplateError):
        judged(template(NO, RuleCondition={"Fn::Equals": [{"Ref": "Stage"}, "prod"]}))
    assert len(judged(template(NO, RuleCondition=UNKNOWN))) == 1


def test_all_that_fails_is_told() -> None:
    body = template(NO)
    body["Rules"]["S"] = {"Assertions": [{"Assert": YES}, {"Assert": NO}]}
    with pytest.raises(TemplateError, match=r"Rule R failed: so it is not, Rule S failed: Assert"):
        judged(body)


def test_parameters_are_judged_before_the_rules_about_them() -> None:
    rule = {"Assertions": [{"Assert": {"Fn::Equals": [{"Fn::ValueOf": ["P", "a"]}, "x"]}}]}
    body = {"Parameters": {"P": "x"}, "Rules": {"R": rule}, "Resources": {"Q": {"Type": "T"}}}
    with pytest.raises(TemplateError) as raised:
        sections.check(body)
    assert raised.value.message == checks.UNTYPED


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ({"Rules": []}, ""),
        ({"Rules": ["x"]}, "Rules section must be an object"),
        ({"Rules": {"R": 1}}, "rule definition is malformed"),
        ({"Rules": {"R": {}}}, "must contain Assertions"),
        ({"Rules": {"R": {"Assertions": [{"Assert": YES}], "X": 1}}}, "rule property 'X'"),
        ({"Rules": {"R": {"Assertions": [{"AssertDescription": "x"}]}}}, "an Assert member"),
        (template("true"), "must be one of the functions"),
        (template({"Condition": "C"}), "must be one of the functions"),
        (template({"Fn::If": ["C", YES, NO]}), "must be one of the functions"),
        (template({"Fn::And": [YES]}), "a list of 2 to 10 parameters"),
        (template({"Fn::Not": YES}), "a list of 1 parameters"),
        (template({"Fn::Contains": [["a"]]}), "a list of 2 parameters"),
        (template({"Fn::Equals": [{"Ref": "Queue"}, "x"]}), "Unresolved dependencies [Queue]"),
        (template({"Fn::Equals": [{"Ref": ["x"]}, "x"]}), "Unresolved dependencies"),
        (template({"Fn::Equals": [{"Fn::Sub": "x"}, "x"]}), "unsupported function: Fn::Sub"),
        (
            template({"Fn::Equals": [{"Fn::RefAll": ["x"]}, "x"]}),
            "unsupported function: Fn::RefAll",
        ),
        (template({"Fn::Equals": [{"Fn::ValueOf": ["Vpc"]}, "x"]}), "requires two strings"),
        (template({"Fn::Equals": [{"Fn::ValueOf": ["Nope", "VpcId"]}, "x"]}), "parameter Nope"),
        (template({"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "VpcId"]}, "x"]}), "attribute VpcId"),
        (template({"Fn::Equals": [{"Fn::ValueOf": ["Vpc", "Tags."]}, "x"]}), "attribute Tags."),
        (template({"Fn::Equals": [{"Fn::ValueOfAll": ["String", "x"]}, "x"]}), "of String"),
    ],
)
def test_how_they_are_written(body: dict[str, Any], says: str) -> None:
    if not says:
        rules.check(body)
        return
    with pytest.raises(TemplateError) as raised:
        rules.check(body)
    assert says in raised.value.message
