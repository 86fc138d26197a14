"""Requests become integration requests, and their replies responses.

https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-data-transformations.html
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping
from typing import Any, NamedTuple

from emulator.services.apigateway.bounded import TakesTooLong, match
from emulator.services.apigateway.execution import expressions, remapping
from emulator.services.apigateway.execution.backend import Reply
from emulator.services.apigateway.execution.call import (
    Answer,
    GatewayFailure,
    MethodCall,
    Pairs,
    internal,
)
from emulator.services.apigateway.execution.payload import Malformed, status_of
from emulator.services.apigateway.execution.templates import TemplateFailure, render

_JSON = "application/json"


class Mapped(NamedTuple):
    """The request of an integration."""

    path: dict[str, str]
    query: Pairs
    headers: Pairs
    body: bytes


async def request_of(call: MethodCall, *, refused: frozenset[str]) -> Mapped:
    """Return what an integration is sent.

    Args:
        call: The request to the method.
        refused: Headers that it must not be given.

    Raises:
        GatewayFailure: Its type of content is not supported, or its mapping fails.
    """
    body = await _request_body(call)
    return parameters_of(call, refused=refused)._replace(body=body)


def parameters_of(call: MethodCall, *, refused: frozenset[str]) -> Mapped:
    """Return the parameters that an integration is sent, without a body.

    Raises:
        GatewayFailure: A header is among them that must not be.
    """
    path: dict[str, str] = {}
    query: Pairs = []
    headers: Pairs = []
    for target, source in (call.integration.get("requestParameters") or {}).items():
        _, _, place, name = target.split(".", 3)
        value = expressions.of_request(source, call)
        for each in value if isinstance(value, list) else [] if value is None else [value]:
            if place == "path":
                path[name] = each
            else:
                (query if place == "querystring" else headers).append((name, each))
    override = call.request_override
    path.update(_texts(override.get("path")))
    query = _overridden(query, override.get("querystring"), fold=False)
    headers = _overridden(headers, override.get("header"), fold=True)
    if any(name.lower() in refused for name, _ in headers):
        raise internal()
    return Mapped(path, query, headers, b"")


def _texts(values: Any) -> dict[str, str]:
    found = values if isinstance(values, Mapping) else {}
    return {str(k): v if isinstance(v, str) else json.dumps(v) for k, v in found.items()}


def _overridden(pairs: Pairs, values: Any, *, fold: bool) -> Pairs:
    for name, value in _texts(values).items():
        same = name.lower() if fold else name
        pairs = [(k, v) for k, v in pairs if (k.lower() if fold else k) != same]
        pairs.append((name, value))
    return pairs


async def _request_body(call: MethodCall) -> bytes:
    integration = call.integration
    templates: Mapping[str, str] = integration.get("requestTemplates") or {}
    kind = (call.header("content-type") or _JSON).partition(";")[0].strip().lower()
    template = next((v for k, v in templates.items() if k.lower() == kind), None)
    if template is None:
        template = templates.get("$default")
    behavior = integration.get("passthroughBehavior") or "WHEN_NO_MATCH"
    if template is None:
        if behavior == "NEVER" or (behavior == "WHEN_NO_TEMPLATES" and templates):
            raise unsupported_media_type()
        return _converted(call.body, integration.get("contentHandling"), is_binary=call.is_binary)
    content = _converted(call.body, integration.get("contentHandling"), is_binary=call.is_binary)
    if call.is_binary and integration.get("contentHandling") != "CONVERT_TO_TEXT":
        # A template cannot read bytes.
        raise internal()
    made = await _rendered(template, content.decode("utf-8", "replace"), call)
    return made.encode("utf-8", "surrogatepass")


async def _rendered(template: str, text: str, call: MethodCall) -> str:
    try:
        return await render(template, text, call)
    except TemplateFailure as error:
        call.say(f"Execution failed due to configuration error: {error}")
        raise internal() from error


def unsupported_media_type() -> GatewayFailure:
    """Return the failure of a request whose type of content has no template."""
    return GatewayFailure("UNSUPPORTED_MEDIA_TYPE", "Unsupported Media Type", "BadRequestException")


def _converted(content: bytes, handling: str | None, *, is_binary: bool) -> bytes:
    """Return a body as an integration gets it.

    https://docs.aws.amazon.com/apigateway/latest/developerguide/api-gateway-payload-encodings-workflow.html
    """
    if is_binary:
        return base64.b64encode(content) if handling == "CONVERT_TO_TEXT" else content
    if handling == "CONVERT_TO_BINARY":
        try:
            return base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise internal() from error
    # Text is text: what is none is read as such (recorded).
    return content.decode("utf-8", "replace").encode()


async def response_of(call: MethodCall, reply: Reply, *, wants_binary: bool) -> Answer:
    """Return the response that the reply of an integration becomes.

    Raises:
        GatewayFailure: No integration response is for it, or its mapping fails.
    """
    response = await _selected(call, reply)
    content = _response_content(response, reply.body, wants_binary=wants_binary)
    templates: Mapping[str, str] = response.get("responseTemplates") or {}
    kind, template = _response_template(call, templates)
    text = content.decode("utf-8", "replace")
    if template is not None:
        content = (await _rendered(template, text, call)).encode("utf-8", "surrogatepass")
    headers = _response_headers(call, response, reply, text)
    override = call.response_override
    headers = _overridden(headers, override.get("header"), fold=True)
    if all(name.lower() != "content-type" for name, _ in headers):
        headers.append(("Content-Type", kind))
    try:
        status = status_of(override.get("status", response["statusCode"]))
    except Malformed as error:
        raise internal() from error
    return Answer(status=status, headers=remapping.of_response(headers), body=content)


async def _selected(call: MethodCall, reply: Reply) -> Mapping[str, Any]:
    """Return the integration response for a reply: that whose pattern it matches.

    Raises:
        GatewayFailure: There is none.
    """
    responses = (call.integration.get("integrationResponses") or {}).values()
    for each in responses:
        pattern = each.get("selectionPattern")
        if pattern and reply.selected_by and await _matches(call, pattern, reply.selected_by):
            found: Mapping[str, Any] = each
            return found
    default = next((each for each in responses if not each.get("selectionPattern")), None)
    if default is None:
        call.say("Execution failed due to configuration error: No match for output mapping and no "
                 "default output mapping configured. Endpoint Response Status Code: "
                 f"{reply.status}")  # fmt: skip
        raise internal()
    return dict(default)


async def _matches(call: MethodCall, pattern: str, text: str) -> bool:
    try:
        return await match(call.parts, pattern, text)
    except TakesTooLong as error:
        call.say(f"Execution failed due to configuration error: the pattern {pattern} {error}")
        raise internal() from error


def _response_content(response: Mapping[str, Any], body: bytes, *, wants_binary: bool) -> bytes:
    handling = response.get("contentHandling")
    if handling == "CONVERT_TO_BINARY":
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise internal() from error
    if handling == "CONVERT_TO_TEXT" and wants_binary:
        return base64.b64encode(body)
    return body


def _response_template(call: MethodCall, templates: Mapping[str, str]) -> tuple[str, str | None]:
    """Return the type of content and the template of a response, by what the client accepts."""
    if not templates:
        return _JSON, None
    for wanted in (call.header("accept") or "").split(","):
        kind = wanted.partition(";")[0].strip()
        if kind in templates:
            return kind, templates[kind]
    kind = _JSON if _JSON in templates else next(iter(templates))
    return kind, templates[kind]


def _response_headers(
    call: MethodCall, response: Mapping[str, Any], reply: Reply, text: str
) -> Pairs:
    found: Pairs = []
    for target, source in (response.get("responseParameters") or {}).items():
        _, _, _, name = target.split(".", 3)
        value = expressions.of_response(source, call, reply.headers, text)
        for each in value if isinstance(value, list) else [] if value is None else [value]:
            found.append((name, each))
    return found
