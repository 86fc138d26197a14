"""Requests of the REST protocols: members in the path, the query string, headers and the body.

rest-json and rest-xml differ in the body alone. https://smithy.io/2.0/spec/http-bindings.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from emulator.model.errors import AwsError
from emulator.model.lazy import LazyModule
from emulator.wire import values
from emulator.wire.messages import Body, Parser
from emulator.wire.model import Operation, ServiceModel, Shape

if TYPE_CHECKING:
    from emulator.wire import aws_chunked
else:
    aws_chunked = LazyModule("emulator.wire.aws_chunked")

_EMPTY: Shape = {"type": "structure", "members": {}}
#: Reads the members outside of the body into a request.
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
                plan.parameters.append((name, wire, _parameter_reader(model, wire, target)))
            case None:
                plan.body.append(name)
            case other:
                raise NotImplementedError(f"{operation.name}.{name} is located in {other}")
    return plan


def _parameter_reader(model: ServiceModel, wire: str, target: Shape) -> Callable[[list[str]], Any]:
    if target["type"] == "list":
        item = values.FROM_TEXT[model.shapes[target["member"]["shape"]]["type"]]
        return lambda texts: [item(text) for text in texts]
    convert = values.FROM_TEXT[target["type"]]
    refusal = model.deviations.not_a_number
    if refusal is None or target["type"] not in ("integer", "long"):
        return lambda texts: convert(texts[0])

    def read_number(texts: list[str]) -> Any:
        try:
            return convert(texts[0])
        except AwsError:
            raise refusal(wire, texts[0]) from None

    return read_number


def _header_reader(model: ServiceModel, member: Shape, target: Shape) -> Callable[[str], Any]:
    if member.get("jsonvalue") or target.get("jsonvalue"):
        return _json_header
    if target["type"] != "list":
        return values.FROM_TEXT[target["type"]]
    item = values.FROM_TEXT[model.shapes[target["member"]["shape"]]["type"]]
    return lambda text: [item(part) for part in values.split_header(text)]


def _json_header(text: str) -> Any:
    try:
        return json.loads(values.parse_blob(text))
    except ValueError:
        raise values.malformed("A header does not hold JSON in base64.") from None


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
    needed = payload in shape.get("required", ())
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
            elif content or needed:  # SDKs send {} for a payload that was not given
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
