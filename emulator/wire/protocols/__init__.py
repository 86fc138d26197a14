"""The protocols, each a module of its own that is imported when a service first speaks it."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from emulator.wire.protocols.base import Protocol

#: botocore's name of a protocol, its module here and its class.
PROTOCOLS = {
    "json": ("json_rpc", "JsonProtocol"),
    "query": ("query", "QueryProtocol"),
    "query-json": ("query_json", "QueryJsonProtocol"),
    "rest-json": ("rest_json", "RestJsonProtocol"),
    "rest-xml": ("rest_xml", "RestXmlProtocol"),
    "smithy-rpc-v2-cbor": ("rpc_v2_cbor", "RpcV2CborProtocol"),
    "x-amz-cbor": ("json_cbor", "JsonCborProtocol"),
}
#: Protocols that stand in no model, with the one that a service speaks to be asked in them.
VARIANTS = {"query-json": "query", "x-amz-cbor": "json"}


def of_target(headers: Mapping[str, str]) -> str:
    """Return the protocol of a request that has the header ``x-amz-target``.

    Args:
        headers: By names in lower case.
    """
    is_cbor = headers.get("content-type", "").startswith("application/x-amz-cbor-")
    return "x-amz-cbor" if is_cbor else "json"


def of_form(headers: Mapping[str, str]) -> str:
    """Return the protocol of a request whose ``Action`` names its operation.

    Args:
        headers: By names in lower case.
    """
    return "query-json" if "application/json" in headers.get("accept", "") else "query"


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
