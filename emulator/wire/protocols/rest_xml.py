"""rest-xml.

Source: https://smithy.io/2.0/aws/protocols/aws-restxml-protocol.html
"""

from __future__ import annotations

from collections.abc import Mapping

from emulator.wire import rest_requests, rest_responses
from emulator.wire.errors import WireError
from emulator.wire.messages import Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.protocols.base import Protocol
from emulator.wire.xml_body import DECLARATION, XmlBody
from emulator.wire.xml_writing import XmlWriters, escape


class RestXmlProtocol(Protocol):
    """Method and path name the operation; bodies are XML."""

    routed = True

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._namespace = self.namespace
        self._body = XmlBody(
            model,
            namespace=self._namespace,
            root_names=model.deviations.root_names,
            unwrapped=model.deviations.unwrapped,
        )
        self._writers = XmlWriters(model)

    def parser(self, operation: Operation) -> Parser:
        return rest_requests.compile_parser(self.model, self._body, operation)

    def serialiser(self, operation: Operation) -> Serialiser:
        return rest_responses.compile_serialiser(self.model, self._body, operation)

    def write_error(self, error: WireError, request_id: str) -> Response:
        """Return the response for an error.

        S3's are ``<Error>`` alone and hold every field given; the others wrap it in
        ``<ErrorResponse>`` and say whose fault it was.
        """
        content = f"<Code>{escape(error.code)}</Code><Message>{escape(error.message)}</Message>"
        content += self._fields(error)
        request = f"<RequestId>{escape(request_id)}</RequestId>"
        if self.model.deviations.bare_errors:
            body = f"<Error>{content}{request}<HostId>{escape(request_id)}</HostId></Error>"
        else:
            body = (
                f'<ErrorResponse xmlns="{self._namespace}"><Error><Type>{error.fault}</Type>'
                f"{content}</Error>{request}</ErrorResponse>"
            )
        headers = self.headers(request_id, "application/xml")
        for name, member in error.shape["members"].items():
            value = error.fields.get(name)
            if member.get("location") == "header" and value is not None:
                text = rest_responses.header_text(self.model, member)(value)
                headers.append(rest_responses.header(member["locationName"].lower().encode(), text))
        return error.status, headers, (DECLARATION + body).encode()

    def _fields(self, error: WireError) -> str:
        members: Mapping[str, Mapping[str, object]] = error.shape["members"]
        fields = {
            name: value
            for name, value in error.modelled_fields().items()
            if members[name].get("location") is None
        }
        out: list[str] = []
        self._writers.members(error.shape, fields)(fields, out)
        if self.model.deviations.bare_errors:
            out += [
                f"<{name}>{escape(str(value))}</{name}>"
                for name, value in error.fields.items()
                if name not in members and value is not None
            ]
        return "".join(out)
