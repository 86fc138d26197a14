"""json 1.0 and 1.1.

Source: https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html
"""

from __future__ import annotations

from emulator.wire.json_body import JsonBody
from emulator.wire.model import ServiceModel
from emulator.wire.protocols.rpc import RpcProtocol


class JsonProtocol(RpcProtocol):
    """The body is the request in JSON; the header ``x-amz-target`` names the operation."""

    def __init__(self, model: ServiceModel) -> None:
        version = model.metadata.get("jsonVersion")
        content_type = f"application/x-amz-json-{version}" if version else "application/json"
        super().__init__(model, JsonBody(model), content_type)
        self.content_type_of_nothing = content_type
