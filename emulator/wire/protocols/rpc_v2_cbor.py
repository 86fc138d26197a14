"""rpc-v2-cbor.

Source: https://smithy.io/2.0/additional-specs/protocols/smithy-rpc-v2.html
"""

from __future__ import annotations

from emulator.wire.cbor_body import CborBody
from emulator.wire.messages import Headers
from emulator.wire.model import ServiceModel
from emulator.wire.protocols.rpc import RpcProtocol


class RpcV2CborProtocol(RpcProtocol):
    """The body is the request in CBOR; the path ``/service/S/operation/O`` names the operation."""

    def __init__(self, model: ServiceModel) -> None:
        super().__init__(model, CborBody(model), CborBody.content_type)

    def headers(self, request_id: str, content_type: str | None) -> Headers:
        return [*super().headers(request_id, content_type), (b"smithy-protocol", b"rpc-v2-cbor")]
