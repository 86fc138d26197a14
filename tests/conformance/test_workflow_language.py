"""Executions recorded from AWS whose states are pure, decided by the language alone."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from emulator.workflows.effects import Fail
from emulator.workflows.errors import InvalidDefinition
from emulator.workflows.program import compile_definition, validate_definition
from tests.unit.workflows.simulator import Simulator

from .recorded import FOLDER, Comparison, load
from .workflow_definitions import definitions_of, load_definition, parameter_of

pytestmark = pytest.mark.skipif(
    not (FOLDER / "stepfunctions.json").exists(),
    reason="the recordings are not beside the checkout",
)

_WORK = ("Task", "Lambda", "Activity", "MapRun")
#: What was recorded of inputs that vary.
_TIME = "2016-12-05T21:29:29"
_TIMES = {"INVALID_ISO": "05-12-2016T21:29:29Z", "NO_Z": _TIME}
_VARYING = ("start-time", "entered-time", "generated-uuid", "snf_role_arn", "<ArnPart_0idx>")

#: Scenarios that can't be replayed here, and why.
LEFT_OUT = {
    "test_start_large_input": "it is replayed with a definition of ours",
    "test_timestamp_too_far_in_future_boundary": "it does not end: it is replayed by the API",
}


def _recordings() -> dict[str, Any]:
    return load("stepfunctions") if (FOLDER / "stepfunctions.json").exists() else {}


def _histories(recording: Any) -> dict[str, Any]:
    content = recording["recorded-content"]
    return {
        step: answer
        for step, answer in content.items()
        if isinstance(answer, dict) and "events" in answer
    }


def _is_pure(recording: Any) -> bool:
    histories = _histories(recording).values()
    kinds = [event["type"] for history in histories for event in history["events"]]
    return bool(kinds) and not any(kind.startswith(_WORK) for kind in kinds)


def _replayed() -> list[str]:
    names = [name for name, each in _recordings().items() if _is_pure(each)]
    return [name for name in names if not any(left in name for left in LEFT_OUT)]


def _input(history: Any, parameter: str) -> str:
    value = history["events"][0]["executionStartedEventDetails"]["input"]
    text = value if isinstance(value, str) else json.dumps(value)
    text = text.replace('"<timestamp>"', json.dumps(_TIME + parameter))
    if parameter in _TIMES:
        text = text.replace('"timestamp"', json.dumps(_TIMES[parameter]))
    return text


def _differences(scenario: str, recording: Any, definition: Any) -> list[str]:
    text = json.dumps(recording)
    for name in _VARYING:
        text = text.replace(json.dumps(name), '"date"')
    text = text.replace(json.dumps(json.dumps("date")), '"date"')
    comparison = Comparison(json.loads(text))
    for step, history in _histories(recording).items():
        try:
            program = compile_definition(json.dumps(definition))
        except InvalidDefinition as error:
            return [str(error)]
        simulator = Simulator()
        text = _input(history, parameter_of(scenario))
        simulator.run(program, json.loads(text), text)
        events = [{**event, "timestamp": "now"} for event in simulator.events]
        status = {"HTTPStatusCode": 200, "HTTPHeaders": {}}
        comparison.match(step, {"events": events, "ResponseMetadata": status})
    return [_shortened(each) for each in comparison.differences]


def _shortened(difference: str) -> str:
    return difference[:400]


@pytest.mark.parametrize("scenario", _replayed())
def test_a_pure_execution_goes_as_it_was_recorded(scenario: str) -> None:
    recording = _recordings()[scenario]
    found = [_differences(scenario, recording, each) for each in definitions_of(scenario)]
    assert found, "the scenario has no definition"
    assert [] in found, "\n".join(found[0])


def test_every_pure_scenario_is_replayed_or_has_a_reason() -> None:
    pure = [name for name, each in _recordings().items() if _is_pure(each)]
    assert len(_replayed()) >= len(pure) - len(LEFT_OUT)
    for left in LEFT_OUT:
        assert any(left in name for name in pure), left


_CASES = [name for name, each in _recordings().items() if "cases" in each["recorded-content"]]


@pytest.mark.parametrize("scenario", _CASES)
def test_a_comparator_compares_as_was_recorded(scenario: str) -> None:
    words = re.search(r"::test_(\w+)$", scenario)
    assert words is not None
    comparator = "".join(word.capitalize() for word in words.group(1).split("_"))
    for case in _recordings()[scenario]["recorded-content"]["cases"]:
        given = case["input"]
        if given["Value"] == "date":
            continue
        operand = "$.Value" if comparator.endswith("Path") else given["Value"]
        definition = {
            "StartAt": "Choose",
            "States": {
                "Choose": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.Variable", comparator: operand, "Next": "True"}],
                    "Default": "False",
                },
                "True": {"Type": "Pass", "Result": "ConditionTrue", "End": True},
                "False": {"Type": "Pass", "Result": "ConditionFalse", "End": True},
            },
        }
        end = Simulator().run(compile_definition(json.dumps(definition)), given)
        assert not isinstance(end, Fail)
        assert end.output == case["output"]["TestResult.$"], given


def test_definitions_are_validated_as_was_recorded() -> None:
    for name, recording in _recordings().items():
        if "test_validate_state_machine_definition" not in name:
            continue
        path = f"validation/statemachines/{parameter_of(name).lower()}.json5"
        kind = "EXPRESS" if "express" in name else "STANDARD"
        found = validate_definition(json.dumps(load_definition(path)), kind=kind)
        recorded = recording["recorded-content"]["validation_response"]["diagnostics"]
        answered = [
            {
                "severity": each.severity,
                "code": each.code,
                "message": each.message,
                "location": each.location,
            }
            for each in found
        ]
        assert answered == recorded, name
