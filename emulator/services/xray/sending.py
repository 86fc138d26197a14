"""Traces as they come in."""

from __future__ import annotations

from emulator.services.context import Context, Request, Response
from emulator.services.xray import state
from emulator.telemetry.traces import documents


async def put_trace_segments(ctx: Context, request: Request) -> Response:
    """Take segment documents.

    https://docs.aws.amazon.com/xray/latest/api/API_PutTraceSegments.html
    """
    taken, refused = [], []
    for text in request["TraceSegmentDocuments"]:
        try:
            taken.append((ctx.account, ctx.region, documents.read(text)))
        except documents.Refused as error:
            told = {"ErrorCode": error.code, "Message": str(error)}
            refused.append(told | ({"Id": error.id} if error.id else {}))
    if taken:
        state.of(ctx).tracing.tracer.take(taken)
    return {"UnprocessedTraceSegments": refused}


async def put_telemetry_records(ctx: Context, request: Request) -> Response:
    """Take what a daemon tells of itself.

    https://docs.aws.amazon.com/xray/latest/api/API_PutTelemetryRecords.html

    What a daemon tells of itself is for AWS's own use: no operation shows it.
    """
    return {}
