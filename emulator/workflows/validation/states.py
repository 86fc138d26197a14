"""States: which fields each kind has in each language, and what the fields hold."""

from collections.abc import Callable

from ..json_text import Document, Json
from ..query.templates import is_expression
from ..states.wait import parse_timestamp
from .checker import Checker
from .choices import check_choices
from .handlers import check_assigned, check_catch, check_retry
from .maps import check_batcher, check_call, check_label
from .numbers import check_number, check_seconds
from .resources import check_arguments, check_credentials, check_resource

MachineCheck = Callable[[Checker, Json, str, str], None]

_ALL = {"Type", "Comment", "QueryLanguage"}
_MOVES = {"Next", "End"}
_PATHS = {"InputPath", "OutputPath"}
_RESULT = {"ResultSelector", "ResultPath"}
_ERRORS = {"Retry", "Catch"}
_TASK = {"Resource", "TimeoutSeconds", "HeartbeatSeconds", "Credentials"}
_LIMITS = ("MaxConcurrency", "ToleratedFailureCount", "ToleratedFailurePercentage")
_MAP = {
    "ItemProcessor",
    "Iterator",
    "ItemSelector",
    "ItemReader",
    "ItemBatcher",
    "ResultWriter",
    "Label",
}
_MAP |= set(_LIMITS)

_FIELDS: dict[str, tuple[set[str], set[str]]] = {
    "Pass": (
        {*_MOVES, *_PATHS, "Parameters", "Result", "ResultPath", "Assign"},
        {*_MOVES, "Output", "Assign"},
    ),
    "Task": (
        {*_MOVES, *_PATHS, *_RESULT, *_ERRORS, *_TASK, "Parameters", "Assign"}
        | {"TimeoutSecondsPath", "HeartbeatSecondsPath"},
        {*_MOVES, *_ERRORS, *_TASK, "Arguments", "Output", "Assign"},
    ),
    "Choice": (
        {*_PATHS, "Choices", "Default", "Assign"},
        {"Choices", "Default", "Output", "Assign"},
    ),
    "Wait": (
        {*_MOVES, *_PATHS, "Seconds", "SecondsPath", "Timestamp", "TimestampPath", "Assign"},
        {*_MOVES, "Seconds", "Timestamp", "Output", "Assign"},
    ),
    "Succeed": (_PATHS, {"Output"}),
    "Fail": ({"Error", "ErrorPath", "Cause", "CausePath"}, {"Error", "Cause"}),
    "Parallel": (
        {*_MOVES, *_PATHS, *_RESULT, *_ERRORS, "Parameters", "Branches", "Assign"},
        {*_MOVES, *_ERRORS, "Arguments", "Branches", "Output", "Assign"},
    ),
    "Map": (
        {*_MOVES, *_PATHS, *_RESULT, *_ERRORS, *_MAP, "ItemsPath", "Parameters", "Assign"}
        | {f"{field}Path" for field in _LIMITS},
        {*_MOVES, *_ERRORS, *_MAP, "Items", "Output", "Assign"},
    ),
}
"""The fields of each kind: in JSONPath, in JSONata."""


def check_state(
    checker: Checker, state: Json, location: str, language: str, check_machine: MachineCheck
) -> None:
    """Check a state and all inside.

    Args:
        checker: Takes the findings.
        state: The state.
        location: Where it is.
        language: The language of its program.
        check_machine: Checks the programs inside.
    """
    if not checker.of_type(state, "Object", location):
        return
    if not checker.require(state, ("Type",), location):
        return
    if not checker.one_of(state["Type"], sorted(_FIELDS), f"{location}/Type"):
        return
    around = language
    if "QueryLanguage" in state:
        own = state["QueryLanguage"]
        if not checker.one_of(own, ("JSONPath", "JSONata"), f"{location}/QueryLanguage"):
            return
        if language == "JSONata" and own == "JSONPath":
            checker.report(
                "'QueryLanguage' can not be 'JSONPath' if set to 'JSONata' for whole state machine",
                location,
            )
            return
        language = own
    allowed = _FIELDS[state["Type"]][language == "JSONata"] | _ALL
    for field, value in state.items():
        place = f"{location}/{field}"
        if field not in allowed:
            _check_unknown(checker, state["Type"], field, language, location)
        elif field in _CHECKS:
            _CHECKS[field](checker, value, place, language)
    _check_whole(checker, state, location, language)
    # What is inside has the language of the program, not of the state.
    if state["Type"] == "Parallel":
        _check_branches(checker, state, location, around, check_machine)
    elif state["Type"] == "Map":
        _check_map(checker, state, location, around, check_machine)


