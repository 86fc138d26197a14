"""JSON as Step Functions writes and reads it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

Json = Any
"""None, bool, int, float, str, a list or a dict with string keys."""

Document = Mapping[str, Json]

_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def write(value: Json) -> str:
    """Return the text of a value, as compact as in histories."""
    return _ENCODER.encode(value)


def read(text: str) -> Json:
    """Return the value of a text; NaN and infinities are refused.

    Raises:
        ValueError: It is no JSON.
    """
    try:
        return json.loads(text, parse_constant=_refuse)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error


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
