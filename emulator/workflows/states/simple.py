"""Pass, Succeed, Fail."""

from dataclasses import dataclass

from ..effects import Fail, GoOn, Succeed
from ..flow import PathFlow
from ..frames import Frame, Moment
from ..json_text import Json
from ..machine import State
from ..query.scope import Query, Scope
from .base import FlowState


@dataclass(frozen=True, slots=True, kw_only=True)
class Pass(FlowState):
    """Passes its input on, worked over.

    Args:
        has_result: It has a Result.
        result: Result: a constant.
    """

    has_result: bool = False
    result: Json = None

    def enter(self, frame: Frame, moment: Moment) -> GoOn | Succeed:
        if not isinstance(self.flow, PathFlow):
            return self.end(frame, *self.flow.pass_on(frame, moment))
        value = self.flow.arguments(frame, moment)
        result = self.result if self.has_result else value
        return self.end(frame, *self.flow.finish(frame, result, moment))


@dataclass(frozen=True, slots=True, kw_only=True)
class SucceedState(FlowState):
    """Ends its program with success."""

    def enter(self, frame: Frame, moment: Moment) -> GoOn | Succeed:
        return self.end(frame, *self.flow.pass_on(frame, moment))


@dataclass(frozen=True, slots=True, kw_only=True)
class FailState(State):
    """Ends its program with an error.

    Args:
        error: Error, or ErrorPath; None: not given.
        cause: Cause, or CausePath; None: not given.
    """

    error: Query | None = None
    cause: Query | None = None

    def enter(self, frame: Frame, moment: Moment) -> Fail:
        scope = Scope(frame.input, frame.context, frame.variables, moment, {"input": frame.input})
        error = None if self.error is None else self.error(scope)
        cause = None if self.cause is None else self.cause(scope)
        return Fail(error, cause)