def _check_unknown(checker: Checker, kind: str, field: str, language: str, location: str) -> None:
    other = "JSONPath" if language == "JSONata" else "JSONata"
    if field in _FIELDS[kind][other == "JSONata"]:
        checker.report(
            f"The QueryLanguage is set to '{language}', but field '{field}' is only supported for"
            f" the '{other}' QueryLanguage",
            location,
        )
    else:
        checker.unsupported(field, location)


def _check_whole(checker: Checker, state: Document, location: str, language: str) -> None:
    """Check what concerns several fields of a state."""
    kind = state["Type"]
    if kind in ("Pass", "Task", "Wait", "Parallel", "Map"):
        checker.exactly_one(state, ("Next", "End"), location)
    match kind:
        case "Task":
            if checker.require(state, ("Resource",), location):
                check_arguments(checker, state, location, language)
            checker.at_most_one(state, ("TimeoutSeconds", "TimeoutSecondsPath"), location)
            checker.at_most_one(state, ("HeartbeatSeconds", "HeartbeatSecondsPath"), location)
            _check_heartbeat(checker, state, location)
        case "Choice":
            if checker.require(state, ("Choices",), location):
                check_choices(checker, state["Choices"], f"{location}/Choices", language)
        case "Wait":
            fields = ("Seconds", "Timestamp", "SecondsPath", "TimestampPath")
            checker.exactly_one(state, fields[: 2 if language == "JSONata" else 4], location)
        case "Fail":
            checker.at_most_one(state, ("Error", "ErrorPath"), location)
            checker.at_most_one(state, ("Cause", "CausePath"), location)


def _check_heartbeat(checker: Checker, state: Document, location: str) -> None:
    heartbeat, timeout = state.get("HeartbeatSeconds"), state.get("TimeoutSeconds")
    if isinstance(heartbeat, int) and isinstance(timeout, int) and heartbeat >= timeout:
        checker.report("HeartbeatSeconds must be smaller than TimeoutSeconds", location)


def _check_branches(
    checker: Checker, state: Document, location: str, language: str, check_machine: MachineCheck
) -> None:
    if not checker.require(state, ("Branches",), location):
        return
    place = f"{location}/Branches"
    if checker.of_type(state["Branches"], "Array", place):
        if not state["Branches"]:
            checker.report("Branches must not be empty", place)
        for at, branch in enumerate(state["Branches"]):
            check_machine(checker, branch, f"{place}[{at}]", language)


def _check_map(
    checker: Checker, state: Document, location: str, language: str, check_machine: MachineCheck
) -> None:
    if "ItemProcessor" not in state and "Iterator" not in state:
        checker.require(state, ("ItemProcessor",), location)
        return
    checker.at_most_one(state, ("ItemProcessor", "Iterator"), location)
    checker.at_most_one(state, ("ItemSelector", "Parameters"), location)
    for field in _LIMITS:
        checker.at_most_one(state, (field, f"{field}Path"), location)
    field = "ItemProcessor" if "ItemProcessor" in state else "Iterator"
    check_machine(checker, state[field], f"{location}/{field}", language)
    processor = state[field] if isinstance(state[field], dict) else {}
    config = processor.get("ProcessorConfig", {})
    if not isinstance(config, dict) or config.get("Mode", "INLINE") == "INLINE":
        for only in ("ItemReader", "ItemBatcher", "ResultWriter", "Label"):
            if only in state:
                checker.report(
                    "Field is only supported for Map state with 'DISTRIBUTED' mode",
                    f"{location}/{only}",
                )


