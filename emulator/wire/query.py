"""The query protocol: forms → requests, results and errors → XML."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire import values
from emulator.wire.model import Operation, ServiceModel, Shape
from emulator.wire.parse import Parser, text_reader
from emulator.wire.serialise import Response, Serialiser, error_shape, error_status

#: A form's parameters as a tree over the dots of their names; the value itself is under "".
Tree = dict[str, Any]
Reader = Callable[[Tree], Any]
#: (value, pieces of XML): appends the content of an element.
Writer = Callable[[Any, list[str]], None]

#: Deeper names than any shape's are noise.
_DEEPEST = 16


def form(query: str, body: bytes) -> dict[str, list[str]]:
    """Decode the parameters of a query request, from its query string and its body.

    Raises:
        AwsError: ``SerializationException``: not UTF-8.
    """
    try:
        text = body.decode()
    except UnicodeDecodeError:
        raise values.malformed("The form is not UTF-8.") from None
    return values.parse_query_string(f"{query}&{text.strip()}" if query else text.strip())


def _tree(parameters: Mapping[str, list[str]]) -> Tree:
    root: Tree = {}
    for name, texts in parameters.items():
        node = root
        for part in name.split(".", _DEEPEST):
            node = node.setdefault(part, {})
        node[""] = texts[0]
    return root


class QueryReaders:
    """Compiles shapes to readers of parameter trees."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._readers: dict[str, Reader] = {}

    def reader(self, name: str) -> Reader:
        """Return the reader of a shape."""
        if name not in self._readers:
            self._readers[name] = lambda tree: self._readers[name](tree)
            shape = self._model.shapes[name]
            match shape["type"]:
                case "structure":
                    self._readers[name] = self._structure(shape)
                case "list":
                    self._readers[name] = self._list(shape)
                case "map":
                    self._readers[name] = self._map(shape)
                case kind:
                    self._readers[name] = _scalar(text_reader(shape), kind)
        return self._readers[name]

    def _structure(self, shape: Shape) -> Reader:
        members = [
            (name, wire_names(self._model, name, member), self.reader(member["shape"]))
            for name, member in shape["members"].items()
        ]

        def structure(tree: Tree) -> dict[str, Any]:
            result = {}
            for name, wires, read in members:
                for wire in wires:
                    if wire in tree:
                        result[name] = read(tree[wire])
                        break
            return result

        return structure

    def _list(self, shape: Shape) -> Reader:
        read = self.reader(shape["member"]["shape"])
        inner = shape["member"].get("locationName", "member")

        def array(tree: Tree) -> list[Any]:
            return [read(item) for item in _numbered(tree.get(inner, tree))]

        return array

    def _map(self, shape: Shape) -> Reader:
        read_key, read = self.reader(shape["key"]["shape"]), self.reader(shape["value"]["shape"])
        key_name = shape["key"].get("queryName", "key")
        value_name = shape["value"].get("queryName", "value")

        def mapping(tree: Tree) -> dict[str, Any]:
            result = {}
            for entry in _numbered(tree.get("entry", tree)):
                if key_name not in entry:
                    raise AwsError("MissingParameter", f"A map entry has no {key_name}.")
                # A value left out is an empty one: clients drop empty strings.
                result[read_key(entry[key_name])] = read(entry.get(value_name, {}))
            return result

        return mapping


def _scalar(convert: Callable[[str], Any], kind: str) -> Reader:
    def scalar(tree: Tree) -> Any:
        text = tree.get("", "")
        return text if kind == "string" else convert(text)

    return scalar


def _numbered(tree: Tree) -> list[Tree]:
    numbers = [key for key in tree if key.isascii() and key.isdigit() and len(key) < 10]
    return [tree[key] for key in sorted(numbers, key=int)]


def wire_names(model: ServiceModel, name: str, member: Shape) -> tuple[str, ...]:
    """Return a member's names in the query protocol; the first is the one to write."""
    target = model.shapes[member["shape"]]
    flattened = target.get("flattened") or member.get("flattened")
    if "queryName" in member:
        return member["queryName"], name
    if target["type"] == "list" and flattened and "queryName" in target["member"]:
        return target["member"]["queryName"], name
    return (member.get("locationName", name),)


def compile_parser(readers: QueryReaders, operation: Operation) -> Parser:
    """Make the parser of an operation. ``params`` are defaults for members not in the form."""
    read = readers.reader(operation.input) if operation.input else lambda _: {}

    def parse(
        params: Mapping[str, str], query: str, headers: Mapping[str, str], body: bytes
    ) -> dict[str, Any]:
        return {**params, **read(_tree(form(query, body)))}

    return parse


