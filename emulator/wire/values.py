"""Wire values ↔ Python values: the conversions every protocol shares."""

from __future__ import annotations

import binascii
import math
import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import unquote_to_bytes

from emulator.model.errors import AwsError
from emulator.model.limits import CODE_REQUEST

_KINDS = {"integer": "an Integer", "long": "a Long", "boolean": "a Boolean", "string": "a String"}
_KINDS |= {"double": "a Double", "float": "a Float", "timestamp": "a Timestamp", "blob": "a Blob"}

#: A quoted item of a header, or a plain one.
_HEADER_ITEM = re.compile(r'\s*(?:"((?:[^"\\]|\\.)*)"|([^,"]*[^,"\s]))\s*(?:,|$)')
#: Numbers that JSON has no number for.
NOT_FINITE = ("NaN", "Infinity", "-Infinity")
_HTTP_DATE = "%a, %d %b %Y %H:%M:%S GMT"


def malformed(message: str) -> AwsError:
    """Return AWS's answer to a request that cannot be read."""
    return AwsError("SerializationException", message, status=400)


def mismatch(value: object, kind: str) -> AwsError:
    """Return AWS's answer to a JSON value of the wrong type (its JSON reader's own words)."""
    if isinstance(value, dict):
        return malformed("Start of structure or map found where not expected.")
    if isinstance(value, list):
        return malformed("Start of list found where not expected")
    if kind in ("structure", "map", "list"):
        return malformed("Expected list or null" if kind == "list" else "Expected map or null")
    token = (
        {True: "TRUE_VALUE", False: "FALSE_VALUE"}[value]
        if isinstance(value, bool)
        else ("STRING_VALUE" if isinstance(value, str) else "NUMBER_VALUE")
    )
    return malformed(f"{token} can not be converted to {_KINDS[kind]}")


def is_form(headers: Mapping[str, str]) -> bool:
    """Say whether a request's body is a form.

    Args:
        headers: By names in lower case.
    """
    return headers.get("content-type", "").startswith("application/x-www-form-urlencoded")


def parse_query_string(query: str) -> dict[str, list[str]]:
    """Decode ``a=1&b=2&a=3``, keeping repeated names in order.

    Raises:
        AwsError: ``SerializationException``: not UTF-8 once decoded.
    """
    result: dict[str, list[str]] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            result.setdefault(_unquote(name), []).append(_unquote(value))
    return result


def _unquote(text: str) -> str:
    if "+" in text:
        text = text.replace("+", " ")
    if "%" not in text:
        return text
    try:
        return unquote_to_bytes(text).decode()
    except UnicodeDecodeError:
        raise malformed("The query parameters are not UTF-8.") from None


def parse_integer(text: str) -> int:
    """Read a decimal integer of at most 64 bits."""
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20):
        raise mismatch(text, "integer")
    return to_int64(int(text))


def to_int64(value: int | float) -> int:
    """Return a number without its fraction, as AWS's JSON reader does.

    Raises:
        AwsError: ``SerializationException``: it needs more than 64 bits.
    """
    if not -(2**63) <= value < 2**63:
        raise mismatch(value, "long")
    return int(value)


def to_epoch(seconds: float) -> float:
    """Return seconds since the epoch.

    Raises:
        AwsError: ``SerializationException``: not between the years 1 and 9999.
    """
    if not -62135596800 <= seconds <= 253402300799:
        raise mismatch(seconds, "timestamp")
    return seconds


def parse_double(text: str) -> float:
    """Read a decimal number, or one of the three that are none: ``NaN`` and the infinities."""
    if text in NOT_FINITE:
        return float(text)
    try:
        value = float(text)
    except ValueError:
        raise mismatch(text, "double") from None
    if not math.isfinite(value):
        raise mismatch(text, "double")
    return value


def double_text(value: float) -> str:
    """Return a number as text."""
    if math.isfinite(value):
        return str(value)
    return "NaN" if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"


def json_double(value: float) -> float | str:
    """Return a number for JSON, which has text for those that are not finite."""
    return value if math.isfinite(value) else double_text(value)


