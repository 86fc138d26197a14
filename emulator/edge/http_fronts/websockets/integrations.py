"""Calls what a route of a WebSocket API leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.invoking import invoke_within
from emulator.edge.http_fronts.websockets.live import Integration
from emulator.invoke.http_client import HttpFailure, fetch
from emulator.invoke.within import TimedOut
from emulator.model.errors import AwsError
from emulator.services.apigateway.bounded import TakesTooLong, match
from emulator.services.apigateway.execution.call import MethodCall
from emulator.services.apigateway.execution.templates import TemplateFailure, render

_STATUS = re.compile(r'"statusCode"\s*:\s*"?(\d{3})')


class Result(NamedTuple):
    """What an integration has answered."""

    status: int
    body: bytes
    headers: Mapping[str, Any] = {}
    #: What went wrong; "" if nothing did.
    error: str = ""


async def call(
    room: Room, integration: Integration, event: Mapping[str, Any], trace_id: str
) -> Result:
    """Return what an integration answers to an event."""
    try:
        return await _call(room, integration, event, trace_id)
    except TemplateFailure as error:
        return Result(500, b"", error=f"the mapping template failed: {error}")


async def _call(
    room: Room, integration: Integration, event: Mapping[str, Any], trace_id: str
) -> Result:
    if integration.type == "MOCK":
        template = _template(integration) or '{"statusCode": 200}'
        text = await _render(room, template, str(event.get("body") or ""), event)
        match = _STATUS.search(text)
        status = int(match[1]) if match else 500
        return Result(status, await _response_body(room, integration, status, b"", event))
    if integration.type in ("HTTP", "HTTP_PROXY"):
        return await _call_endpoint(integration, event)
    if integration.function is None:
        return Result(500, b"", error=f"{integration.uri} is no function")
    return await _call_function(room, integration, event, trace_id)


async def _call_function(
    room: Room, integration: Integration, event: Mapping[str, Any], trace_id: str
) -> Result:
    function, functions = integration.function, room.parts.functions
    assert function is not None
    is_proxy = integration.type == "AWS_PROXY"
    payload = orjson.dumps(event) if is_proxy else await _custom(room, integration, event)
    try:
        prepared = await function.prepare(functions, payload, trace_id=trace_id)
        result = await invoke_within(functions, room.parts.clock, integration.timeout_s, prepared)
    except TimedOut:
        return Result(504, b"", error="Endpoint request timed out")
    except AwsError as error:
        return Result(429 if "TooMany" in error.code else 500, b"", error=str(error))
    if result.function_error:
        return Result(502, result.payload, error=f"The function failed: {result.function_error}")
    if not is_proxy:
        return Result(200, await _response_body(room, integration, 200, result.payload, event))
    return _of_proxy(result.payload)


def _of_proxy(payload: bytes) -> Result:
    try:
        value = orjson.loads(payload)
    except ValueError:
        value = None
    if not isinstance(value, Mapping) or "statusCode" not in value:
        # Only what goes back needs the shape of a response.
        return Result(200 if value is not None else 502, b"", error="no statusCode")
    try:
        status = int(value["statusCode"])
    except (TypeError, ValueError, OverflowError):
        return Result(502, b"", error="statusCode is no number")
    body = value.get("body")
    data = b"" if body is None else body.encode() if isinstance(body, str) else orjson.dumps(body)
    headers = value.get("headers")
    return Result(status, data, headers if isinstance(headers, Mapping) else {})


async def _call_endpoint(integration: Integration, event: Mapping[str, Any]) -> Result:
    body = str(event.get("body") or "").encode()
    headers = [("content-type", "application/json")]
    try:
        answer = await fetch(
            integration.method if integration.method != "ANY" else "POST",
            integration.uri,
            headers,
            body,
            timeout_s=integration.timeout_s,
        )
    except HttpFailure as error:
        return Result(504, b"", error=str(error))
    return Result(answer.status, answer.body)


def _template(integration: Integration) -> str | None:
    """Return the template of an integration's requests; the first, where nothing selects one."""
    chosen = integration.templates.get(integration.template_selection.strip("\\$"))
    return chosen or next(iter(integration.templates.values()), None)


async def _custom(room: Room, integration: Integration, event: Mapping[str, Any]) -> bytes:
    """Return the payload of an integration that is no proxy: the template's text, or the body."""
    template = _template(integration)
    body = str(event.get("body") or "{}")
    if template is None:
        return body.encode()
    return (await _render(room, template, body, event)).encode()


async def _response_body(
    room: Room, integration: Integration, status: int, body: bytes, event: Mapping[str, Any]
) -> bytes:
    """Return what goes back of an answer, by the integration's responses."""
    for key, response in integration.responses.items():
        pattern = key[1:-1] if key.startswith("/") else ""
        if key == "$default" or (pattern and await _fits(room, pattern, status)):
            template = next(iter((response.get("ResponseTemplates") or {}).values()), None)
            if template is not None:
                text = body.decode("utf-8", "replace")
                return (await _render(room, template, text, event)).encode()
    return body


async def _fits(room: Room, pattern: str, status: int) -> bool:
    try:
        return await match(room.parts, pattern, str(status))
    except TakesTooLong:
        return False


async def _render(room: Room, template: str, body: str, event: Mapping[str, Any]) -> str:
    """Return the text of a mapping template for a body.

    Raises:
        TemplateFailure: The template cannot be read, or fails.
    """
    if "$" not in template and "#" not in template:
        return template
    context = dict(event.get("requestContext") or {})
    call = MethodCall(
        parts=room.parts,
        account="",
        region="",
        api_id=str(context.get("apiId", "")),
        snapshot={},
        resource={},
        method={},
        http_method="POST",
        path="",
        path_parameters={},
        query=list((event.get("queryStringParameters") or {}).items()),
        headers=list((event.get("headers") or {}).items()),
        body=body.encode(),
        is_binary=False,
        stage_variables=dict(event.get("stageVariables") or {}),
        context=context,
        trace_id="",
        request_id=str(context.get("requestId", "")),
    )
    return await render(template, body, call)
