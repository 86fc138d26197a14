"""Traces as they are read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from functools import partial
from typing import Any

import orjson

from emulator.services.context import Context, Request, Response
from emulator.services.xray import filters, graph, groups, state, statistics, summaries
from emulator.services.xray.errors import invalid
from emulator.services.xray.paging import page
from emulator.telemetry.traces import tree
from emulator.telemetry.traces.store import Trace

#: Traces of one call of BatchGetTraces.
_BATCH = 5
#: Seconds that GetTraceSummaries and the graphs look at in one call.
_LONGEST_S = 24 * 3600
#: Summaries of one page.
_PAGE = 100


async def batch_get_traces(ctx: Context, request: Request) -> Response:
    """Return traces with all their segments.

    https://docs.aws.amazon.com/xray/latest/api/API_BatchGetTraces.html
    """
    ids = list(dict.fromkeys(request["TraceIds"]))
    if len(ids) > _BATCH:
        raise invalid(f"The number of trace IDs must not exceed {_BATCH}.")
    found = await _named(ctx, ids)
    shown = await asyncio.to_thread(lambda: [_trace(each) for each in found])
    known = {each.id for each in found}
    return {"Traces": shown, "UnprocessedTraceIds": [id for id in ids if id not in known]}


def _trace(trace: Trace) -> dict[str, Any]:
    segments = tree.merge(trace.documents())
    start, end = summaries.span(segments)
    return {
        "Id": trace.id,
        "Duration": round(end - start, 3),
        "LimitExceeded": False,
        "Segments": [
            {"Id": each["id"], "Document": orjson.dumps(each).decode()} for each in segments
        ],
    }


async def get_trace_summaries(ctx: Context, request: Request) -> Response:
    """Find the traces of a span of time.

    https://docs.aws.amazon.com/xray/latest/api/API_GetTraceSummaries.html
    """
    chosen = filters.read(request.get("FilterExpression") or "", partial(groups.expression, ctx))
    start, end = _times(request)
    by = request.get("TimeRangeType") or "TraceId"
    traces = await _between(ctx, start, end, by)

    def work() -> list[dict[str, Any]]:
        every = (summaries.Summary(each) for each in traces)
        return [each.shown() for each in every if filters.matches(chosen, each)]

    every = await asyncio.to_thread(work)
    shown, token = page(every, request, _PAGE)
    return {
        "TraceSummaries": shown,
        "ApproximateTime": ctx.clock.now(),
        "TracesProcessedCount": len(traces),
        "NextToken": token,
    }


async def get_trace_graph(ctx: Context, request: Request) -> Response:
    """Return the services that took part in some traces.

    https://docs.aws.amazon.com/xray/latest/api/API_GetTraceGraph.html
    """
    found = await _named(ctx, request["TraceIds"])
    services = await asyncio.to_thread(
        lambda: graph.services([tree.build(tree.merge(each.documents())) for each in found])
    )
    shown, token = page(services, request)
    return {"Services": shown, "NextToken": token}


async def get_service_graph(ctx: Context, request: Request) -> Response:
    """Return the services that took part in the traces of a span of time.

    https://docs.aws.amazon.com/xray/latest/api/API_GetServiceGraph.html
    """
    start, end = _times(request)
    roots = await _roots(ctx, request, start, end)
    services = await asyncio.to_thread(graph.services, roots)
    shown, token = page(services, request)
    return {
        "StartTime": start,
        "EndTime": end,
        "Services": shown,
        "ContainsOldGroupVersions": False,
        "NextToken": token,
    }


async def get_time_series_service_statistics(ctx: Context, request: Request) -> Response:
    """Return what services did, minute by minute.

    https://docs.aws.amazon.com/xray/latest/api/API_GetTimeSeriesServiceStatistics.html
    """
    start, end = _times(request)
    period = request.get("Period") or 60
    if period not in (60, 300):
        raise invalid("Period must be 60 or 300 seconds.")
    selector = filters.read_entity(request.get("EntitySelectorExpression") or "")
    roots = await _roots(ctx, request, start, end)
    series = await asyncio.to_thread(statistics.series, roots, selector, period)
    shown, token = page(series, request)
    return {
        "TimeSeriesServiceStatistics": shown,
        "ContainsOldGroupVersions": False,
        "NextToken": token,
    }


def _times(request: Mapping[str, Any]) -> tuple[float, float]:
    """Return the span of time that a request is about.

    Raises:
        AwsError: It ends before it begins, or is too long.
    """
    start, end = _seconds(request["StartTime"]), _seconds(request["EndTime"])
    if end < start:
        raise invalid("Start time must be before end time.")
    if end - start > _LONGEST_S:
        raise invalid("Time range cannot be longer than 24 hours.")
    return start, end


def _seconds(value: Any) -> float:
    return float(value.timestamp()) if hasattr(value, "timestamp") else float(value)


async def _named(ctx: Context, ids: list[str]) -> list[Trace]:
    """Return those of the traces that there are, and that are the caller's."""
    store = await state.of(ctx).tracing.loaded()
    found = (store.find(id) for id in ids)
    place = (ctx.account, ctx.region)
    return [each for each in found if each is not None and place in each.places]


async def _between(ctx: Context, start: float, end: float, by: str = "TraceId") -> list[Trace]:
    """Return the caller's traces of a span of time, newest first."""
    store = await state.of(ctx).tracing.loaded()
    place = (ctx.account, ctx.region)
    found = [each for each in store.newest_first() if place in each.places]
    if by == "TraceId":
        # The id has whole seconds.
        return [each for each in found if int(start) <= int(each.id[2:10], 16) <= end]
    return [each for each in found if start <= each.touched <= end]


async def _roots(
    ctx: Context, request: Mapping[str, Any], start: float, end: float
) -> list[list[tree.Node]]:
    """Return the trees of the traces of a span of time that a group has, if one is named."""
    chosen = filters.read(groups.expression(ctx, request))
    traces = await _between(ctx, start, end)

    def work() -> list[list[tree.Node]]:
        every = (summaries.Summary(each) for each in traces)
        return [each.roots for each in every if filters.matches(chosen, each)]

    return await asyncio.to_thread(work)
