"""Carries out what a workflow decides, up to where an execution has to wait.

Nothing here waits, reads or writes: it changes an :class:`Execution` in memory, adds events to it
and marks what a commit has to keep. What has to be *done* (a task) is begun by the engine once that
commit is on the disk. ``turn.py`` has what every step needs, ``waits.py`` and ``branches.py`` what
threads rest for, ``questions.py`` what takes long to decide.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.services.stepfunctions.engine import events
from emulator.services.stepfunctions.engine.branches import Branches
from emulator.services.stepfunctions.engine.events import NOT_TRUNCATED, text_of
from emulator.services.stepfunctions.engine.execution import (
    ABORTED,
    CHILDREN,
    DONE,
    FAILED,
    MAP_RUN,
    READY,
    RETRY,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    Thread,
)
from emulator.services.stepfunctions.engine.waits import Waits
from emulator.workflows.effects import (
    Effect,
    Fail,
    Fork,
    GoOn,
    Iterate,
    Retry,
    RunTask,
    Succeed,
    Wait,
)
from emulator.workflows.frames import assign
from emulator.workflows.program import State


class Interpreter(Branches, Waits):
    """Moves one execution on; see :class:`.Turn` for its arguments."""

    # -- what happens to an execution ------------------------------------------------------------

    def start(self) -> None:
        """Begin it."""
        execution = self._execution
        details: dict[str, Any] = {
            "input": execution.body["input"],
            "inputDetails": NOT_TRUNCATED,
            "roleArn": execution.revision["roleArn"],
        }
        for name in ("alias", "version"):
            if execution.body.get(name):
                details[f"stateMachine{name.capitalize()}Arn"] = execution.body[name]
        self._event(0, "ExecutionStarted", details)
        root = self._new_thread("", execution.program, {}, None, 0)
        # The first state is shown the input as it was written.
        text = execution.body["input"]
        self._then(self._enter, root, execution.program.first, execution.input, text)
        self.run()

    def go_on(self, thread: Thread) -> None:
        """Go on with a thread that used up its slice of time, or waits for its next attempt."""
        if thread.kind == READY:
            self._then(self._enter, thread, thread.state, thread.frame.input)
        else:
            self._then(self._attempt, thread)
        self.run()

    def finish(self, thread: Thread, result: Any, *more: events.Event) -> None:
        """Go on with a thread whose work has a result.

        Args:
            thread: The thread.
            result: The result.
            more: The events that say so; those of its end come after.
        """
        self._add(thread, more)
        self._then(self._leave, thread, result)
        self.run()

    def fail(self, thread: Thread, failure: Fail, *more: events.Event) -> None:
        """Go on with a thread whose work has failed; see :meth:`finish`."""
        self._add(thread, more)
        self._then(self._failed, thread, failure)
        self.run()

    def finish_map(self, thread: Thread, outputs: Any) -> None:
        """Go on with a distributed Map whose children have ended."""
        ran = self._event(thread.last, "MapRunSucceeded", None)
        self._event(ran, "MapStateSucceeded", None)
        self._then(self._leave, thread, outputs)
        self.run()

    def note(self, thread: Thread, *more: events.Event) -> None:
        """Add events to a thread that goes on resting."""
        self._add(thread, more)
        self._execution.changed.add(thread.id)

    def end(self, status: str, error: str | None, cause: str | None) -> None:
        """End the execution from outside: it is stopped, or its time is over."""
        kind = "ExecutionAborted" if status == ABORTED else "ExecutionTimedOut"
        self._event(self._last(), kind, events.failure(error, cause))
        self._end(status, error, cause)

    def redrive(self) -> None:
        """Try again what has failed; what had succeeded is kept."""
        execution = self._execution
        execution.redrives += 1
        execution.status, execution.stopped_ms = RUNNING, None
        self._event(execution.events, "ExecutionRedriven", {"redriveCount": execution.redrives})
        stopped = [each for each in execution.threads.values() if each.kind == STOPPED]
        if not stopped:
            stopped = [execution.threads[""]]
            self._drop_children(stopped[0])
        for thread in stopped:
            thread.attempts, thread.last = (), execution.events
            effect = thread.effect
            if isinstance(effect, Iterate) and effect.is_distributed and thread.result:
                self._redrive_map(thread)
            else:
                self._then(self._attempt, thread)
        self.run()

    def _redrive_map(self, thread: Thread) -> None:
        """Go on with a map run: its children that failed are tried again."""
        details = {
            "mapRunArn": thread.result["arn"],
            "redriveCount": self._execution.redrives,
        }
        thread.last = self._event(thread.last, "MapRunRedriven", details)
        self._rest(thread, MAP_RUN)
        self._execution.begin.append((thread.id, thread.turn))

    def go_on_with(self, thread: Thread, effect: Effect) -> None:
        """Go on with a thread whose question was decided."""
        question, thread.question = thread.question, None
        assert question is not None
        thread.kind = question.kind
        match question.step:
            case "enter":
                self._then(self._carry_out, thread, effect)
            case "leave":
                self._then(self._left, thread, effect)
            case "failed":
                self._then(self._has_failed, thread, effect)
            case _:
                self._then(self._selected, thread, effect)
        self.run()

    # -- states ----------------------------------------------------------------------------------

    def _enter(self, thread: Thread, state: State, value: Any, text: str | None = None) -> None:
        execution = self._execution
        if self._clock.monotonic() > self._until_s and thread.last:
            # It enters the state in its next slice of time.
            thread.frame = execution.frame(
                state, thread.item, value, thread.frame.variables, entered_ms=self._moment.now_ms
            )
            thread.state, thread.attempts = state, ()
            self._rest(thread, READY)
            execution.begin.append((thread.id, thread.turn))
            return
        thread.before = thread.last
        if text is None:
            text = text_of(value)
        details = events.entered(state.name, text)
        thread.last = self._event(thread.last, f"{state.type}StateEntered", details)
        thread.state, thread.attempts, thread.text = state, (), text
        thread.entered_ms = self._moment.now_ms
        thread.token = self._token_for(thread, state)
        thread.frame = execution.frame(
            state,
            thread.item,
            value,
            thread.frame.variables,
            entered_ms=thread.entered_ms,
            task_token=thread.token or None,
            entered_event_id=thread.last,
        )
        self._begin(thread)

    def _attempt(self, thread: Thread) -> None:
        """Try a state again from its beginning."""
        state = thread.state
        thread.token = self._token_for(thread, state)
        thread.frame = self._execution.frame(
            state,
            thread.item,
            thread.frame.input,
            thread.frame.variables,
            entered_ms=thread.entered_ms,
            retries=thread.retries,
            task_token=thread.token or None,
            entered_event_id=thread.frame.entered_event_id,
        )
        self._begin(thread)

    def _begin(self, thread: Thread) -> None:
        effect = self._decided(thread, "enter", None)
        if effect is not None:
            self._carry_out(thread, effect)

    def _carry_out(self, thread: Thread, effect: Effect) -> None:
        match effect:
            case Wait():
                self._wait(thread, effect)
            case RunTask():
                self._run_task(thread, effect)
            case Fork():
                self._fork(thread, effect)
            case Iterate():
                self._iterate(thread, effect)
            case Fail():
                self._undecided(thread, effect)
            case _:
                self._follow(thread, effect)

    def _leave(self, thread: Thread, result: Any) -> None:
        effect = self._decided(thread, "leave", result)
        if effect is not None:
            self._left(thread, effect)

    def _left(self, thread: Thread, effect: Effect) -> None:
        if isinstance(effect, Fail):
            self._undecided(thread, effect)
        else:
            self._follow(thread, effect)

    def _undecided(self, thread: Thread, failure: Fail) -> None:
        """Go on where a state's data could not be worked out."""
        kind = thread.state.type
        if failure.length is not None:
            thread.last = self._event(
                thread.last, f"{kind}StateStarted", {"length": failure.length}
            )
        if failure.is_evaluation:
            details = events.failure(failure.error, failure.cause)
            details["state"] = thread.state.name
            if failure.location is not None:
                details["location"] = failure.location
            entered = thread.last == thread.frame.entered_event_id
            before = thread.before if entered and kind != "Wait" else thread.last
            thread.last = self._event(before, "EvaluationFailed", details)
            if kind in ("Map", "Parallel"):
                thread.last = self._event(thread.last, f"{kind}StateFailed", None)
        self._failed(thread, failure)

    def _follow(self, thread: Thread, effect: Effect) -> None:
        """Leave a state for the next one, or end the thread."""
        assert isinstance(effect, (GoOn, Succeed))
        state = thread.state
        text = effect.text
        if text is None:
            known = thread.text if effect.output is thread.frame.input else ""
            text = known or text_of(effect.output)
        details = events.exited(state.name, text, effect.assigned)
        thread.last = self._event(thread.last, f"{state.type}StateExited", details)
        if effect.assigned:
            variables = assign(thread.frame.variables, effect.assigned)
            thread.frame = replace(thread.frame, variables=variables)
        self._clear(thread)
        if isinstance(effect, GoOn):
            following = thread.program.states[effect.next]
            self._then(self._enter, thread, following, effect.output, text)
        else:
            self._succeeded(thread, effect.output, text)

    def _failed(self, thread: Thread, failure: Fail) -> None:
        """Try a state again, go where its catcher says, or fail with it."""
        effect = self._decided(thread, "failed", [failure.error, failure.cause])
        if effect is not None:
            self._has_failed(thread, effect)

    def _has_failed(self, thread: Thread, effect: Effect) -> None:
        if isinstance(effect, Fail):
            self._fails(thread, effect)
            return
        self._drop_children(thread)
        if isinstance(effect, Retry):
            thread.attempts = effect.attempts
            # Nothing of the attempt that failed counts any more: no answer, no map run.
            thread.token, thread.result = "", None
            self._rest(thread, RETRY, self._after(effect.after_s))
        else:
            self._state_failed(thread)
            self._follow(thread, effect)

    def _state_failed(self, thread: Thread) -> None:
        """Say of a Map or a Parallel whose children failed that it has failed, too."""
        if thread.kind in (CHILDREN, MAP_RUN) and thread.state.type in ("Map", "Parallel"):
            thread.last = self._event(thread.last, f"{thread.state.type}StateFailed", None)

    def _fails(self, thread: Thread, failure: Fail) -> None:
        """End a thread that failed."""
        execution = self._execution
        self._state_failed(thread)
        if not thread.id:
            details = events.failure(failure.error, failure.cause)
            self._event(thread.last, "ExecutionFailed", details)
            self._end(FAILED, failure.error, failure.cause)
            return
        parent = execution.threads[thread.parent]
        if parent.state.type == "Map":
            self._event(thread.last, "MapIterationFailed", self._iteration(parent, thread))
        self._rest(thread, STOPPED)
        self._abort_below(parent, thread)
        parent.last = thread.last
        self._failed(parent, failure)

    def _succeeded(self, thread: Thread, output: Any, text: str) -> None:
        """End a thread with an output."""
        execution = self._execution
        if not thread.id:
            details = {"output": text, "outputDetails": NOT_TRUNCATED}
            self._event(thread.last, "ExecutionSucceeded", details)
            execution.body["output"] = details["output"]
            self._end(SUCCEEDED, None, None)
            return
        parent = execution.threads[thread.parent]
        thread.result = output
        thread.frame = replace(thread.frame, input=None, variables={})
        self._rest(thread, DONE)
        parent.ended += 1
        self._child_succeeded(parent, thread)
