"""The admin API's view of messages in queues."""

from __future__ import annotations

from fastapi import FastAPI, HTTPException

from emulator.edge.admin.events import Limit, text
from emulator.edge.admin.views import PREFIX, MessageView
from emulator.services.context import Parts
from emulator.services.sqs.queues import Sqs


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/queues/messages", summary="Messages in a queue", responses={404: {}})
    async def messages(arn: str, limit: Limit = 10) -> list[MessageView]:
        """List the first ``limit`` messages in the queue's order, receivable or not.

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
                body=text(seen.body),
            )
            for seen in await queue.queue.peek(limit)
        ]
