"""Events of histories: how they are kept, and how they are shown.

https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

import orjson

#: An event as it is kept: previous event's id, type, milliseconds since the epoch, details.
Event = tuple[int, str, int, dict[str, Any] | None]

#: A detail that AWS's API does not show: the id of the request that invoked a function.
REQUEST = "localfaas:request"
NOT_TRUNCATED = {"truncated": False}
#: What is left out of events for a caller that wants no data.
_DATA = frozenset({"assignedVariables", "cause", "error", "input", "output", "parameters", REQUEST})
#: Types whose details are not in a member of their own name.
_SHARED = {"StateEntered": "stateEntered", "StateExited": "stateExited"}


@cache
def member(type_: str) -> str:
    """Return the member that has the details of an event of a type."""
    for suffix, name in _SHARED.items():
        if type_.endswith(suffix):
            return f"{name}EventDetails"
    return f"{type_[:1].lower()}{type_[1:]}EventDetails"


def event(kind: str, details: dict[str, Any] | None) -> Event:
    """Return an event that has no place yet: a thread gives it one."""
    return (0, kind, 0, details)


def text_of(value: Any) -> str:
    """Return a value as JSON text, as histories show it."""
    return pack(value).decode()


def shown(event: Event, id: int, *, with_data: bool) -> dict[str, Any]:
    """Return an event as GetExecutionHistory shows it."""
    previous, type_, at_ms, details = event
    found: dict[str, Any] = {
        "timestamp": at_ms / 1000,
        "type": type_,
        "id": id,
        "previousEventId": previous,
    }
    if details is not None:
        found[member(type_)] = public(details) if with_data else without_data(details)
    return found


def public(details: dict[str, Any]) -> dict[str, Any]:
    """Return an event's details without what is ours."""
    if REQUEST not in details:
        return details
    return {key: value for key, value in details.items() if key != REQUEST}


def without_data(details: Mapping[str, Any]) -> dict[str, Any]:
    """Return an event's details without what an execution worked on."""
    return {key: value for key, value in details.items() if key not in _DATA}


def pack(value: Any) -> bytes:
    """Return a value as JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Integers beyond 64 bits, lone surrogates, and what orjson takes for too deep.
        return json.dumps(value, separators=(",", ":")).encode()


def unpack(page: bytes) -> list[Event]:
    """Return events as they were read."""
    found: list[Event] = json.loads(page)
    return found


def entered(name: str, text: str) -> dict[str, Any]:
    """Return the details of an event with which a state begins."""
    return {"name": name, "input": text, "inputDetails": NOT_TRUNCATED}


def exited(name: str, text: str, assigned: Mapping[str, Any]) -> dict[str, Any]:
    """Return the details of an event with which a state ends."""
    details: dict[str, Any] = {"name": name, "output": text, "outputDetails": NOT_TRUNCATED}
    if assigned:
        details["assignedVariables"] = {key: text_of(value) for key, value in assigned.items()}
        details["assignedVariablesDetails"] = NOT_TRUNCATED
    return details


def failure(error: str | None, cause: str | None) -> dict[str, Any]:
    """Return an error and its cause; what is not there is left out."""
    found = {"error": error, "cause": cause}
    return {key: value for key, value in found.items() if value is not None}
