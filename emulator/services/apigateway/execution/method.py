"""Runs a method: its integration, and the time that it may take.

https://docs.aws.amazon.com/apigateway/latest/developerguide/how-to-integration-settings.html
"""

from __future__ import annotations

import json
from collections.abc import Coroutine
from typing import Any
from urllib.parse import quote, urlencode

import orjson

from emulator.invoke.within import TimedOut, within
from emulator.model.errors import AwsError
from emulator.services.apigateway.execution import (
    backend,
    log,
    mapping,
    payload,
    remapping,
    streaming,
)
from emulator.services.apigateway.execution.call import Answer, MethodCall, Pairs, internal


async def run(call: MethodCall, *, wants_binary: bool = False) -> Answer:
    """Return what a method answers.

    Args:
        call: The request.
        wants_binary: The client accepts a type that is answered as bytes.

    Raises:
        GatewayFailure: The gateway answers itself.
    """
    log.request(call)
    if "methodIntegration" not in call.method:
        raise internal()
    made = await _integrated(call, wants_binary)
    log.answer(call, made)
    return made


async def _integrated(call: MethodCall, wants_binary: bool) -> Answer:
    kind = call.integration["type"]
    if kind == "MOCK":
        return await _mock(call)
    work = {
        "AWS_PROXY": _aws_proxy,
        "AWS": _aws,
        "HTTP_PROXY": _http_proxy,
        "HTTP": _http,
    }[kind]
    seconds = call.integration.get("timeoutInMillis", 29_000) / 1000
    clock = call.parts.clock
    begun = clock.monotonic()
    try:
        return await _within(call, seconds, work(call, wants_binary))
    finally:
        call.integration_latency_ms = int((clock.monotonic() - begun) * 1000)


async def _within(call: MethodCall, seconds: float, work: Coroutine[Any, Any, Answer]) -> Answer:
    """Return what ``work`` returns within its time; a function that is late goes on for nobody.

    Raises:
        GatewayFailure: It takes longer.
    """
    try:
        return await within(call.parts.clock, seconds, work, on_late=_close)
    except TimedOut:
        call.say(f"Execution failed due to a timeout error after {seconds:g} s")
        raise backend.timed_out() from None


def _close(answer: Answer) -> None:
    if answer.stream is not None:
        answer.stream.close()


# --- MOCK --------------------------------------------------------------------------------------


