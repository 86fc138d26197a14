"""The order of resources, and what changing them means."""

from __future__ import annotations

from typing import Any

import pytest

from emulator.stack import changes, graph, names, schemas
from emulator.stack.errors import TemplateError


def test_resources_come_after_what_they_refer_to() -> None:
    resources: dict[str, Any] = {
        "Function": {
            "Properties": {
                "Role": {"Fn::GetAtt": "Role.Arn"},
                "Environment": {"Fn::Sub": ["${Queue}${Own}${!Not}", {"Own": {"Ref": "Table"}}]},
            }
        },
        "Role": {},
        "Queue": {"DependsOn": "Table"},
        "Table": {"Properties": {"Name": {"Ref": "Parameter"}}},
    }
    needs = graph.dependencies(resources)
    assert needs["Function"] == {"Role", "Queue", "Table"}
    assert graph.waves(needs) == [["Role", "Table"], ["Queue"], ["Function"]]


@pytest.mark.parametrize(
    ("resources", "says"),
    [
        (
            {"A": {"DependsOn": ["B"]}, "B": {"Properties": {"x": {"Ref": "A"}}}},
            "Circular dependency between resources: [A, B]",
        ),
        (
            {"A": {"Properties": {"x": {"Ref": "A"}}}},
            "Circular dependency between resources: [A]",
        ),
        (
            {"A": {"DependsOn": "None"}},
            "Template format error: Unresolved resource dependencies [None] in the Resources block"
            " of the template",
        ),
    ],
)
def test_what_has_no_order(resources: dict[str, Any], says: str) -> None:
    with pytest.raises(TemplateError) as raised:
        graph.waves(graph.dependencies(resources))
    assert raised.value.message == says


@pytest.mark.parametrize(
    ("kind", "before", "after", "expected"),
    [
        ("AWS::SQS::Queue", {"DelaySeconds": 1}, {"DelaySeconds": 2}, "False"),
        ("AWS::SQS::Queue", {"QueueName": "a"}, {"QueueName": "b"}, "True"),
        ("AWS::Lambda::Function", {"FunctionName": "a"}, {"FunctionName": changes.UNKNOWN},
         "Conditional"),
        ("AWS::Lambda::Function", {"MemorySize": 128}, {"MemorySize": 256}, "False"),
        ("AWS::DynamoDB::Table", {"TableName": "a", "Tags": []}, {"TableName": "a"}, "False"),
        ("Custom::Own", {"ServiceToken": "a"}, {"ServiceToken": "b"}, "True"),
    ],
)  # fmt: skip
def test_which_change_replaces(
    kind: str, before: dict[str, Any], after: dict[str, Any], expected: str
) -> None:
    details = changes.differences(kind, before, after)
    assert len(details) == 1
    assert changes.replacement(details) == expected


def test_equal_properties_are_no_change() -> None:
    wanted = {"Environment": {"Variables": {"A": "1"}}, "Layers": ["x"]}
    assert changes.differences("AWS::Lambda::Function", wanted, dict(wanted)) == ()


def test_schemas_know_identifiers_and_attributes() -> None:
    queue = schemas.find("AWS::SQS::Queue")
    assert queue is not None
    assert queue.primary == ("QueueUrl",)
    assert {"Arn", "QueueUrl"} <= queue.read_only
    assert "QueueName" in queue.create_only
    assert "VisibilityTimeout" in queue.properties
    function = schemas.find("AWS::Lambda::Function")
    assert function is not None
    assert function.required == ("Code", "Role")
    assert schemas.find("AWS::No::Such") is None
    assert len(schemas.kinds()) > 1500


@pytest.mark.parametrize("longest", [32, 64, 80])
def test_made_up_names_fit_and_are_the_same_again(longest: int) -> None:
    made = names.physical_name("a-long-stack-name" * 3, "Logical" * 9, "id", longest=longest)
    assert len(made) <= longest
    assert made == names.physical_name(
        "a-long-stack-name" * 3, "Logical" * 9, "id", longest=longest
    )
    assert made != names.physical_name(
        "a-long-stack-name" * 3, "Logical" * 9, "id2", longest=longest
    )


def test_made_up_names_show_stack_and_resource() -> None:
    assert names.physical_name("shop", "Orders", "id").startswith("shop-Orders-")
    lowered = names.physical_name("Shop_1", "Orders", "id", lower=True)
    assert lowered.startswith("shop-1-orders-")
    assert lowered == lowered.lower()
