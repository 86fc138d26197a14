"""The base of json and rpc-v2-cbor, in which the body is the whole request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.wire import event_stream
from emulator.wire.errors import WireError
from emulator.wire.json_body import JsonBody
from emulator.wire.messages import Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.protocols.base import Protocol


class RpcProtocol(Protocol):
    """The body is the request.

    Args:
        body: The format of bodies.
        content_type: Their content type.
    """

    #: The content type of answers without a body.
    content_type_of_nothing: str | None = None

    def __init__(self, model: ServiceModel, body: JsonBody, content_type: str) -> None:
        super().__init__(model)
        self._body = body
        self._content_type = content_type

    def parser(self, operation: Operation) -> Parser:
        read = self._body.reader(operation.input) if operation.input else lambda _: {}

        def parse(
            params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
        ) -> dict[str, Any]:
            result: dict[str, Any] = read(body) if body else {}
            return result

        return parse

    def serialiser(self, operation: Operation) -> Serialiser:
        if operation.event_stream is not None:
            return self._stream_serialiser(operation, operation.event_stream)
        write = self._body.writer({"shape": operation.output}) if operation.output else None
        content_type = self._content_type if write is not None else self.content_type_of_nothing

        def serialise(result: Mapping[str, Any], request_id: str) -> Response:
            body = write(result) if write is not None else b""
            return 200, self.headers(request_id, content_type), body

        return serialise

    def _stream_serialiser(self, operation: Operation, member: str) -> Serialiser:
        """Make a serialiser of event streams; their first message has the other members."""
        shape = self.model.shapes[operation.output or ""]
        events = event_stream.EventWriter(self.model, shape["members"][member]["shape"], self._body)
        rest = [name for name in shape["members"] if name != member]
        write = self._body.members_writer(shape, rest, operation.name)

        def serialise(result: Mapping[str, Any], request_id: str) -> Response:
            first = event_stream.initial_response(write(result), self._content_type)
            head = self.headers(request_id, event_stream.CONTENT_TYPE)
            given = result.get(member)
            return 200, head, first if given is None else events.stream(given, first)

        return serialise

    def write_error(self, error: WireError, request_id: str) -> Response:
        content = {"__type": self.error_type(error), error.message_member: error.message}
        content |= self._body.values_of(error.shape, error.modelled_fields())
        headers = self.headers(request_id, self._content_type)
        return error.status, headers + self.query_error_header(error), self._body.dump(content)
