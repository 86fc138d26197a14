"""Runs machines of pure states without an engine; writes their histories as AWS does."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

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
from emulator.workflows.frames import (
    Frame,
    Moment,
    assign,
    execution_context,
    item_context,
    state_context,
)
from emulator.workflows.json_text import write
from emulator.workflows.machine import Program, State

NAMES: dict[str, Any] = {
    "arn": "arn:aws:states:us-east-1:111111111111:execution:machine:run",
    "name": "run",
    "role_arn": "arn:aws:iam::111111111111:role/role",
    "machine_arn": "arn:aws:states:us-east-1:111111111111:stateMachine:machine",
    "machine_name": "machine",
}
_RETRIED = ("Task", "Parallel", "Map")


class Simulator:
    """One execution.

    Args:
        task: What tasks answer: a result, or a Fail.
    """

    def __init__(self, task: Callable[[RunTask], Any] | None = None, seed: int = 0) -> None:
        self.events: list[dict[str, Any]] = []
        self.moment = Moment(1_764_342_000_000, random.Random(seed))
        self._task = task
        self._base: Any = {}
        self._raw: tuple[Any, str] = (None, "null")

    def run(self, program: Program, value: Any, text: str | None = None) -> Succeed | Fail:
        """Run a machine to its end.

        Args:
            text: The input as it was written, if not as compactly as histories are.
        """
        self._raw = (value, write(value) if text is None else text)
        self._base = execution_context(**NAMES, input=value, started_ms=self.moment.now_ms)
        self._event(
            0, "ExecutionStarted", "executionStarted", input=self._shown(value), roleArn="role"
        )
        end, last = self._program(program, value, {}, self._base, 0)
        if isinstance(end, Succeed):
            self._event(
                last, "ExecutionSucceeded", "executionSucceeded", output=self._shown(end.output)
            )
        else:
            report = {"error": end.error, "cause": end.cause}
            report = {name: text for name, text in report.items() if text is not None}
            self._event(last, "ExecutionFailed", "executionFailed", **report)
        return end

    def _event(self, before: int, kind: str, detail: str = "", **fields: Any) -> int:
        event: dict[str, Any] = {
            "id": len(self.events) + 1,
            "previousEventId": before,
            "type": kind,
        }
        if detail:
            for name in ("input", "output"):
                if name in fields:
                    fields[f"{name}Details"] = {"truncated": False}
            event[f"{detail}EventDetails"] = fields
        self.events.append(event)
        return int(event["id"])

    def _shown(self, value: Any) -> str:
        return self._raw[1] if value is self._raw[0] else write(value)

    def _program(
        self, program: Program, value: Any, variables: Any, base: Any, last: int
    ) -> tuple[Succeed | Fail, int]:
        state = program.first
        while True:
            effect, variables, last = self._state(state, value, variables, base, last)
            if isinstance(effect, GoOn):
                state, value = program.states[effect.next], effect.output
                continue
            assert isinstance(effect, Succeed | Fail)
            return effect, last

    def _state(
        self, state: State, value: Any, variables: Any, base: Any, before: int
    ) -> tuple[Effect, Any, int]:
        last = self._event(
            before,
            f"{state.type}StateEntered",
            "stateEntered",
            name=state.name,
            input=self._shown(value),
        )
        entered = last
        attempts: tuple[int, ...] = ()
        while True:
            retries = sum(attempts) if state.type in _RETRIED else None
            context = state_context(base, state.name, self.moment.now_ms, retries)
            frame = Frame(value, context, variables, entered)
            effect, last = self._work(state, frame, last)
            if isinstance(effect, Fail) and state.type != "Fail":
                if effect.is_evaluation:
                    fields = {"error": effect.error, "cause": effect.cause, "state": state.name}
                    if effect.location:
                        fields["location"] = effect.location
                    where = last if state.type == "Wait" else before
                    last = self._event(where, "EvaluationFailed", "evaluationFailed", **fields)
                effect = decide.failed(state, frame, effect, attempts, self.moment)
            if isinstance(effect, Retry):
                attempts = effect.attempts
                continue
            break
        if isinstance(effect, Fail):
            if state.type in ("Map", "Parallel") and effect.error != "States.Runtime":
                last = self._event(last, f"{state.type}StateFailed")
            return effect, variables, last
        assert isinstance(effect, GoOn | Succeed)
        if isinstance(effect, GoOn) and effect.caught is not None and state.type == "Map":
            last = self._event(last, "MapStateFailed")
        more: dict[str, Any] = {}
        if effect.assigned:
            more["assignedVariables"] = {key: write(each) for key, each in effect.assigned.items()}
            more["assignedVariablesDetails"] = {"truncated": False}
        last = self._event(
            last,
            f"{state.type}StateExited",
            "stateExited",
            name=state.name,
            output=self._shown(effect.output),
            **more,
        )
        return effect, assign(variables, effect.assigned), last

    def _work(self, state: State, frame: Frame, last: int) -> tuple[Effect, int]:
        effect = decide.enter(state, frame, self.moment)
        match effect:
            case Wait(until_ms):
                self.moment = Moment(max(until_ms, self.moment.now_ms), self.moment.chance)
                return decide.leave(state, frame, None, self.moment), last
            case RunTask():
                assert self._task is not None, "a task has no answer"
                result = self._task(effect)
                if isinstance(result, Fail):
                    return result, last
                return decide.leave(state, frame, result, self.moment), last
            case Fork():
                last = self._event(last, "ParallelStateStarted")
                programs = [
                    (branch, effect.input, self._base_of(frame)) for branch in state.branches
                ]
                return self._inside(state, frame, programs, last)
            case Iterate():
                return self._iterate(state, frame, effect, last)
            case Fail(length=length) if length is not None:
                last = self._event(last, "MapStateStarted", "mapStateStarted", length=length)
        return effect, last

    def _base_of(self, frame: Frame) -> Any:
        return {key: each for key, each in frame.context.items() if key not in ("State", "Task")}

    def _iterate(
        self, state: State, frame: Frame, effect: Iterate, last: int
    ) -> tuple[Effect, int]:
        assert effect.items is not None
        assert state.processor is not None
        assert not effect.is_distributed, "a distributed Map is not simulated"
        length = len(effect.items)
        last = self._event(last, "MapStateStarted", "mapStateStarted", length=length)
        try:
            inputs = decide.item_inputs(state, frame, effect.items, 0, self.moment)
        except StatesError as error:
            return decide.failure(state, frame, error), last
        programs = [
            (state.processor, each, item_context(self._base_of(frame), index, effect.items[index]))
            for index, each in enumerate(inputs)
        ]
        return self._inside(state, frame, programs, last)

    def _inside(
        self, state: State, frame: Frame, programs: list[tuple[Program, Any, Any]], last: int
    ) -> tuple[Effect, int]:
        outputs = []
        first = done = last
        is_map = state.type == "Map"
        for index, (program, value, base) in enumerate(programs):
            fields = {"name": state.name, "index": index}
            inner = first
            if is_map:
                before = first if not index else last
                inner = self._event(before, "MapIterationStarted", "mapIterationStarted", **fields)
            end, last = self._program(program, value, frame.variables, base, inner)
            done = last
            if isinstance(end, Fail):
                if is_map:
                    self._event(last, "MapIterationFailed", "mapIterationFailed", **fields)
                return end, last
            outputs.append(end.output)
            if is_map:
                done = self._event(last, "MapIterationSucceeded", "mapIterationSucceeded", **fields)
        succeeded = self._event(done, f"{state.type}StateSucceeded")
        last = done if is_map else succeeded
        return decide.leave(state, frame, outputs, self.moment), last
