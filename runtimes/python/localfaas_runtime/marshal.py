"""JSON as awslambdaric writes it, which uses simplejson, with the standard library."""

from __future__ import annotations

import decimal
import functools
import json
import math
import os
import re
import uuid

from .errors import Fault

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: The runtimes that leave characters beyond ASCII as they are.
_UNESCAPED = ("python3.12", "python3.13", "python3.14", "python3.15")
_LEAVES = (str, int, float, bool, type(None))

_escaping = json.JSONEncoder()
_keeping = json.JSONEncoder(ensure_ascii=False)
#: Some response of this environment had characters beyond ASCII: expect them in the next one.
_beyond_ascii = False


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON in bytes.

    Decimals become numbers, named tuples objects and bytes text, as simplejson has it.
    """
    if type(value) not in _LEAVES and _has_named_tuple(value):
        value = _without_named_tuples(value)
    escape = _escapes()
    try:
        text = _text(value, escape)
    except TypeError:
        text = _with_others(value, escape)
    return text.encode("utf-8", "strict" if escape else "surrogatepass")


@functools.lru_cache
def _escapes() -> bool:
    """Say whether this runtime's version escapes characters beyond ASCII."""
    return not os.environ.get("AWS_EXECUTION_ENV", "").endswith(_UNESCAPED)


def _text(value: Any, escape: bool) -> str:
    global _beyond_ascii
    if not (escape or _beyond_ascii):
        # Where there is nothing to escape, the encoder that would is a third faster.
        text = _escaping.encode(value)
        if "\\" not in text or "\\u" not in text:
            return text
        _beyond_ascii = True
    return (_escaping if escape else _keeping).encode(value)


def _with_others(value: Any, escape: bool) -> str:
    """Return as JSON what holds values of unusual types, too."""
    numbers: dict[str, str] = {}
    text = json.dumps(value, ensure_ascii=escape, default=lambda other: _other(other, numbers))
    if numbers:
        # The encoder can't write a number it does not know: put in what stands for it.
        text = re.sub('"({})"'.format("|".join(numbers)), lambda match: numbers[match[1]], text)
    return text


def _other(value: object, numbers: dict[str, str]) -> object:
    if isinstance(value, decimal.Decimal):
        if value.is_nan():
            return math.nan
        mark = uuid.uuid4().hex
        numbers[mark] = str(value)
        return mark
    if isinstance(value, bytes):
        return value.decode("utf-8")
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


def _has_named_tuple(value: Any) -> bool:
    pending, seen = [value], 0
    while pending and seen < 1_000_000:  # a structure that holds itself is the encoder's to refuse
        seen += 1
        item = pending.pop()
        if isinstance(item, dict):
            pending.extend(part for part in item.values() if type(part) not in _LEAVES)
        elif isinstance(item, (list, tuple)):
            if hasattr(item, "_asdict"):
                return True
            pending.extend(part for part in item if type(part) not in _LEAVES)
    return False


def _without_named_tuples(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_named_tuples(part) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        if hasattr(value, "_asdict"):
            return _without_named_tuples(value._asdict())
        return [_without_named_tuples(part) for part in value]
    return value


def response(value: Any) -> tuple[bytes, str]:
    """Return (body, content type) of what a handler returned."""
    if isinstance(value, bytes):
        return value, "application/unknown"
    try:
        return encode(value), "application/json"
    except Exception as error:  # noqa: BLE001 (user code may run here)
        raise Fault("Runtime.MarshalError", f"Unable to marshal response: {error}") from None


def event(body: bytes, content_type: str) -> Any:
    """Return what a handler gets for the request ``body``."""
    if content_type != "application/json":
        return body
    try:
        return json.loads(body)
    except Exception as error:  # noqa: BLE001 (user code may run here)
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
