"""rest-json.

Source: https://smithy.io/2.0/aws/protocols/aws-restjson1-protocol.html
"""

from __future__ import annotations

from emulator.wire import rest_requests, rest_responses
from emulator.wire.errors import WireError
from emulator.wire.json_body import JsonBody, dump_json
from emulator.wire.messages import Parser, Response, Serialiser
from emulator.wire.model import Operation, ServiceModel
from emulator.wire.protocols.base import Protocol


class RestJsonProtocol(Protocol):
    """Method and path name the operation; bodies are JSON."""

    routed = True

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model)
        self._body = JsonBody(model)

    def parser(self, operation: Operation) -> Parser:
        return rest_requests.compile_parser(self.model, self._body, operation)

    def serialiser(self, operation: Operation) -> Serialiser:
        return rest_responses.compile_serialiser(self.model, self._body, operation)

    def write_error(self, error: WireError, request_id: str) -> Response:
        """Return the response for an error, all its fields included.

        ``Type`` is ``User`` (``Service`` from status 500 on) where the shape has it and the error
        does not say; give ``Type=None`` for the few answers recorded without it.
        """
        members = error.shape["members"]
        fields = {name: value for name, value in error.fields.items() if value is not None}
        if "Type" in members and "Type" not in error.fields:
            fields["Type"] = "User" if error.status < 500 else "Service"
        headers = [
            (b"x-amzn-requestid", request_id.encode()),
            (b"x-amzn-errortype", error.name.encode()),
            (b"content-type", b"application/json"),
        ]
        content = {name: value for name, value in fields.items() if name not in members}
        in_body = {}
        for name in [name for name in fields if name in members]:
            member = members[name]
            if member.get("location") == "header":
                text = rest_responses.header_text(self.model, member)(fields[name])
                headers.append(rest_responses.header(member["locationName"].lower().encode(), text))
            else:
                in_body[name] = fields[name]
        content |= self._body.values_of(error.shape, in_body)
        content[error.message_member] = error.message
        return error.status, headers, dump_json(content)
