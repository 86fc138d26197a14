"""rpc-v2-cbor. https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.wire.cbor_body import CborReaders, CborWriters, dump_cbor, load_cbor
from emulator.wire.errors import WireError
from emulator.wire.messages import Headers, Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.protocols.base import Protocol

_CONTENT_TYPE = "application/cbor"


class RpcV2CborProtocol(Protocol):
    """The body is the request; the path ``/service/S/operation/O`` names the operation."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._readers = CborReaders(model)
        self._writers = CborWriters(model)

    def parser(self, operation: Operation) -> Parser:
        read = self._readers.reader(operation.input) if operation.input else lambda _: {}

        def parse(
            params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
        ) -> dict[str, Any]:
            result: dict[str, Any] = read(load_cbor(body)) if body else {}
            return result

        return parse

    def serialiser(self, operation: Operation) -> Serialiser:
        write = self._writers.writer(operation.output) if operation.output else None

        def serialise(result: Mapping[str, Any], request_id: str) -> Response:
            if write is None:
                return 200, self.head(request_id, None), b""
            return 200, self.head(request_id, _CONTENT_TYPE), dump_cbor(write(result))

        return serialise

    def write_error(self, error: WireError, request_id: str) -> Response:
        content = {"__type": self.error_type(error), error.message_member: error.message}
        fields = error.modelled_fields()
        if fields:
            content.update(self._writers.members(error.shape, fields)(fields))
        headers = self.head(request_id, _CONTENT_TYPE)
        return error.status, headers + self.query_error_header(error), dump_cbor(content)

    def head(self, request_id: str, content_type: str | None) -> Headers:
        return [*super().head(request_id, content_type), (b"smithy-protocol", b"rpc-v2-cbor")]
