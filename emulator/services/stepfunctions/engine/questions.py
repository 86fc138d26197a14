"""Decisions that take longer than the loop may stand still: they are made beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from emulator.services.stepfunctions.engine.execution import DECIDING, Question, Thread
from emulator.services.stepfunctions.engine.turn import Turn
from emulator.workflows import decide
from emulator.workflows.effects import Effect, Fail, Iterate
from emulator.workflows.errors import StatesError
from emulator.workflows.frames import Moment
from emulator.workflows.query.limits import TakesLong


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


class Questions(Turn):
    """A turn that puts off what takes long to decide."""

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
