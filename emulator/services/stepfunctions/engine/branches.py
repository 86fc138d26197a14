"""Branches of Parallels and iterations of Maps: how they begin, end and are given up."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import Any

from emulator.services.stepfunctions.engine.execution import (
    CHILDREN,
    DONE,
    MAP_RUN,
    READY,
    STOPPED,
    Thread,
)
from emulator.services.stepfunctions.engine.questions import Questions
from emulator.workflows import decide
from emulator.workflows.effects import Effect, Fail, Fork, Iterate
from emulator.workflows.errors import StatesError
from emulator.workflows.frames import Moment
from emulator.workflows.program import State
from emulator.workflows.query.limits import TakesLong
from emulator.workflows.quotas import INLINE_CONCURRENCY

#: The states that an event says of that they were aborted.
_ABORTABLE = frozenset({"Map", "Parallel", "Task", "Wait"})


class Branches(Questions):
    """A turn in which threads have children."""

    def _enter(self, thread: Thread, state: State, value: Any, text: str | None = None) -> None:
        raise NotImplementedError

    def _leave(self, thread: Thread, result: Any) -> None:
        raise NotImplementedError

    def _undecided(self, thread: Thread, failure: Fail) -> None:
        raise NotImplementedError

    def _fork(self, thread: Thread, effect: Fork) -> None:
        thread.effect = effect
        thread.last = self._event(thread.last, "ParallelStateStarted", None)
        self._rest(thread, CHILDREN)
        thread.begun, thread.ended = len(thread.state.branches), 0
        for index, program in enumerate(thread.state.branches):
            child = self._new_thread(
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
        child = self._new_thread(
            f"{thread.id}.{index}", program, thread.frame.variables, shown, last
        )
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
