"""Checks that a payload is JSON; errors are worded like those of AWS's parser (Jackson)."""

from __future__ import annotations

import json

import orjson

from emulator.model.errors import AwsError
from emulator.model.nesting import is_deeper

_PREFIX = "Could not parse request body into json: Could not parse payload into json: "
_TOO_LONG = (
    "Number value length exceeds the maximum allowed (1000, from"
    " `StreamReadConstraints.getMaxNumberLength()`)"
)
_TOO_DEEP = "Document nesting depth exceeds the maximum allowed"
_SOURCE = "at [Source: REDACTED (`StreamReadFeature.INCLUDE_SOURCE_IN_LOCATION` disabled); "
#: Jackson's default limit of nesting (not recorded from AWS).
_DEEPEST = 1000


def check_json(payload: bytes) -> None:
    """Refuse a payload that is not one JSON value in UTF-8.

    Raises:
        AwsError: InvalidRequestContentException (recorded behaviour).
    """
    try:
        orjson.loads(payload)
    except orjson.JSONDecodeError:
        # Python's parser accepts a little more (NaN, lone surrogates), which passes.
        reason = _complaint(payload)
        if reason is not None:
            raise AwsError(
                "InvalidRequestContentException", _PREFIX + reason, Type="User"
            ) from None


def _complaint(payload: bytes) -> str | None:
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = payload[error.start]
        line, column = _place(payload, error.start + 1)
        kind = "start byte" if error.reason == "invalid start byte" else "middle byte"
        return f"Invalid UTF-8 {kind} 0x{byte:02x}\n {_SOURCE}line: {line}, column: {column}]"
    try:
        value = json.loads(text)
    except RecursionError:
        return _TOO_DEEP
    except json.JSONDecodeError as error:
        line, column = error.lineno, error.colno
        where = f"\n {_SOURCE}line: {line}, column: {column}]"
        if error.pos >= len(text):
            return f"Unexpected end-of-input{where}"
        char = text[error.pos]
        if char.isalpha():
            token = "".join(_token(text, error.pos))
            return (
                f"Unrecognized token '{token}': was expecting (JSON String, Number, Array, Object "
                f"or token 'null', 'true' or 'false'){where}"
            )
        return f"Unexpected character ('{char}' (code {ord(char)})){where}"
    except ValueError:  # an integer of more digits than Python reads
        return _TOO_LONG
    return _TOO_DEEP if is_deeper(value, _DEEPEST) else None


def _token(text: str, start: int) -> str:
    end = start
    while end < len(text) and end - start < 256 and (text[end].isalnum() or text[end] in "_$"):
        end += 1
    return text[start:end]


def _place(payload: bytes, offset: int) -> tuple[int, int]:
    before = payload[:offset]
    return before.count(b"\n") + 1, offset - (before.rfind(b"\n") + 1)
