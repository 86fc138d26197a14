"""Methods and authorizers, tried without a deployment.

https://docs.aws.amazon.com/apigateway/latest/api/API_TestInvokeMethod.html
"""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

import orjson

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id, new_trace_id
from emulator.services.apigateway.authorizers import authorizer_of
from emulator.services.apigateway.deployments import snapshot
from emulator.services.apigateway.errors import bad_request
from emulator.services.apigateway.execution import backend
from emulator.services.apigateway.execution.call import GatewayFailure, MethodCall, Pairs
from emulator.services.apigateway.execution.method import run
from emulator.services.apigateway.execution.payload import multiple
from emulator.services.apigateway.methods import At
from emulator.services.apigateway.state import api_of
from emulator.services.context import Context, Request, Response

STAGE = "test-invoke-stage"


class _Log(list[str]):
    """Lines with the time in front, as API Gateway writes them."""

    def __init__(self, ctx: Context) -> None:
        super().__init__()
        self._clock = ctx.clock

    def append(self, line: str) -> None:
        moment = time.strftime("%a %b %d %H:%M:%S UTC %Y", time.gmtime(self._clock.now()))
        super().append(f"{moment} : {line}")


def _headers(request: Request) -> Pairs:
    several = request.get("multiValueHeaders") or {}
    pairs = [(name, value) for name, values in several.items() for value in values]
    single = request.get("headers") or {}
    return pairs + [(k, v) for k, v in single.items() if k not in several]


def _call(
    ctx: Context,
    request: Request,
    api: Mapping[str, Any],
    resource: Mapping[str, Any],
    method: Mapping[str, Any],
) -> MethodCall:
    path, _, query = (request.get("pathWithQueryString") or resource["path"]).partition("?")
    request_id, now = new_request_id(), ctx.clock.now()
    http_method = str(request.get("httpMethod") or "GET").upper()
    headers = _headers(request)
    context = {
        "accountId": ctx.account,
        "apiId": api["api"]["id"],
        "domainName": "testPrefix.testDomainName",
        "domainPrefix": "testPrefix",
        "extendedRequestId": request_id,
        "httpMethod": http_method,
        "identity": {
            "accessKey": ctx.account,
            "accountId": ctx.account,
            "apiKey": "test-invoke-api-key",
            "apiKeyId": "test-invoke-api-key-id",
            "caller": ctx.account,
            "sourceIp": "test-invoke-source-ip",
            "user": ctx.account,
            "userAgent": ctx.user_agent or None,
            "userArn": f"arn:aws:iam::{ctx.account}:root",
        },
        "path": resource["path"],
        "protocol": "HTTP/1.1",
        "requestId": request_id,
        "requestTime": time.strftime("%d/%b/%Y:%H:%M:%S +0000", time.gmtime(now)),
        "requestTimeEpoch": int(now * 1000),
        "resourceId": resource["id"],
        "resourcePath": resource["path"],
        "stage": STAGE,
    }
    return MethodCall(
        parts=ctx.parts,
        account=ctx.account,
        region=ctx.region,
        api_id=api["api"]["id"],
        snapshot=snapshot(api),
        resource=resource,
        method=method,
        http_method=http_method,
        path=path,
        path_parameters=_variables(resource["path"], path),
        query=parse_qsl(query, keep_blank_values=True),
        headers=headers,
        body=(request.get("body") or "").encode("utf-8", "surrogatepass"),
        is_binary=False,
        stage_variables=dict(request.get("stageVariables") or {}),
        context=context,
        trace_id=new_trace_id(now),
        request_id=request_id,
        log=_Log(ctx),
    )


def _variables(template: str, path: str) -> dict[str, str]:
    """Return the variables of a resource's path in a path."""
    names = [each for each in template.split("/") if each]
    parts = [each for each in path.split("/") if each]
    found = {}
    for number, name in enumerate(names):
        if name.endswith("+}"):
            found[name[1:-2]] = "/".join(parts[number:])
        elif name.startswith("{") and number < len(parts):
            found[name[1:-1]] = parts[number]
    return found


async def test_invoke_method(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_TestInvokeMethod.html."""
    at = At(ctx, request)
    call = _call(ctx, request, at.api, at.resource, at.method)
    begun = ctx.clock.monotonic()
    try:
        made = await run(call)
    except GatewayFailure as failure:
        status = int(failure.status or 500)
        call.say(f"Method completed with status: {status}")
        body = json.dumps({"message": failure.message}).encode()
        headers: Pairs = [("x-amzn-ErrorType", failure.error)]
    else:
        status, headers, body = made.status, made.headers, made.body
        if made.stream is not None:
            while (chunk := await made.stream.chunk()) is not None:
                body += chunk
            made.stream.close()
    shown = multiple(headers)
    lines = [f"Execution log for request {call.request_id}", *(call.log or ())]
    return {
        "status": status,
        "body": body.decode("utf-8", "replace"),
        "headers": {name: values[-1] for name, values in shown.items()},
        "multiValueHeaders": shown,
        "log": "\n".join(lines) + "\n",
        "latency": int((ctx.clock.monotonic() - begun) * 1000),
    }


async def test_invoke_authorizer(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_TestInvokeAuthorizer.html."""
    api = api_of(ctx, request["restApiId"])
    authorizer = authorizer_of(api, request["authorizerId"])
    if authorizer["type"] not in ("TOKEN", "REQUEST"):
        raise bad_request("localfaas tests authorizers of the types TOKEN and REQUEST only.")
    root = api["resources"][api["api"]["rootResourceId"]]
    call = _call(ctx, request, api, root, {"httpMethod": "GET"})
    target = backend.function_of(authorizer.get("authorizerUri") or "", call)
    if target is None:
        raise bad_request("The authorizer's URI names no function.")
    arn = f"arn:aws:execute-api:{ctx.region}:{ctx.account}:{call.api_id}/{STAGE}/GET/"
    event: dict[str, Any] = {"type": authorizer["type"], "methodArn": arn}
    if authorizer["type"] == "TOKEN":
        name = (authorizer.get("identitySource") or "").rpartition(".")[2] or "Authorization"
        event["authorizationToken"] = call.header(name)
    else:
        from emulator.services.apigateway.execution.payload import event_of

        event |= event_of(call)
    begun = ctx.clock.monotonic()
    answer: Any = None
    try:
        prepared = await backend.prepare(call, target, orjson.dumps(event))
        result = await ctx.parts.functions.invoke(prepared)
        answer = None if result.function_error else orjson.loads(result.payload)
    except (GatewayFailure, AwsError, orjson.JSONDecodeError) as error:
        call.say(f"Execution failed: {error}")
    latency = int((ctx.clock.monotonic() - begun) * 1000)
    shown = {"log": "\n".join(call.log or ()) + "\n", "latency": latency}
    if not isinstance(answer, dict) or not isinstance(answer.get("policyDocument"), dict):
        return {**shown, "clientStatus": 500 if answer is not None else 401}
    held = answer.get("context")
    held = held if isinstance(held, dict) else {}
    return {
        **shown,
        "clientStatus": 0,
        "principalId": str(answer.get("principalId") or ""),
        "policy": json.dumps(answer["policyDocument"]),
        "authorization": {},
        "claims": {},
        **({"authorization": {k: [str(v)] for k, v in held.items()}} if held else {}),
    }
