"""Connections and messages as events of functions. Pure.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-mapping-template-reference.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, NamedTuple
from urllib.parse import parse_qsl

from emulator.edge.http_fronts.exchange import HttpRequest, new_gateway_id
from emulator.edge.http_fronts.payload_v2 import HOP, clf_time

#: Why a connection ended, by the code that closed it.
_REASONS = {
    1000: "Connection Closed Normally",
    1001: "Going away",
    1005: "Client-side close frame status not set",
    1006: "Connection Closed Abnormally",
    1009: "Message Too Big",
}


class Caller(NamedTuple):
    """A connection, as events show it."""

    request: HttpRequest
    connection_id: str
    stage: str
    #: Seconds since the epoch.
    connected_at: float
    variables: Mapping[str, str]
    #: What the authorizer has found; empty without one.
    authorizer: Mapping[str, Any]
    #: The API key; empty without one.
    key: Mapping[str, Any] = {}
    #: The key's value, where the authorizer says it.
    usage_key: str = ""


def connect_event(caller: Caller, now: float) -> dict[str, Any]:
    """Return the event of a connection that begins."""
    request = caller.request
    event: dict[str, Any] = {}
    many = headers_of(request)
    event["headers"] = {name: values[-1] for name, values in many.items()}
    event["multiValueHeaders"] = many
    event |= query_of(request)
    event["requestContext"] = _context(caller, now, "$connect", eventType="CONNECT")
    event["isBase64Encoded"] = False
    return _with_variables(event, caller)


def message_event(
    caller: Caller, now: float, key: str, data: str | bytes, message_id: str
) -> dict[str, Any]:
    """Return the event of a message."""
    binary = isinstance(data, bytes)
    event = {
        "requestContext": _context(caller, now, key, messageId=message_id, eventType="MESSAGE"),
        "body": base64.b64encode(data).decode() if isinstance(data, bytes) else data,
        "isBase64Encoded": binary,
    }
    return _with_variables(event, caller)


def disconnect_event(caller: Caller, now: float, code: int, reason: str) -> dict[str, Any]:
    """Return the event of a connection that has ended."""
    headers = {
        "Host": caller.request.domain_name,
        "x-api-key": "",
        "X-Forwarded-For": "",
        "x-restapi": "",
    }
    event = {
        "headers": headers,
        "multiValueHeaders": {name: [value] for name, value in headers.items()},
        "requestContext": _context(
            caller,
            now,
            "$disconnect",
            disconnectStatusCode=code,
            eventType="DISCONNECT",
            disconnectReason=reason or _REASONS.get(code, ""),
        ),
        "isBase64Encoded": False,
    }
    return _with_variables(event, caller)


def headers_of(request: HttpRequest) -> dict[str, list[str]]:
    """Return the headers of a handshake, each with all its values, as API Gateway writes them."""
    many: dict[str, list[str]] = {}
    for name, value in request.headers:
        if name not in HOP:
            many.setdefault(_written(name), []).append(value)
    many["X-Amzn-Trace-Id"] = [request.trace_id.partition(";")[0]]
    many["X-Forwarded-For"] = [request.source_ip]
    many["X-Forwarded-Port"] = [str(request.port)]
    many["X-Forwarded-Proto"] = ["https" if request.scheme == "wss" else "http"]
    return many


def query_of(request: HttpRequest) -> dict[str, Any]:
    """Return the members of an event that have the query of a handshake; none without one."""
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    if not parameters:
        return {}
    return {
        "queryStringParameters": {name: values[-1] for name, values in parameters.items()},
        "multiValueQueryStringParameters": parameters,
    }


def _written(name: str) -> str:
    """Return a header's name: the usual ones begin their words with capitals, others stay."""
    if name in ("host", "origin", "cookie", "user-agent") or name.startswith("sec-"):
        text = "-".join(part.capitalize() for part in name.split("-"))
        return text.replace("Websocket", "WebSocket")
    return name


def _context(caller: Caller, now: float, key: str, **more: Any) -> dict[str, Any]:
    request, request_id = caller.request, new_gateway_id()
    context: dict[str, Any] = {
        "routeKey": key,
        **more,
        "extendedRequestId": request_id,
        "requestTime": clf_time(now),
        "messageDirection": "IN",
        "stage": caller.stage,
        "connectedAt": int(caller.connected_at * 1000),
        "requestTimeEpoch": int(now * 1000),
        "identity": {
            "userAgent": request.header("user-agent"),
            "sourceIp": request.source_ip,
        },
        "requestId": request_id,
        "domainName": request.domain_name,
        "connectionId": caller.connection_id,
        "apiId": request.api_id,
    }
    if caller.key:
        context["identity"] |= {"apiKey": caller.key["value"], "apiKeyId": caller.key["id"]}
    if caller.authorizer:
        context["authorizer"] = dict(caller.authorizer)
    return context


def _with_variables(event: dict[str, Any], caller: Caller) -> dict[str, Any]:
    if caller.variables:
        event["stageVariables"] = caller.variables
    return event
