"""JSON bodies ↔ Python values, for json 1.0 and 1.1 and rest-json.

Every shape is compiled once into a closure; an operation's plan is made on its first request.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import orjson

from emulator.wire import values
from emulator.wire.model import ServiceModel, Shape

#: JSON value → Python value.
Reader = Callable[[Any], Any]
#: Python value → JSON value.
Writer = Callable[[Any], Any]


class JsonReaders:
    """Compiles shapes to readers of decoded JSON, each shape once."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._readers: dict[str, Reader] = {}

    def reader(self, name: str) -> Reader:
        """Return the reader of a shape."""
        if name not in self._readers:
            # A shape may contain itself: until it is made, refer to it by name.
            self._readers[name] = lambda value: self._readers[name](value)
            self._readers[name] = self._compile(self._model.shapes[name])
        return self._readers[name]

    def members(self, shape: Shape, names: Iterable[str]) -> Reader:
        """Return a reader of an object with some of a structure's members."""
        members = {
            shape["members"][name].get("locationName", name): (
                name,
                self.reader(shape["members"][name]["shape"]),
            )
            for name in names
        }
        find = members.get

        def structure(value: Any) -> dict[str, Any]:
            if type(value) is not dict:
                raise values.mismatch(value, "structure")
            result = {}
            for key, item in value.items():
                if item is not None and (member := find(key)) is not None:
                    result[member[0]] = member[1](item)
            return result

        return structure

    def _compile(self, shape: Shape) -> Reader:
        kind = shape["type"]
        if kind == "structure":
            return self.members(shape, list(shape["members"]))
        if kind == "list":
            return _array(self.reader(shape["member"]["shape"]))
        if kind == "map":
            return _mapping(self.reader(shape["value"]["shape"]))
        return _SCALARS[kind]


def _array(read: Reader) -> Reader:
    def array(value: Any) -> list[Any]:
        if type(value) is not list:
            raise values.mismatch(value, "list")
        return [None if item is None else read(item) for item in value]

    return array


def _mapping(read: Reader) -> Reader:
    def mapping(value: Any) -> dict[str, Any]:
        if type(value) is not dict:
            raise values.mismatch(value, "map")
        return {key: None if item is None else read(item) for key, item in value.items()}

    return mapping


def _string(value: Any) -> str:
    if type(value) is not str:
        raise values.mismatch(value, "string")
    return value


def _integer(value: Any) -> int:
    if type(value) is int or type(value) is float:
        return values.to_int64(value)
    raise values.mismatch(value, "integer")


def _double(value: Any) -> float:
    if type(value) is float or type(value) is int:
        return float(value)
    if value in values.NOT_FINITE:
        return float(value)
    raise values.mismatch(value, "double")


def _boolean(value: Any) -> bool:
    if type(value) is not bool:
        raise values.mismatch(value, "boolean")
    return value


def _timestamp(value: Any) -> float:
    if type(value) is str:
        return values.parse_timestamp(value)
    if type(value) is float or type(value) is int:
        return values.to_epoch(float(value))
    raise values.mismatch(value, "timestamp")


def _blob(value: Any) -> bytes:
    if type(value) is not str:
        raise values.mismatch(value, "blob")
    return values.parse_blob(value)


_SCALARS: dict[str, Reader] = {
    "string": _string,
    "integer": _integer,
    "long": _integer,
    "double": _double,
    "float": _double,
    "boolean": _boolean,
    "timestamp": _timestamp,
    "blob": _blob,
}


def load_json(body: bytes) -> Any:
    """Decode a JSON body.

    Raises:
        AwsError: ``SerializationException``: not UTF-8, not JSON, or nested too deeply.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise values.malformed(f"Could not parse request body into json: {error}") from None


def dump_json(value: Any) -> bytes:
    """Encode JSON."""
    try:
        return orjson.dumps(value)
    except TypeError:
        # Lone surrogates and integers beyond 64 bits: the standard library writes them.
        return json.dumps(value, separators=(",", ":")).encode()


class JsonWriters:
    """Compiles shapes to writers of JSON values, each shape once."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._writers: dict[str, Writer | None] = {}

    def writer(self, name: str) -> Writer | None:
        """Return the writer of a shape, or ``None`` if its values are JSON already."""
        if name not in self._writers:
            self._writers[name] = lambda value: self._again(name, value)
            self._writers[name] = self._compile(self._model.shapes[name])
        return self._writers[name]

    def _compile(self, shape: Shape) -> Writer | None:
        match shape["type"]:
            case "structure":
                return self.members(shape, list(shape["members"]))
            case "list":
                return _items(self.writer(shape["member"]["shape"]))
            case "map":
                return _entries(self.writer(shape["value"]["shape"]))
            case "timestamp":
                form = shape.get("timestampFormat", "unixTimestamp")
                return values.timestamp_writer(form, number=True)
            case "blob":
                return values.base64
            case "double" | "float":
                return values.json_double
            case _:
                return None

    def _again(self, name: str, value: Any) -> Any:
        write = self._writers[name]
        return value if write is None else write(value)

    def members(self, shape: Shape, names: Iterable[str]) -> Writer:
        """Return a writer of an object with some of a structure's members."""
        members = {name: self._member(name, shape["members"][name]) for name in names}
        find = members.get

        def structure(value: Mapping[str, Any]) -> dict[str, Any]:
            result = {}
            for name, item in value.items():
                if item is not None and (member := find(name)) is not None:
                    wire, write = member
                    result[wire] = item if write is None else write(item)
            return result

        return structure

    def _member(self, name: str, member: Shape) -> tuple[str, Writer | None]:
        wire = member.get("locationName", name)
        if "timestampFormat" in member:
            return wire, values.timestamp_writer(member["timestampFormat"], number=True)
        return wire, self.writer(member["shape"])


def _items(write: Writer | None) -> Writer | None:
    if write is None:
        return None
    return lambda value: [None if item is None else write(item) for item in value]


def _entries(write: Writer | None) -> Writer | None:
    if write is None:
        return None
    return lambda value: {key: None if item is None else write(item) for key, item in value.items()}


class JsonBody:
    """Whole JSON bodies of one service; see :class:`emulator.wire.messages.Body`."""

    content_type = event_content_type = "application/json"
    _make_readers: Callable[[ServiceModel], JsonReaders] = JsonReaders
    _make_writers: Callable[[ServiceModel], JsonWriters] = JsonWriters
    load: Callable[[bytes], Any] = staticmethod(load_json)
    dump: Callable[[Any], bytes] = staticmethod(dump_json)

    def __init__(self, model: ServiceModel) -> None:
        self._readers = self._make_readers(model)
        self._writers = self._make_writers(model)

    def reader(self, name: str) -> Callable[[bytes], Any]:
        load, read = self.load, self._readers.reader(name)
        return lambda body: read(load(body))

    def members_reader(self, shape: Shape, names: Iterable[str]) -> Callable[[bytes], Any]:
        load, read = self.load, self._readers.members(shape, names)
        return lambda body: read(load(body))

    def writer(self, reference: Shape) -> Callable[[Any], bytes]:
        dump, write = self.dump, self._writers.writer(reference["shape"])
        return dump if write is None else lambda value: dump(write(value))

    def members_writer(
        self, shape: Shape, names: Iterable[str], root: str
    ) -> Callable[[Mapping[str, Any]], bytes]:
        dump, write = self.dump, self._writers.members(shape, names)
        return lambda value: dump(write(value))

    def values_of(self, shape: Shape, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return some members of a structure as the format's own values."""
        return self._writers.members(shape, fields)(fields) if fields else {}
