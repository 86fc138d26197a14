"""Message move tasks: dead letters on their way back, or to another queue."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Literal

Status = Literal["RUNNING", "COMPLETED", "CANCELLED", "FAILED"]


@dataclass(slots=True, kw_only=True, eq=False)
class MoveTask:
    """One StartMessageMoveTask. It ends with the process; what it did not move stays."""

    id: str
    #: The ARN of the queue it empties.
    source: str
    #: The ARN it moves to; None takes each message to the queue it came from.
    destination: str | None
    #: Messages a second; None does what it can.
    rate: int | None
    #: Seconds since the epoch.
    started_at: float
    #: How many messages there were at the start.
    total: int
    moved: int = 0
    status: Status = "RUNNING"
    #: Why it failed, e.g. "AWS.SimpleQueueService.NonExistentQueue".
    failure: str = ""
    runner: asyncio.Task[None] | None = field(default=None, repr=False)

    @property
    def active(self) -> bool:
        """Whether it still moves messages."""
        return self.status == "RUNNING"

    async def stop(self) -> None:
        """End it where it is."""
        if self.runner is not None and not self.runner.done():
            self.runner.cancel()
            await asyncio.gather(self.runner, return_exceptions=True)
