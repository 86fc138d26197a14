"""The admin API's view of what waits: asynchronous events, and messages in queues."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, HTTPException, Query

from emulator.edge.admin.views import PREFIX, EventsView, EventView, MessageView, Replayed
from emulator.invoke.events import Event
from emulator.services.context import Parts
from emulator.services.sqs.queues import Sqs

Limit = Annotated[int, Query(ge=1, le=1000)]


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""
    asynchronous = parts.asynchronous

    @app.get(f"{PREFIX}/events", summary="Asynchronous events that have not ended well")
    async def events(function: str | None = None, limit: Limit = 100) -> EventsView:
        """Show the asynchronous events of one function, or of all.

        The first ``limit`` that wait, and the last that failed; the counts are of all.
        """
        backlogs = [each for each in asynchronous.backlogs() if _is(function, each.function_arn)]
        failed = [each for each in asynchronous.failed() if _is(function, each.function_arn)]
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
        """One by its request id, those of a function by its name, or all there are."""
        wanted = [
            each.event.request_id
            for each in asynchronous.failed()
            if request_id in (None, each.event.request_id) and _is(function, each.function_arn)
        ]
        if request_id is not None and not wanted:
            raise HTTPException(404, f"No failed event has the request id {request_id}.")
        return Replayed(replayed=[id for id in wanted if await asynchronous.replay(id)])

    @app.get(
        f"{PREFIX}/queues/messages", summary="Messages in a queue, unreceived", responses={404: {}}
    )
    async def messages(arn: str, limit: Limit = 10) -> list[MessageView]:
        """Show the first ``limit`` messages in the queue's order, receivable or not.

        Looking changes nothing: no receive is counted, and no message becomes invisible.
        """
        sqs: Sqs = await parts.table.state("sqs")
        queue = sqs.by_arn(arn)
        if queue is None:
            raise HTTPException(404, f"There is no queue {arn}.")
        return [
            MessageView(
                message_id=seen.message_id,
                state=seen.state,
                sent=seen.sent_at,
                visible_at=seen.visible_at,
                receive_count=seen.receive_count,
                group=seen.group,
                source=seen.source,
                body=_text(seen.body),
            )
            for seen in await queue.queue.peek(limit)
        ]


def _is(function: str | None, arn: str) -> bool:
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
        payload=_text(event.payload),
    )


def _text(body: str | bytes) -> str:
    return body if isinstance(body, str) else body.decode("utf-8", "replace")
