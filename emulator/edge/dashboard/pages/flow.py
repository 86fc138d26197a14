"""The flow: which resource sends events to which, drawn from left to right."""

from __future__ import annotations

from emulator.edge.dashboard.graph import MOST_BOXES, layout
from emulator.edge.dashboard.http import PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.services.context import Parts


async def flow(parts: Parts, request: PageRequest) -> PageResponse:
    """Show what is wired to what, with what waits."""
    found = await parts.table.flow()
    nodes, wires = found["nodes"], found["wires"]
    is_small = len(nodes) <= MOST_BOXES
    return PageResponse(
        render(
            "parts/flow.html" if request.wants_part else "flow.html",
            page="flow",
            flow=found,
            names={each["arn"]: f"{each['kind']} {each['name']}" for each in nodes},
            graph=layout(nodes, wires) if is_small and wires else None,
        )
    )
