"""The requests of extensions, from HTTP to :class:`~emulator.pool.extensions.group.Extensions`.

Routes::

    POST /2020-01-01/extension/register      200, Lambda-Extension-Identifier
    GET  /2020-01-01/extension/event/next    parked until there is an event
    POST /2020-01-01/extension/init/error    202
    POST /2020-01-01/extension/exit/error    202
    PUT  /2022-07-01/telemetry               200
    PUT  /2020-08-15/logs                    200
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import orjson

from emulator.model.function import FunctionVersion
from emulator.model.lazy import LazyModule
from emulator.pool.extensions.group import Extensions
from emulator.pool.extensions.members import ExtensionState, Parked, Refused
from emulator.pool.http_answers import ACCEPTED

if TYPE_CHECKING:
    from emulator.pool.extensions import subscriptions
else:
    subscriptions = LazyModule("emulator.pool.extensions.subscriptions")

_PREFIX = b"/2020-01-01/extension/"
_NEXT = _PREFIX + b"event/next"
_REGISTER = _PREFIX + b"register"
_ERRORS = {
    _PREFIX + b"init/error": ExtensionState.INIT_ERROR,
    _PREFIX + b"exit/error": ExtensionState.EXIT_ERROR,
}
_TELEMETRY = {b"/2022-07-01/telemetry": "telemetry", b"/2020-08-15/logs": "logs"}
_REASONS = {200: "OK", 400: "Bad Request", 403: "Forbidden", 404: "Not Found"}


def is_extensions(url: bytes) -> bool:
    """Say whether a path is one of these."""
    return url.startswith(_PREFIX) or url in _TELEMETRY


def answer(
    extensions: Extensions,
    version: FunctionVersion,
    connection: Parked,
    method: bytes,
    url: bytes,
    headers: Mapping[bytes, bytes],
    body: bytes,
) -> bytes:
    """Do what a request asks for; returns the answer, empty for an ``event/next`` that waits.

    Args:
        extensions: Those of the environment.
        version: What the environment runs.
        connection: Where the request came from.
        method: The HTTP method.
        url: The path.
        headers: By names in lower case.
        body: The request's body.
    """
    try:
        if method == b"POST" and url == _REGISTER:
            return _register(extensions, version, headers, body)
        member = extensions.find(_header(headers, b"lambda-extension-identifier"))
        if method == b"GET" and url == _NEXT:
            return extensions.wait(member, connection)
        if method == b"POST" and url in _ERRORS:
            error_type = _header(headers, b"lambda-extension-function-error-type")
            if not error_type:
                raise Refused(
                    "Extension.MissingHeader",
                    "Missing Lambda-Extension-Function-Error-Type header",
                )
            extensions.report(member, _ERRORS[url], error_type)
            return ACCEPTED
        if method == b"PUT" and url in _TELEMETRY:
            extensions.subscribe(subscriptions.read(_TELEMETRY[url], member.name, body))
            return _reply(200, b'"OK"')
        raise Refused("NotFound", "404 page not found", 404)
    except Refused as refused:
        text = {"errorMessage": refused.message, "errorType": refused.error_type}
        return _reply(refused.status, orjson.dumps(text))


def _register(
    extensions: Extensions, version: FunctionVersion, headers: Mapping[bytes, bytes], body: bytes
) -> bytes:
    try:
        wanted = orjson.loads(body or b"{}")
        events = tuple(map(str, wanted.get("events") or ()))
    except (orjson.JSONDecodeError, AttributeError, TypeError) as error:
        raise Refused("InvalidRequestFormat", "The body is no JSON object", 400) from error
    member = extensions.register(_header(headers, b"lambda-extension-name"), events)
    told = {
        "functionName": version.name,
        "functionVersion": version.version,
        "handler": version.handler,
    }
    features = _header(headers, b"lambda-extension-accept-feature").split(",")
    if "accountId" in (each.strip() for each in features):
        told["accountId"] = version.account
    return _reply(200, orjson.dumps(told), f"Lambda-Extension-Identifier: {member.identifier}\r\n")


def _reply(status: int, body: bytes, more: str = "") -> bytes:
    return (
        f"HTTP/1.1 {status} {_REASONS[status]}\r\nContent-Type: application/json\r\n{more}"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode() + body


def _header(headers: Mapping[bytes, bytes], name: bytes) -> str:
    return headers.get(name, b"").decode("latin-1")
