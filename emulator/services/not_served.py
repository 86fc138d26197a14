"""What a caller of a service that is not served is told: in its own protocol, and for good."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import cache

from emulator.model.errors import AwsError
from emulator.wire import ServiceCodec, values
from emulator.wire.deviations import NONE
from emulator.wire.messages import Response
from emulator.wire.model import ServiceModel, title

#: Services whose rest protocol speaks XML, by their names in signatures.
_REST_XML = frozenset({"s3express", "cloudfront", "route53", "s3-outposts"})
_WORD = re.compile(r"[A-Za-z0-9_.-]{1,64}")


class NotServed(Exception):
    """A request that nothing here answers.

    Args:
        codec: Writes the answer in the caller's own protocol.
        error: What it says.
    """

    def __init__(self, codec: ServiceCodec, error: AwsError) -> None:
        super().__init__(error.message)
        self.codec = codec
        self.error = error

    def response(self, request_id: str) -> Response:
        """Return the answer."""
        return self.codec.error(self.error, request_id)


@cache
def foreign_codec(protocol: str) -> ServiceCodec:
    """Return a codec that can write errors of a service whose model is not at hand."""
    deviations = NONE
    if protocol == "rest-xml":
        from emulator.wire import s3

        deviations = s3.DEVIATIONS
    return ServiceCodec(ServiceModel("", {"jsonVersion": "1.1"}, {}, {}, deviations), protocol)


def not_served(
    headers: Mapping[str, str], query: str, body: bytes, signed_for: str, served: Iterable[str]
) -> NotServed:
    """Return the error for a request of a service that is not served.

    Args:
        headers: The request's, by names in lower case.
        query: The request's, still encoded.
        body: The request's.
        signed_for: The service of the request's signature; "" if it has none.
        served: The titles of the services that are.
    """
    name, protocol = _named(headers, query, body, signed_for)
    text = f"localfaas does not serve {title(name)}; it serves {', '.join(sorted(served))}."
    code = "NotImplemented" if protocol == "rest-xml" else "NotImplementedException"
    # Not 501: SDKs would try it again and again.
    return NotServed(foreign_codec(protocol), AwsError(code, text, status=400))


def _named(headers: Mapping[str, str], query: str, body: bytes, signed_for: str) -> tuple[str, str]:
    """Return the name of the service a request is for, and the protocol it is in."""
    target = headers.get("x-amz-target", "").partition(".")[0]
    if target and _WORD.fullmatch(target):
        return signed_for or target.partition("_")[0], "json"
    if "smithy-protocol" in headers:
        return signed_for or "this service", "smithy-rpc-v2-cbor"
    if "Action=" in query or (values.is_form(headers) and b"Action=" in body):
        return signed_for or "this service", "query"
    return signed_for or "this service", "rest-xml" if signed_for in _REST_XML else "rest-json"
