"""A turn of an execution: what is done in it at once, its events, and how its threads come to rest.

Events name the event before them as AWS does (recorded): an iteration that has succeeded is not the
previous event of what follows, and an evaluation that failed follows what was before its state.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from random import Random
from typing import Any

from emulator.model.clock import Clock
from emulator.services.stepfunctions.engine import events
from emulator.services.stepfunctions.engine.execution import (
    CHILDREN,
    DECIDING,
    DONE,
    FAILED,
    READY,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    Execution,
    Thread,
)
from emulator.workflows.frames import Moment
from emulator.workflows.program import Program
from emulator.workflows.quotas import HISTORY_EVENTS

log = logging.getLogger(__name__)

#: Seconds of one slice of time: others get their turn then.
_SLICE_S = 0.005
#: What is to be done: of which thread, the step, its arguments.
Work = tuple[Thread, Callable[..., None], tuple[Any, ...]]


class Turn:
    """Does steps of an execution one after the other, and notes what a commit has to keep.

    Args:
        execution: The execution.
        clock: The time.
        chance: Decides random numbers.
        scale: What waits and timeouts are divided by.
    """

    def __init__(
        self, execution: Execution, clock: Clock, chance: Random, scale: float = 1.0
    ) -> None:
        self._execution = execution
        self._clock = clock
        self._moment = Moment(int(clock.now() * 1000), chance, is_patient=False)
        self._scale = scale
        self._work: deque[Work] = deque()
        self._until_s = clock.monotonic() + _SLICE_S

    def run(self) -> None:
        """Do what there is to do; what is left after a slice of time is marked as ready."""
        execution = self._execution
        while self._work and execution.status == RUNNING:
            thread, step, arguments = self._work.popleft()
            try:
                step(thread, *arguments)
            except Exception as error:
                # An execution must not hang for a bug, nor end the emulator.
                log.exception("execution %s failed in %s", execution.arn, thread.state.name)
                self._fail_whole(f"{type(error).__name__}: {error}")
            if execution.events >= HISTORY_EVENTS - 1:
                self._too_long()
        self._work.clear()

    def _then(self, step: Callable[..., None], thread: Thread, *arguments: Any) -> None:
        self._work.append((thread, step, arguments))

    # -- threads and their rest -----------------------------------------------------------------

    def _new_thread(
        self, id: str, program: Program, variables: Any, item: dict[str, Any] | None, last: int
    ) -> Thread:
        execution = self._execution
        state = program.first
        frame = execution.frame(state, item, None, variables, entered_ms=self._moment.now_ms)
        thread = Thread(id=id, program=program, state=state, frame=frame, item=item, last=last)
        execution.add(thread)
        execution.gone.discard(id)
        execution.changed.add(id)
        return thread

    def _rest(self, thread: Thread, kind: str, due_ms: int | None = None) -> None:
        thread.kind, thread.due_ms = kind, due_ms
        if kind != DECIDING:
            thread.question = None
        thread.turn += 1
        self._execution.changed.add(thread.id)

    def _clear(self, thread: Thread) -> None:
        """Forget what a thread needed in the state that it leaves."""
        thread.effect, thread.token, thread.deadline_ms = None, "", None
        thread.result = thread.due_ms = None
        thread.kind = READY
        thread.turn += 1
        self._execution.changed.add(thread.id)

    def _after(self, seconds: float) -> int:
        """Return when a time from now is over, in milliseconds since the epoch."""
        return self._moment.now_ms + int(seconds * 1000 / self._scale)

    # -- events -----------------------------------------------------------------------------------

    def _event(self, previous: int, kind: str, details: dict[str, Any] | None) -> int:
        execution = self._execution
        execution.events += 1
        execution.fresh.append((previous, kind, self._moment.now_ms, details))
        return execution.events

    def _add(self, thread: Thread, more: tuple[events.Event, ...]) -> None:
        for _, kind, _, details in more:
            thread.last = self._event(thread.last, kind, details)

    def _last(self) -> int:
        """Return the last event of the thread that moved last."""
        execution = self._execution
        return max((each.last for each in execution.threads.values()), default=0)

    # -- ends -------------------------------------------------------------------------------------

    def _end(self, status: str, error: str | None, cause: str | None) -> None:
        execution = self._execution
        execution.status, execution.stopped_ms = status, self._moment.now_ms
        execution.deadline_ms = None
        execution.begin.clear()
        self._work.clear()
        if status == SUCCEEDED:
            execution.gone.update(execution.threads)
            execution.changed.clear()
            execution.threads.clear()
            execution.offspring.clear()
            return
        execution.body |= events.failure(error, cause)
        # A redrive goes on with them.
        for each in execution.threads.values():
            if each.kind not in (DONE, CHILDREN):
                self._rest(each, STOPPED)

    def _too_long(self) -> None:
        execution = self._execution
        if execution.status != RUNNING:
            return
        most = f"({HISTORY_EVENTS})"
        self._fail_whole(f"The execution reached the maximum number of history events {most}.")

    def _fail_whole(self, cause: str) -> None:
        """End the execution by what no state can catch."""
        details = events.failure("States.Runtime", cause)
        self._event(self._execution.events, "ExecutionFailed", details)
        self._end(FAILED, "States.Runtime", cause)
