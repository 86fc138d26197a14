"""Mocks of TestState: what a state's work is said to give."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..effects import Fail
from ..json_text import Json, read
from ..machine import State
from .errors import InvalidTrial

Shapes = Mapping[str, Mapping[str, Any]]

_MOCKED = ("Task", "Parallel", "Map")
_SYNC = ("sync", "sync:2", "waitForTaskToken")


@dataclass(frozen=True, slots=True)
class Mock:
    """What the work gives.

    Args:
        outcome: The result, or how it failed.
        text: The result as it was given.
        mode: `STRICT`, `PRESENT` or `NONE`: how a result is held against the API's model.
    """

    outcome: Json | Fail
    text: str = ""
    mode: str = "STRICT"


def mock_of(document: Mapping[str, Any] | None) -> Mock | None:
    """Return the mock of a request.

    Raises:
        InvalidTrial: It has both a result and an error, or its result is no JSON.
    """
    if document is None:
        return None
    result, report = document.get("result"), document.get("errorOutput")
    if result is not None and report is not None:
        raise InvalidTrial(
            "A test mock should have only one of the following fields: [result, errorOutput]."
        )
    mode = document.get("fieldValidationMode") or "STRICT"
    if report is not None:
        return Mock(Fail(report.get("error"), report.get("cause")), mode=mode)
    if result is None:
        raise InvalidTrial(
            "A test mock should have one of the following fields: [result, errorOutput]."
        )
    try:
        return Mock(read(result), result, mode)
    except ValueError:
        raise InvalidTrial("Mocked result must be valid JSON") from None


def check_mock(state: State, mock: Mock | None, settings: Mapping[str, Any]) -> None:
    """Refuse a mock that does not suit the state, or that is missing.

    Args:
        state: The state on trial.
        mock: Its mock.
        settings: `stateConfiguration` of the request.

    Raises:
        InvalidTrial: It does not suit.
    """
    failures = settings.get("mapIterationFailureCount")
    if mock is None:
        if failures is not None:
            raise InvalidTrial(
                "TestState does not support MapIterationFailureCount when a mock is not specified."
            )
        return
    if state.type not in _MOCKED:
        raise InvalidTrial(f"State type '{state.type}' is not supported when a mock is specified")
    if state.type == "Map" and failures is not None:
        items = len(mock.outcome) if isinstance(mock.outcome, list) else None
        if items is not None and failures > items:
            raise InvalidTrial(
                "Map iteration failure count must be less than or equal to the number of Map"
                " iterations"
            )
    if state.type == "Parallel" and not isinstance(mock.outcome, Fail):
        if not isinstance(mock.outcome, list):
            raise InvalidTrial("Mocked result must be an array.")
        if len(mock.outcome) != len(state.branches):
            raise InvalidTrial("Mocked result must have one item for each branch.")


def needs_mock(state: State) -> bool:
    """Return whether a state can only be tested with a mock."""
    if state.type in ("Parallel", "Map"):
        return True
    resource = state.resource
    return resource is not None and (resource.kind == "activity" or resource.pattern in _SYNC)


def check_result(shapes: Shapes, name: str, result: Json, mode: str) -> None:
    """Hold a mocked result against the model of the API's answer.

    Args:
        shapes: The shapes of the service's model, by name.
        name: The shape of the answer; its members are written in PascalCase in results.
        result: The result.
        mode: `STRICT`: all required members, and types; `PRESENT`: types; `NONE`: nothing.

    Raises:
        InvalidTrial: They differ.
    """
    if mode != "NONE":
        _check(shapes, name, result, "", mode == "STRICT")


def _check(shapes: Shapes, name: str, value: Json, field: str, strict: bool) -> None:
    shape = shapes[name]
    wanted, fits = _WANTED.get(shape["type"], ("a string", str))
    if shape["type"] == "blob":
        # A payload is JSON where an integration reads it.
        return
    if (isinstance(value, bool) and fits is not bool) or not isinstance(value, fits):
        _refuse(f"Field '{field}' must be {wanted}" if field else f"Result must be {wanted}")
    match shape["type"]:
        case "structure":
            for member, reference in shape["members"].items():
                shown = member[:1].upper() + member[1:]
                if shown in value:
                    _check(shapes, reference["shape"], value[shown], shown, strict)
                elif strict and member in shape.get("required", ()):
                    _refuse(f"Required field '{shown}' is missing")
        case "list":
            for each in value:
                _check(shapes, shape["member"]["shape"], each, field, strict)
        case "map":
            for key, each in value.items():
                _check(shapes, shape["value"]["shape"], each, key, strict)


_NUMBER = ("a number", (int, float))
_WANTED: dict[str, tuple[str, Any]] = {
    "structure": ("an object", dict),
    "map": ("an object", dict),
    "list": ("an array", list),
    "boolean": ("a boolean", bool),
    "integer": _NUMBER,
    "long": _NUMBER,
    "float": _NUMBER,
    "double": _NUMBER,
}


def _refuse(problem: str) -> None:
    raise InvalidTrial(f"Mock result schema validation error: {problem}")
