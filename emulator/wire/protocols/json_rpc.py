"""json 1.0 and 1.1. https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.wire.errors import WireError
from emulator.wire.json_body import JsonReaders, JsonWriters, dump_json, load_json
from emulator.wire.messages import Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.protocols.base import Protocol


class JsonProtocol(Protocol):
    """The body is the request; the header ``x-amz-target`` names the operation."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._readers = JsonReaders(model)
        self._writers = JsonWriters(model)
        version = model.metadata.get("jsonVersion")
        self._content_type = f"application/x-amz-json-{version}" if version else "application/json"

    def parser(self, operation: Operation) -> Parser:
        read = self._readers.reader(operation.input) if operation.input else lambda _: {}

        def parse(
            params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
        ) -> dict[str, Any]:
            result: dict[str, Any] = read(load_json(body)) if body else {}
            return result

        return parse

    def serialiser(self, operation: Operation) -> Serialiser:
        write = self._writers.writer(operation.output) if operation.output else None
        content_type = self._content_type.encode()

        def serialise(result: Mapping[str, Any], request_id: str) -> Response:
            body = dump_json(write(result)) if write is not None else b""
            headers = [(b"x-amzn-requestid", request_id.encode()), (b"content-type", content_type)]
            return 200, headers, body

        return serialise

    def write_error(self, error: WireError, request_id: str) -> Response:
        content = {"__type": self.error_type(error), error.message_member: error.message}
        fields = error.modelled_fields()
        if fields:
            content.update(self._writers.members(error.shape, fields)(fields))
        headers = self.head(request_id, self._content_type)
        return error.status, headers + self.query_error_header(error), dump_json(content)
