"""The protocols, each a module of its own that is imported when a service first speaks it."""

from __future__ import annotations

from importlib import import_module

from emulator.wire.protocols.base import Protocol

#: botocore's name of a protocol, its module here and its class.
PROTOCOLS = {
    "json": ("json_rpc", "JsonProtocol"),
    "query": ("query", "QueryProtocol"),
    "rest-json": ("rest_json", "RestJsonProtocol"),
    "smithy-rpc-v2-cbor": ("rpc_v2_cbor", "RpcV2CborProtocol"),
    "rest-xml": ("rest_xml", "RestXmlProtocol"),
}


def protocol(name: str) -> type[Protocol]:
    """Return the class of a protocol.

    Raises:
        LookupError: It is not one of :data:`PROTOCOLS`.
    """
    if name not in PROTOCOLS:
        raise LookupError(f"no protocol is called {name!r}; there are {', '.join(PROTOCOLS)}")
    module, class_name = PROTOCOLS[name]
    found: type[Protocol] = getattr(import_module(f"{__name__}.{module}"), class_name)
    return found
