"""Traces: the latest ones, and one of them in time."""

from __future__ import annotations

import asyncio

from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.services.context import Parts
from emulator.telemetry.traces import waterfall

#: Traces in the list.
_LATEST = 50
#: Pixels of the bars.
_WIDTH, _ROW = 480, 22


async def traces(parts: Parts, request: PageRequest) -> PageResponse:
    """List the latest traces; with a function's name, those in which it took part."""
    store = await parts.tracing.loaded()
    function = request.query.get("function") or None
    found = await asyncio.to_thread(waterfall.listed, store, limit=_LATEST, function=function)
    name = "parts/traces.html" if request.wants_part else "traces.html"
    return PageResponse(render(name, page="traces", traces=found, function=function or ""))


async def trace(parts: Parts, request: PageRequest) -> PageResponse:
    """Show one trace: by its id, or by the request id of a call in it."""
    store = await parts.tracing.loaded()
    id = request.path_values["id"]
    found = waterfall.find(store, id)
    if found is None:
        raise PageError(404, f"There is no trace {id}.")
    summary = await asyncio.to_thread(waterfall.summary, found)
    rows = await asyncio.to_thread(waterfall.rows, found)
    whole_ms = max(summary["duration_ms"], 0.001)
    bars = []
    for row in rows:
        start = min(_WIDTH - 2, int(row["start_ms"] / whole_ms * _WIDTH))
        end = int((row["start_ms"] + row["duration_ms"]) / whole_ms * _WIDTH)
        bars.append((row, start, max(2, min(end, _WIDTH) - start)))
    name = "parts/trace.html" if request.wants_part else "trace.html"
    return PageResponse(
        render(name, page="traces", trace=summary, bars=bars, width=_WIDTH, row=_ROW)
    )
