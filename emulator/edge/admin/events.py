"""The admin API's view of asynchronous events."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query

from emulator.edge.admin.views import PREFIX, EventsView, EventView, Replayed
from emulator.invoke.events import Event
from emulator.services.context import Parts

Limit = Annotated[int, Query(ge=1, le=1000)]


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""
    asynchronous = parts.asynchronous

    @app.get(f"{PREFIX}/events", summary="Asynchronous events that wait, run or have failed")
    async def events(function: str | None = None, limit: Limit = 100) -> EventsView:
        """List events of one function, by its name, or of all functions.

        The list has the next ``limit`` events that wait or run and the last ``limit`` that failed;
        the numbers count all.
        """
        backlogs = [
            each for each in asynchronous.backlogs() if _concerns(function, each.function_arn)
        ]
        failed = [each for each in asynchronous.failed() if _concerns(function, each.function_arn)]
        pending = await asynchronous.peek(limit, function)
        shown = [
            _view(each.event, each.function_arn, each.state, each.due_at)
            for each in pending[:limit]
        ]
        for each in failed[-limit:]:
            view = _view(each.event, each.function_arn, "failed", each.ended)
            shown.append(view.model_copy(update={"condition": each.condition, "error": each.error}))
        return EventsView(
            waiting=sum(each.waiting for each in backlogs),
            retrying=sum(each.retrying for each in backlogs),
            running=sum(each.running for each in backlogs),
            failed=len(failed),
            events=shown,
        )

    @app.post(f"{PREFIX}/events/replay", summary="Run failed events again", responses={404: {}})
    async def replay(request_id: str | None = None, function: str | None = None) -> Replayed:
        """Run the failed event of a request id, those of a function, or all failed events."""
        wanted = [
            each.event.request_id
            for each in asynchronous.failed()
            if request_id in (None, each.event.request_id)
            and _concerns(function, each.function_arn)
        ]
        if request_id is not None and not wanted:
            raise HTTPException(404, f"No failed event has the request id {request_id}.")
        return Replayed(replayed=[id for id in wanted if await asynchronous.replay(id)])


def _concerns(function: str | None, arn: str) -> bool:
    """Say whether an ARN is that of ``function``; None stands for all functions."""
    return function in (None, arn.rpartition(":")[2])


def _view(event: Event, arn: str, state: str, at: float) -> EventView:
    return EventView(
        request_id=event.request_id,
        function=arn.rpartition(":")[2],
        function_arn=arn,
        qualifier=event.qualifier,
        state=state,
        attempts=event.attempts,
        accepted=event.accepted,
        at=at,
        condition="",
        error="",
        payload=text(event.payload),
    )


def text(body: str | bytes) -> str:
    """Return a body as text, with marks for bytes that are none."""
    return body if isinstance(body, str) else body.decode("utf-8", "replace")
