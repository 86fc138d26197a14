"""REST bindings: what stands in the path, the query string, headers, status and body.

rest-json and rest-xml differ in the body alone. https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.wire import aws_chunked, values
from emulator.wire.event_stream import CONTENT_TYPE as EVENT_STREAM
from emulator.wire.event_stream import EventWriter
from emulator.wire.messages import Body, Headers, Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel, Shape

_EMPTY: Shape = {"type": "structure", "members": {}}
#: Reads what a request has besides its body into a request.
_HeadReader = Callable[[Mapping[str, str], str, Mapping[str, str], dict[str, Any]], None]


@dataclass(slots=True)
class _Plan:
    """Where the members of an input are: (member, name on the wire, its reader)."""

    labels: list[tuple[str, str, Callable[[str], Any]]] = field(default_factory=list)
    headers: list[tuple[str, str, Callable[[str], Any]]] = field(default_factory=list)
    #: (member, the prefix of its headers)
    header_maps: list[tuple[str, str]] = field(default_factory=list)
    #: The reader gets all values of the parameter.
    parameters: list[tuple[str, str, Callable[[list[str]], Any]]] = field(default_factory=list)
    #: (member, whether its values are lists): all parameters that are no other member's.
    parameter_map: tuple[str, bool] | None = None
    body: list[str] = field(default_factory=list)


def _plan(model: ServiceModel, operation: Operation, shape: Shape) -> _Plan:
    plan = _Plan()
    for name, member in shape["members"].items():
        target = model.shapes[member["shape"]]
        wire = member.get("locationName", name)
        match member.get("location"):
            case "uri":
                plan.labels.append((name, wire, values.FROM_TEXT[target["type"]]))
            case "header":
                plan.headers.append((name, wire.lower(), _header_reader(model, member, target)))
            case "headers":
                plan.header_maps.append((name, wire.lower()))
            case "querystring" if target["type"] == "map":
                value = model.shapes[target["value"]["shape"]]
                plan.parameter_map = name, value["type"] == "list"
            case "querystring":
                plan.parameters.append((name, wire, _parameter_reader(model, target)))
            case None:
                plan.body.append(name)
            case other:
                raise NotImplementedError(f"{operation.name}.{name} is located in {other}")
    return plan


def _parameter_reader(model: ServiceModel, target: Shape) -> Callable[[list[str]], Any]:
    if target["type"] == "list":
        item = values.FROM_TEXT[model.shapes[target["member"]["shape"]]["type"]]
        return lambda texts: [item(text) for text in texts]
    convert = values.FROM_TEXT[target["type"]]
    return lambda texts: convert(texts[0])


def _header_reader(model: ServiceModel, member: Shape, target: Shape) -> Callable[[str], Any]:
    if member.get("jsonvalue") or target.get("jsonvalue"):
        return lambda text: json.loads(b64decode(text))
    if target["type"] != "list":
        return values.FROM_TEXT[target["type"]]
    item = values.FROM_TEXT[model.shapes[target["member"]["shape"]]["type"]]
    return lambda text: [item(part) for part in values.split_header(text)]


def _head_reader(plan: _Plan, operation: Operation) -> _HeadReader:
    labels, headers = plan.labels, plan.headers
    fixed = values.parse_query_string(operation.uri.partition("?")[2])
    known = {*fixed, *(wire for _, wire, _ in plan.parameters)}

    def read_head(
        params: Mapping[str, str], query: str, found: Mapping[str, str], result: dict[str, Any]
    ) -> None:
        for name, wire, convert in labels:
            if wire in params:
                result[name] = convert(params[wire])
        if query and (plan.parameters or plan.parameter_map):
            parameters = values.parse_query_string(query)
            for name, wire, convert_all in plan.parameters:
                if wire in parameters:
                    result[name] = convert_all(parameters[wire])
            if plan.parameter_map is not None:
                name, many = plan.parameter_map
                others = {key: texts for key, texts in parameters.items() if key not in known}
                if others:
                    result[name] = (
                        others if many else {key: texts[0] for key, texts in others.items()}
                    )
        for name, wire, convert in headers:
            if wire in found:
                result[name] = convert(found[wire])
        for name, prefix in plan.header_maps:
            entries = {
                header[len(prefix) :]: text
                for header, text in found.items()
                if header.startswith(prefix)
            }
            if entries:
                result[name] = entries

    return read_head


def compile_parser(model: ServiceModel, body_format: Body, operation: Operation) -> Parser:
    """Make the parser of an operation's requests."""
    shape = model.shapes[operation.input] if operation.input else _EMPTY
    plan = _plan(model, operation, shape)
    read_head = _head_reader(plan, operation)
    payload = shape.get("payload")
    if payload and model.shapes[shape["members"][payload]["shape"]]["type"] in ("blob", "string"):
        return _raw_parser(model, operation, payload, read_head)
    if payload:
        read = body_format.reader(shape["members"][payload]["shape"])
    elif plan.body:
        read = body_format.members_reader(shape, plan.body)
    else:
        read = None

    def parse(
        params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        read_head(params, query, headers, result)
        if read is not None and body:
            content = read(body)
            if not payload:
                result.update(content)
            elif content:  # SDKs send {} for a payload that was not given
                result[payload] = content
        return result

    return parse


def _raw_parser(
    model: ServiceModel, operation: Operation, payload: str, read_head: _HeadReader
) -> Parser:
    """Make the parser of requests whose body is one member as it is: bytes, a stream or text."""
    shape = model.shapes[operation.input or ""]
    is_text = model.shapes[shape["members"][payload]["shape"]]["type"] == "string"
    needed = payload in shape.get("required", ())
    streams = operation.streams_request

    def parse(
        params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
    ) -> dict[str, Any]:
        result: dict[str, Any] = {}
        if streams and aws_chunked.is_encoded(headers):
            body = aws_chunked.decode(body)
            headers = _without_chunking(headers)
        read_head(params, query, headers, result)
        if body or needed:
            result[payload] = values.decode_text(body) if is_text else body
        return result

    return parse


def _without_chunking(headers: Mapping[str, str]) -> Mapping[str, str]:
    """Return headers that speak of a body's content, not of the encoding it came in."""
    changed = dict(headers)
    encoding = aws_chunked.without_encoding(changed.pop("content-encoding", ""))
    if encoding:
        changed["content-encoding"] = encoding
    length = changed.pop("x-amz-decoded-content-length", None)
    if length is not None:
        changed["content-length"] = length
    return changed


def compile_serialiser(model: ServiceModel, body_format: Body, operation: Operation) -> Serialiser:
    """Make the serialiser of an operation's results: status, headers and body.

    A payload that streams is handed on as it is given, as bytes or as an async iterator of
    bytes; an event stream that is absent leaves the head alone.
    """
    shape = model.shapes[operation.output] if operation.output else _EMPTY
    payload = shape.get("payload")
    target = model.shapes[shape["members"][payload]["shape"]] if payload else _EMPTY
    events = bool(target.get("eventstream"))
    status_member, rest = None, []
    for name, member in shape["members"].items():
        if member.get("location") == "statusCode":
            status_member = name
        elif member.get("location") is None and name != payload:
            rest.append(name)
    write_head = _head_writer(model, shape, without_content_type=events)
    write_body: Callable[[Mapping[str, Any]], Any] | None = None
    content_type = body_format.content_type.encode()
    if payload and events:
        write_body = _event_writer(model, body_format, payload, shape)
        content_type = EVENT_STREAM.encode()
    elif payload and target["type"] in ("blob", "string"):
        write_body = _raw_writer(payload)
        if target["type"] == "blob":
            content_type = model.deviations.blob_content_type.encode()
        else:
            content_type = model.deviations.text_content_type.encode()
    elif payload:
        write_body = _payload_writer(payload, body_format.writer(shape["members"][payload]))
    elif rest:
        write_body = body_format.members_writer(shape, rest, operation.name)
    id_headers = [name.encode() for name in model.deviations.request_id_headers]

    def serialise(result: Mapping[str, Any], request_id: str) -> Response:
        status = operation.status
        if status_member is not None:
            status = result.get(status_member) or status
        request_id_text = request_id.encode()
        headers = [(name, request_id_text) for name in id_headers]
        typed = write_head(result, headers)
        body: Any = b""
        if write_body is not None and status != 204:
            body = write_body(result)
            if not typed:
                headers.append((b"content-type", content_type))
        return status, headers, body

    return serialise


def _raw_writer(payload: str) -> Callable[[Mapping[str, Any]], Any]:
    def write(result: Mapping[str, Any]) -> Any:
        content = result.get(payload)
        if content is None:
            return b""
        if isinstance(content, str):
            return content.encode("utf-8", "replace")
        return bytes(content) if isinstance(content, (bytearray, memoryview)) else content

    return write


def _event_writer(
    model: ServiceModel, body_format: Body, payload: str, shape: Shape
) -> Callable[[Mapping[str, Any]], Any]:
    writer = EventWriter(model, shape["members"][payload]["shape"], body_format)

    def write(result: Mapping[str, Any]) -> Any:
        events = result.get(payload)
        return b"" if events is None else writer.stream(events)

    return write


def _payload_writer(
    payload: str, write: Callable[[Any], bytes]
) -> Callable[[Mapping[str, Any]], bytes]:
    return lambda result: write(result.get(payload) or {})


def _head_writer(
    model: ServiceModel, shape: Shape, *, without_content_type: bool
) -> Callable[[Mapping[str, Any], Headers], bool]:
    """Return what writes the members that are headers and says whether content-type is among them.

    Args:
        model: The service's model.
        shape: The structure.
        without_content_type: The content type is not a member's to say.
    """
    located, maps = [], []
    for name, member in shape["members"].items():
        wire = member.get("locationName", name).lower().encode()
        if member.get("location") == "headers":
            maps.append((name, wire))
        elif without_content_type and wire == b"content-type":
            continue
        elif member.get("location") == "header":
            located.append((name, wire, header_text(model, member)))

    def write_head(result: Mapping[str, Any], headers: Headers) -> bool:
        typed = False
        for name, wire, text in located:
            value = result.get(name)
            if value is not None:
                headers.append(header(wire, text(value)))
                typed = typed or wire == b"content-type"
        for name, prefix in maps:
            for key, value in (result.get(name) or {}).items():
                headers.append(header(prefix + str(key).lower().encode(), str(value)))
        return typed

    return write_head


def header_text(model: ServiceModel, member: Shape) -> Callable[[Any], str]:
    """Return how a member is written in a header."""
    shape = model.shapes[member["shape"]]
    kind = shape["type"]
    if member.get("jsonvalue") or shape.get("jsonvalue"):
        return lambda value: b64encode(json.dumps(value).encode()).decode()
    if kind == "timestamp":
        form = member.get("timestampFormat") or shape.get("timestampFormat", "rfc822")
        return values.timestamp_writer(form)
    if kind == "boolean":
        return values.boolean_text
    if kind == "blob":
        return values.base64
    if kind == "list":
        item = header_text(model, shape["member"])
        return lambda value: values.join_header([item(each) for each in value])
    return str


def header(name: bytes, text: str) -> tuple[bytes, bytes]:
    """Return a header. Line breaks become spaces: they would start another header."""
    return name, text.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")
