"""json 1.1 whose bodies are CBOR, as the SDKs for Java speak it with Kinesis.

It stands in no model. The SDK turns it on by itself; a moment is a number of milliseconds, whatever
CBOR says: https://github.com/aws/aws-sdk-java-v2/issues/4661
"""

from __future__ import annotations

from emulator.wire.cbor_body import MillisecondCborBody
from emulator.wire.model import ServiceModel
from emulator.wire.protocols.rpc import RpcProtocol


class JsonCborProtocol(RpcProtocol):
    """The body is the request in CBOR; the header ``x-amz-target`` names the operation."""

    def __init__(self, model: ServiceModel) -> None:
        content_type = f"application/x-amz-cbor-{model.metadata.get('jsonVersion', '1.1')}"
        super().__init__(model, MillisecondCborBody(model), content_type)
        self.content_type_of_nothing = content_type
