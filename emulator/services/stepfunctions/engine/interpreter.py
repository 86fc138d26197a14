"""Carries out what a workflow decides, up to where an execution has to wait.

Nothing here waits, reads or writes: it changes an :class:`Execution` in memory, adds events to it
and marks what a commit has to keep. What has to be *done* (a task) is begun by the engine once that
commit is on the disk.

Events name the event before them as AWS does (recorded): an iteration that has succeeded is not the
previous event of what follows, and an evaluation that failed follows what was before its state.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from random import Random
from typing import Any

from emulator.model.clock import Clock
from emulator.services.stepfunctions.engine import events
from emulator.services.stepfunctions.engine.events import NOT_TRUNCATED, text_of
from emulator.services.stepfunctions.engine.execution import (
    ABORTED,
    ACTIVITY,
    CHILDREN,
    DECIDING,
    DONE,
    FAILED,
    MAP_RUN,
    READY,
    RETRY,
    RUNNING,
    STOPPED,
    SUCCEEDED,
    TASK,
    WAIT,
    Execution,
    Question,
    Thread,
    make_token,
)
from emulator.workflows import decide
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
from emulator.workflows.errors import StatesError
from emulator.workflows.frames import Moment, assign
from emulator.workflows.program import Program, State
from emulator.workflows.query.limits import TakesLong
from emulator.workflows.quotas import HISTORY_EVENTS, INLINE_CONCURRENCY

log = logging.getLogger(__name__)

#: Seconds of one slice of time: others get their turn then.
_SLICE_S = 0.005
#: The states that an event says of that they were aborted.
_ABORTABLE = frozenset({"Map", "Parallel", "Task", "Wait"})
#: What is to be done: of which thread, the step, its arguments.
Work = tuple[Thread, Callable[..., None], tuple[Any, ...]]


def decision(thread: Thread, step: str, subject: Any, moment: Moment) -> Effect:
    """Return what a thread does: a pure function of what it is given.

    Args:
        thread: The thread.
        step: Of a :class:`Question`.
        subject: Likewise.
        moment: The time, and chance.

    Raises:
        TakesLong: It takes longer than the moment has patience for.
    """
    state, frame = thread.state, thread.frame
    match step:
        case "enter":
            return decide.enter(state, frame, moment)
        case "leave":
            return decide.leave(state, frame, subject, moment)
        case "failed":
            return decide.failed(state, frame, Fail(*subject), thread.attempts, moment)
    effect = thread.effect
    assert isinstance(effect, Iterate)
    try:
        items = effect.items or []
        inputs = decide.item_inputs(state, frame, items, 0, moment, effect.keys)
    except StatesError as error:
        return decide.failure(state, frame, error)
    return replace(effect, inputs=inputs)


class Interpreter:
    """Moves one execution on.

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
        root = self._thread("", execution.program, {}, None, 0)
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

    def _token_for(self, thread: Thread, state: State) -> str:
        resource = state.resource
        if resource is None or (
            resource.pattern != "waitForTaskToken" and resource.kind != "activity"
        ):
            return ""
        return make_token(self._execution.id, thread.id)

    def _begin(self, thread: Thread) -> None:
        effect = self._decided(thread, "enter", None)
        if effect is not None:
            self._carry_out(thread, effect)

    def _decided(self, thread: Thread, step: str, subject: Any) -> Effect | None:
        """Return what a thread does; None: it is decided beside the loop, since it takes long."""
        try:
            return decision(thread, step, subject, self._moment)
        except TakesLong:
            self._decided_beside(thread, step, subject)
            return None

    def _decided_beside(self, thread: Thread, step: str, subject: Any) -> None:
        """Have a question decided beside the loop, once it is kept."""
        thread.question = Question(step, subject, thread.kind)
        self._rest(thread, DECIDING)
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

    # -- waits and tasks -------------------------------------------------------------------------

    def _wait(self, thread: Thread, effect: Wait) -> None:
        left_s = max(0.0, (effect.until_ms - self._moment.now_ms) / 1000)
        self._rest(thread, WAIT, self._after(left_s))

    def _run_task(self, thread: Thread, effect: RunTask) -> None:
        thread.effect = effect
        resource = effect.resource
        limits = {
            "timeoutInSeconds": effect.timeout_s,
            "heartbeatInSeconds": effect.heartbeat_s,
        }
        details: dict[str, Any] = {key: value for key, value in limits.items() if value is not None}
        if effect.credentials is not None:
            details["taskCredentials"] = {"roleArn": effect.credentials.get("RoleArn")}
        text = text_of(effect.arguments)
        if resource.kind == "service":
            details |= {
                "resourceType": resource.service,
                "resource": resource.name,
                "region": self._execution.region,
                "parameters": text,
            }
            thread.last = self._event(thread.last, "TaskScheduled", details)
            started = {"resourceType": resource.service, "resource": resource.name}
            thread.last = self._event(thread.last, "TaskStarted", started)
        else:
            details |= {"resource": resource.arn, "input": text, "inputDetails": NOT_TRUNCATED}
            kind = "Activity" if resource.kind == "activity" else "LambdaFunction"
            thread.last = self._event(thread.last, f"{kind}Scheduled", details)
            if kind == "LambdaFunction":
                thread.last = self._event(thread.last, "LambdaFunctionStarted", None)
        thread.deadline_ms = None
        if effect.timeout_s is not None:
            thread.deadline_ms = self._after(effect.timeout_s)
        due_ms = thread.deadline_ms
        if effect.heartbeat_s is not None and resource.kind != "activity":
            beat_ms = self._after(effect.heartbeat_s)
            due_ms = beat_ms if due_ms is None else min(due_ms, beat_ms)
        self._rest(thread, ACTIVITY if resource.kind == "activity" else TASK, due_ms)
        self._execution.begin.append((thread.id, thread.turn))

    # -- branches and iterations -----------------------------------------------------------------

    def _fork(self, thread: Thread, effect: Fork) -> None:
        thread.effect = effect
        thread.last = self._event(thread.last, "ParallelStateStarted", None)
        self._rest(thread, CHILDREN)
        thread.begun, thread.ended = len(thread.state.branches), 0
        for index, program in enumerate(thread.state.branches):
            child = self._thread(
                f"{thread.id}.{index}", program, thread.frame.variables, thread.item, thread.last
            )
            self._then(self._enter, child, program.first, effect.input)

    def _iterate(self, thread: Thread, effect: Iterate) -> None:
        thread.effect = effect
        length = len(effect.items or ())
        thread.last = self._event(thread.last, "MapStateStarted", {"length": length})
        if effect.is_distributed:
            self._rest(thread, MAP_RUN)
            self._execution.begin.append((thread.id, thread.turn))
            return
        self._rest(thread, CHILDREN)
        thread.begun = thread.ended = 0
        if not length:
            self._event(thread.last, "MapStateSucceeded", None)
            self._then(self._leave, thread, [])
            return
        try:
            self._input_of(thread, effect, 0, self._moment)
        except TakesLong:
            self._decided_beside(thread, "select", None)
            return
        except StatesError:
            pass  # its own iteration says so
        self._begin_iterations(thread, effect)

    def _selected(self, thread: Thread, effect: Effect) -> None:
        """Begin the iterations of a Map whose inputs were worked out."""
        if isinstance(effect, Fail):
            self._undecided(thread, effect)
            return
        assert isinstance(effect, Iterate)
        thread.effect = effect
        self._begin_iterations(thread, effect)

    def _begin_iterations(self, thread: Thread, effect: Iterate) -> None:
        length = len(effect.items or ())
        most = min(effect.max_concurrency or INLINE_CONCURRENCY, INLINE_CONCURRENCY, length)
        for _ in range(most):
            if not self._begin_iteration(thread, thread.last):
                return

    def _input_of(self, thread: Thread, effect: Iterate, index: int, moment: Moment) -> Any:
        """Return the input of an iteration.

        Raises:
            StatesError: It can't be worked out.
            TakesLong: It takes longer than the moment has patience for.
        """
        if effect.inputs is not None:
            return effect.inputs[index]
        assert effect.items is not None
        keys = None if effect.keys is None else effect.keys[index : index + 1]
        items = effect.items[index : index + 1]
        (value,) = decide.item_inputs(thread.state, thread.frame, items, index, moment, keys)
        return value

    def _begin_iteration(self, thread: Thread, last: int) -> bool:
        """Begin the next iteration of a Map; False if its input can't be worked out."""
        effect = thread.effect
        assert isinstance(effect, Iterate)
        assert effect.items is not None
        assert thread.state.processor is not None
        index = thread.begun
        try:
            # Had the first one taken long, all of them would have been worked out by now.
            value = self._input_of(thread, effect, index, replace(self._moment, is_patient=True))
        except StatesError as error:
            self._abort_below(thread)
            self._undecided(thread, decide.failure(thread.state, thread.frame, error))
            return False
        thread.begun += 1
        program = thread.state.processor
        shown: dict[str, Any] = {"index": index, "value": effect.items[index]}
        if effect.keys is not None:
            shown["key"] = effect.keys[index]
        child = self._thread(f"{thread.id}.{index}", program, thread.frame.variables, shown, last)
        child.last = self._event(last, "MapIterationStarted", self._iteration(thread, child))
        self._then(self._enter, child, program.first, value)
        return True

    def _child_succeeded(self, parent: Thread, child: Thread) -> None:
        execution = self._execution
        is_map = parent.state.type == "Map"
        last = child.last
        if is_map:
            details = self._iteration(parent, child)
            last = self._event(child.last, "MapIterationSucceeded", details)
        effect = parent.effect
        if isinstance(effect, Iterate) and parent.begun < len(effect.items or ()):
            self._begin_iteration(parent, child.last)
            return
        if parent.ended < parent.begun:
            return
        outputs = [each.result for each in execution.children(parent)]
        self._event(last, f"{parent.state.type}StateSucceeded", None)
        parent.last = last
        self._drop_children(parent)
        self._then(self._leave, parent, outputs)

    def _iteration(self, parent: Thread, child: Thread) -> dict[str, Any]:
        return {"name": parent.state.name, "index": child.index}

    def _abort_below(self, parent: Thread, cause: Thread | None = None) -> None:
        """Stop what goes on in a Map or a Parallel when a part of it has failed."""
        for thread in self._execution.below(parent):
            if thread is cause or thread.kind in (DONE, STOPPED):
                continue
            # One that is ready has not entered its state yet.
            if thread.state.type in _ABORTABLE and thread.kind != READY:
                self._event(thread.last, f"{thread.state.type}StateAborted", None)
            if thread.parent == parent.id and parent.state.type == "Map":
                details = self._iteration(parent, thread)
                self._event(thread.last, "MapIterationAborted", details)
            self._rest(thread, CHILDREN if thread.kind == CHILDREN else STOPPED)
        # Nothing of what was about to begin there may go on.
        prefix = f"{parent.id}."
        self._work = deque(each for each in self._work if not each[0].id.startswith(prefix))

    def _drop_children(self, thread: Thread) -> None:
        if thread.begun:
            self._execution.drop_below(thread)
            thread.begun = thread.ended = 0

    # -- threads, events and ends ----------------------------------------------------------------

    def _thread(
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
