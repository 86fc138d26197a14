"""The pages that the browser draws from the admin API: lanes, comparison, one invocation."""

from __future__ import annotations

from emulator.edge.dashboard.http import PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.services.context import Parts


async def timeline(parts: Parts, request: PageRequest) -> PageResponse:
    """Show the lanes of all environments."""
    functions = sorted({each.name for each in parts.registry.all()})
    return PageResponse(
        render(
            "timeline.html",
            page="timeline",
            archive=False,
            functions=functions,
            endpoint=request.endpoint,
        )
    )


async def compare(parts: Parts, request: PageRequest) -> PageResponse:
    """Show two windows on one scale."""
    return PageResponse(render("compare.html", page="timeline"))


async def invocation(parts: Parts, request: PageRequest) -> PageResponse:
    """Show one invocation."""
    request_id = request.path_values["id"]
    is_traced = parts.tracing.has_request(request_id)
    return PageResponse(
        render("invocation.html", page="timeline", request_id=request_id, is_traced=is_traced)
    )
