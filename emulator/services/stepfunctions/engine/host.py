"""What the engine needs of others."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from emulator.services.stepfunctions.engine.events import Event
from emulator.services.stepfunctions.engine.execution import Execution, Thread


class Tasks(Protocol):
    """Does what tasks name."""

    def offer(self, activity: str, execution: int, thread: str, turn: int) -> None:
        """Have a worker take an activity's task."""
        ...

    async def run(self, execution: Execution, thread: Thread, turn: int) -> None:
        """Do a thread's task, and go on with its result."""
        ...

    def timed_out(self, execution: Execution, thread: Thread) -> None:
        """Go on with a task whose time is over."""
        ...


class Logs(Protocol):
    """Writes what happens to logs."""

    def add(self, execution: Execution, fresh: Sequence[Event], last: int) -> None:
        """Log events of an execution that were kept; ``last`` is the id of the last of them."""
        ...
