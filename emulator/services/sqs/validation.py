"""SQS's validation: it names the first missing parameter, as its query protocol calls it.

Its other rules (limits, attribute names, characters) are the service's own, with sentences of
its own, and stand with the operations.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire.model import Operation, ServiceModel, Shape
from emulator.wire.validate import Validator
from emulator.wire.xml_names import element_names

#: (value, path).
_Check = Callable[[Any, str], None]


def compile_required(model: ServiceModel, operation: Operation) -> Validator:
    """Make the validator of an operation."""
    check = _structure(model, model.shapes[operation.input]) if operation.input else None

    def validate(request: Mapping[str, Any]) -> None:
        if check is not None:
            check(request, "")

    return validate


def _structure(model: ServiceModel, shape: Shape) -> _Check:
    required = frozenset(shape.get("required", ()))
    members = []
    for name, member in shape["members"].items():
        check = _items(model, model.shapes[member["shape"]])
        if check is not None or name in required:
            members.append((name, element_names(model, name, member)[0], name in required, check))

    def structure(value: Mapping[str, Any], path: str) -> None:
        for name, wire, needed, check in members:
            item = value.get(name)
            if item is not None:
                if check is not None:
                    check(item, path + wire)
            elif needed:
                raise _missing(path + wire)

    return structure


def _items(model: ServiceModel, shape: Shape) -> _Check | None:
    """Check the elements of a list or map: none may be null."""
    kind = shape["type"]
    if kind not in ("list", "map"):
        return None
    target = model.shapes[shape["member" if kind == "list" else "value"]["shape"]]
    inner = _structure(model, target) if target["type"] == "structure" else None

    def items(value: Any, path: str) -> None:
        for index, item in enumerate(value.values() if kind == "map" else value, 1):
            where = f"{path}.{index}.Value" if kind == "map" else f"{path}.{index}"
            if item is None:
                raise _missing(where)
            if inner is not None:
                inner(item, f"{where}.")

    return items


def _missing(name: str) -> AwsError:
    return AwsError(
        "MissingRequiredParameterException",
        f"The request must contain the parameter {name}.",
        status=400,
    )
