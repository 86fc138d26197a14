"""HTTP requests as events of a load balancer, and results as its responses. Pure.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/lambda-functions.html
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from emulator.edge.http_fronts.exchange import HttpRequest, HttpResponse
from emulator.edge.http_fronts.payload_v2 import Malformed, body_of, head_of, loads_object

#: The most bytes of a request's body, and of a function's answer.
LARGEST = 1024 * 1024
_TEXT = ("text/", "application/json", "application/javascript", "application/xml")


def target_group_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of the target group that a function is in."""
    digest = hashlib.sha256(f"{account}/{region}/{name}".encode()).hexdigest()[:16]
    where = f"arn:aws:elasticloadbalancing:{region}:{account}"
    return f"{where}:targetgroup/{name[:32].strip('-')}/{digest}"


def event_of(request: HttpRequest, arn: str, *, multi_value: bool) -> dict[str, Any]:
    """Return the event a function gets for a request.

    Args:
        request: Its body has been read.
        arn: Of the target group.
        multi_value: Headers and parameters come with all their values, else with their last.
    """
    headers: dict[str, list[str]] = {}
    for name, value in request.headers:
        headers.setdefault(name, []).append(value)
    headers["x-amzn-trace-id"] = [request.trace_id.partition(";")[0]]
    headers["x-forwarded-for"] = [request.source_ip]
    headers["x-forwarded-port"] = [str(request.port)]
    headers["x-forwarded-proto"] = [request.scheme]
    text = _text(request.body, headers)
    event: dict[str, Any] = {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": request.method,
        "path": request.raw_path,
    }
    parameters = _parameters(request.query)
    if multi_value:
        event["multiValueQueryStringParameters"] = parameters
        event["multiValueHeaders"] = headers
    else:
        event["queryStringParameters"] = {name: each[-1] for name, each in parameters.items()}
        event["headers"] = {name: each[-1] for name, each in headers.items()}
    event["body"] = base64.b64encode(request.body).decode() if text is None else text
    event["isBase64Encoded"] = text is None
    return event


def health_event(arn: str, path: str, *, multi_value: bool) -> dict[str, Any]:
    """Return the event of a health check."""
    agent: dict[str, Any] = {"user-agent": "ELB-HealthChecker/2.0"}
    named: dict[str, Any] = {"queryStringParameters": {}, "headers": agent}
    if multi_value:
        named = {
            "multiValueQueryStringParameters": {},
            "multiValueHeaders": {name: [value] for name, value in agent.items()},
        }
    return {
        "requestContext": {"elb": {"targetGroupArn": arn}},
        "httpMethod": "GET",
        "path": path,
        **named,
        "body": "",
        "isBase64Encoded": False,
    }


def _parameters(query: str) -> dict[str, list[str]]:
    """Return the parameters of a query, still encoded: a load balancer decodes nothing."""
    found: dict[str, list[str]] = {}
    for pair in query.split("&"):
        if pair:
            name, _, value = pair.partition("=")
            found.setdefault(name, []).append(value)
    return found


def _text(body: bytes, headers: Mapping[str, list[str]]) -> str | None:
    """Return a body as text; None if it goes as base64."""
    if not body:
        return ""
    kind = headers.get("content-type", [""])[-1].lower()
    if "content-encoding" in headers or not kind.startswith(_TEXT):
        return None
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def response_of(payload: bytes, *, multi_value: bool) -> HttpResponse:
    """Return the HTTP response that a function's result stands for.

    Raises:
        Malformed: It stands for none.
    """
    value = loads_object(payload)
    if value is None or len(payload) > LARGEST:
        raise Malformed("the result is no object, or over 1 MB")
    status = value.get("statusCode")
    if isinstance(status, bool) or not isinstance(status, (int, str)):
        raise Malformed("there is no statusCode")
    if value.get("body") is not None and not isinstance(value["body"], str):
        raise Malformed("body is no text")
    member = "multiValueHeaders" if multi_value else "headers"
    given = value.get(member) or {}
    if not isinstance(given, dict):
        raise Malformed(f"{member} is no object")
    code, _ = head_of({"statusCode": status})
    headers = []
    for name, each in given.items():
        if multi_value and not isinstance(each, list):
            raise Malformed(f"{member} has a value that is no list")
        for one in each if multi_value else [each]:
            made = head_of({"statusCode": 200, "headers": {name: one}}, b"")[1]
            headers += [pair for pair in made if pair[1] or pair[0] != b"content-type"]
    if all(name != b"content-type" for name, _ in headers):
        headers.append((b"content-type", b"application/octet-stream"))
    return HttpResponse(code, headers, body_of(value))
