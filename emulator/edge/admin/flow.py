"""The admin API's view of what is wired to what."""

from __future__ import annotations

from typing import Annotated

from fastapi import FastAPI, Query
from pydantic import BaseModel

from emulator.edge.admin.views import PREFIX
from emulator.services.context import Parts


class NodeView(BaseModel):
    """A resource that sends or gets events."""

    #: An ARN or a URL.
    arn: str
    #: "queue", "function", "topic" and so on.
    kind: str
    name: str
    #: Events that wait at it, that wait to be tried again, and dead letters in it.
    waiting: int
    retrying: int
    dead: int


class WireView(BaseModel):
    """Events of one resource that go to another."""

    source: str
    target: str
    #: "subscription", "rule", "schedule", "pipe", "mapping" and so on.
    by: str
    name: str
    #: Which events, or when.
    note: str
    is_on: bool
    #: Deliveries on their way that have not failed yet, and that have.
    waiting: int
    retrying: int
    #: The ARN of the queue for what can't be delivered; "" for none.
    dead_letters: str


class FlowView(BaseModel):
    """What is wired to what."""

    nodes: list[NodeView]
    wires: list[WireView]
    waiting: int
    retrying: int
    dead: int


def add(app: FastAPI, parts: Parts) -> None:
    """Add the routes."""

    @app.get(f"{PREFIX}/flow", summary="What is wired to what")
    async def flow(
        account: Annotated[str | None, Query(pattern=r"^\d{12}$")] = None,
    ) -> FlowView:
        """Return the wires between topics, buses, schedules, pipes, queues, buckets, functions."""
        return FlowView.model_validate(await parts.table.flow(account))
