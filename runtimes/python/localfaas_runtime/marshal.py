"""JSON as awslambdaric writes it, which uses simplejson, with the standard library.

What both libraries write alike goes through the standard library's fast encoder; named tuples,
Decimals, bytes, keys of bytes and all that fails go through ``_Exact``, which does as simplejson
with ``use_decimal=False`` and ``namedtuple_as_object=True``.
"""

from __future__ import annotations

import decimal
import functools
import json
import os

from .errors import Fault

# What a type checker needs, and no start of a runtime pays for.
TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, Callable

#: The runtimes that leave characters beyond ASCII as they are.
_UNESCAPED = ("python3.12", "python3.13", "python3.14", "python3.15")
_LEAVES = frozenset((str, int, float, bool, type(None)))
_PLAIN = frozenset((dict, list))


class _Unusual(Exception):
    """The fast encoder has met a value that it does not know."""


def _unusual(value: Any) -> Any:
    raise _Unusual


_escaping = json.JSONEncoder(default=_unusual)
_keeping = json.JSONEncoder(default=_unusual, ensure_ascii=False)


def _no_number(name: str) -> Any:
    # simplejson's words; where it stands is not told.
    raise ValueError("Expecting value: line 1 column 1 (char 0)")


_decode = json.JSONDecoder(parse_constant=_no_number).decode
#: Some response of this environment had characters beyond ASCII: expect them in the next one.
_beyond_ascii = False


def encode(value: Any) -> bytes:
    """Return ``value`` as JSON in bytes."""
    escape = _escapes()
    return _text(value, escape).encode("utf-8", "strict" if escape else "surrogatepass")


@functools.lru_cache
def _escapes() -> bool:
    """Say whether this runtime's version escapes characters beyond ASCII."""
    return not os.environ.get("AWS_EXECUTION_ENV", "").endswith(_UNESCAPED)


def _text(value: Any, escape: bool) -> str:
    """Return ``value`` as JSON."""
    try:
        text = _fast(value, escape)
    except RecursionError:
        raise
    except (_Unusual, TypeError, ValueError):
        return _Exact(escape).text(value)
    # It ends: what holds itself has been refused by now.
    return _Exact(escape).text(value) if _has_named_tuple(value) else text


def _fast(value: Any, escape: bool) -> str:
    global _beyond_ascii
    if not (escape or _beyond_ascii):
        # Where there is nothing to escape, the encoder that would is a third faster.
        text = _escaping.encode(value)
        if "\\" not in text or "\\u" not in text:
            return text
        _beyond_ascii = True
    return (_escaping if escape else _keeping).encode(value)


def _has_named_tuple(value: Any) -> bool:
    """Say whether a container in ``value`` has ``_asdict``: the fast encoder does not ask."""
    if type(value) in _LEAVES:
        return False
    pending = [value]
    while pending:
        item = pending.pop()
        if type(item) not in _PLAIN and hasattr(item, "_asdict"):
            return True
        if isinstance(item, dict):
            item = item.values()
        elif not isinstance(item, (list, tuple)):
            continue
        pending.extend([part for part in item if type(part) not in _LEAVES])
    return False


class _Exact:
    """The encoder that does as simplejson does, value by value."""

    def __init__(self, escape: bool) -> None:
        self._string = (
            json.encoder.encode_basestring_ascii if escape else json.encoder.encode_basestring
        )
        self._open: set[int] = set()

    def text(self, value: Any) -> str:
        parts: list[str] = []
        self._write(value, parts.append)
        return "".join(parts)

    def _write(self, value: Any, put: Callable[[str], None]) -> None:
        scalar = self._scalar(value)
        if scalar is not None:
            put(scalar)
            return
        fields = _fields(value)
        if fields is not None:
            self._nested(value, self._object, fields, put)
        elif isinstance(value, (list, tuple)):
            self._nested(value, self._array, value, put)
        elif isinstance(value, dict):
            self._nested(value, self._object, value, put)
        elif isinstance(value, decimal.Decimal):
            put("NaN" if value.is_nan() else str(value))
        else:
            raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")

    def _scalar(self, value: Any) -> str | None:
        """Return what has no parts as JSON; None for anything else."""
        if isinstance(value, str):
            return self._string(value)
        if isinstance(value, bytes):
            return self._string(str(value, "utf-8"))
        if value is None:
            return "null"
        if isinstance(value, bool):
            return "true" if value else "false"
        if isinstance(value, int):
            return str(int(value))
        if isinstance(value, float):
            return _number(value)
        return None

    def _nested(
        self,
        value: Any,
        write: Callable[[Any, Any], None],
        content: Any,
        put: Callable[[str], None],
    ) -> None:
        if id(value) in self._open:
            raise ValueError("Circular reference detected")
        self._open.add(id(value))
        write(content, put)
        self._open.discard(id(value))

    def _array(self, items: Any, put: Callable[[str], None]) -> None:
        put("[")
        between = False
        for item in items:
            if between:
                put(", ")
            between = True
            self._write(item, put)
        put("]")

    def _object(self, fields: Any, put: Callable[[str], None]) -> None:
        put("{")
        between = False
        for key, item in fields.items():
            name = _key(key)
            if between:
                put(", ")
            between = True
            put(self._string(name))
            put(": ")
            self._write(item, put)
        put("}")


def _fields(value: Any) -> dict[Any, Any] | None:
    """Return what ``_asdict`` makes of ``value``; None where it has none that can be called."""
    make = getattr(value, "_asdict", None)
    if not callable(make):
        return None
    try:
        fields = make()
    except TypeError:  # it wants more than itself: an ordinary object
        return None
    if not isinstance(fields, dict):
        raise TypeError(f"_asdict() must return a dict, not {type(fields).__name__}")
    return fields


def _key(key: Any) -> str:
    if isinstance(key, str):
        return key
    if isinstance(key, bytes):
        return str(key, "utf-8")
    if isinstance(key, float):
        return _number(key)
    if isinstance(key, bool):
        return "true" if key else "false"
    if key is None:
        return "null"
    if isinstance(key, int):
        return str(int(key))
    raise TypeError(f"keys must be str, int, float, bool or None, not {type(key).__name__}")


def _number(value: float) -> str:
    return _escaping.encode(float(value))


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
        return _decode(body.decode("utf-8-sig"))
    except Exception as error:  # noqa: BLE001 (user code may run here)
        raise Fault("Runtime.UnmarshalError", f"Unable to unmarshal input: {error}") from None
