"""Calls what a route of a WebSocket API leads to."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import orjson

from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.invoking import TimedOut, invoke_within
from emulator.edge.http_fronts.websockets.live import Integration
from emulator.invoke.http_client import HttpFailure, fetch
from emulator.model.errors import AwsError

#: The parts of templates that pass a body on.
_WHOLE_BODY = re.compile(r"\$input\.(?:body\b|json\(\s*['\"]\$['\"]\s*\))")
_STATUS = re.compile(r'"statusCode"\s*:\s*"?(\d{3})')


class NotRendered(Exception):
    """A mapping template is one that localfaas does not render."""


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
    except NotRendered:
        return Result(500, b"", error="localfaas does not render this mapping template")


async def _call(
    room: Room, integration: Integration, event: Mapping[str, Any], trace_id: str
) -> Result:
    if integration.type == "MOCK":
        template = next(iter(integration.templates.values()), '{"statusCode": 200}')
        match = _STATUS.search(template)
        status = int(match[1]) if match else 500
        return Result(status, _response_body(integration, status, b""))
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
    payload = orjson.dumps(event) if is_proxy else _custom(integration, event)
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
        return Result(200, _response_body(integration, 200, result.payload))
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
    except (TypeError, ValueError):
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


def _custom(integration: Integration, event: Mapping[str, Any]) -> bytes:
    """Return the payload of an integration that is no proxy: the template's text, or the body."""
    template = next(iter(integration.templates.values()), None)
    body = str(event.get("body") or "{}")
    if template is None:
        return body.encode()
    return render(template, body).encode()


def _response_body(integration: Integration, status: int, body: bytes) -> bytes:
    """Return what goes back of an answer, by the integration's responses."""
    for key, response in integration.responses.items():
        pattern = key[1:-1] if key.startswith("/") else ""
        if key == "$default" or (pattern and re.fullmatch(pattern, str(status))):
            template = next(iter((response.get("ResponseTemplates") or {}).values()), None)
            if template is not None:
                return render(template, body.decode("utf-8", "replace")).encode()
    return body


def render(template: str, body: str) -> str:
    """Return the text of a mapping template for a body.

    Raises:
        NotRendered: It does more than pass the body on.
    """
    text = _WHOLE_BODY.sub(lambda match: body, template)
    if "$" in _WHOLE_BODY.sub("", template) or "#" in template:
        raise NotRendered
    return text
