"""The payload 1.0: a request as an event, and a function's answer as a response.

https://docs.aws.amazon.com/apigateway/latest/developerguide/set-up-lambda-proxy-integrations.html
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from typing import Any

import orjson

from emulator.services.apigateway.execution.call import Answer, MethodCall, Pairs

_MEMBERS = frozenset({"statusCode", "headers", "multiValueHeaders", "body", "isBase64Encoded"})


class Malformed(Exception):
    """A function's answer means no response."""


#: What templates and access logs see, and functions don't.
_NOT_IN_EVENTS = frozenset({"error", "isCanaryRequest"})


def event_of(call: MethodCall) -> dict[str, Any]:
    """Return a request as the function gets it."""
    query, headers = multiple(call.query), multiple(call.headers)
    return {
        "resource": call.resource["path"],
        "path": call.path,
        "httpMethod": call.http_method,
        "headers": {name: values[-1] for name, values in headers.items()} or None,
        "multiValueHeaders": headers or None,
        "queryStringParameters": {k: values[-1] for k, values in query.items()} or None,
        "multiValueQueryStringParameters": query or None,
        "pathParameters": call.path_parameters or None,
        "stageVariables": call.stage_variables or None,
        "requestContext": {k: v for k, v in call.context.items() if k not in _NOT_IN_EVENTS},
        "body": call.text if call.body else None,
        "isBase64Encoded": bool(call.is_binary and call.body),
    }


def multiple(pairs: Pairs) -> dict[str, list[str]]:
    """Return all values by name."""
    found: dict[str, list[str]] = {}
    for name, value in pairs:
        found.setdefault(name, []).append(value)
    return found


def answer_of(payload: bytes, *, wants_binary: bool) -> Answer:
    """Return the response that a function's answer means.

    Args:
        payload: The answer.
        wants_binary: The client accepts a type that is answered as bytes.

    Raises:
        Malformed: It means none.
    """
    try:
        answer = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise Malformed("it is no JSON") from error
    if not isinstance(answer, dict) or not answer.keys() <= _MEMBERS:
        raise Malformed("it is no object with statusCode, headers and body alone")
    headers = headers_of(answer)
    body = answer.get("body")
    if body is not None and not isinstance(body, str):
        raise Malformed("its body is no text")
    content = (body or "").encode("utf-8", "surrogatepass")
    if answer.get("isBase64Encoded") is True and wants_binary:
        try:
            content = base64.b64decode(content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Malformed("its body is no base64") from error
    return Answer(status=status_of(answer.get("statusCode", 200)), headers=headers, body=content)


def status_of(status: Any) -> int:
    """Return an HTTP status.

    Raises:
        Malformed: It is none.
    """
    try:
        number = int(status) if not isinstance(status, bool) else 0
    except (TypeError, ValueError, OverflowError):
        number = 0
    if not 100 <= number <= 599:
        raise Malformed(f"its statusCode is {status!r}")
    return number


def headers_of(answer: Mapping[str, Any]) -> Pairs:
    """Return the headers of an answer: those with several values first (recorded).

    Raises:
        Malformed: They are none.
    """
    single, several = answer.get("headers") or {}, answer.get("multiValueHeaders") or {}
    if not isinstance(single, dict) or not isinstance(several, dict):
        raise Malformed("its headers are no object")
    found: Pairs = []
    # Recorded: where both name a header, the name of ``headers`` stands.
    names: dict[str, str] = {str(name).lower(): str(name) for name in single}
    for name, values in dict[str, Any](several).items():
        if not isinstance(values, list):
            raise Malformed("its multiValueHeaders are no lists")
        found += [(names.get(name.lower(), str(name)), _header(each)) for each in values]
    # A pair that both have is there once.
    known = {(name.lower(), value) for name, value in found}
    pairs = [(name, _header(value)) for name, value in single.items()]
    return found + [(name, value) for name, value in pairs if (name.lower(), value) not in known]


def _header(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return value
    if isinstance(value, int | float):
        return str(value)
    if value is None:
        return ""
    raise Malformed("a header is no text")
