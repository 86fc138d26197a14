"""Requests of the JSON protocols (rest-json, json 1.0 and 1.1) → wire-shaped dicts.

Every shape is compiled once into a closure; an operation's plan is made on its first request.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import orjson

from emulator.wire import values
from emulator.wire.model import Operation, ServiceModel, Shape

#: JSON value → Python value.
Reader = Callable[[Any], Any]
#: (params, query, headers, body) → request.
Parser = Callable[[Mapping[str, str], str, Mapping[str, str], bytes], dict[str, Any]]

_FROM_TEXT: dict[str, Callable[[str], Any]] = {
    "string": str,
    "integer": values.parse_integer,
    "long": values.parse_integer,
    "double": values.parse_double,
    "float": values.parse_double,
    "boolean": values.parse_boolean,
    "timestamp": values.parse_timestamp,
    "blob": values.parse_blob,
}


def text_reader(shape: Shape) -> Callable[[str], Any]:
    """Return how a scalar is read from a path label, a header or a form."""
    return _FROM_TEXT[shape["type"]]


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

    def members(self, shape: Shape, names: list[str]) -> Reader:
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
            return _list(self.reader(shape["member"]["shape"]))
        if kind == "map":
            return _map(self.reader(shape["value"]["shape"]))
        return _SCALARS[kind]


def _list(read: Reader) -> Reader:
    def array(value: Any) -> list[Any]:
        if type(value) is not list:
            raise values.mismatch(value, "list")
        return [None if item is None else read(item) for item in value]

    return array


def _map(read: Reader) -> Reader:
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
        return values.in_64_bits(value)
    raise values.mismatch(value, "integer")


def _double(value: Any) -> float:
    if type(value) is float or type(value) is int:
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
        return values.in_calendar(float(value))
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


def compile_json(model: ServiceModel, readers: JsonReaders, operation: Operation) -> Parser:
    """Make the parser of an operation in json 1.0 or 1.1: the body is the request."""
    read = readers.reader(operation.input) if operation.input else lambda _: {}

    def parse(
        params: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        result: dict[str, Any] = read(load_json(body)) if body else {}
        return result

    return parse


def compile_rest(model: ServiceModel, readers: JsonReaders, operation: Operation) -> Parser:
    """Make the parser of an operation in rest-json: labels, query, headers and body."""
    shape: Shape = model.shapes[operation.input] if operation.input else {"members": {}}
    labels, parameters, located, rest = [], [], [], []
    for name, member in shape["members"].items():
        target = model.shapes[member["shape"]]
        wire = member.get("locationName", name)
        match member.get("location"):
            case "uri":
                labels.append((name, wire, text_reader(target)))
            case "querystring" if target["type"] == "list":
                item = model.shapes[target["member"]["shape"]]
                parameters.append((name, wire, text_reader(item), True))
            case "querystring":
                parameters.append((name, wire, text_reader(target), False))
            case "header":
                located.append((name, wire.lower(), text_reader(target)))
            case None:
                rest.append(name)
            case other:
                raise NotImplementedError(f"{operation.name}.{name} is located in {other}")
    payload = shape.get("payload")
    blob = read = None
    if payload:
        target = model.shapes[shape["members"][payload]["shape"]]
        if target["type"] == "blob":
            blob = payload
        else:
            read = readers.reader(shape["members"][payload]["shape"])
    elif rest:
        read = readers.members(shape, rest)
    needs_blob = blob in shape.get("required", ())

    def parse(
        params: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for name, wire, convert in labels:
            result[name] = convert(params[wire])
        if query and parameters:
            found = values.parse_query_string(query)
            for name, wire, convert, many in parameters:
                if wire in found:
                    texts = found[wire]
                    result[name] = [convert(t) for t in texts] if many else convert(texts[0])
        for name, wire, convert in located:
            if wire in headers:
                result[name] = convert(headers[wire])
        if blob is not None:
            if body or needs_blob:
                result[blob] = body
        elif read is not None and body:
            content = read(load_json(body))
            if not payload:
                result.update(content)
            elif content:  # SDKs send {} for a payload that was not given
                result[payload] = content
        return result

    return parse
