"""JSON as Step Functions writes and reads it."""

import json
import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

Json = Any
"""None, bool, int, float, str, a list or a dict with string keys."""

Document = Mapping[str, Json]

DEEPEST = 300
"""Arrays and objects inside one another."""

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)
#: An exponent that may be too large for a number.
_HUGE = re.compile(r"\d[eE]\+?\d{3}")


def write(value: Json) -> str:
    """Return the text of a value, as compact as in histories."""
    try:
        return orjson.dumps(value).decode()
    except TypeError:
        # Integers beyond 64 bits, lone surrogates, and what orjson takes for too deep.
        return _ENCODER.encode(value)


def read(text: str) -> Json:
    """Return the value of a text; NaN and infinities are refused.

    Raises:
        ValueError: It is no JSON, or nested deeper than anything that goes through it can go.
    """
    try:
        value = _decoder(text).decode(text)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if is_too_deep(text, value):
        raise ValueError("it is nested too deeply")
    return value


def is_too_deep(text: str, value: Json) -> bool:
    """Return whether a value, of which this is the text, is nested deeper than `DEEPEST`."""
    if len(text) <= DEEPEST or text.count("[") + text.count("{") <= DEEPEST:
        return False
    return _depth(value) > DEEPEST


def _depth(value: Json) -> int:
    """Return how deep a value is nested."""
    depth, level = 0, [value]
    while level:
        depth += 1
        inner = [each for each in level if isinstance(each, dict | list)]
        level = [
            member
            for each in inner
            for member in (each.values() if isinstance(each, dict) else each)
        ]
    return depth - 1


def size_bytes(value: Json) -> int:
    """Return the size of a value's text in UTF-8."""
    return len(write(value).encode("utf-8", "surrogatepass"))


def type_name(value: Json) -> str:
    """Return the JSON type of a value, as error texts name it."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case int() | float():
            return "number"
        case str():
            return "string"
        case Sequence():
            return "array"
        case _:
            return "object"


def _refuse(constant: str) -> Json:
    raise ValueError(f"{constant} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"the number {text} is out of range")
    return number


_DECODER = json.JSONDecoder(parse_constant=_refuse)
_CAREFUL_DECODER = json.JSONDecoder(parse_constant=_refuse, parse_float=_finite)


def _decoder(text: str) -> json.JSONDecoder:
    """Return what reads a text; one that looks at each number is slower."""
    return _CAREFUL_DECODER if _HUGE.search(text) else _DECODER
