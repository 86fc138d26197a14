"""Mapping expressions: what ``method.request.header.name`` and the like mean.

https://docs.aws.amazon.com/apigateway/latest/developerguide/request-response-data-mappings.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.execution.call import MethodCall, Pairs
from emulator.services.apigateway.execution.jsonpath import find

_REQUEST = re.compile(
    r"method\.request\.(?P<place>header|querystring|path|multivalueheader|multivaluequerystring)"
    r"\.(?P<name>.+)"
)
_RESPONSE = re.compile(r"integration\.response\.(?P<place>header|multivalueheader)\.(?P<name>.+)")


def of_request(expression: str, call: MethodCall) -> str | list[str] | None:
    """Return what an expression means in a request; None for nothing."""
    match = _REQUEST.fullmatch(expression)
    if match is None:
        body = expression.removeprefix("method.request.body")
        if body != expression:
            return _of_body(call.text, body)
        return _common(expression, call)
    place, name = match["place"], match["name"]
    if place == "path":
        return call.path_parameters.get(name)
    if place == "header":
        return call.header(name)
    if place == "querystring":
        return call.query_value(name)
    pairs = call.headers if place == "multivalueheader" else call.query
    values = [v for k, v in pairs if _same(k, name, fold=place == "multivalueheader")]
    return values or None


def of_response(
    expression: str, call: MethodCall, headers: Pairs, body: str
) -> str | list[str] | None:
    """Return what an expression means in an integration's response; None for nothing."""
    match = _RESPONSE.fullmatch(expression)
    if match is None:
        path = expression.removeprefix("integration.response.body")
        return _of_body(body, path) if path != expression else _common(expression, call)
    values = [v for k, v in headers if _same(k, match["name"], fold=True)]
    if not values:
        return None
    return values if match["place"] == "multivalueheader" else values[-1]


def _same(one: str, other: str, *, fold: bool) -> bool:
    return one.lower() == other.lower() if fold else one == other


def _common(expression: str, call: MethodCall) -> str | None:
    if expression.startswith("'") and expression.endswith("'"):
        return expression[1:-1]
    if expression.startswith("stageVariables."):
        return call.stage_variables.get(expression.removeprefix("stageVariables."))
    if expression.startswith("context."):
        return context_value(call.context, expression.removeprefix("context."))
    return None


def context_value(context: Mapping[str, Any], name: str) -> str | None:
    """Return a variable of the context as text; None where there is none."""
    found: Any = context
    for part in name.split("."):
        found = found.get(part) if isinstance(found, Mapping) else None
    return None if found is None else _text(found)


def _of_body(text: str, path: str) -> str | None:
    if not path:
        return text
    try:
        found = find(json.loads(text), f"${path}")
    except (ValueError, RecursionError):
        return None
    return None if found is None else _text(found)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, separators=(",", ":"))
