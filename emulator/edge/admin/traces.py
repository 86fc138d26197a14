"""The admin API's view of traces."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import FastAPI, HTTPException, Query
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.services.context import Parts
from emulator.telemetry.traces import waterfall


class TraceSummary(BaseModel):
    """A trace in a list."""

    id: str
    #: Seconds since the epoch.
    start: float
    duration_ms: float
    #: "ok", "error", "throttle" or "fault": the worst of its parts.
    status: str
    #: The service that it begins with, and what X-Ray calls that.
    name: str
    kind: str
    #: All services that took part, in order.
    services: list[str]
    segments: int
    #: Segments and subsegments.
    spans: int
    #: Other traces that it goes on with: messages of one batch.
    linked: list[str]


class SpanView(BaseModel):
    """A segment or a subsegment; times are milliseconds since the trace's first moment."""

    id: str
    parent_id: str | None
    #: How many are above it.
    depth: int
    name: str
    #: "AWS::Lambda", "AWS::DynamoDB::Table", "remote" and so on; "" for a part of its segment.
    kind: str
    is_segment: bool
    start_ms: float
    duration_ms: float
    in_progress: bool
    status: str
    #: An operation and its resource, a URL, an error.
    detail: str
    request_id: str | None
    annotations: dict[str, str | bool | int | float]


class TraceView(TraceSummary):
    """One trace."""

    rows: list[SpanView]


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/traces", summary="The latest traces")
    async def traces(
        limit: Annotated[int, Query(ge=1, le=1000)] = 20,
        function: str | None = None,
        account: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    ) -> list[TraceSummary]:
        """Return the latest traces, newest first; ``function``: those with a service so named."""
        store = await parts.tracing.loaded()
        found = await asyncio.to_thread(
            waterfall.listed, store, limit=limit, function=function, account=account
        )
        return [TraceSummary.model_validate(each) for each in found]

    @app.get(f"{PREFIX}/traces/{{id}}", summary="One trace", responses={404: {}})
    async def trace(id: str) -> TraceView:
        """Return a trace: by its id or the end of it, or by the request id of a call in it."""
        store = await parts.tracing.loaded()
        found = waterfall.find(store, id)
        if found is None:
            raise HTTPException(404, f"there is no trace {id}")
        summary = await asyncio.to_thread(waterfall.summary, found)
        rows = await asyncio.to_thread(waterfall.rows, found)
        return TraceView.model_validate({**summary, "rows": rows})
