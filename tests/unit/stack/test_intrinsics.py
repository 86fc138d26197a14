"""Intrinsic functions: AWS's values, and AWS's words where they are not written as they should be.

Expected values are those of AWS's own documentation of each function.
"""

from __future__ import annotations

from typing import Any

import pytest

from emulator.stack.errors import NotYetKnown, TemplateError
from emulator.stack.intrinsics import Evaluator

TEMPLATE: dict[str, Any] = {
    "Mappings": {"Regions": {"eu-west-1": {"Size": 9, "Names": ["a", "b"]}}},
    "Conditions": {
        "Production": {"Fn::Equals": [{"Ref": "Stage"}, "prod"]},
        "Other": {"Fn::Not": [{"Condition": "Production"}]},
        "Both": {"Fn::And": [{"Condition": "Other"}, {"Fn::Equals": ["1", 1]}]},
        "Any": {"Fn::Or": [{"Condition": "Production"}, {"Condition": "Other"}]},
        "Circle": {"Condition": "Circle"},
    },
}
PARAMETERS = {"AWS::Region": "eu-west-1", "Stage": "dev", "List": ["x", "y"], "Empty": []}


class Made:
    """Two resources, one of which does not exist yet."""

    def __contains__(self, logical: str) -> bool:
        return logical in ("Queue", "Later")

    def ref(self, logical: str) -> Any:
        if logical == "Later":
            raise NotYetKnown(logical)
        return "http://localhost/queue"

    def attribute(self, logical: str, name: str) -> Any:
        if logical == "Later":
            raise NotYetKnown(logical, name)
        if name != "Arn":
            raise TemplateError(f"Requested attribute {name} does not exist in schema")
        return "arn:aws:sqs:::queue"


@pytest.fixture
def evaluator() -> Evaluator:
    return Evaluator(TEMPLATE, PARAMETERS, Made(), exports={"net": "vpc-1"})


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"Ref": "Stage"}, "dev"),
        ({"Ref": "List"}, ["x", "y"]),
        ({"Ref": "Queue"}, "http://localhost/queue"),
        ({"Fn::GetAtt": ["Queue", "Arn"]}, "arn:aws:sqs:::queue"),
        ({"Fn::GetAtt": "Queue.Arn"}, "arn:aws:sqs:::queue"),
        ({"Fn::Join": ["-", ["a", {"Ref": "Stage"}]]}, "a-dev"),
        ({"Fn::Join": [",", {"Ref": "List"}]}, "x,y"),
        ({"Fn::Split": [",", "x,y"]}, ["x", "y"]),
        ({"Fn::Select": ["1", {"Ref": "List"}]}, "y"),
        ({"Fn::Select": [0, {"Fn::Split": ["/", "a/b"]}]}, "a"),
        ({"Fn::FindInMap": ["Regions", {"Ref": "AWS::Region"}, "Size"]}, 9),
        ({"Fn::FindInMap": ["Regions", "none", "Size", {"DefaultValue": 7}]}, 7),
        ({"Fn::FindInMap": ["Regions", "eu-west-1", "Names"]}, ["a", "b"]),
        ({"Fn::If": ["Production", "yes", "no"]}, "no"),
        ({"a": {"Fn::If": ["Other", {"Ref": "AWS::NoValue"}, 1]}, "b": 2}, {"b": 2}),
        ([1, {"Ref": "AWS::NoValue"}, 2], [1, 2]),
        ({"Fn::Base64": "hello"}, "aGVsbG8="),
        ({"Fn::Sub": "${Stage}/${Queue.Arn}/${!Literal}"}, "dev/arn:aws:sqs:::queue/${Literal}"),
        ({"Fn::Sub": ["${A}-${Stage}", {"A": {"Ref": "Stage"}}]}, "dev-dev"),
        ({"Fn::Cidr": ["192.168.0.0/24", "3", "5"]}, [f"192.168.0.{n}/27" for n in (0, 32, 64)]),
        ({"Fn::GetAZs": ""}, ["eu-west-1a", "eu-west-1b", "eu-west-1c"]),
        ({"Fn::GetAZs": "us-east-2"}, ["us-east-2a", "us-east-2b", "us-east-2c"]),
        ({"Fn::ImportValue": "net"}, "vpc-1"),
        ({"Fn::Length": [1, 2, 3]}, 3),
        ({"Fn::ToJsonString": {"a": {"Ref": "Stage"}}}, '{"a":"dev"}'),
    ],
)
def test_values(evaluator: Evaluator, value: Any, expected: Any) -> None:
    assert evaluator.resolve(value) == expected


