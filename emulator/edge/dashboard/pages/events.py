"""Asynchronous events: those that wait, run, are tried again, and those that failed for good."""

from __future__ import annotations

from emulator.edge.dashboard.http import PageError, PageRequest, PageResponse
from emulator.edge.dashboard.rendering import render
from emulator.services.context import Parts

_SHOWN = 200


async def events(parts: Parts, request: PageRequest) -> PageResponse:
    """Show the events, newest failures first."""
    asynchronous = parts.asynchronous
    pending = await asynchronous.peek(_SHOWN)
    failed = list(reversed(asynchronous.failed()))
    name = "parts/events.html" if request.wants_part else "events.html"
    return PageResponse(
        render(
            name,
            page="events",
            backlogs=[each for each in asynchronous.backlogs() if _is_busy(each)],
            pending=pending[:_SHOWN],
            failed=failed[:_SHOWN],
            failed_count=len(failed),
            outcomes=dict(asynchronous.outcomes),
            now=parts.clock.now(),
        )
    )


def _is_busy(backlog: object) -> bool:
    return any(getattr(backlog, name) for name in ("waiting", "retrying", "running"))


async def replay(parts: Parts, request: PageRequest) -> PageResponse:
    """Run a failed event again, and show the events."""
    request_id = request.form.get("request_id", "")
    if not await parts.asynchronous.replay(request_id):
        raise PageError(404, f"No failed event has the request id {request_id}.")
    return await events(parts, request)
