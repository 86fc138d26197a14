"""Values of templates and of other loosely typed sources, fitted to an operation's request.

A template has text where an API wants a number, objects where it wants JSON text, and lists of
``Key`` and ``Value`` where it wants a map. The model says what is wanted.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import Any

from emulator.wire.model import Operation, ServiceModel, Shape

_NUMBERS = ("integer", "long", "float", "double")


def fit(model: ServiceModel, operation: Operation, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return a request with those of ``values`` that the operation knows, in the model's types.

    Names of members match in any case. What can't be fitted is left as it is, for the operation's
    own validation to refuse.
    """
    if operation.input is None:
        return {}
    found: dict[str, Any] = _fit(model, operation.input, dict(values))
    return found


def members(model: ServiceModel, operation: Operation) -> Mapping[str, str]:
    """Return the names of an operation's members, by their names in lower case."""
    return {} if operation.input is None else _names(model, operation.input)


@cache
def _names(model: ServiceModel, shape: str) -> dict[str, str]:
    return {name.lower(): name for name in model.shapes[shape].get("members", {})}


def _fit(model: ServiceModel, name: str, value: Any) -> Any:
    shape = model.shapes[name]
    match shape["type"]:
        case "structure":
            return _structure(model, name, shape, value)
        case "list":
            items = value if isinstance(value, list) else [value]
            return [_fit(model, shape["member"]["shape"], item) for item in items]
        case "map":
            return _map(model, shape, value)
        case "boolean":
            lowered = value.lower() if isinstance(value, str) else value
            return {"true": True, "false": False}.get(lowered, value)
        case "string":
            return _text(value)
        case kind if kind in _NUMBERS:
            return _number(kind, value)
    return value


def _structure(model: ServiceModel, name: str, shape: Shape, value: Any) -> Any:
    if not isinstance(value, Mapping):
        return value
    names = _names(model, name)
    fitted = {}
    for key, item in value.items():
        member = names.get(str(key).lower())
        if member is not None and item is not None:
            fitted[member] = _fit(model, shape["members"][member]["shape"], item)
    return fitted


def _map(model: ServiceModel, shape: Shape, value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(each, Mapping) for each in value):
        value = {str(each.get("Key")): each.get("Value", "") for each in value}
    if not isinstance(value, Mapping):
        return value
    inner = shape["value"]["shape"]
    return {str(key): _fit(model, inner, item) for key, item in value.items() if item is not None}


def _text(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    return json.dumps(value) if isinstance(value, (dict, list)) else value


def _number(kind: str, value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return float(value) if kind in ("float", "double") else int(value)
    except ValueError:
        return value
