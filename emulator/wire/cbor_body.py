"""CBOR bodies ↔ Python values, for rpc-v2-cbor.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html

A request uses one tag, the moment (1). All others are refused: some of them would have the decoder
compile expressions, parse mail or follow references.
"""

from __future__ import annotations

from typing import Any

from cbor2 import CBORDecodeError, CBORTag, dumps, loads

from emulator.wire import values
from emulator.wire.json_body import JsonBody, JsonReaders, JsonWriters, Reader, Writer
from emulator.wire.model import Shape

_MOMENT = 1
#: Deeper requests than this are refused.
_DEEPEST = 200
#: Tags that the decoder would make objects of.
_REFUSED = (0, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004)


def _refuse(value: Any, immutable: bool) -> Any:
    raise ValueError("a request has no tags but 1")


def _number(value: Any, immutable: bool) -> Any:
    return value


_DECODERS = {**dict.fromkeys(_REFUSED, _refuse), _MOMENT: _number}


def load_cbor(body: bytes) -> Any:
    """Decode a CBOR body; moments become numbers.

    Raises:
        AwsError: ``SerializationException``: not CBOR, nested too deeply, or with other tags.
    """
    try:
        return loads(
            body,
            semantic_decoders=_DECODERS,
            max_depth=_DEEPEST,
            strict_hashable_types=True,
        )
    except (CBORDecodeError, ValueError, OverflowError, TypeError) as error:
        raise values.malformed(f"Could not parse the request body as CBOR: {error}") from None


def dump_cbor(value: Any) -> bytes:
    """Encode CBOR."""
    return dumps(value)


class CborReaders(JsonReaders):
    """Compiles shapes to readers of decoded CBOR, each shape once."""

    def _compile(self, shape: Shape) -> Reader:
        return _blob if shape["type"] == "blob" else super()._compile(shape)


class CborWriters(JsonWriters):
    """Compiles shapes to writers of values for CBOR, each shape once."""

    def _compile(self, shape: Shape) -> Writer | None:
        match shape["type"]:
            case "timestamp":
                return _moment
            case "blob":
                return lambda value: value.encode() if isinstance(value, str) else bytes(value)
            case "double" | "float":
                return float
            case _:
                return super()._compile(shape)

    def _member(self, name: str, member: Shape) -> tuple[str, Writer | None]:
        return member.get("locationName", name), self.writer(member["shape"])


class CborBody(JsonBody):
    """Whole CBOR bodies of one service; see :class:`emulator.wire.messages.Body`."""

    content_type = event_content_type = "application/cbor"
    _make_readers = CborReaders
    _make_writers = CborWriters
    load = staticmethod(load_cbor)
    dump = staticmethod(dump_cbor)


class _MillisecondReaders(CborReaders):
    def _compile(self, shape: Shape) -> Reader:
        read = super()._compile(shape)
        if shape["type"] != "timestamp":
            return read
        return lambda value: read(value / 1000 if isinstance(value, (int, float)) else value)


class _MillisecondWriters(CborWriters):
    def _compile(self, shape: Shape) -> Writer | None:
        if shape["type"] != "timestamp":
            return super()._compile(shape)
        return lambda value: CBORTag(_MOMENT, round(values.epoch(value) * 1000))


class MillisecondCborBody(CborBody):
    """CBOR as AWS had it first: a moment is a whole number of milliseconds."""

    _make_readers = _MillisecondReaders
    _make_writers = _MillisecondWriters


def _blob(value: Any) -> bytes:
    if type(value) is not bytes:
        raise values.mismatch(value, "blob")
    return value


def _moment(value: Any) -> CBORTag:
    return CBORTag(_MOMENT, values.epoch(value))
