"""HTTP requests as events and results as HTTP responses: the payload format 1.0 of HTTP APIs.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from emulator.edge.http_fronts.exchange import Headers, HttpRequest, HttpResponse
from emulator.edge.http_fronts.payload_v2 import (
    HOP,
    Malformed,
    Route,
    body_of,
    clf_time,
    head_of,
    loads,
    text_of,
)

#: Headers whose names API Gateway writes itself; others stay as they were sent.
_WRITTEN = {
    "content-length": "Content-Length",
    "host": "Host",
    "user-agent": "User-Agent",
    "x-amzn-trace-id": "X-Amzn-Trace-Id",
    "x-forwarded-for": "X-Forwarded-For",
    "x-forwarded-port": "X-Forwarded-Port",
    "x-forwarded-proto": "X-Forwarded-Proto",
}
#: What an identity has that nobody has signed for.
_ANONYMOUS = (
    "accessKey",
    "accountId",
    "caller",
    "cognitoAuthenticationProvider",
    "cognitoAuthenticationType",
    "cognitoIdentityId",
    "cognitoIdentityPoolId",
    "principalOrgId",
)


def event_of(
    request: HttpRequest,
    route: Route,
    *,
    account: str,
    authorizer: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return the event a function gets for a request; see the payload 2.0."""
    many = headers_of(request)
    single = {name: values[-1] for name, values in many.items()}
    parameters: dict[str, list[str]] = {}
    for name, value in parse_qsl(request.query, keep_blank_values=True):
        parameters.setdefault(name, []).append(value)
    resource = route.key.partition(" ")[2] or route.key
    text = text_of(request.body, {name.lower(): value for name, value in single.items()})
    body = base64.b64encode(request.body).decode() if text is None else text or None
    return {
        "version": "1.0",
        "resource": resource,
        "path": route.path,
        "httpMethod": request.method,
        "headers": single,
        "multiValueHeaders": many,
        "queryStringParameters": {k: v[-1] for k, v in parameters.items()} or None,
        "multiValueQueryStringParameters": parameters or None,
        "requestContext": _context(request, route, account, authorizer, resource),
        "pathParameters": route.parameters or None,
        "stageVariables": route.variables or None,
        "body": body,
        "isBase64Encoded": text is None,
    }


def headers_of(request: HttpRequest) -> dict[str, list[str]]:
    """Return a request's headers with all their values, and those that API Gateway adds."""
    many: dict[str, list[str]] = {}
    for name, value in request.headers:
        if name not in HOP:
            many.setdefault(_WRITTEN.get(name, name), []).append(value)
    many["X-Forwarded-For"] = [request.source_ip]
    many["X-Forwarded-Port"] = [str(request.port)]
    many["X-Forwarded-Proto"] = [request.scheme]
    many["X-Amzn-Trace-Id"] = [request.trace_id.partition(";")[0]]
    return many


def _context(
    request: HttpRequest,
    route: Route,
    account: str,
    authorizer: Mapping[str, Any] | None,
    resource: str,
) -> dict[str, Any]:
    given = authorizer or {}
    signed: Mapping[str, Any] = given.get("iam") or {}
    identity: dict[str, Any] = {name: signed.get(name) for name in _ANONYMOUS}
    identity["caller"] = signed.get("callerId")
    identity |= {
        "sourceIp": request.source_ip,
        "user": signed.get("userId"),
        "userAgent": request.header("user-agent"),
        "userArn": signed.get("userArn"),
    }
    if "jwt" in given:
        shown: Mapping[str, Any] = given["jwt"]
    elif "lambda" in given:
        shown = given["lambda"] or {}
    else:
        shown = {"claims": None, "scopes": None}
    return {
        "accountId": account,
        "apiId": request.api_id,
        "authorizer": shown,
        "domainName": request.domain_name,
        "domainPrefix": request.domain_name.partition(".")[0],
        "extendedRequestId": route.request_id,
        "httpMethod": request.method,
        "identity": identity,
        "path": route.path,
        "protocol": f"HTTP/{request.http_version}",
        "requestId": route.request_id,
        "requestTime": clf_time(request.now),
        "requestTimeEpoch": int(request.now * 1000),
        "resourceId": route.key,
        "resourcePath": resource,
        "stage": route.stage,
    }


def response_of(payload: bytes, default_type: bytes) -> HttpResponse:
    """Return the HTTP response that a function's result stands for.

    Args:
        payload: The function's result.
        default_type: The content type of a response that names none.

    Raises:
        Malformed: It stands for none.
    """
    try:
        value = loads(payload)
    except ValueError as error:
        raise Malformed("not JSON") from error
    if not isinstance(value, dict) or value.get("statusCode") is None:
        raise Malformed("there is no statusCode")
    if value.get("body") is not None and not isinstance(value["body"], str):
        raise Malformed("body is no text")
    many = value.get("multiValueHeaders") or {}
    if not isinstance(many, dict) or not all(isinstance(each, list) for each in many.values()):
        raise Malformed("multiValueHeaders is no object of lists")
    own = value.get("headers") or {}
    if not isinstance(own, dict):
        raise Malformed("headers is not an object")
    lists = {name.lower() for name in many}
    plain = {name: each for name, each in own.items() if name.lower() not in lists}
    status, headers = head_of({"statusCode": value["statusCode"], "headers": plain}, b"")
    headers = [pair for pair in headers if pair != (b"content-type", b"")]
    headers += _listed(many)
    if all(name != b"content-type" for name, _ in headers):
        headers.append((b"content-type", default_type))
    return HttpResponse(status, headers, body_of(value))


def _listed(many: Mapping[str, list[Any]]) -> Headers:
    found: Headers = []
    for name, values in many.items():
        for value in values:
            one = head_of({"statusCode": 200, "headers": {name: value}}, b"")[1]
            found += [pair for pair in one if pair != (b"content-type", b"")]
    return found
