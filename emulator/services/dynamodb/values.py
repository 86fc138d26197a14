"""Attribute values: checked, measured, compared.

A value is what the API has: a dict of one type and its content, ``{"S": "text"}``.

https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_AttributeValue.html
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from decimal import Context, Decimal
from typing import Any

from emulator.services.dynamodb.errors import invalid, invalid_value

Value = dict[str, Any]
Item = dict[str, Value]

TYPES = ("S", "N", "B", "SS", "NS", "BS", "M", "L", "NULL", "BOOL")
#: Bytes of an item: 400 KB.
MAX_ITEM_BYTES = 400 * 1024
_MAX_DEPTH = 32
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
#: Exact for what DynamoDB can keep: 38 digits, and more than their sums.
NUMBERS = Context(prec=38)
_EXACT = Context(prec=400)
_MAX_EXPONENT, _MIN_EXPONENT = 125, -130
_SET_NAMES = {"SS": "An string set ", "NS": "An number set "}


def kind_of(value: Mapping[str, Any]) -> str:
    """Return a value's type."""
    for kind in value:
        return kind
    return ""


def parse_number(text: str) -> Decimal:
    """Return the number that a text means.

    Raises:
        AwsError: It is none, or none that can be kept.
    """
    if _NUMBER.fullmatch(text) is None:
        raise invalid(f"The parameter cannot be converted to a numeric value: {text}".rstrip(": "))
    number = Decimal(text)
    if not number:
        return Decimal(0)
    if number.adjusted() > _MAX_EXPONENT:
        raise invalid(
            "Number overflow. Attempting to store a number with magnitude larger than "
            "supported range"
        )
    if number.adjusted() < _MIN_EXPONENT:
        raise invalid(
            "Number underflow. Attempting to store a number with magnitude smaller than "
            "supported range"
        )
    if len(number.normalize(_EXACT).as_tuple().digits) > 38:
        raise invalid("Attempting to store more than 38 significant digits in a Number")
    return number


def number_text(number: Decimal) -> str:
    """Return a number as DynamoDB writes it: plain, without zeros that say nothing."""
    return format(number.normalize(_EXACT), "f") if number else "0"


def _canonical(text: str) -> str:
    if text.isdecimal() and text.isascii() and len(text) <= 38 and (text[0] != "0" or text == "0"):
        return text
    return number_text(parse_number(text))


def _number_size(text: str) -> int:
    digits = text.lstrip("-").replace(".", "").strip("0")
    return (len(digits) + 1) // 2 + 1 + text.startswith("-")


def check(value: Value, depth: int = 0) -> int:
    """Check a value, and write its numbers as DynamoDB does.

    Returns:
        Its size in bytes.

    Raises:
        AwsError: ValidationException.
    """
    if len(value) != 1:
        raise invalid(
            f"Supplied AttributeValue {'has more than one datatypes set' if value else 'is empty'}"
            ", must contain exactly one of the supported datatypes"
        )
    [(kind, content)] = value.items()
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        value["N"] = text = _canonical(content)
        return _number_size(text)
    if kind == "B":
        return len(content)
    if kind == "BOOL":
        return 1
    if kind == "NULL":
        if content is not True:
            raise invalid_value("Null attribute value types must have the value of true")
        return 1
    if depth >= _MAX_DEPTH:
        raise invalid(
            "Nesting Levels have exceeded supported limits: Attributes in the item have nested "
            "levels beyond supported limit"
        )
    if kind == "M":
        return 3 + sum(1 + _name_size(k) + check(v, depth + 1) for k, v in content.items())
    if kind == "L":
        return 3 + sum(1 + check(each, depth + 1) for each in content)
    return _check_set(value, kind, content)


def _check_set(value: Value, kind: str, content: list[Any]) -> int:
    if not content:
        name = _SET_NAMES.get(kind)
        raise invalid_value(
            f"{name} may not be empty" if name else "Binary sets should not be empty"
        )
    if kind == "NS":
        value["NS"] = content = [_canonical(each) for each in content]
    if len(set(content)) < len(content):
        if kind == "SS":
            raise invalid_value(f"Input collection [{', '.join(content)}] contains duplicates.")
        if kind == "NS":
            raise invalid("Input collection contains duplicates")
        shown = ", ".join(base64.b64encode(each).decode() for each in content)
        raise invalid_value(f"Input collection [{shown}]of type BS contains duplicates.")
    if kind == "NS":
        return sum(map(_number_size, content))
    return sum(len(each.encode()) if kind == "SS" else len(each) for each in content)


def _name_size(name: str) -> int:
    return len(name) if name.isascii() else len(name.encode())


def check_item(item: Mapping[str, Value]) -> int:
    """Check all values of an item; returns its size in bytes.

    Raises:
        AwsError: ValidationException.
    """
    return sum([_name_size(name) + check(value) for name, value in item.items()])


def size_of(value: Value) -> int:
    """Return the bytes of a value that was checked."""
    kind, content = next(iter(value.items()))
    if kind == "S":
        return len(content) if content.isascii() else len(content.encode())
    if kind == "N":
        return _number_size(content)
    if kind == "B":
        return len(content)
    if kind in ("BOOL", "NULL"):
        return 1
    if kind == "M":
        return 3 + sum(1 + _name_size(k) + size_of(v) for k, v in content.items())
    if kind == "L":
        return 3 + sum(1 + size_of(each) for each in content)
    if kind == "NS":
        return sum(map(_number_size, content))
    return sum(len(each.encode()) if kind == "SS" else len(each) for each in content)


def item_size(item: Mapping[str, Value]) -> int:
    """Return the bytes of an item that was checked."""
    return sum([_name_size(name) + size_of(value) for name, value in item.items()])


def equal(one: Value, other: Value) -> bool:
    """Say whether two values are the same; sets have no order."""
    kind = kind_of(one)
    if kind != kind_of(other):
        return False
    a, b = one[kind], other[kind]
    if kind == "N":
        return bool(a == b or Decimal(a) == Decimal(b))
    if kind in ("SS", "BS", "NS"):
        return len(a) == len(b) and set(a) == set(b)
    if kind == "M":
        return a.keys() == b.keys() and all(equal(a[key], b[key]) for key in a)
    if kind == "L":
        return len(a) == len(b) and all(map(equal, a, b))
    return bool(a == b)


def same_item(one: Mapping[str, Value] | None, other: Mapping[str, Value] | None) -> bool:
    """Say whether two items have the same attributes; None is no item."""
    if one is None or other is None:
        return one is other
    return equal({"M": one}, {"M": other})


def sort_key(value: Value) -> Any:
    """Return what values of one type (S, N or B) are ordered by."""
    kind = kind_of(value)
    if kind == "N":
        return Decimal(value["N"])
    return value["S"].encode() if kind == "S" else value[kind]


def encode_key(value: Value) -> bytes:
    """Return a key attribute's value as bytes that sort as the values do."""
    kind = kind_of(value)
    if kind == "S":
        return bytes(value["S"].encode())
    if kind == "B":
        return bytes(value["B"])
    number = Decimal(value["N"]).normalize(_EXACT)
    if not number:
        return b"\x80"
    exponent = number.adjusted() + 256
    digits = number.as_tuple().digits
    if number > 0:
        return b"\x81" + exponent.to_bytes(2) + bytes(digits)
    return b"\x7f" + (0xFFFF - exponent).to_bytes(2) + bytes(9 - d for d in digits) + b"\xff"
