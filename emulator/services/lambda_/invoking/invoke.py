"""Invoke, in its three types, and with a streamed response."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson

from emulator.invoke.streaming import StreamedInvocation
from emulator.model.arn import FunctionName, function_arn
from emulator.model.errors import AwsError
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.ids import new_trace_id
from emulator.model.invocation import Invocation
from emulator.model.limits import ASYNC_PAYLOAD, SYNC_PAYLOAD
from emulator.services.context import Context
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.functions import states
from emulator.services.lambda_.invoking import tenancy
from emulator.services.lambda_.json_text import check_json

Request = Mapping[str, Any]
Response = dict[str, Any]


async def invoke(ctx: Context, request: Request) -> Response:
    """Serve Invoke.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    kind = request.get("InvocationType", "RequestResponse")
    named, version, invocation = await _prepare(
        ctx, request, SYNC_PAYLOAD if kind != "Event" else ASYNC_PAYLOAD
    )
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        account = named.account or ctx.account
        await ctx.parts.asynchronous.submit(
            account, ctx.region, named.name, named.qualifier or LATEST, invocation
        )
        return {"StatusCode": 202, "Payload": b""}
    result = await ctx.parts.invoker.invoke(version, invocation)
    response: Response = {
        "StatusCode": 200,
        "ExecutedVersion": version.version,
        "Payload": result.payload,
    }
    if result.function_error:
        response["FunctionError"] = result.function_error
    if request.get("LogType") == "Tail":
        response["LogResult"] = base64.b64encode(result.log_tail()).decode()
    return response


async def invoke_with_response_stream(ctx: Context, request: Request) -> Response:
    """Serve InvokeWithResponseStream.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeWithResponseStream.html

    ``EventStream`` is an asynchronous generator of wire-shaped events.
    """
    _, version, invocation = await _prepare(ctx, request, SYNC_PAYLOAD)
    if request.get("InvocationType") == "DryRun":
        return {"StatusCode": 204}
    streamed = StreamedInvocation(ctx.parts.invoker, version, invocation)
    try:
        await streamed.begin()
    except BaseException:
        streamed.close()
        raise
    return {
        "StatusCode": 200,
        "ExecutedVersion": version.version,
        "EventStream": _events(streamed, tail=request.get("LogType") == "Tail"),
    }


async def _events(streamed: StreamedInvocation, *, tail: bool) -> AsyncGenerator[Response, None]:
    """Yield the events of one response: its chunks, then how it ended."""
    try:
        while (chunk := await streamed.chunk()) is not None:
            yield {"PayloadChunk": {"Payload": chunk}}
        result = await streamed.result()
        complete: Response = {}
        if result.function_error:
            complete["ErrorCode"] = result.function_error
            complete["ErrorDetails"] = result.payload.decode("utf-8", "replace")
        elif not streamed.streams and result.payload:
            yield {"PayloadChunk": {"Payload": result.payload}}
        if tail:
            complete["LogResult"] = base64.b64encode(result.log_tail()).decode()
        yield {"InvokeComplete": complete}
    finally:
        streamed.close()


async def _prepare(
    ctx: Context, request: Request, limit: int
) -> tuple[FunctionName, FunctionVersion, Invocation]:
    """Return what is to be invoked, and with what.

    Args:
        limit: Most bytes of payload.
    """
    payload: bytes = request.get("Payload") or b""
    _check_size(payload, limit)
    named = lookup.name_of(ctx, request)
    account = named.account or ctx.account
    qualifier = named.qualifier or LATEST
    version = ctx.parts.registry.resolve(account, ctx.region, named.name, qualifier)
    if payload:
        check_json(payload)
    tenant_id: str = request.get("TenantId") or ""
    tenancy.check(version, tenant_id)
    if named.qualifier == LATEST and version.managed is not None:
        raise invalid(
            "Functions configured with capacity provider configuration can't be invoked with "
            "$LATEST qualifier. To invoke this function, specify a published version qualifier or "
            "$LATEST.PUBLISHED."
        )
    version = await states.runnable(ctx.parts, version)
    invocation = Invocation(
        request_id=ctx.request_id,
        # An invoke without a payload gives the handler an empty object.
        payload=payload or b"{}",
        invoked_arn=function_arn(account, ctx.region, named.name, named.qualifier),
        trace_id=ctx.trace_id or new_trace_id(ctx.clock.now()),
        client_context=_client_context(request.get("ClientContext")),
        tenant_id=tenant_id,
    )
    ctx.headers = ((b"x-amzn-trace-id", invocation.trace_id.encode("latin-1", "replace")),)
    return named, version, invocation


async def invoke_async(ctx: Context, request: Request) -> Response:
    """Serve InvokeAsync, which AWS has deprecated.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_InvokeAsync.html
    """
    answer = await invoke(
        ctx,
        {
            "FunctionName": request["FunctionName"],
            "InvocationType": "Event",
            "Payload": request["InvokeArgs"],
        },
    )
    return {"Status": answer["StatusCode"]}


def _check_size(payload: bytes, limit: int) -> None:
    if len(payload) > limit:
        raise AwsError(
            "RequestEntityTooLargeException",
            f"Request must be smaller than {limit} bytes for the InvokeFunction operation",
            status=413,
            Type="User",
        )


def _client_context(header: str | None) -> str:
    """Return the client context as one line of JSON."""
    if not header:
        return ""
    try:
        value = orjson.loads(base64.b64decode(header, validate=True))
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return orjson.dumps(value).decode()
    except (binascii.Error, ValueError, TypeError) as error:  # what is too deep to write, too
        raise AwsError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
            Type="User",
        ) from error