class XmlWriters:
    """Compiles shapes to writers of XML."""

    def __init__(self, model: ServiceModel) -> None:
        self._model = model
        self._writers: dict[str, Writer] = {}

    def writer(self, name: str) -> Writer:
        """Return the writer of a shape's content."""
        if name not in self._writers:
            self._writers[name] = lambda value, out: self._writers[name](value, out)
            shape = self._model.shapes[name]
            match shape["type"]:
                case "structure":
                    self._writers[name] = self._structure(shape)
                case "list":
                    member = shape["member"].get("locationName", "member")
                    self._writers[name] = _repeat(member, self.writer(shape["member"]["shape"]))
                case "map":
                    self._writers[name] = _repeat("entry", self._entry(shape), pairs=True)
                case kind:
                    self._writers[name] = _text(kind)
        return self._writers[name]

    def _structure(self, shape: Shape) -> Writer:
        members: dict[str, Writer] = {}
        for name, member in shape["members"].items():
            target = self._model.shapes[member["shape"]]
            wire = wire_names(self._model, name, member)[0]
            flattened = target.get("flattened") or member.get("flattened")
            if flattened and target["type"] == "list":
                members[name] = _repeat(wire, self.writer(target["member"]["shape"]))
            elif flattened and target["type"] == "map":
                members[name] = _repeat(wire, self._entry(target), pairs=True)
            else:
                members[name] = _element(wire, self.writer(member["shape"]))

        def structure(value: Mapping[str, Any], out: list[str]) -> None:
            for name, item in value.items():
                if item is not None and name in members:
                    members[name](item, out)

        return structure

    def _entry(self, shape: Shape) -> Writer:
        key = _element(shape["key"].get("queryName", "key"), _text("string"))
        inner = self.writer(shape["value"]["shape"])
        item = _element(shape["value"].get("queryName", "value"), inner)

        def entry(value: tuple[str, Any], out: list[str]) -> None:
            key(value[0], out)
            item(value[1], out)

        return entry


def _element(name: str, write: Writer) -> Writer:
    start, end = f"<{name}>", f"</{name}>"

    def element(value: Any, out: list[str]) -> None:
        out.append(start)
        write(value, out)
        out.append(end)

    return element


def _repeat(name: str, write: Writer, *, pairs: bool = False) -> Writer:
    element = _element(name, write)

    def repeat(value: Any, out: list[str]) -> None:
        for item in value.items() if pairs else value:
            element(item, out)

    return repeat


def _text(kind: str) -> Writer:
    show: Callable[[Any], str] = {
        "timestamp": values.iso8601,
        "blob": values.base64,
        "boolean": lambda value: "true" if value else "false",
    }.get(kind, str)
    return lambda value, out: out.append(_escape(show(value)))


def compile_serialiser(
    model: ServiceModel, writers: XmlWriters, operation: Operation
) -> Serialiser:
    """Make the serialiser of an operation."""
    name = operation.name
    start = f'<?xml version="1.0"?><{name}Response xmlns="{_namespace(model)}">'
    write = (
        _element(f"{name}Result", writers.writer(operation.output)) if operation.output else None
    )

    def serialise(result: Mapping[str, Any], request_id: str) -> Response:
        out = [start]
        if write is not None:
            write(result, out)
        out.append(
            f"<ResponseMetadata><RequestId>{_escape(request_id)}</RequestId></ResponseMetadata>"
            f"</{name}Response>"
        )
        return 200, _headers(request_id), _encode("".join(out))

    return serialise


def query_error(model: ServiceModel, error: AwsError, request_id: str) -> Response:
    """Return an error in the query protocol."""
    name = model.deviations.shape_of(error.code)
    code = model.deviations.query_code.get(name, name)
    shape = error_shape(model, name)
    code = shape.get("error", {}).get("code", code)
    status = error_status(model, error, name, shape)
    fault = "Sender" if status < 500 else "Receiver"
    bare = model.deviations.empty_detail and not shape.get("exception")
    detail = "<Detail/>" if bare else ""
    body = (
        f'<?xml version="1.0"?><ErrorResponse xmlns="{_namespace(model)}"><Error>'
        f"<Type>{fault}</Type><Code>{_escape(code)}</Code>"
        f"<Message>{_escape(error.message)}</Message>{detail}</Error>"
        f"<RequestId>{_escape(request_id)}</RequestId></ErrorResponse>"
    )
    return status, _headers(request_id), _encode(body)


#: What XML 1.0 can't say, not even escaped.
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _escape(text: str) -> str:
    text = _NOT_XML.sub("\ufffd", text)
    text = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # XML readers turn a bare carriage return into a line feed.
    return text.replace("\r", "&#xd;")


def _namespace(model: ServiceModel) -> str:
    return model.deviations.xml_namespace or str(model.metadata.get("xmlNamespace", ""))


def _headers(request_id: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-amzn-requestid", request_id.encode()), (b"content-type", b"text/xml")]


def _encode(text: str) -> bytes:
    return text.encode()
