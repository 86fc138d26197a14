"""Results and errors → responses of the JSON protocols."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from emulator.model.errors import AwsError
from emulator.wire import values
from emulator.wire.model import Operation, ServiceModel, Shape

Headers = list[tuple[bytes, bytes]]
#: Status, headers (names in lower case), body.
Response = tuple[int, Headers, bytes]
#: Python value → JSON value; ``None`` stands for "as it is".
Writer = Callable[[Any], Any]
#: (result, request id) → response.
Serialiser = Callable[[Mapping[str, Any], str], Response]

EVENT_STREAM = b"application/vnd.amazon.eventstream"


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
            shape = self._model.shapes[name]
            match shape["type"]:
                case "structure":
                    self._writers[name] = self.members(shape, list(shape["members"]))
                case "list":
                    self._writers[name] = _list(self.writer(shape["member"]["shape"]))
                case "map":
                    self._writers[name] = _map(self.writer(shape["value"]["shape"]))
                case "timestamp":
                    self._writers[name] = values.epoch
                case "blob":
                    self._writers[name] = values.base64
                case _:
                    self._writers[name] = None
        return self._writers[name]

    def _again(self, name: str, value: Any) -> Any:
        write = self._writers[name]
        return value if write is None else write(value)

    def members(self, shape: Shape, names: list[str]) -> Writer:
        """Return a writer of an object with some of a structure's members."""
        members = {
            name: (
                shape["members"][name].get("locationName", name),
                self.writer(shape["members"][name]["shape"]),
            )
            for name in names
        }
        find = members.get

        def structure(value: Mapping[str, Any]) -> dict[str, Any]:
            result = {}
            for name, item in value.items():
                if item is not None and (member := find(name)) is not None:
                    wire, write = member
                    result[wire] = item if write is None else write(item)
            return result

        return structure


def _list(write: Writer | None) -> Writer | None:
    return None if write is None else lambda value: [write(item) for item in value]


def _map(write: Writer | None) -> Writer | None:
    if write is None:
        return None
    return lambda value: {key: write(item) for key, item in value.items()}


def _header_text(shape: Shape) -> Callable[[Any], str]:
    if shape["type"] == "timestamp":
        return values.http_date
    if shape["type"] == "boolean":
        return lambda value: "true" if value else "false"
    return str


def _header(name: bytes, text: str) -> tuple[bytes, bytes]:
    # A line break would start another header.
    return name, text.replace("\r", " ").replace("\n", " ").encode("utf-8", "replace")


def compile_json(model: ServiceModel, writers: JsonWriters, operation: Operation) -> Serialiser:
    """Make the serialiser of an operation in json 1.0 or 1.1."""
    content_type = content_type_of(model)
    write = writers.writer(operation.output) if operation.output else None

    def serialise(result: Mapping[str, Any], request_id: str) -> Response:
        body = dump_json(write(result)) if write is not None else b""
        headers = [(b"x-amzn-requestid", request_id.encode()), (b"content-type", content_type)]
        return 200, headers, body

    return serialise


def content_type_of(model: ServiceModel) -> bytes:
    """Return the content type of a JSON service's answers."""
    version = model.metadata.get("jsonVersion")
    return f"application/x-amz-json-{version}".encode() if version else b"application/json"