async def _mock(call: MethodCall) -> Answer:
    """Answer by the status that the request template says."""
    mapped = await mapping.request_of(call, refused=frozenset())
    try:
        said = json.loads(_lenient(mapped.body.decode("utf-8", "replace")))
        status = int(said["statusCode"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        call.say("Execution failed due to configuration error: Unable to parse statusCode. "
                 "It should be an integer that is defined in the request template.")  # fmt: skip
        raise internal() from error
    reply = backend.Reply(status, [], b"", str(status))
    return await mapping.response_of(call, reply, wants_binary=False)


def _lenient(text: str) -> str:
    """Return JSON of what a mock template may be: names without quotes, commas too many."""
    import re

    if not text.strip():
        return "{}"
    try:
        json.loads(text)
    except ValueError:
        text = re.sub(r"([{,]\s*)([A-Za-z_]\w*)(\s*:)", r'\1"\2"\3', text.replace("'", '"'))
        text = re.sub(r",(\s*[}\]])", r"\1", text)
    return text


# --- Lambda ------------------------------------------------------------------------------------


async def _aws_proxy(call: MethodCall, wants_binary: bool) -> Answer:
    target = backend.function_of(call.integration.get("uri") or "", call)
    if target is None:
        raise internal()
    event = payload.event_of(call)
    content = orjson.dumps(event)
    log.lambda_request(call, target.arn, content)
    begun = call.parts.clock.monotonic()
    prepared = await backend.prepare(call, target, content)
    if target.streams or call.integration.get("responseTransferMode") == "STREAM":
        return await streaming.begin(call, prepared)
    try:
        result = await call.parts.functions.invoke(prepared)
    except AwsError as error:
        raise backend.of_lambda(call, error) from error
    log.lambda_reply(call, result.payload, begun)
    call.integration_status = 200
    if result.function_error:
        call.say("Lambda execution failed with status 200 due to customer function error")
        raise internal("INTEGRATION_FAILURE", status=502)
    try:
        answer = payload.answer_of(result.payload, wants_binary=wants_binary)
    except payload.Malformed as error:
        call.say("Execution failed due to configuration error: Malformed Lambda proxy response")
        raise internal("INTEGRATION_FAILURE", status=502) from error
    return _traced(call, _typed(answer))


def _typed(answer: Answer) -> Answer:
    headers = remapping.of_response(answer.headers)
    if all(name.lower() != "content-type" for name, _ in headers):
        headers.append(("Content-Type", "application/json"))
    answer.headers = headers
    return answer


def _traced(call: MethodCall, answer: Answer) -> Answer:
    """Add the trace of a function to its answer, as AWS does for functions alone (recorded)."""
    answer.headers.insert(0, ("X-Amzn-Trace-Id", call.trace_id))
    return answer


async def _aws(call: MethodCall, wants_binary: bool) -> Answer:
    uri = call.integration.get("uri") or ""
    mapped = await mapping.request_of(call, refused=remapping.REFUSED_AWS)
    target = backend.function_of(uri, call)
    if target is not None:
        headers = {name.lower(): value for name, value in mapped.headers}
        body = mapped.body.decode("utf-8", "replace") or "{}"
        if not _is_json(body):
            raise internal("INTEGRATION_FAILURE", status=500)
        log.lambda_request(call, target.arn, mapped.body)
        begun = call.parts.clock.monotonic()
        reply = await backend.invoke(call, target, body, headers)
        log.lambda_reply(call, reply.body, begun)
        call.integration_status = reply.status
        return _traced(call, await mapping.response_of(call, reply, wants_binary=wants_binary))
    method = call.integration.get("httpMethod") or "POST"
    if method == "ANY":
        method = call.http_method
    log.endpoint_request(call, uri, mapped.headers, mapped.body)
    begun = call.parts.clock.monotonic()
    reply = await backend.aws(
        call, uri, method, mapped.path, mapped.query, mapped.headers, mapped.body
    )
    log.endpoint_reply(call, reply.status, reply.headers, reply.body, begun)
    call.integration_status = reply.status
    return await mapping.response_of(call, reply, wants_binary=wants_binary)


def _is_json(text: str) -> bool:
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError:
        return False
    return True


# --- HTTP --------------------------------------------------------------------------------------


def _seconds(call: MethodCall) -> float:
    return float(call.integration.get("timeoutInMillis", 29_000)) / 1000


def _url(call: MethodCall, path: dict[str, str], query: Pairs) -> str:
    uri = backend.with_variables(call.integration.get("uri") or "", call.stage_variables)
    encoded = {name: quote(value, safe="/%:@!$&'()*+,;=~") for name, value in path.items()}
    url = backend.filled(uri, encoded)
    if query:
        url += ("&" if "?" in url else "?") + urlencode(query)
    return url


def _method(call: MethodCall) -> str:
    method = call.integration.get("httpMethod") or "ANY"
    return call.http_method if method == "ANY" else str(method)


def _gateway_headers(call: MethodCall) -> Pairs:
    return [("x-amzn-apigateway-api-id", call.api_id), ("X-Amzn-Trace-Id", call.trace_id)]


async def _sent(call: MethodCall, url: str, headers: Pairs, body: bytes) -> backend.Reply:
    log.endpoint_request(call, url, headers, body)
    begun = call.parts.clock.monotonic()
    reply = await backend.http(call, _method(call), url, headers, body, _seconds(call))
    log.endpoint_reply(call, reply.status, reply.headers, reply.body, begun)
    call.integration_status = reply.status
    return reply


async def _http(call: MethodCall, wants_binary: bool) -> Answer:
    mapped = await mapping.request_of(call, refused=remapping.REFUSED_HTTP)
    headers = mapped.headers
    names = {name.lower() for name, _ in headers}
    for name, value in (
        ("Accept", "application/json"),
        ("User-Agent", f"AmazonAPIGateway_{call.api_id}"),
        ("Content-Type", call.header("content-type") or "application/json"),
    ):
        if name.lower() not in names:
            headers.append((name, value))
    headers += _gateway_headers(call)
    url = _url(call, mapped.path, mapped.query)
    reply = await _sent(call, url, headers, mapped.body)
    return await mapping.response_of(call, reply, wants_binary=wants_binary)


async def _http_proxy(call: MethodCall, wants_binary: bool) -> Answer:
    mapped = mapping.parameters_of(call, refused=remapping.REFUSED_HTTP)
    replaced = {name.lower() for name, _ in mapped.headers}
    passed = [
        (name, value)
        for name, value in call.headers
        if name.lower() not in remapping.NOT_PASSED_ON and name.lower() not in replaced
    ]
    named = {name for name, _ in mapped.query}
    query = [(name, value) for name, value in call.query if name not in named] + mapped.query
    path = {**call.path_parameters, **mapped.path}
    headers = [*passed, *mapped.headers, *_gateway_headers(call)]
    url = _url(call, path, query)
    if call.integration.get("responseTransferMode") == "STREAM":
        return await streaming.begin_http(call, _method(call), url, headers)
    reply = await _sent(call, url, headers, call.body)
    return Answer(
        status=reply.status, headers=remapping.of_response(reply.headers), body=reply.body
    )
