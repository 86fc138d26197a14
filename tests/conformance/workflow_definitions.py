"""The definitions of recorded executions, with what their tests put into them."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

from .recorded import FOLDER

_TOKEN = re.compile(r'"(?:\\.|[^"\\])*"|//[^\n]*|/\*.*?\*/|[^"/]+|/', re.DOTALL)
_TRAILING = re.compile(r",(\s*[}\]])")

Definition = dict[str, Any]


def read_json5(text: str) -> Any:
    """Return the value of JSON with comments and trailing commas."""
    tokens = [each for each in _TOKEN.findall(text) if not each.startswith(("//", "/*"))]
    pieces: list[str] = []
    outside = ""
    for token in tokens:
        if token.startswith('"'):
            pieces += [_TRAILING.sub(r"\1", outside), token]
            outside = ""
        else:
            outside += token
    pieces.append(_TRAILING.sub(r"\1", outside))
    return json.loads("".join(pieces), strict=False)


def load_definition(path: str) -> Definition:
    """Return a definition of the folder `asl`."""
    return read_json5((FOLDER / "asl" / path).read_text())


def index() -> dict[str, list[str]]:
    """Return which definitions belong to which scenario."""
    return json.loads((FOLDER / "asl" / "index.json").read_text())


def parameter_of(scenario: str) -> str:
    """Return the parameter of a scenario: what stands in brackets at its end."""
    found = re.search(r"\[(.*)\]$", scenario, re.DOTALL)
    return found.group(1) if found else ""


def definitions_of(scenario: str) -> list[Definition]:
    """Return the definitions that a scenario may have been recorded with."""
    paths = index().get(scenario, [])
    for pattern, more in _PATHS.items():
        if pattern in scenario:
            paths = [path.format(parameter_of(scenario).split(".json5")[0]) for path in more]
    definitions = [load_definition(path) for path in paths]
    definitions += [each for pattern, each in _OURS.items() if pattern in scenario]
    for pattern, edit in _EDITS.items():
        if pattern in scenario:
            definitions = [edit(each, parameter_of(scenario)) for each in definitions]
    return definitions


def _replace(old: str, new: str | None = None) -> Callable[[Definition, str], Definition]:
    """Return an edit that puts a text (by default the parameter) where another stands."""

    def edit(definition: Definition, parameter: str) -> Definition:
        value = json.dumps(parameter if new is None else new)
        return json.loads(json.dumps(definition).replace(json.dumps(old), value))

    return edit


def _set(state: str, field: str, values: dict[str, Any]) -> Callable[[Definition, str], Definition]:
    """Return an edit that sets a field of a state to a value of the parameter."""

    def edit(definition: Definition, parameter: str) -> Definition:
        definition["States"][state][field] = values[parameter]
        return definition

    return edit


#: In place of definitions that were not recorded: what their histories tell of them.
_OURS: dict[str, Definition] = {
    "test_map_state_retry_multiple_retriers": {
        "StartAt": "StartState",
        "States": {
            "StartState": {"Type": "Pass", "Result": {"arr": [1]}, "Next": "MapState"},
            "MapState": {
                "Type": "Map",
                "ItemsPath": "$.arr",
                "ItemProcessor": {
                    "StartAt": "HandleItemFail",
                    "States": {
                        "HandleItemFail": {
                            "Type": "Fail",
                            "Error": "HandleItemFailError",
                            "Cause": "HandleItemFailCause",
                        }
                    },
                },
                "Retry": [
                    {"ErrorEquals": ["States.Timeout"]},
                    {"ErrorEquals": ["HandleItemFailError"], "MaxAttempts": 3},
                ],
                "End": True,
            },
        },
    },
    "test_base_jsonata_regular_expressions[BASE_SINGLE_QUOTE_FALSE]": {
        "QueryLanguage": "JSONata",
        "StartAt": "Start",
        "States": {
            "Start": {
                "Type": "Pass",
                "Output": "{% $contains('hello world', /it's/) %}",
                "End": True,
            }
        },
    },
}
_VALUES = {"boolean": True, "null": None, "number": 1, "string": "string"}
_PATHS = {
    "test_partial_log_levels": ["base/statemachines/{}.json5"],
    "test_choice_unsorted_parameters[": [
        "scenarios/statemachines/choice_state_unsorted_choice_parameters.json5"
    ],
}
_EDITS: dict[str, Callable[[Definition, str], Definition]] = {
    "test_json_path_array_wildcard_or_slice_with_no_input": _replace("$.items[0]"),
    "test_state_pass_result_jsonpaths": _set(
        "State_1", "Result", {"": {"unsupported1.$": "$.jsonpath", "unsupported2.$": "$$"}}
    ),
    "test_input_path": _replace("%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%"),
    "test_output_path": _replace("%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%"),
    "test_error_cause_path": _replace("%CONTEXT_OBJECT_LITERAL_PLACEHOLDER%", "$$.State.Name"),
    "test_base_map[ITEMS]": _set("Start", "Items", {"ITEMS": "{% [1,2,3] %}"}),
    "test_map_state_items_eval_jsonata[": _set(
        "MapIterateState", "Items", {"empty": "{% [] %}", "mixed": "{% [1, 'a'] %}"}
    ),
    "test_map_state_items_eval_jsonata_fail": _set(
        "MapIterateState", "Items", {"object": "{% {'foo': 'bar'} %}", "string": "{% 'string' %}"}
    ),
    "variable_sampling": lambda definition, parameter: (
        _set("Start", "Assign", {parameter: {"ItemsVar": _VALUES.get(parameter)}})(
            definition, parameter
        )
        if "_tbd_" in json.dumps(definition)
        else definition
    ),
}
