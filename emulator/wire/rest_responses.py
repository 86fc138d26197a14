"""Responses of the REST protocols: members in the status, headers and the body.

rest-json and rest-xml differ in the body alone. https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from emulator.model.lazy import LazyModule
from emulator.wire import values
from emulator.wire.messages import Body, Headers, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel, Shape

if TYPE_CHECKING:
    from emulator.wire import event_stream
else:
    event_stream = LazyModule("emulator.wire.event_stream")

_EMPTY: Shape = {"type": "structure", "members": {}}


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
        content_type = event_stream.CONTENT_TYPE.encode()
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
        if type(content) is bytes:  # nearly always
            return content
        if content is None:
            return b""
        if isinstance(content, str):
            return content.encode("utf-8", "replace")
        return bytes(content) if isinstance(content, (bytearray, memoryview)) else content

    return write


def _event_writer(
    model: ServiceModel, body_format: Body, payload: str, shape: Shape
) -> Callable[[Mapping[str, Any]], Any]:
    writer = event_stream.EventWriter(model, shape["members"][payload]["shape"], body_format)

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
    """Return a writer of the members that are headers; it says whether content-type is among them.

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
