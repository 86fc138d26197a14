"""What all rooms of the engine share: its parts, the executions in memory, work beside them."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.services.stepfunctions.engine.execution import Execution
from emulator.services.stepfunctions.engine.host import Logs, Tasks
from emulator.services.stepfunctions.engine.interpreter import Interpreter
from emulator.services.stepfunctions.engine.journal import Journal
from emulator.services.stepfunctions.engine.timers import Due, Timers

if TYPE_CHECKING:
    from emulator.services.context import Parts

#: Seconds until the disk is asked again to take what it did not.
RETRY_COMMIT_S = 1.0
#: How much is worked out beside the loop at a time.
_BESIDE = 2
T = TypeVar("T")
Listener = Callable[[Execution], None]


class Room:
    """The floor of the engine's rooms.

    Args:
        parts: The emulator's.
        journal: Where executions are kept.

    Attributes:
        live: The executions in memory, by their ids.
        tasks: Does what tasks name.
        logs: Writes what happens to log groups.
        on_start: Called with each execution that has begun, once that is kept.
        on_end: Called with each that has ended, likewise.
        is_draining: The emulator is ending: what is not begun yet begins at the next start.
    """

    tasks: Tasks
    logs: Logs

    def __init__(self, parts: Parts, journal: Journal) -> None:
        self.parts, self.journal, self.clock = parts, journal, parts.clock
        self._scale: float = parts.settings.time_scale
        self.timers = Timers(parts.clock, self._wake)
        self.live: dict[int, Execution] = {}
        self.on_start: list[Listener] = []
        self.on_end: list[Listener] = []
        #: Tasks that run, by execution and thread.
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        self._chance = random.SystemRandom()
        self._is_closed = False
        self.is_draining = False
        self._beside: ThreadPoolExecutor | None = None

    def _wake(self, due: Due) -> None:
        raise NotImplementedError

    def _begin(self, execution: Execution, name: str, turn: int) -> None:
        raise NotImplementedError

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have ``work`` done in the background, until the engine is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    async def beside(self, work: Callable[[], T]) -> T:
        """Do what takes long, and waits for nothing, in a thread beside the loop."""
        if self._beside is None:
            self._beside = ThreadPoolExecutor(_BESIDE, "workflows")
        return await asyncio.get_running_loop().run_in_executor(self._beside, work)

    def _interpreter(self, execution: Execution) -> Interpreter:
        return Interpreter(execution, self.clock, self._chance, self.scale_of(execution))

    def scale_of(self, execution: Execution) -> float:
        """Return what waits and timeouts of an execution are divided by."""
        own: float | None = execution.body.get("scale")
        return own or self._scale

    def _cancel(self, execution: Execution) -> None:
        for thread in execution.threads:
            self._cancel_task(execution.id, thread)

    def _cancel_task(self, execution: int, thread: str) -> None:
        task = self._running.pop((execution, thread), None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()
