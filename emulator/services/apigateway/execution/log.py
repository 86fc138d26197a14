"""The execution's log, as TestInvokeMethod shows it (recorded 2025-08)."""

from __future__ import annotations

import time
from collections.abc import Mapping

from emulator.services.apigateway.execution.call import Answer, MethodCall, Pairs

#: The most characters of a body that the log shows.
LONGEST = 1024


def shown(pairs: Pairs | Mapping[str, str]) -> str:
    """Return names and values as Java prints a map."""
    items = pairs.items() if isinstance(pairs, Mapping) else pairs
    return "{" + ", ".join(f"{name}={value}" for name, value in items) + "}"


def cut(body: bytes | str) -> str:
    """Return a body as far as the log shows it."""
    text = body if isinstance(body, str) else body.decode("utf-8", "replace")
    return text if len(text) <= LONGEST else f"{text[:LONGEST]} [TRUNCATED]"


def request(call: MethodCall) -> None:
    """Tell of the request to the method."""
    if call.log is None:
        return
    call.say(f"Starting execution for request: {call.request_id}")
    call.say(f"HTTP Method: {call.http_method}, Resource Path: {call.resource['path']}")
    call.say(f"Method request path: {shown(call.path_parameters)}")
    call.say(f"Method request query string: {shown(call.query)}")
    call.say(f"Method request headers: {shown(call.headers)}")
    call.say(f"Method request body before transformations: {cut(call.body)}")


def endpoint_request(call: MethodCall, url: str, headers: Pairs, body: bytes | str) -> None:
    """Tell of the request to the integration."""
    if call.log is None:
        return
    sent = [
        ("x-amzn-apigateway-api-id", call.api_id),
        ("Accept", "application/json"),
        ("User-Agent", f"AmazonAPIGateway_{call.api_id}"),
        *headers,
    ]
    call.say(f"Endpoint request URI: {url}")
    call.say(f"Endpoint request headers: {shown(sent)}")
    call.say(f"Endpoint request body after transformations: {cut(body)}")
    call.say(f"Sending request to {url}")


def lambda_request(call: MethodCall, arn: str, body: bytes | str) -> None:
    """Tell of the request to a function."""
    if call.log is None:
        return
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(call.parts.clock.now()))
    url = f"https://lambda.{call.region}.amazonaws.com/2015-03-31/functions/{arn}/invocations"
    headers = (
        f"{{x-amzn-lambda-integration-tag={call.request_id}, Authorization={'*' * 32}, "
        f"X-Amz-Date={moment}, x-amzn-apigateway-api-id={call.api_id}, Accept=application/json, "
        f"User-Agent=AmazonAPIGateway_{call.api_id}, X-Amz-Security-Token={'*' * 16} [TRUNCATED]"
    )
    call.say(f"Endpoint request URI: {url}")
    call.say(f"Endpoint request headers: {headers}")
    call.say(f"Endpoint request body after transformations: {cut(body)}")
    call.say(f"Sending request to {url}")


def endpoint_reply(
    call: MethodCall, status: int, headers: Pairs, body: bytes, begun: float
) -> None:
    """Tell of the reply of the integration."""
    if call.log is None:
        return
    latency = int((call.parts.clock.monotonic() - begun) * 1000)
    call.say(f"Received response. Status: {status}, Integration latency: {latency} ms")
    call.say(f"Endpoint response headers: {shown(headers)}")
    call.say(f"Endpoint response body before transformations: {cut(body)}")


def lambda_reply(call: MethodCall, body: bytes, begun: float) -> None:
    """Tell of the answer of a function."""
    if call.log is None:
        return
    date = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(call.parts.clock.now()))
    headers = [
        ("Date", date),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))),
        ("Connection", "keep-alive"),
        ("x-amzn-RequestId", call.request_id),
        ("x-amzn-Remapped-Content-Length", "0"),
        ("X-Amz-Executed-Version", "$LATEST"),
        ("X-Amzn-Trace-Id", call.trace_id),
    ]
    endpoint_reply(call, 200, headers, body, begun)


def answer(call: MethodCall, made: Answer) -> None:
    """Tell of the method's answer."""
    if call.log is None:
        return
    call.say(f"Method response body after transformations: {cut(made.body)}")
    call.say(f"Method response headers: {shown(made.headers)}")
    call.say("Successfully completed execution")
    call.say(f"Method completed with status: {made.status}")
