"""How data flows through a state, in each of the two languages.

JSONPath: InputPath → Parameters → (the work) → ResultSelector → Assign, ResultPath → OutputPath.
JSONata: Arguments → (the work) → Assign, Output.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-input-output-filtering.html
"""

from dataclasses import dataclass
from typing import Protocol

from . import errors, quotas
from .errors import StatesError
from .frames import Frame, Moment
from .json_text import Document, Json, size_bytes, write
from .query.jsonpath import Path, PathMissing, place
from .query.scope import Query, Scope
from .query.templates import whole

EMPTY: Document = {}


class Flow(Protocol):
    """What a state needs of its language."""

    def scope(self, frame: Frame, moment: Moment) -> Scope:
        """Return what the state's fields see before its work."""
        ...

    def arguments(self, frame: Frame, moment: Moment) -> Json:
        """Return what the work is given."""
        ...

    def finish(self, frame: Frame, result: Json, moment: Moment) -> tuple[Json, Document]:
        """Return output and assigned variables of a state whose work has a result."""
        ...

    def pass_on(self, frame: Frame, moment: Moment) -> tuple[Json, Document]:
        """Return output and assigned variables of a state without work."""
        ...


@dataclass(frozen=True, slots=True)
class PathFlow:
    """JSONPath.

    Args:
        input_path: InputPath.
        parameters: Parameters; None: the input as it is.
        result_selector: ResultSelector; None: the result as it is.
        result_path: ResultPath; None: the result is thrown away.
        output_path: OutputPath.
        assign: Assign; None: nothing.
    """

    input_path: Query = whole
    parameters: Query | None = None
    result_selector: Query | None = None
    result_path: Path | None = None
    output_path: Query = whole
    assign: Query | None = None

    def scope(self, frame: Frame, moment: Moment) -> Scope:
        scope = Scope(frame.input, frame.context, frame.variables, moment)
        if self.input_path is whole:
            moment.note("afterInputPath", frame.input)
            return scope
        data = moment.note("afterInputPath", self.input_path(scope))
        return Scope(data, frame.context, frame.variables, moment)

    def arguments(self, frame: Frame, moment: Moment) -> Json:
        if self.parameters is None and self.input_path is whole and moment.trace is None:
            return frame.input
        scope = self.scope(frame, moment)
        value = scope.data if self.parameters is None else self.parameters(scope)
        return moment.note("afterParameters", value)

    def finish(self, frame: Frame, result: Json, moment: Moment) -> tuple[Json, Document]:
        if self.result_selector is not None:
            result = self.result_selector(Scope(result, frame.context, frame.variables, moment))
        moment.note("afterResultSelector", result)
        assigned = self.assigned(frame, result, moment)
        output = put_result(self.result_path, frame.input, result)
        moment.note("afterResultPath", output)
        return self.output_of(frame, output, moment), assigned

    def pass_on(self, frame: Frame, moment: Moment) -> tuple[Json, Document]:
        is_whole = self.input_path is whole and moment.trace is None
        data = frame.input if is_whole else self.scope(frame, moment).data
        return self.output_of(frame, data, moment), self.assigned(frame, data, moment)

    def assigned(self, frame: Frame, data: Json, moment: Moment) -> Document:
        """Return the variables that Assign sets, where `$` is the data."""
        if self.assign is None:
            return EMPTY
        values = self.assign(Scope(data, frame.context, frame.variables, moment))
        return checked_variables(values)

    def output_of(self, frame: Frame, data: Json, moment: Moment) -> Json:
        """Return what OutputPath selects."""
        if self.output_path is whole:
            return data
        return self.output_path(Scope(data, frame.context, frame.variables, moment))


@dataclass(frozen=True, slots=True)
class ExpressionFlow:
    """JSONata.

    Args:
        given: Arguments; None: the input.
        output: Output; None: the result, or the input of a state without work.
        assign: Assign; None: nothing.
    """

    given: Query | None = None
    output: Query | None = None
    assign: Query | None = None

    def scope(self, frame: Frame, moment: Moment, **more: Json) -> Scope:
        states = {"input": frame.input, **more}
        return Scope(frame.input, frame.context, frame.variables, moment, states)

    def arguments(self, frame: Frame, moment: Moment) -> Json:
        value = frame.input if self.given is None else self.given(self.scope(frame, moment))
        return moment.note("afterArguments", value)

    def finish(self, frame: Frame, result: Json, moment: Moment) -> tuple[Json, Document]:
        scope = self.scope(frame, moment, result=result)
        assigned = self.assigned(scope)
        return (result if self.output is None else self.output(scope)), assigned

    def pass_on(self, frame: Frame, moment: Moment) -> tuple[Json, Document]:
        scope = self.scope(frame, moment)
        assigned = self.assigned(scope)
        return (frame.input if self.output is None else self.output(scope)), assigned

    def assigned(self, scope: Scope) -> Document:
        """Return the variables that Assign sets."""
        return EMPTY if self.assign is None else checked_variables(self.assign(scope))


def put_result(path: Path | None, document: Json, result: Json) -> Json:
    """Return a document with the result where ResultPath says; without a path, the document.

    Raises:
        StatesError: States.ResultPathMatchFailure.
    """
    if path is None:
        return document
    try:
        return place(path, document, result)
    except PathMissing:
        cause = f"Unable to apply ReferencePath {path.text} to input {write(document)}"
        raise StatesError(errors.RESULT_PATH_MATCH_FAILURE, cause) from None


def checked_variables(values: Document) -> Document:
    """Return variables that are not too large.

    Raises:
        StatesError: States.DataLimitExceeded.
    """
    if size_bytes(values) > quotas.VARIABLE_BYTES:
        cause = (
            "The size of the variables that the state assigns exceeds the maximum number of bytes"
            " service limit."
        )
        raise StatesError(errors.DATA_LIMIT_EXCEEDED, cause, is_bare=True)
    return values
