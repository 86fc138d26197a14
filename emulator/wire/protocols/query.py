"""The query protocol.

Source: https://smithy.io/2.0/aws/protocols/aws-query-protocol.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.wire.errors import WireError
from emulator.wire.form_body import FormReaders, load_form, to_tree
from emulator.wire.messages import Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.protocols.base import Protocol
from emulator.wire.xml_writing import XmlWriters, element, escape

_DECLARATION = '<?xml version="1.0"?>'
_CONTENT_TYPE = "text/xml"


class QueryProtocol(Protocol):
    """A form is the request, its ``Action`` names the operation, and the answer is XML."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._readers = FormReaders(model)
        self._writers = XmlWriters(model)
        self._namespace = self.namespace

    def parser(self, operation: Operation) -> Parser:
        """Make a parser; ``params`` are defaults of members that the form lacks."""
        read = self._readers.reader(operation.input) if operation.input else lambda _: {}

        def parse(
            params: Mapping[str, str], query: str, headers: Mapping[str, str], body: Any
        ) -> dict[str, Any]:
            return {**params, **read(to_tree(load_form(query, body)))}

        return parse

    def serialiser(self, operation: Operation) -> Serialiser:
        name = operation.name
        start = f'{_DECLARATION}<{name}Response xmlns="{self._namespace}">'
        write = (
            element(f"{name}Result", self._writers.writer(operation.output))
            if operation.output
            else None
        )

        def serialise(result: Mapping[str, Any], request_id: str) -> Response:
            out = [start]
            if write is not None:
                write(result, out)
            out.append(
                f"<ResponseMetadata><RequestId>{escape(request_id)}</RequestId></ResponseMetadata>"
                f"</{name}Response>"
            )
            return 200, self.headers(request_id, _CONTENT_TYPE), "".join(out).encode()

        return serialise

    def write_error(self, error: WireError, request_id: str) -> Response:
        if error.name == "UnknownOperationException":
            # What AWS answers to a request that names no operation at all, recorded.
            body = f"<{error.name}/>"
            return error.status, self.headers(request_id, _CONTENT_TYPE), body.encode()
        fields = error.modelled_fields()
        members: list[str] = []
        if fields:
            self._writers.members(error.shape, fields)(fields, members)
        if self.model.deviations.empty_detail and not error.modelled:
            members.append("<Detail/>")
        body = (
            f'{_DECLARATION}<ErrorResponse xmlns="{self._namespace}"><Error>'
            f"<Type>{error.fault}</Type><Code>{escape(error.code)}</Code>"
            f"<Message>{escape(self.message(error))}</Message>{''.join(members)}</Error>"
            f"<RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
        )
        return error.status, self.headers(request_id, _CONTENT_TYPE), body.encode()

    def message(self, error: WireError) -> str:
        """Return an error's message, in the words that the service has in this protocol."""
        return self.model.deviations.query_message.get(error.name, error.message)

    def unknown_operation(self, name: str) -> AwsError:
        text = f"The action {name} is not valid for this endpoint."
        return AwsError("InvalidAction", text, status=400)
