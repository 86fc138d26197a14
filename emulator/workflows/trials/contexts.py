"""The context object that a TestState request gives."""

from typing import Any

from ..json_text import Document, read, type_name
from ..machine import State
from .errors import InvalidTrial

_FIELDS: dict[str, dict[str, str]] = {
    "Execution": {
        "Id": "string",
        "Input": "object",
        "Name": "string",
        "RoleArn": "string",
        "StartTime": "string",
        "RedriveCount": "number",
        "RedriveTime": "string",
    },
    "State": {"EnteredTime": "string", "Name": "string", "RetryCount": "number"},
    "StateMachine": {"Id": "string", "Name": "string"},
    "Task": {"Token": "string"},
}
_ARTICLES = {"object": "an object"}


def check_context(text: str, state: State) -> Document:
    """Return the context object of a request.

    Args:
        text: The object, as JSON.
        state: The state on trial.

    Raises:
        InvalidTrial: It has what a context object has not.
    """
    try:
        context = read(text)
    except ValueError:
        raise _invalid("Context object must be valid JSON") from None
    if not isinstance(context, dict):
        raise _invalid("Context object must be an object")
    if "Map" in context:
        raise _invalid("'Map' field is not supported when mocking a Context object")
    for name, value in context.items():
        if name not in _FIELDS:
            raise _invalid(f"Field '{name}' is not allowed")
        _check_entry(name, value)
    pattern = "" if state.resource is None else state.resource.pattern
    if "Task" in context and not pattern:
        raise _invalid(
            "Context object contains 'Task' when state is not a Task state with a '.sync' or"
            " '.waitForTaskToken' service integration pattern"
        )
    return context


def _check_entry(name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise _invalid(f"{name} must be an object")
    for field, each in value.items():
        wanted = _FIELDS[name].get(field)
        if wanted is None:
            raise _invalid(f"Field '{field}' is not allowed")
        if field != "Input" and type_name(each) != wanted:
            raise _invalid(f"{name}.{field} must be {_ARTICLES.get(wanted, f'a {wanted}')}")


def _invalid(problem: str) -> InvalidTrial:
    return InvalidTrial(f"Invalid Context object provided: {problem}")
