"""The admin API's view of executions: their states, joined with their functions' environments."""

from __future__ import annotations

import asyncio
from typing import Annotated, Any

from fastapi import FastAPI, HTTPException, Query, Response

from emulator.edge.admin.timeline import documents
from emulator.edge.admin.timeline.documents import Snapshot
from emulator.edge.admin.timeline.routes import known_snapshot
from emulator.edge.admin.views import PREFIX
from emulator.model.errors import AwsError
from emulator.services.context import Parts

_SERVICE = "stepfunctions"
#: Events of an execution that are looked at: the first ones.
_MOST_EVENTS = 5000


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(
        f"{PREFIX}/executions/timeline",
        summary="An execution's states in time",
        responses={404: {}},
    )
    async def timeline(execution: Annotated[str, Query()]) -> Response:
        """Return an execution's states, with the invocations and environments of their tasks."""
        import orjson

        try:
            found = await execution_timeline(parts, execution)
        except AwsError as error:
            raise HTTPException(404, error.message) from error
        return Response(orjson.dumps(found), media_type="application/json")


async def execution_timeline(parts: Parts, arn: str) -> dict[str, Any]:
    """Return an execution and its states in time: see docs/workflows.md.

    Raises:
        AwsError: There is no such execution.
    """
    names = arn.split(":")
    place = {"region": names[3], "account": names[4]} if len(names) > 5 else {}
    found = await parts.table.call(_SERVICE, "DescribeExecution", {"executionArn": arn}, **place)
    state = await parts.table.state(_SERVICE)
    states = await state.timeline(arn, _MOST_EVENTS)
    snapshot = await known_snapshot(parts)
    await asyncio.to_thread(_join, states, snapshot)
    return {"execution": found, "states": states}


def _join(states: list[dict[str, Any]], snapshot: Snapshot | None) -> None:
    """Put to each attempt of a task the invocation that it was, if that is still known."""
    attempts = [each for state in states for each in state["attempts"]]
    for each in attempts:
        each["invocation"] = None
    wanted = {each["request_id"]: each for each in attempts if each["request_id"]}
    if snapshot is None or not wanted:
        return
    for record in snapshot.invocations:
        if record.request_id in wanted:
            wanted[record.request_id]["invocation"] = documents.invocation(record, snapshot)
    for running in snapshot.running:
        if running["request_id"] in wanted:
            wanted[running["request_id"]]["invocation"] = running