def parse_boolean(text: str) -> bool:
    """Read ``true`` or ``false``."""
    lowered = text.lower()
    if lowered not in ("true", "false"):
        raise mismatch(text, "boolean")
    return lowered == "true"


def parse_blob(text: str) -> bytes:
    """Decode base64."""
    try:
        return binascii.a2b_base64(text, strict_mode=True)
    except ValueError:
        raise malformed("Unable to decode a Base64 blob: the text is not valid Base64.") from None


def parse_timestamp(text: str) -> float:
    """Read ISO 8601, an HTTP date or seconds since the epoch, as seconds since the epoch."""
    if text.isdecimal():
        return to_epoch(parse_double(text))
    for read in (datetime.fromisoformat, _parse_http_date):
        try:
            moment = read(text)
            return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
        except (ValueError, OverflowError):
            continue
    return to_epoch(parse_double(text))


def _parse_http_date(text: str) -> datetime:
    return datetime.strptime(text, _HTTP_DATE)


def epoch(value: Any) -> float | int:
    """Return a moment (a datetime, or seconds since the epoch) as seconds to the millisecond."""
    if isinstance(value, datetime):
        value = (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    rounded = round(value, 3)
    return int(rounded) if rounded == int(rounded) else rounded


def iso8601(value: Any) -> str:
    """Return a moment as ``2026-01-31T12:00:00Z``, with milliseconds if it has any."""
    seconds = epoch(value)
    precision = "milliseconds" if isinstance(seconds, float) else "seconds"
    text = datetime.fromtimestamp(seconds, UTC).isoformat(timespec=precision)
    return text.replace("+00:00", "Z")


def http_date(value: Any) -> str:
    """Return a moment as an HTTP header has it."""
    return datetime.fromtimestamp(epoch(value), UTC).strftime(_HTTP_DATE)


def base64(value: bytes | bytearray | str) -> str:
    """Encode a blob."""
    return b64encode(value.encode() if isinstance(value, str) else value).decode()


def boolean_text(value: Any) -> str:
    """Return ``true`` or ``false``."""
    return "true" if value else "false"


def timestamp_writer(timestamp_format: str, *, number: bool = False) -> Callable[[Any], Any]:
    """Return how a moment is written.

    Args:
        timestamp_format: ``iso8601``, ``rfc822`` or ``unixTimestamp``, as the models name them.
        number: Seconds since the epoch are a number, not its text.
    """
    if timestamp_format == "unixTimestamp":
        return epoch if number else lambda value: str(epoch(value))
    return {"iso8601": iso8601, "rfc822": http_date}[timestamp_format]


#: How a scalar is read from text: a path label, a header, a form, an element of XML.
FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": parse_integer,
    "long": parse_integer,
    "double": parse_double,
    "float": parse_double,
    "boolean": parse_boolean,
    "timestamp": parse_timestamp,
    "blob": parse_blob,
}


def split_header(text: str) -> list[str]:
    """Return the items of a comma-separated header. Quoted items may hold commas."""
    return [
        plain or quoted.replace('\\"', '"').replace("\\\\", "\\")
        for quoted, plain in _HEADER_ITEM.findall(text)
        if plain or quoted
    ]


def join_header(items: list[str]) -> str:
    """Return items as one comma-separated header."""
    return ", ".join(
        '"' + item.replace("\\", "\\\\").replace('"', '\\"') + '"'
        if "," in item or '"' in item
        else item
        for item in items
    )


def decompress(body: bytes) -> bytes:
    """Return the content of a body in gzip.

    Raises:
        AwsError: ``SerializationException``: not gzip, or more than a request may hold.
    """
    reader = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        content = reader.decompress(body, CODE_REQUEST)
    except zlib.error as error:
        raise malformed(f"Could not decompress the request body: {error}") from None
    if not reader.eof:
        raise malformed("The request body does not end, or is too large once decompressed.")
    return content


def decode_text(body: bytes) -> str:
    """Decode a body that is text.

    Raises:
        AwsError: ``SerializationException``: not UTF-8.
    """
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise malformed("The request body is not UTF-8.") from None
