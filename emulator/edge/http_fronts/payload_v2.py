"""HTTP requests as events and results as HTTP responses: the payload format 2.0.

https://docs.aws.amazon.com/lambda/latest/dg/urls-invocation.html#urls-payloads
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import parse_qsl, unquote

import orjson

from emulator.edge.http_fronts.exchange import Headers, HttpRequest, HttpResponse

#: The content type of a stream that begins with its own status and headers ...
PRELUDE = "application/vnd.awslambda.http-integration-response"
#: ... which end at these bytes.
DELIMITER = b"\x00" * 8
#: The longest such beginning, bytes.
PRELUDE_LIMIT = 1024 * 1024

#: Hop-by-hop headers, which functions do not see.
HOP = frozenset(
    {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}
)
#: Headers that a function may not set: they are sent as x-amzn-remapped-<name>.
_REMAPPED = HOP | {"content-length", "date", "server", "trailer", "www-authenticate"}
_TEXT = re.compile(
    r"text/|application/(json|xml|javascript|[^;]*\+(json|xml))\s*(;|$)", re.IGNORECASE
)
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
#: A string of JSON, or white space between its tokens.
_TOKENS = re.compile(rb'("(?:[^"\\]|\\.)*")|\s+')


class Malformed(Exception):
    """The function's result is no HTTP response."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where a request goes, as its event says it. A function URL has one route and one stage."""

    #: As the function sees it.
    path: str
    key: str = "$default"
    stage: str = "$default"
    #: The id that the event has.
    request_id: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    #: Whether cookies stand among the headers, too.
    has_cookie_header: bool = True


