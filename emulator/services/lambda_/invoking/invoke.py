"""Invoke, in its three types, and with a streamed response."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncGenerator, Mapping
from typing import Any

import orjson

from emulator.invoke.function_invoker import PreparedInvocation, payload_too_large
from emulator.invoke.streaming import StreamedInvocation
from emulator.model.arn import FunctionName
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.model.limits import ASYNC_PAYLOAD, SYNC_PAYLOAD
from emulator.services.context import Context
from emulator.services.lambda_ import lookup

Request = Mapping[str, Any]
Response = dict[str, Any]


async def invoke(ctx: Context, request: Request) -> Response:
    """Serve Invoke.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html
    """
    kind = request.get("InvocationType", "RequestResponse")
    named, prepared = await _prepare(
        ctx, request, SYNC_PAYLOAD if kind != "Event" else ASYNC_PAYLOAD
    )
    if kind == "DryRun":
        return {"StatusCode": 204}
    if kind == "Event":
        account = named.account or ctx.account
        await ctx.parts.asynchronous.submit(
            account, ctx.region, named.name, named.qualifier or LATEST, prepared.invocation
        )
        return {"StatusCode": 202, "Payload": b""}
    result = await ctx.parts.functions.invoke(prepared)
    response: Response = {
        "StatusCode": 200,
        "ExecutedVersion": prepared.version.version,
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
    _, prepared = await _prepare(ctx, request, SYNC_PAYLOAD)
    if request.get("InvocationType") == "DryRun":
        return {"StatusCode": 204}
    streamed = ctx.parts.functions.stream(prepared)
    try:
        await streamed.begin()
    except BaseException:
        streamed.close()
        raise
    return {
        "StatusCode": 200,
        "ExecutedVersion": prepared.version.version,
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
) -> tuple[FunctionName, PreparedInvocation]:
    """Return the name and the prepared invocation of a request.

    Args:
        ctx: The request's context.
        request: The request, by the names of the model's members.
        limit: The most bytes of payload.
    """
    payload: bytes = request.get("Payload") or b""
    if len(payload) > limit:  # before the name is looked at (recorded behaviour)
        raise payload_too_large(limit)
    named = lookup.name_of(ctx, request)
    prepared = await ctx.parts.functions.prepare(
        named.account or ctx.account,
        ctx.region,
        named.name,
        named.qualifier,
        payload,
        request_id=ctx.request_id,
        trace_id=ctx.trace_id,
        tenant_id=request.get("TenantId") or "",
        limit=limit,
    )
    invocation = prepared.invocation
    invocation.client_context = _client_context(request.get("ClientContext"))
    ctx.headers = ((b"x-amzn-trace-id", invocation.trace_id.encode("latin-1", "replace")),)
    return named, prepared


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


def _client_context(header: str | None) -> str:
    """Return the client context as one line of JSON."""
    if not header:
        return ""
    try:
        value = orjson.loads(base64.b64decode(header, validate=True))
        if not isinstance(value, dict):
            raise ValueError("not an object")
        return orjson.dumps(value).decode()
    except (
        binascii.Error,
        ValueError,
        TypeError,
    ) as error:  # also what is nested too deeply to be written
        raise AwsError(
            "InvalidRequestContentException",
            "Client context must be a valid Base64-encoded JSON object.",
            Type="User",
        ) from error
