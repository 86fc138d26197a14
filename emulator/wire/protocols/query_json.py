"""The query protocol with answers in JSON, for callers who accept that: curl, and scripts of old.

It stands in no model, and no SDK asks for it. As far as is known, members have the model's names
within ``…Response`` and ``…Result``, and maps as lists of pairs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import orjson

from emulator.wire.errors import WireError
from emulator.wire.messages import Response, Serialiser
from emulator.wire.model import Operation
from emulator.wire.protocols.query import QueryProtocol
from emulator.wire.xml_names import entry_names

_CONTENT_TYPE = "application/json"


class QueryJsonProtocol(QueryProtocol):
    """A form is the request, its ``Action`` names the operation, and the answer is JSON."""

    def serialiser(self, operation: Operation) -> Serialiser:
        name, output = operation.name, operation.output

        def serialise(result: Mapping[str, Any], request_id: str) -> Response:
            body: dict[str, Any] = {"ResponseMetadata": {"RequestId": request_id}}
            if output:
                body[f"{name}Result"] = self._plain(output, result)
            document = orjson.dumps({f"{name}Response": body})
            return 200, self.headers(request_id, _CONTENT_TYPE), document

        return serialise

    def write_error(self, error: WireError, request_id: str) -> Response:
        if error.name == "UnknownOperationException":
            return super().write_error(error, request_id)
        body = {
            "Error": {
                "Type": error.fault,
                "Code": error.code,
                "Message": self.message(error),
                **self._plain_members(error.shape, error.modelled_fields()),
            },
            "RequestId": request_id,
        }
        return error.status, self.headers(request_id, _CONTENT_TYPE), orjson.dumps(body)

    def _plain(self, shape_name: str, value: Any) -> Any:
        """Return a value of a shape as JSON has it."""
        shape = self.model.shapes[shape_name]
        match shape["type"]:
            case "structure":
                return self._plain_members(shape, value)
            case "list":
                return [self._plain(shape["member"]["shape"], each) for each in value]
            case "map":
                key, name = entry_names(shape)
                member = shape["value"]["shape"]
                return [{key: k, name: self._plain(member, v)} for k, v in value.items()]
            case "blob":
                return base64.b64encode(value).decode()
            case "timestamp":
                return value.timestamp() if isinstance(value, datetime) else value
        return value

    def _plain_members(self, shape: Mapping[str, Any], value: Mapping[str, Any]) -> dict[str, Any]:
        plain: Callable[[str, Any], Any] = self._plain
        return {
            name: plain(shape["members"][name]["shape"], each)
            for name, each in value.items()
            if each is not None and name in shape["members"]
        }
