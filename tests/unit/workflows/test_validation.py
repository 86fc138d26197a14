"""Definitions that are refused, with AWS's codes, sentences and places."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emulator.workflows.errors import InvalidDefinition
from emulator.workflows.program import compile_definition, validate_definition
from emulator.workflows.validation.scopes import variable_references

END = {"Type": "Succeed"}
TASK = {"Type": "Task", "Resource": "arn:aws:states:::lambda:invoke", "End": True}
PROCESSOR = {"StartAt": "I", "States": {"I": {"Type": "Pass", "End": True}}}


def machine(state: Any, **more: Any) -> dict[str, Any]:
    return {"StartAt": "A", "States": {"A": state}, **more}


SCHEMA = "SCHEMA_VALIDATION_FAILED"
MISSING = "MISSING_TRANSITION_TARGET"

WRONG: list[tuple[Any, str, str, str]] = [
    ({}, SCHEMA, "These fields are required: [StartAt, States]", "/"),
    (machine(END, Foo=1), SCHEMA, "Field 'Foo' is not supported", "/"),
    (machine({}), SCHEMA, "These fields are required: [Type]", "/States/A"),
    (
        machine({"Type": "Pass", "End": "yes"}),
        SCHEMA,
        "Expected value of type Boolean",
        "/States/A/End",
    ),
    (
        machine({**END, "Resource": "x"}),
        SCHEMA,
        "Field 'Resource' is not supported",
        "/States/A",
    ),
    (
        machine({"Type": "Pass", "Output": 1, "End": True}),
        SCHEMA,
        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the"
        " 'JSONata' QueryLanguage",
        "/States/A",
    ),
    (
        machine({"Type": "Succeed", "OutputPath": "$"}, QueryLanguage="JSONata"),
        SCHEMA,
        "The QueryLanguage is set to 'JSONata', but field 'OutputPath' is only supported for the"
        " 'JSONPath' QueryLanguage",
        "/States/A",
    ),
    (
        machine({"Type": "Map", "ItemProcessor": {**PROCESSOR, "QueryLanguage": "JSONata"}}),
        SCHEMA,
        "Field 'QueryLanguage' is not supported",
        "/States/A/ItemProcessor",
    ),
    (
        machine(
            {
                "Type": "Parallel",
                "QueryLanguage": "JSONata",
                "Branches": [
                    {"StartAt": "I", "States": {"I": {"Type": "Succeed", "Output": "{% 1 %}"}}}
                ],
                "End": True,
            }
        ),
        SCHEMA,
        "The QueryLanguage is set to 'JSONPath', but field 'Output' is only supported for the"
        " 'JSONata' QueryLanguage",
        "/States/A/Branches[0]/States/I",
    ),
    (
        machine({"Type": "Succeed", "Output": "{% $sum( %}"}, QueryLanguage="JSONata"),
        "INVALID_JSONATA_EXPRESSION",
        'Expected ")" before end of expression',
        "/States/A/Output",
    ),
    (
        machine({"Type": "Succeed", "Output": {"v": "{% $sum(phone) %}"}}, QueryLanguage="JSONata"),
        "UNSUPPORTED_JSONATA_EXPRESSION",
        "Reference to 'phone' at the top level is not supported.",
        "/States/A/Output/v",
    ),
    (
        machine(
            {"Type": "Choice", "Choices": [{"Variable": "$", "IsNull": True, "Next": "A"}]}
            | {"Default": "B"}
        ),
        MISSING,
        "Missing 'Next' target: B",
        "/States/A/Default",
    ),
    (machine({"Type": "Pass", "Next": "B"}), MISSING, "Missing 'Next' target: B", "/States/A/Next"),
    ({"StartAt": "B", "States": {"A": END}}, MISSING, "Missing 'StartAt' target: B", "/StartAt"),
    (
        {"StartAt": "A", "States": {"A": END, "B": END}},
        MISSING,
        'State "B" is not reachable.',
        "/States/B",
    ),
    (
        machine({"Type": "Pass", "Parameters": {"x.$": "y"}, "End": True}),
        SCHEMA,
        "The value for the field 'x.$' must be a valid JSONPath or a valid intrinsic function call",
        "/States/A/Parameters/x.$",
    ),
    (
        machine({"Type": "Wait", "Timestamp": "soon", "End": True}),
        SCHEMA,
        "String does not match RFC3339 timestamp",
        "/States/A/Timestamp",
    ),
    (
        machine({**TASK, "Credentials": {}}),
        SCHEMA,
        "The field 'RoleArn' is required but was missing",
        "/States/A/Credentials",
    ),
    (
        machine(
            {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}, QueryLanguage="JSONata"
        ),
        SCHEMA,
        "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
        "/States/A",
    ),
    (
        machine({**TASK, "Retry": [{"ErrorEquals": ["States.ALL", "X"]}]}),
        SCHEMA,
        "'States.ALL' must be the only error name, and in the last entry",
        "/States/A/Retry[0]/ErrorEquals",
    ),
    (
        machine({"Type": "Choice", "Choices": [{"Variable": "$.a", "Next": "A"}]}),
        SCHEMA,
        "Exactly one comparator must be set",
        "/States/A/Choices[0]",
    ),
    (
        machine({"Type": "Pass", "ResultPath": "$.a[*]", "End": True}),
        SCHEMA,
        "Value is not a Reference Path: '$.a[*]'",
        "/States/A/ResultPath",
    ),
    (
        machine({"Type": "Map", "ItemProcessor": PROCESSOR, "Label": "x", "End": True}),
        SCHEMA,
        "Field is only supported for Map state with 'DISTRIBUTED' mode",
        "/States/A/Label",
    ),
    (
        {"StartAt": "I", "States": {"I": {"Type": "Map", "ItemProcessor": PROCESSOR, "End": True}}},
        "DUPLICATE_STATE_NAME",
        "Duplicate State name: I",
        "/States/I/ItemProcessor/States/I",
    ),
]


@pytest.mark.parametrize(("definition", "code", "message", "location"), WRONG)
def test_a_wrong_definition_is_refused(
    definition: Any, code: str, message: str, location: str
) -> None:
    found = validate_definition(json.dumps(definition))
    assert (code, message, location) in [(each.code, each.message, each.location) for each in found]
    with pytest.raises(InvalidDefinition) as caught:
        compile_definition(json.dumps(definition))
    assert f"{code}: {message} at {location}" in caught.value.message
    assert caught.value.message.startswith("Invalid State Machine Definition: '")


def test_a_machine_has_an_end() -> None:
    loop = {"Type": "Pass", "Next": "A"}
    lost = {"StartAt": "A", "States": {"A": loop, "B": {**loop, "Next": "C"}}}
    found = validate_definition(json.dumps(lost))
    assert [(each.code, each.message, each.location) for each in found] == [
        (MISSING, "Missing 'Next' target: C", "/States/B/Next"),
        ("MISSING_END_STATE", "Workflow has no terminal state", None),
    ]
    with pytest.raises(InvalidDefinition) as caught:
        compile_definition(json.dumps(machine(loop)))
    assert caught.value.message == (
        "Invalid State Machine Definition: 'MISSING_END_STATE: Workflow has no terminal state at"
        " null'"
    )


def test_a_service_that_has_no_integration_is_refused() -> None:
    resource = "arn:aws:states:::nothing:doIt"
    (found,) = validate_definition(json.dumps(machine({**TASK, "Resource": resource})))
    assert found.location == "/States/A/Resource"
    assert found.message.startswith(f"The resource provided {resource} is not recognized.")


@pytest.mark.parametrize(
    ("resource", "problem"),
    [
        (
            "arn:aws:states:us-east-1:000000000000:activity:a",
            "Express state machine does not support Activity ARN",
        ),
        (
            "arn:aws:states:::sqs:sendMessage.waitForTaskToken",
            "Express state machine does not support '.waitForTaskToken' service integration",
        ),
        (
            "arn:aws:states:::states:startExecution.sync:2",
            "Express state machine does not support '.sync' service integration",
        ),
    ],
)
def test_what_express_machines_cant_do_is_refused(resource: str, problem: str) -> None:
    text = json.dumps(machine({**TASK, "Resource": resource}))
    assert validate_definition(text) == []
    found = validate_definition(text, kind="EXPRESS")
    assert [(each.message, each.location) for each in found] == [(problem, "/States/A/Resource")]


@pytest.mark.parametrize("text", ["", "{", "[]", "NaN", '"x"', "[" * 5000])
def test_what_is_no_json_object_is_refused(text: str) -> None:
    with pytest.raises(InvalidDefinition, match="INVALID_JSON_DESCRIPTION"):
        compile_definition(text)


def test_what_looks_like_a_path_and_is_none_is_a_warning() -> None:
    text = json.dumps(machine({"Type": "Pass", "Parameters": {"x": "$.y"}, "End": True}))
    (found,) = validate_definition(text)
    assert (found.severity, found.code) == ("WARNING", "NO_DOLLAR")
    assert found.location == "/States/A/Parameters/x"
    compile_definition(text)


def test_deep_nesting_is_refused() -> None:
    deep: Any = {"Type": "Succeed"}
    for level in range(60):
        branch = {"StartAt": f"S{level}", "States": {f"S{level}": deep}}
        deep = {"Type": "Parallel", "Branches": [branch], "End": True}
    assert compile_definition(json.dumps(machine(deep))).first.type == "Parallel"
    for level in range(60, 90):
        branch = {"StartAt": f"S{level}", "States": {f"S{level}": deep}}
        deep = {"Type": "Parallel", "Branches": [branch], "End": True}
    with pytest.raises(InvalidDefinition, match="nested too deeply"):
        compile_definition(json.dumps(machine(deep)))


def test_an_inner_scope_cant_set_a_variable_of_an_outer_one() -> None:
    inner = {"StartAt": "I", "States": {"I": {"Type": "Pass", "Assign": {"v": 2}, "End": True}}}
    states = {
        "A": {"Type": "Pass", "Assign": {"v": 1}, "Next": "M"},
        "M": {"Type": "Map", "ItemProcessor": inner, "End": True},
    }
    found = validate_definition(json.dumps({"StartAt": "A", "States": states}))
    assert [each.location for each in found] == ["/States/M/ItemProcessor/States/I/Assign"]


def test_the_variables_that_states_read_are_known() -> None:
    states = {
        "A": {"Type": "Pass", "Assign": {"v": 1, "w": 2}, "Next": "B"},
        "B": {
            "Type": "Pass",
            "QueryLanguage": "JSONata",
            "Output": "{% $v + $states.input.x %}",
            "Next": "C",
        },
        "C": {"Type": "Pass", "Parameters": {"a.$": "States.Array($v, $w)"}, "End": True},
    }
    assert variable_references({"StartAt": "A", "States": states}) == {"B": ["v"], "C": ["v", "w"]}
