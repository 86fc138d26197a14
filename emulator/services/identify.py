"""Which service and operation a request means."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from emulator.model.errors import AwsError
from emulator.wire import query, values

_TARGETS = {"AmazonSQS": "sqs", "Logs_20140328": "logs"}
_VERSIONS = {"2012-11-05": "sqs", "2011-06-15": "sts"}
#: The service in the credential scope of a signature.
_SCOPE = re.compile(r"Credential=[^,\s]*?/\d{8}/[^/,\s]+/([a-z0-9-]+)/aws4_request")
#: Parameters of a form that say whom it is for, where it can't be decoded.
_PLAIN = re.compile(rb"(?:^|&)(Action|Version)=([\w-]+)")


class Target(NamedTuple):
    """What a request of the json or query protocol means."""

    #: ``sqs``, ``logs`` or ``sts``.
    service: str
    #: ``json`` or ``query``.
    protocol: str
    #: The operation's wire name, unchecked.
    operation: str


def identify(
    headers: Mapping[str, str], query_string: str, body: bytes, default: str | None = None
) -> Target | None:
    """Find which service and operation a json or query request means.

    Args:
        default: The service of a query request that names none.

    Returns:
        ``None`` if it is neither, or for a service that is not spoken here.

    Raises:
        AwsError: ``SerializationException``: a query string that is not UTF-8.
    """
    target = headers.get("x-amz-target")
    if target is not None:
        prefix, _, operation = target.partition(".")
        return Target(_TARGETS[prefix], "json", operation) if prefix in _TARGETS else None
    parameters = values.parse_query_string(query_string)
    if "Action" not in parameters:
        if not headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
            return None
        try:
            parameters = query.form(query_string, body)
        except AwsError:
            # What is wrong with it is said by the service it is for, in its protocol.
            parameters = {name.decode(): [text.decode()] for name, text in _PLAIN.findall(body)}
        if "Action" not in parameters:
            return None
    name = _VERSIONS.get(parameters.get("Version", [""])[0])
    if name is None and "Version" not in parameters:
        scope = _SCOPE.search(headers.get("authorization", ""))
        name = scope.group(1) if scope else default
    if name not in _VERSIONS.values():
        return None
    return Target(str(name), "query", parameters["Action"][0])