def event_of(
    request: HttpRequest,
    route: Route,
    *,
    account: str,
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the event a function gets for a request.

    Args:
        request: Its body has been read.
        route: Where it goes.
        account: Of the API, or of the caller of a function URL ("anonymous").
        authorizer: The caller's identity; None if the caller is anonymous.
    """
    headers, cookies = _headers(request)
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": route.path,
        "rawQueryString": request.query,
    }
    if cookies:
        event["cookies"] = cookies
        if not route.has_cookie_header:
            del headers["cookie"]
    event["headers"] = headers
    if request.query:
        parameters: dict[str, str] = {}
        for name, value in parse_qsl(request.query, keep_blank_values=True):
            parameters[name] = f"{parameters[name]},{value}" if name in parameters else value
        if parameters:
            event["queryStringParameters"] = parameters
    event["requestContext"] = {
        "accountId": account,
        "apiId": request.api_id,
        **({"authorizer": authorizer} if authorizer else {}),
        "domainName": request.domain_name,
        "domainPrefix": request.domain_name.partition(".")[0],
        "http": {
            "method": request.method,
            "path": unquote(route.path),
            "protocol": f"HTTP/{request.http_version}",
            "sourceIp": request.source_ip,
            "userAgent": headers.get("user-agent", ""),
        },
        "requestId": route.request_id,
        "routeKey": route.key,
        "stage": route.stage,
        "time": clf_time(request.now),
        "timeEpoch": int(request.now * 1000),
    }
    if route.parameters:
        event["pathParameters"] = route.parameters
    if route.variables:
        event["stageVariables"] = route.variables
    text = text_of(request.body, headers)
    if text is None:
        event["body"] = base64.b64encode(request.body).decode()
    elif text:
        event["body"] = text
    event["isBase64Encoded"] = text is None
    return event


def _headers(request: HttpRequest) -> tuple[dict[str, str], list[str]]:
    """Return a request's headers, each once, with those the gateway adds; and its cookies."""
    headers: dict[str, str] = {}
    for name, value in request.headers:
        if name not in HOP:
            headers[name] = f"{headers[name]},{value}" if name in headers else value
    headers["x-forwarded-for"] = request.source_ip
    headers["x-forwarded-port"] = str(request.port)
    headers["x-forwarded-proto"] = request.scheme
    headers["x-amzn-trace-id"] = request.trace_id.partition(";")[0]
    if "cookie" not in headers:
        return headers, []
    cookies = [
        cookie.strip()
        for name, value in request.headers
        if name == "cookie"
        for cookie in value.split(";")
        if cookie.strip()
    ]
    return headers, cookies


#: Names of months do not follow the locale.
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def clf_time(now: float) -> str:
    """Return a time in the common log format: "28/Nov/2026:18:00:00 +0000"."""
    return _clf_time(int(now))


@lru_cache(maxsize=16)
def _clf_time(now: int) -> str:
    moment = datetime.fromtimestamp(now, UTC)
    return f"{moment.day:02d}/{_MONTHS[moment.month - 1]}/{moment.year}:{moment:%H:%M:%S} +0000"


def text_of(body: bytes, headers: Mapping[str, str]) -> str | None:
    """Return a body as text; None if its type or its bytes make it binary."""
    if not body:
        return ""
    if "content-encoding" in headers or not _TEXT.match(headers.get("content-type", "").strip()):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def response_of(payload: bytes, content_type: str) -> HttpResponse:
    """Return the HTTP response that a function's result stands for.

    Args:
        payload: The function's result.
        content_type: What the runtime says the result is.

    Raises:
        Malformed: It stands for none.
    """
    if content_type.startswith(PRELUDE):
        head, delimiter, body = payload.partition(DELIMITER)
        if not delimiter:
            raise Malformed("the prelude does not end")
        status, headers = prelude_of(head)
        return HttpResponse(status, headers, body)
    try:
        value = loads(payload)
    except ValueError as error:
        if content_type.startswith("application/json"):
            raise Malformed("not JSON") from error
        # A streamed response, buffered.
        return HttpResponse(200, [(b"content-type", _value(content_type))], payload)
    if isinstance(value, dict) and "statusCode" in value:
        status, headers = head_of(value)
        return HttpResponse(status, headers, body_of(value))
    body = value.encode("utf-8", "replace") if isinstance(value, str) else _compact(payload)
    return HttpResponse(200, [(b"content-type", b"application/json")], body)


def _compact(document: bytes) -> bytes:
    """Return JSON without the spaces between its tokens, as AWS sends it; all else stays."""
    return _TOKENS.sub(lambda match: match[1] or b"", document)


def loads_object(payload: bytes) -> dict[str, Any] | None:
    """Return a result that is a JSON object; None if it is something else."""
    try:
        value = loads(payload)
    except ValueError:
        return None
    return value if isinstance(value, dict) else None


def decoded(raw_path: str) -> str:
    """Return a path as functions of HTTP APIs see it: decoded, and cut at a "?" in it."""
    return unquote(raw_path).partition("?")[0] if "%" in raw_path else raw_path


def prelude_of(data: bytes) -> tuple[int, Headers]:
    """Return the status and headers a stream begins with.

    Raises:
        Malformed: It is no JSON object, or its members have wrong types.
    """
    try:
        value = loads(data)
    except ValueError as error:
        raise Malformed("the prelude is not JSON") from error
    if not isinstance(value, dict):
        raise Malformed("the prelude is not an object")
    return head_of({"statusCode": 200, **value}, default_type=b"application/octet-stream")


def loads(data: bytes) -> Any:
    """Return a document of JSON, or of what runtimes take for it.

    Raises:
        ValueError: It is none.
    """
    with suppress(ValueError):
        return orjson.loads(data)
    try:
        # Other runtimes write lone surrogates and NaN.
        return json.loads(data)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def head_of(
    value: dict[str, Any], default_type: bytes = b"application/json"
) -> tuple[int, Headers]:
    """Return the status and the headers of a result with a ``statusCode``.

    Raises:
        Malformed: They are none.
    """
    headers: Headers = []
    given = value.get("headers") or {}
    if not isinstance(given, dict):
        raise Malformed("headers is not an object")
    for name, item in given.items():
        if item is None:
            continue
        if not _NAME.fullmatch(name):
            raise Malformed(f"{name!r} is no header's name")
        lower = name.lower()
        wire = f"x-amzn-remapped-{lower}" if lower in _REMAPPED else lower
        headers.append((wire.encode(), _value(item)))
    cookies = value.get("cookies") or []
    if not isinstance(cookies, list):
        raise Malformed("cookies is not a list")
    headers += [(b"set-cookie", _value(cookie)) for cookie in cookies]
    if not any(name == b"content-type" for name, _ in headers):
        headers.append((b"content-type", default_type))
    return _status(value["statusCode"]), headers


def _status(value: Any) -> int:
    try:
        status = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise Malformed("statusCode is no number") from error
    if isinstance(value, bool) or not 200 <= status <= 599:
        raise Malformed(f"{value} is no status")
    return status


def _value(item: Any) -> bytes:
    """Return a header's value."""
    if isinstance(item, bool):
        item = "true" if item else "false"
    if not isinstance(item, (str, int, float)):
        raise Malformed("a header's value is no text")
    text = str(item)
    if _CONTROL.search(text):
        raise Malformed("a header's value has control characters")
    return text.encode("utf-8", "replace")


def body_of(value: dict[str, Any]) -> bytes:
    """Return the body of a result with a ``statusCode``.

    Raises:
        Malformed: It is no base64.
    """
    body = value.get("body")
    if body is None:
        return b""
    if not isinstance(body, str):
        return json.dumps(body, separators=(",", ":")).encode("utf-8", "replace")
    if value.get("isBase64Encoded") is True:
        try:
            return base64.b64decode(body, validate=True)
        except (binascii.Error, ValueError) as error:
            raise Malformed("body is not base64") from error
    return body.encode("utf-8", "replace")