@pytest.mark.parametrize(
    ("value", "says"),
    [
        ({"Ref": "Nothing"}, "Unresolved resource dependencies [Nothing]"),
        ({"Fn::GetAtt": "Nothing.Arn"}, "references undefined resource Nothing"),
        ({"Fn::GetAtt": "Queue"}, "every Fn::GetAtt object requires two"),
        ({"Fn::Sub": "${Nothing}"}, "Unresolved resource dependencies [Nothing]"),
        ({"Fn::Sub": {"a": 1}}, "Fn::Sub intrinsic functions don't specify"),
        ({"Fn::Join": ["-", "a"]}, "every Fn::Join object requires two parameters"),
        ({"Fn::Select": [5, ["a"]]}, "cannot select nonexistent value at index 5"),
        ({"Fn::FindInMap": ["None", "a", "b"]}, "Mapping named 'None' is not present"),
        ({"Fn::FindInMap": ["Regions", "a", "b"]}, "Unable to get mapping for Regions::a::b"),
        ({"Fn::If": ["None", 1, 2]}, "unresolved condition dependency None"),
        ({"Fn::If": ["Circle", 1, 2]}, "circular dependency"),
        ({"Fn::Cidr": ["192.168.0.0/24", 300, 5]}, "every Fn::Cidr object"),
        ({"Fn::ImportValue": "none"}, "No export named none found"),
        ({"Fn::Unheard": 1}, "Encountered unsupported function: Fn::Unheard"),
        ({"Fn::ToJsonString": "a"}, "Fn::ToJsonString requires an object or array"),
    ],
)
def test_what_is_refused(evaluator: Evaluator, value: Any, says: str) -> None:
    with pytest.raises(TemplateError) as raised:
        evaluator.resolve({"Properties": value}, ("Resources", "R"))
    assert says in raised.value.message


def test_an_error_knows_its_place(evaluator: Evaluator) -> None:
    with pytest.raises(TemplateError) as raised:
        evaluator.resolve({"Tags": [{"Value": {"Fn::Select": [5, ["a"]]}}]}, ("Resources", "R"))
    assert raised.value.path == ("Resources", "R", "Tags", 0, "Value", "Fn::Select")


@pytest.mark.parametrize(
    ("name", "holds"), [("Production", False), ("Other", True), ("Both", True), ("Any", True)]
)
def test_conditions(evaluator: Evaluator, name: str, holds: bool) -> None:
    assert evaluator.condition(name) is holds


def test_what_depends_on_a_resource_that_is_not_there_yet(evaluator: Evaluator) -> None:
    with pytest.raises(NotYetKnown) as raised:
        evaluator.resolve({"Fn::Sub": "${Later.Arn}"})
    assert (raised.value.logical, raised.value.attribute) == ("Later", "Arn")


def test_the_branch_not_taken_is_no_dependency(evaluator: Evaluator) -> None:
    value = {"A": {"Fn::If": ["Production", {"Ref": "Later"}, {"Ref": "Queue"}]}}
    assert evaluator.choose(value) == {"A": {"Ref": "Queue"}}


def test_imports_are_remembered(evaluator: Evaluator) -> None:
    evaluator.resolve({"Fn::ImportValue": {"Fn::Sub": "net"}})
    assert evaluator.imported == {"net"}
