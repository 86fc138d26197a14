"""OTLP's messages as protobuf, by the tables of :mod:`emulator.telemetry.otlp.fields`.

https://protobuf.dev/programming-guides/encoding/
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Iterator
from typing import Any

from emulator.telemetry.otlp.fields import MESSAGES, Field

Message = dict[str, Any]

_VARINT, _FIXED64, _LENGTH, _FIXED32 = 0, 1, 2, 5
_WIRE_TYPES = {
    "varint": _VARINT, "int64": _VARINT, "bool": _VARINT, "double": _FIXED64, "fixed64": _FIXED64,
    "fixed32": _FIXED32,
}  # fmt: skip
#: Messages in messages: values in values can go on for ever.
_DEEPEST = 60


class Malformed(ValueError):
    """These bytes are no such message."""


# --- writing -------------------------------------------------------------------------------------


def encode(kind: str, message: Message) -> bytes:
    """Return a message as bytes.

    Args:
        kind: Its type's name.
        message: As in OTLP/JSON. What it has beside its fields is left out.
    """
    parts: list[bytes] = []
    for number, field in MESSAGES[kind].items():
        value = message.get(field.name)
        if value is None:
            continue
        for each in value if field.is_repeated else (value,):
            parts += _encoded(number, field, each)
    return b"".join(parts)


def _encoded(number: int, field: Field, value: Any) -> tuple[bytes, ...]:
    wire = _WIRE_TYPES.get(field.type, _LENGTH)
    key = _varint(number << 3 | wire)
    if wire == _LENGTH:
        content = _content(field.type, value)
        return key, _varint(len(content)), content
    if field.type == "double":
        return key, struct.pack("<d", float(value))
    if field.type == "fixed64":
        return key, struct.pack("<Q", int(value))
    if field.type == "fixed32":
        return key, struct.pack("<I", int(value))
    return key, _varint(int(value) & 0xFFFFFFFFFFFFFFFF)


def _content(type: str, value: Any) -> bytes:
    if type == "string":
        return str(value).encode("utf-8", "replace")
    if type == "hex":
        return bytes.fromhex(value)
    if type == "bytes":
        return base64.b64decode(value)
    return encode(type, value)


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


# --- reading -------------------------------------------------------------------------------------


def decode(kind: str, data: bytes) -> Message:
    """Return the message that bytes stand for, as in OTLP/JSON; unknown fields are passed over.

    Args:
        kind: Its type's name.
        data: The bytes.

    Raises:
        Malformed: They are none.
    """
    return _decode(kind, memoryview(data), _DEEPEST)


def _decode(kind: str, data: memoryview, deeper: int) -> Message:
    if not deeper:
        raise Malformed("messages are nested too deeply")
    fields = MESSAGES[kind]
    found: Message = {}
    for number, wire, value in _read(data):
        field = fields.get(number)
        if field is None:
            continue
        if wire != _WIRE_TYPES.get(field.type, _LENGTH):
            raise Malformed(f"field {number} of {kind} has another type")
        read = _value(field.type, value, deeper)
        if field.is_repeated:
            found.setdefault(field.name, []).append(read)
        else:
            found[field.name] = read
    return found


def _read(data: memoryview) -> Iterator[tuple[int, int, Any]]:
    """Yield number, wire type and value of each field."""
    at = 0
    while at < len(data):
        key, at = _read_varint(data, at)
        number, wire = key >> 3, key & 7
        if wire == _VARINT:
            value, at = _read_varint(data, at)
            yield number, wire, value
            continue
        if wire == _LENGTH:
            size, at = _read_varint(data, at)
        else:
            size = {_FIXED64: 8, _FIXED32: 4}.get(wire, -1)
        if not number or size < 0 or at + size > len(data):
            raise Malformed("a field ends behind its message")
        yield number, wire, data[at : at + size]
        at += size


def _read_varint(data: memoryview, at: int) -> tuple[int, int]:
    value = shift = 0
    while at < len(data) and shift < 70:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at
    raise Malformed("a number does not end")


def _hex(value: Any) -> str:
    return bytes(value).hex()


def _text(value: Any) -> str:
    try:
        return bytes(value).decode()
    except UnicodeDecodeError as error:
        raise Malformed("a text is no UTF-8") from error


def _int64(value: int) -> str:
    value &= 0xFFFFFFFFFFFFFFFF
    return str(value - (1 << 64) if value >> 63 else value)


_SCALARS: dict[str, Callable[[Any], Any]] = {
    "string": _text,
    "hex": _hex,
    "bytes": lambda value: base64.b64encode(value).decode(),
    "varint": int,
    "int64": _int64,
    "bool": bool,
    "double": lambda value: struct.unpack("<d", value)[0],
    "fixed64": lambda value: str(struct.unpack("<Q", value)[0]),
    "fixed32": lambda value: struct.unpack("<I", value)[0],
}


def _value(type: str, value: Any, deeper: int) -> Any:
    scalar = _SCALARS.get(type)
    return _decode(type, value, deeper - 1) if scalar is None else scalar(value)


def is_hex(text: object, digits: int) -> bool:
    """Say whether something is an id of so many hexadecimal digits."""
    if not isinstance(text, str) or len(text) != digits:
        return False
    try:
        return any(binascii.unhexlify(text))
    except (binascii.Error, ValueError):
        return False
