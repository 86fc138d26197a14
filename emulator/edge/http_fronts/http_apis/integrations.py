"""Calls what a route leads to: a function, an HTTP endpoint, another service."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson

from emulator.edge.http_fronts import payload_v1, payload_v2
from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.exchange import HttpResponse, message
from emulator.edge.http_fronts.http_apis.context import Exchange
from emulator.edge.http_fronts.http_apis.live import Integration
from emulator.edge.http_fronts.http_apis.parameters import SAFE, in_document
from emulator.edge.http_fronts.http_apis.services import call_service
from emulator.edge.http_fronts.invoking import invoke_within
from emulator.edge.http_fronts.payload_v2 import HOP, Malformed, Route
from emulator.invoke.http_client import HttpFailure, fetch
from emulator.invoke.within import TimedOut
from emulator.model.errors import AwsError

#: The content type of a response to which a function gives none.
_DEFAULT_TYPE = b"text/plain;charset=UTF-8"
_SERVER_ERROR = "Internal Server Error"
_UNAVAILABLE = "Service Unavailable"
#: Headers of a request that its connection to an endpoint has of its own.
_NOT_SENT = HOP | {"content-length", "host", "expect"}
_NOT_ANSWERED = HOP | {"content-length"}


async def call(room: Room, exchange: Exchange, integration: Integration) -> HttpResponse:
    """Return what an integration answers, or API Gateway in its place."""
    clock = room.parts.clock
    begun = clock.monotonic()
    try:
        if integration.function is not None:
            response = await _call_function(room, exchange, integration)
        elif integration.subtype is not None:
            response = await call_service(room, exchange, integration)
        elif integration.type == "HTTP_PROXY":
            response = await _call_endpoint(exchange, integration)
        else:
            exchange.integration_error = f"{integration.uri} is no function"
            response = message(500, _SERVER_ERROR)
    finally:
        exchange.integration_latency_ms = int((clock.monotonic() - begun) * 1000)
    mapping = integration.responses.get(str(response.status))
    if mapping is None:
        return response

    def value(name: str) -> str | None:
        return _of_response(name, response) or exchange.value(name)

    status, headers = mapping.apply(response.status, response.headers, value)
    return response._replace(status=status, headers=headers)


def _of_response(name: str, response: HttpResponse) -> str | None:
    scope, _, rest = name.partition(".")
    place, _, key = rest.partition(".")
    if scope != "response":
        return None
    if place == "header":
        found = (v for n, v in response.headers if n == key.lower().encode("latin-1"))
        value = next(found, None)
        return None if value is None else value.decode("latin-1")
    if place == "body":
        if key:
            return in_document(response.body, key.split("."))
        return response.body.decode("utf-8", "replace")
    return None


# --- functions ---------------------------------------------------------------------------------


async def _call_function(room: Room, exchange: Exchange, integration: Integration) -> HttpResponse:
    function = integration.function
    assert function is not None
    functions = room.parts.functions
    request = exchange.request
    try:
        prepared = await function.prepare(
            functions, orjson.dumps(_event(exchange, integration)), trace_id=request.trace_id
        )
        result = await invoke_within(functions, room.parts.clock, integration.timeout_s, prepared)
    except TimedOut:
        exchange.integration_error = "The function did not answer in time."
        return message(503, _UNAVAILABLE)
    except AwsError as error:
        return _not_invoked(exchange, error)
    exchange.integration_status = "200"
    if result.function_error:
        exchange.integration_error = f"The function failed: {result.function_error}"
        return message(500, _SERVER_ERROR)
    try:
        if integration.payload_version == "2.0":
            return _response_of_v2(result.payload)
        return payload_v1.response_of(result.payload, _DEFAULT_TYPE)
    except Malformed as error:
        exchange.integration_error = (
            "The response from the Lambda function doesn't match the format that API Gateway "
            f"expects: {error}"
        )
        return message(500, _SERVER_ERROR)


def _not_invoked(exchange: Exchange, error: AwsError) -> HttpResponse:
    exchange.integration_error = str(error)
    if error.status == 413:
        return message(413, "Request Entity Too Large")
    throttled = error.code in ("TooManyRequestsException", "ThrottlingException")
    if throttled or error.code == "ServiceException":
        return message(503, _UNAVAILABLE)
    return message(500, _SERVER_ERROR)


def _event(exchange: Exchange, integration: Integration) -> dict[str, Any]:
    """Return the event of a request, with the changes of its parameter mapping."""
    live, match, request = exchange.live, exchange.match, exchange.request
    path = exchange.path
    if integration.request is not None:
        changed = integration.request.apply(request.headers, request.query, path, exchange.value)
        request.headers, request.query, path = changed
    stage = "" if live.name == "$default" else f"/{live.name}"
    route = Route(
        path=payload_v2.decoded(f"{stage}{path}"),
        key=exchange.route_key,
        stage=live.name,
        request_id=exchange.id,
        parameters=match.parameters if match is not None else {},
        variables=live.variables,
        has_cookie_header=False,
    )
    event_of = payload_v1.event_of
    if integration.payload_version == "2.0":
        event_of = payload_v2.event_of
    return event_of(
        request, route, account=live.api.account, authorizer=exchange.grant.authorizer or None
    )


def _response_of_v2(payload: bytes) -> HttpResponse:
    """Return the HTTP response that a result in the format 2.0 stands for.

    Raises:
        Malformed: It stands for none.
    """
    value = payload_v2.loads_object(payload)
    if value is None or "statusCode" not in value:
        return payload_v2.response_of(payload, "application/json")
    status, headers = payload_v2.head_of(value, _DEFAULT_TYPE)
    return HttpResponse(status, headers, payload_v2.body_of(value))


# --- HTTP endpoints ----------------------------------------------------------------------------


async def _call_endpoint(exchange: Exchange, integration: Integration) -> HttpResponse:
    request, match = exchange.request, exchange.match
    headers = [pair for pair in request.headers if pair[0] not in _NOT_SENT]
    headers += _forwarded(exchange)
    query, path = request.query, exchange.path
    url = integration.uri
    for name, value in (match.parameters if match is not None else {}).items():
        url = url.replace(f"{{{name}}}", quote(value, safe=SAFE))
    if integration.request is not None:
        before = path
        changed = integration.request.apply(headers, query, path, exchange.value)
        headers, query, path = changed
        if path != before:
            url = _with_path(url, path)
    if query:
        url += ("&" if "?" in url else "?") + query
    method = request.method if integration.method == "ANY" else integration.method
    try:
        answer = await fetch(method, url, headers, request.body, timeout_s=integration.timeout_s)
    except HttpFailure as error:
        exchange.integration_error = str(error)
        if str(error).startswith("no answer within"):
            return message(504, "Gateway Timeout")
        return message(503, _UNAVAILABLE)
    exchange.integration_status = str(answer.status)
    kept = [
        (name.encode("latin-1"), value.encode("latin-1"))
        for name, value in answer.headers
        if name not in _NOT_ANSWERED
    ]
    return HttpResponse(answer.status, kept, answer.body)


def _forwarded(exchange: Exchange) -> list[tuple[str, str]]:
    request = exchange.request
    return [
        (
            "forwarded",
            f"by={request.source_ip};for={request.source_ip};host={request.domain_name};"
            f"proto={request.scheme}",
        ),
        ("via", f"HTTP/{request.http_version} AmazonAPIGateway"),
        ("x-amzn-trace-id", request.trace_id),
    ]


def _with_path(url: str, path: str) -> str:
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.partition('/')[0]}{path}"