def _check_text(checker: Checker, value: Json, location: str, language: str) -> None:
    if checker.of_type(value, "String", location) and language == "JSONata":
        checker.expressions(value, location)


def _check_name(checker: Checker, value: Json, location: str, language: str) -> None:
    checker.of_type(value, "String", location)


def _check_end(checker: Checker, value: Json, location: str, language: str) -> None:
    if checker.of_type(value, "Boolean", location) and not value:
        checker.report("Value must be true", location)


def _check_path(checker: Checker, value: Json, location: str, language: str) -> None:
    if value is not None:
        checker.path(value, location)


def _check_needed_path(checker: Checker, value: Json, location: str, language: str) -> None:
    checker.path(value, location)


def _check_result_path(checker: Checker, value: Json, location: str, language: str) -> None:
    if value is not None:
        checker.reference_path(value, location)


def _check_call_path(checker: Checker, value: Json, location: str, language: str) -> None:
    checker.path_or_call(value, location)


def _check_template(checker: Checker, value: Json, location: str, language: str) -> None:
    if language == "JSONata":
        checker.expressions(value, location)
    elif isinstance(value, dict | list):
        checker.template(value, location)
    else:
        checker.report("Expected value of type Object", location)


def _check_any(checker: Checker, value: Json, location: str, language: str) -> None:
    checker.expressions(value, location)


def _check_parameters(checker: Checker, value: Json, location: str, language: str) -> None:
    # Parameters may be any JSON: a text or a number is a constant.
    if isinstance(value, dict | list):
        checker.template(value, location)


def _check_timestamp(checker: Checker, value: Json, location: str, language: str) -> None:
    if not checker.of_type(value, "String", location):
        return
    if language == "JSONata" and is_expression(value):
        checker.expression(value, location)
    elif parse_timestamp(value) is None:
        checker.report("String does not match RFC3339 timestamp", location)


def _check_items(checker: Checker, value: Json, location: str, language: str) -> None:
    if isinstance(value, list | dict) or is_expression(value):
        checker.expressions(value, location)
    else:
        checker.report("Expected value of type Array or a JSONata expression", location)


_CHECKS: dict[str, Callable[[Checker, Json, str, str], None]] = {
    "Comment": _check_name,
    "Next": _check_name,
    "Default": _check_name,
    "End": _check_end,
    "InputPath": _check_path,
    "OutputPath": _check_path,
    "ItemsPath": _check_needed_path,
    "ResultPath": _check_result_path,
    "ResultSelector": _check_template,
    "Parameters": _check_parameters,
    "ItemSelector": _check_template,
    "Arguments": _check_any,
    "Output": _check_any,
    "Items": _check_items,
    "Assign": check_assigned,
    "Error": _check_text,
    "Cause": _check_text,
    "ErrorPath": _check_call_path,
    "CausePath": _check_call_path,
    "Seconds": check_number(0),
    "SecondsPath": _check_needed_path,
    "Timestamp": _check_timestamp,
    "TimestampPath": _check_needed_path,
    "Resource": check_resource,
    "Credentials": check_credentials,
    "TimeoutSeconds": check_seconds,
    "TimeoutSecondsPath": _check_call_path,
    "HeartbeatSeconds": check_seconds,
    "HeartbeatSecondsPath": _check_call_path,
    "Retry": check_retry,
    "Catch": check_catch,
    "MaxConcurrency": check_number(0),
    "MaxConcurrencyPath": _check_call_path,
    "ToleratedFailureCount": check_number(0),
    "ToleratedFailureCountPath": _check_call_path,
    "ToleratedFailurePercentage": check_number(0, 100, "Number"),
    "ToleratedFailurePercentagePath": _check_call_path,
    "Label": check_label,
    "ItemReader": check_call("ReaderConfig"),
    "ResultWriter": check_call("WriterConfig"),
    "ItemBatcher": check_batcher,
}
