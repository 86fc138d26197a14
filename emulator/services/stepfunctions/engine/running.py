"""What goes on: tasks that begin once that is kept, times that are over, answers that come."""

from __future__ import annotations

import asyncio
import logging
from functools import partial
from typing import Any

from emulator.model.errors import StorageError
from emulator.services.stepfunctions.engine.events import Event
from emulator.services.stepfunctions.engine.execution import (
    ACTIVITY,
    DECIDING,
    READY,
    RETRY,
    TIMED_OUT,
    WAIT,
    Execution,
    Thread,
)
from emulator.services.stepfunctions.engine.keeping import Keeping
from emulator.services.stepfunctions.engine.questions import decision
from emulator.services.stepfunctions.engine.room import RETRY_COMMIT_S
from emulator.services.stepfunctions.engine.timers import Due
from emulator.workflows.effects import Effect, Fail
from emulator.workflows.frames import Moment

log = logging.getLogger(__name__)


class Running(Keeping):
    """What moves executions on."""

    def _begin(self, execution: Execution, name: str, turn: int) -> None:
        """Begin what a thread needs done, now that its need of it is kept."""
        thread = execution.threads.get(name)
        if thread is None or thread.turn != turn or execution.is_over:
            return
        if thread.kind == READY:
            asyncio.get_running_loop().call_soon(self._go_on, execution, name, turn)
            return
        if self.is_draining and not execution.is_express:
            return
        if thread.kind == ACTIVITY:
            self.tasks.offer(thread.task.resource.arn, execution.id, name, turn)
            return
        key = (execution.id, name)
        work = self._decide if thread.kind == DECIDING else self._run
        task = asyncio.get_running_loop().create_task(work(execution, thread, turn))
        self._running[key] = task

    async def _run(self, execution: Execution, thread: Thread, turn: int) -> None:
        try:
            while thread.turn == turn and not execution.is_over:
                try:
                    await self.tasks.run(execution, thread, turn)
                    return
                except StorageError as error:
                    self.parts.console.warn(f"{execution.arn} waits: {error}")
                    await self.clock.sleep(RETRY_COMMIT_S)
        except Exception as error:
            # An execution must not wait for ever for what a bug has ended.
            log.exception("%s of %s failed", thread.state.name, execution.arn)
            if thread.turn == turn and not execution.is_over:
                cause = f"{type(error).__name__}: {error}"
                self.fail(execution, thread, Fail("States.Runtime", cause))
        finally:
            key = (execution.id, thread.id)
            if self._running.get(key) is asyncio.current_task():
                del self._running[key]
                if execution.id in self.live and not execution.is_express:
                    self._let_go(execution)

    async def _decide(self, execution: Execution, thread: Thread, turn: int) -> None:
        """Decide what takes long in a thread of the machine, and go on with it."""
        question = thread.question
        assert question is not None
        moment = Moment(int(self.clock.now() * 1000), self._chance)
        effect: Effect
        try:
            effect = await self.beside(
                partial(decision, thread, question.step, question.subject, moment)
            )
        except Exception as error:
            log.exception("%s of %s failed", thread.state.name, execution.arn)
            effect = Fail("States.Runtime", f"{type(error).__name__}: {error}")
        self._running.pop((execution.id, thread.id), None)
        if thread.turn == turn and not execution.is_over and not self._is_closed:
            self._interpreter(execution).go_on_with(thread, effect)
            self._flush(execution)

    def _go_on(self, execution: Execution, name: str, turn: int) -> None:
        thread = execution.threads.get(name)
        if thread is None or thread.turn != turn or execution.is_over or self._is_closed:
            return
        self._interpreter(execution).go_on(thread)
        self._flush(execution)

    # -- times that are over -----------------------------------------------------------------------

    def _wake(self, due: Due) -> None:
        if due[1] in self.live:
            self._due(self.live[due[1]], due)
        elif due[1] > 0:
            self.spawn(self._load_due(due))

    async def _load_due(self, due: Due) -> None:
        execution = await self.load(due[1])
        if execution is not None:
            self._due(execution, due)

    def _due(self, execution: Execution, due: Due) -> None:
        """Do what a time that is over means for an execution."""
        due_ms, _, name, turn = due
        if execution.is_over:
            return
        if turn == -1:
            if execution.deadline_ms == due_ms:
                self._cancel(execution)
                self._interpreter(execution).end(TIMED_OUT, None, None)
                self._flush(execution)
            return
        thread = execution.threads.get(name)
        if thread is None or thread.turn != turn or thread.due_ms is None:
            return
        if thread.due_ms > due_ms:
            self.timers.add((thread.due_ms, execution.id, name, turn))
        elif thread.kind == WAIT:
            self._interpreter(execution).finish(thread, None)
            self._flush(execution)
        elif thread.kind == RETRY:
            self._go_on(execution, name, turn)
        else:
            self._cancel_task(execution.id, name)
            self.tasks.timed_out(execution, thread)

    # -- what tasks came to ------------------------------------------------------------------------

    def finish(self, execution: Execution, thread: Thread, result: Any, *more: Event) -> None:
        """Go on with a thread whose task has a result."""
        self._interpreter(execution).finish(thread, result, *more)
        self._flush(execution)

    def finish_map(self, execution: Execution, thread: Thread, outputs: Any) -> None:
        """Go on with a distributed Map whose children have ended."""
        self._interpreter(execution).finish_map(thread, outputs)
        self._flush(execution)

    def fail(self, execution: Execution, thread: Thread, failure: Fail, *more: Event) -> None:
        """Go on with a thread whose task has failed."""
        self._interpreter(execution).fail(thread, failure, *more)
        self._flush(execution)

    def rest(
        self, execution: Execution, thread: Thread, kind: str, *more: Event, keep: Any = None
    ) -> None:
        """Let a thread rest for something else than before; its turn and its time go on.

        Args:
            execution: The execution.
            thread: The thread.
            kind: What it rests for from now on.
            more: Events that say so.
            keep: What is needed to go on.
        """
        thread.kind = kind
        if keep is not None:
            thread.result = keep
        self._interpreter(execution).note(thread, *more)
        self._flush(execution)
