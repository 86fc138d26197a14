"""The constraints of one shape, and AWS's sentences for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from emulator.wire.model import Shape
from emulator.wire.patterns import matcher

#: One constraint: its sentence, and whether a value keeps it.
Constraint = tuple[str, Callable[[Any], bool]]

NOT_NULL = "Member must not be null"
_SIZED = ("string", "blob", "list", "map")


def own_constraints(
    shape: Shape, *, maximum: float | None, printed_pattern: str | None, printed_enum: str | None
) -> list[Constraint]:
    """Return a shape's own constraints, in the order AWS prints them.

    A pattern that Python cannot express is not checked; the tests list these.

    Args:
        shape: Its own maximum is not looked at.
        maximum: The greatest value or length; None for none.
        printed_pattern: The pattern as the service prints it; None for as the model does.
        printed_enum: The enumeration, likewise.
    """
    result = list[Constraint]()
    low = shape.get("min")
    real = shape["type"] in ("double", "float")
    what = "length" if shape["type"] in _SIZED else "value"
    if maximum is not None:
        bound = float(maximum) if real else maximum
        text = f"Member must have {what} less than or equal to {bound}"
        result.append((text, _at_most(maximum) if what == "value" else _no_longer(maximum)))
    if low is not None and (low or what == "value"):
        bound = float(low) if real else low
        text = f"Member must have {what} greater than or equal to {bound}"
        result.append((text, _at_least(low) if what == "value" else _no_shorter(low)))
    if "pattern" in shape:
        text = (
            f"Member must satisfy regular expression pattern: {printed_pattern or shape['pattern']}"
        )
        longest = None if maximum is None else int(maximum)
        result.append((text, matcher(shape["pattern"], longest)))
    if "enum" in shape:
        text = enum_text(printed_enum or ", ".join(shape["enum"]))
        result.append((text, frozenset(shape["enum"]).__contains__))
    return result


def enum_text(values: str) -> str:
    """Return the sentence of an enumeration.

    Args:
        values: Its values as they are printed.
    """
    return f"Member must satisfy enum value set: [{values}]"


def java_text(value: Any) -> str:
    """Return a value as Java's ``toString`` has it."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return f"[{', '.join(map(java_text, value))}]"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}={java_text(item)}' for key, item in value.items())}}}"
    if isinstance(value, bytes):
        return f"java.nio.HeapByteBuffer[pos=0 lim={len(value)} cap={len(value)}]"
    return str(value)


def violation(value: Any, path: str, constraint: str, shape: Shape) -> str:
    """Return the sentence of one violation.

    Args:
        value: Shown, unless the shape is sensitive.
        path: The member, e.g. ``layers.1.member.arn``.
        constraint: The sentence of the constraint that it violates.
        shape: The member's shape.
    """
    if value is None:
        shown = "Value null"
    else:
        # Sensitive values are never repeated.
        shown = "Value" if shape.get("sensitive") else f"Value '{java_text(value)}'"
    return f"{shown} at '{path}' failed to satisfy constraint: {constraint}"


def _at_most(bound: float) -> Callable[[Any], bool]:
    return lambda value: bool(value <= bound)


def _at_least(bound: float) -> Callable[[Any], bool]:
    return lambda value: bool(value >= bound)


def _no_longer(bound: float) -> Callable[[Any], bool]:
    return lambda value: len(value) <= bound


def _no_shorter(bound: int) -> Callable[[Any], bool]:
    return lambda value: len(value) >= bound