def compile_rest(model: ServiceModel, writers: JsonWriters, operation: Operation) -> Serialiser:
    """Make the serialiser of an operation in rest-json: status, headers and body.

    An operation that answers an event stream gets its head only, unless the stream's member is
    given as encoded bytes.
    """
    shape: Shape = model.shapes[operation.output] if operation.output else {"members": {}}
    payload = shape.get("payload")
    status_member, located, rest = None, [], []
    for name, member in shape["members"].items():
        if member.get("location") == "statusCode":
            status_member = name
        elif member.get("location") == "header":
            text = _header_text(model.shapes[member["shape"]])
            located.append((name, member["locationName"].lower().encode(), text))
        elif name != payload:
            rest.append(name)
    target: Shape = model.shapes[shape["members"][payload]["shape"]] if payload else {}
    raw = target.get("type") == "blob" or bool(target.get("eventstream"))
    content_type = EVENT_STREAM if target.get("eventstream") else b"application/json"
    if target.get("eventstream"):
        located = [header for header in located if header[1] != b"content-type"]
    write = writers.members(shape, rest) if rest and not payload else None
    if payload and not raw:
        write = writers.writer(shape["members"][payload]["shape"])

    def serialise(result: Mapping[str, Any], request_id: str) -> Response:
        status = operation.status
        if status_member is not None:
            status = result.get(status_member) or status
        headers = [(b"x-amzn-requestid", request_id.encode())]
        for name, wire, text in located:
            value = result.get(name)
            if value is not None:
                headers.append(_header(wire, text(value)))
        if status == 204:
            body = b""
        elif raw:
            content = result.get(payload or "") or b""
            body = (
                content.encode("utf-8", "replace") if isinstance(content, str) else bytes(content)
            )
            headers.append((b"content-type", content_type))
        elif write is not None:
            body = dump_json(write(result.get(payload) or {} if payload else result))
            headers.append((b"content-type", content_type))
        else:
            body = b""
        return status, headers, body

    return serialise


def error_shape(model: ServiceModel, code: str) -> Shape:
    """Return an error's shape, by its name or its wire code; empty if the model has none."""
    shape = model.shapes.get(code)
    if shape is not None and shape.get("exception"):
        return shape
    for candidate in model.shapes.values():
        if candidate.get("exception") and candidate.get("error", {}).get("code") == code:
            return candidate
    return {"members": {}}


def error_status(model: ServiceModel, error: AwsError, code: str, shape: Shape) -> int:
    """Return an error's HTTP status: its own, the recorded one, the model's, or 400."""
    if error.status is not None:
        return error.status
    recorded = model.deviations.status.get(code)
    return recorded or int(shape.get("error", {}).get("httpStatusCode", 400))


def rest_error(model: ServiceModel, error: AwsError, request_id: str) -> Response:
    """Return an error in rest-json.

    ``Type`` is ``User`` (``Service`` from status 500 on) where the shape has it and the error
    does not say; give ``Type=None`` for the few answers recorded without it.
    """
    shape = error_shape(model, error.code)
    status = error_status(model, error, error.code, shape)
    members = shape["members"]
    fields = dict(error.fields)
    if "Type" in members:
        fields.setdefault("Type", "User" if status < 500 else "Service")
    content: dict[str, Any] = {}
    headers = [
        (b"x-amzn-requestid", request_id.encode()),
        (b"x-amzn-errortype", error.code.encode()),
        (b"content-type", b"application/json"),
    ]
    for name, value in fields.items():
        member = members.get(name, {})
        if value is None:
            continue
        if member.get("location") == "header":
            headers.append(_header(member["locationName"].lower().encode(), str(value)))
        else:
            content[name] = value
    content["Message" if "Message" in members else "message"] = error.message
    return status, headers, dump_json(content)


def json_error(model: ServiceModel, error: AwsError, request_id: str) -> Response:
    """Return an error in json 1.0 or 1.1, with the query protocol's code where clients want it."""
    name, code = error.code, error.code
    headers = [
        (b"x-amzn-requestid", request_id.encode()),
        (b"content-type", content_type_of(model)),
    ]
    if "awsQueryCompatible" in model.metadata:
        name = model.deviations.shape_of(code)
        code = model.deviations.query_code.get(name, name)
    shape = error_shape(model, name)
    status = error_status(model, error, name, shape)
    kind = name
    if "awsQueryCompatible" in model.metadata:
        fault = "Sender" if status < 500 else "Receiver"
        headers.append((b"x-amzn-query-error", f"{code};{fault}".encode()))
        modelled, other = model.deviations.error_namespaces
        namespace = modelled if name in model.shapes else other
        kind = f"{namespace}#{name}" if namespace else name
    content = {"__type": kind, "message": error.message}
    content.update({key: value for key, value in error.fields.items() if key in shape["members"]})
    return status, headers, dump_json(content)
