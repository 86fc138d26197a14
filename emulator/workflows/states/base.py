"""What the kinds of states share: where a state leads, and what catches its errors."""

from dataclasses import dataclass, field

from .. import errors, quotas
from ..effects import Fail, GoOn, Succeed
from ..errors import StatesError
from ..flow import EMPTY, ExpressionFlow, Flow, PathFlow, put_result
from ..frames import Frame, Moment
from ..json_text import Document, Json, is_too_deep, write
from ..machine import State
from ..query.jsonpath import Path
from ..query.scope import Query, Scope


@dataclass(frozen=True, slots=True)
class Catcher:
    """One entry of Catch.

    Args:
        errors: The names it takes.
        next: Where they lead.
        result_path: JSONPath: where the error is put in the state's input; None: nowhere.
        output: JSONata: the output; None: the error.
        assign: What it assigns.
    """

    errors: tuple[str, ...]
    next: str
    result_path: Path | None = None
    output: Query | None = None
    assign: Query | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FlowState(State):
    """A state with data flow.

    Args:
        flow: Its fields, in its language.
        catchers: Its Catch.
    """

    flow: Flow = field(default_factory=PathFlow)
    catchers: tuple[Catcher, ...] = ()

    def end(self, frame: Frame, output: Json, assigned: Document) -> GoOn | Succeed:
        """Return the effect of leaving the state with an output.

        Raises:
            StatesError: States.DataLimitExceeded.
        """
        text = self.checked(frame, output)
        if self.next is None:
            return Succeed(output, assigned, text)
        return GoOn(self.next, output, assigned, text=text)

    def checked(self, frame: Frame, output: Json) -> str | None:
        """Return the text of an output, unless it is the input itself.

        Raises:
            StatesError: States.DataLimitExceeded.
        """
        if output is frame.input:
            return None
        text = write(output)
        if is_too_deep(text, output):
            raise StatesError(errors.RUNTIME, "The data is nested too deeply.")
        if len(text) * 4 > quotas.PAYLOAD_BYTES:
            check_size(self.name, len(text.encode("utf-8", "surrogatepass")))
        return text

    def leave(self, frame: Frame, result: Json, moment: Moment) -> GoOn | Succeed | Fail:
        output, assigned = self.flow.finish(frame, moment.note("result", result), moment)
        return self.end(frame, output, assigned)

    def catch(self, frame: Frame, error: str, cause: str, moment: Moment) -> GoOn | None:
        for position, catcher in enumerate(self.catchers):
            if matches(catcher.errors, error):
                output, assigned = self._caught(catcher, frame, error, cause, moment)
                text = self.checked(frame, output)
                return GoOn(catcher.next, output, assigned, position, text)
        return None

    def _caught(
        self, catcher: Catcher, frame: Frame, error: str, cause: str, moment: Moment
    ) -> tuple[Json, Document]:
        report: Json = {"Error": error, "Cause": cause}
        if isinstance(self.flow, ExpressionFlow):
            scope = self.flow.scope(frame, moment, errorOutput=report)
            output = report if catcher.output is None else catcher.output(scope)
        else:
            scope = Scope(report, frame.context, frame.variables, moment)
            output = put_result(catcher.result_path, frame.input, report)
        return output, EMPTY if catcher.assign is None else catcher.assign(scope)


def matches(wanted: tuple[str, ...], error: str) -> bool:
    """Return whether a retrier or catcher takes an error.

    https://docs.aws.amazon.com/step-functions/latest/dg/concepts-error-handling.html
    """
    if error == errors.RUNTIME:
        return False
    for name in wanted:
        if name == error:
            return True
        if name == errors.ALL and error not in errors.UNCATCHABLE:
            return True
        if name == errors.TASK_FAILED and error not in errors.NOT_TASK_FAILED:
            return True
        if name == errors.TIMEOUT and error == errors.HEARTBEAT_TIMEOUT:
            return True
    return False


def check_size(name: str, size_bytes: int) -> None:
    """Refuse a result that is too large.

    Raises:
        StatesError: States.DataLimitExceeded.
    """
    if size_bytes > quotas.PAYLOAD_BYTES:
        cause = (
            f"The state/task '{name}' returned a result with a size exceeding the maximum number of"
            " bytes service limit."
        )
        raise StatesError(errors.DATA_LIMIT_EXCEEDED, cause, is_bare=True)
