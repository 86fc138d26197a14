"""Errors of the language: what executions fail with, and what is wrong with definitions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

ALL = "States.ALL"
DATA_LIMIT_EXCEEDED = "States.DataLimitExceeded"
EXCEED_TOLERATED_FAILURES = "States.ExceedToleratedFailureThreshold"
HEARTBEAT_TIMEOUT = "States.HeartbeatTimeout"
HTTP_SOCKET = "States.Http.Socket"
INTRINSIC_FAILURE = "States.IntrinsicFailure"
ITEM_READER_FAILED = "States.ItemReaderFailed"
NO_CHOICE_MATCHED = "States.NoChoiceMatched"
PERMISSIONS = "States.Permissions"
QUERY_EVALUATION_ERROR = "States.QueryEvaluationError"
RESULT_PATH_MATCH_FAILURE = "States.ResultPathMatchFailure"
RESULT_WRITER_FAILED = "States.ResultWriterFailed"
RUNTIME = "States.Runtime"
TASK_FAILED = "States.TaskFailed"
TIMEOUT = "States.Timeout"

UNCATCHABLE = frozenset({RUNTIME, DATA_LIMIT_EXCEEDED})
"""What `States.ALL` does not catch; States.Runtime can't be caught at all."""

NOT_TASK_FAILED = UNCATCHABLE | {TIMEOUT}
"""What `States.TaskFailed` does not catch."""


LONGEST_DELAY_S = 31_622_400
"""Seconds between two attempts: MaxDelaySeconds is smaller than that."""


class StatesError(Exception):
    """A state failed while its data was worked out.

    Args:
        error: The name of the error, such as `States.Runtime`.
        cause: The sentence that says why, without the words about the state.
        location: Of a JSONata evaluation: the field, such as `Output/result`.
        is_bare: The cause says all: no words about the state come before it.
        length: Of a Map that had begun: how many items it has.
    """

    def __init__(
        self,
        error: str,
        cause: str,
        location: str | None = None,
        *,
        is_bare: bool = False,
        length: int | None = None,
    ) -> None:
        super().__init__(f"{error}: {cause}")
        self.is_bare = is_bare
        self.length = length
        self.error = error
        self.cause = cause
        self.location = location


INVALID_JSON = "INVALID_JSON_DESCRIPTION"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a definition (ValidateStateMachineDefinition).

    Args:
        code: Such as `SCHEMA_VALIDATION_FAILED` or `MISSING_TRANSITION_TARGET`.
        location: The path from the definition's root: `/States/Wait/Seconds`.
    """

    code: str
    message: str
    location: str | None = None
    severity: Literal["ERROR", "WARNING"] = "ERROR"

    @property
    def sentence(self) -> str:
        """The finding as CreateStateMachine puts it."""
        # What is no JSON ends with a place of its own.
        place = "" if self.code == INVALID_JSON else f" at {self.location or 'null'}"
        return f"{self.code}: {self.message}{place}"


class InvalidDefinition(Exception):
    """A definition has errors.

    Args:
        diagnostics: The findings of severity ERROR, at least one.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        self.diagnostics = tuple(diagnostics)
        super().__init__(self.message)

    @property
    def message(self) -> str:
        """The text of the `InvalidDefinition` error of CreateStateMachine."""
        sentences = ", ".join(each.sentence for each in self.diagnostics)
        return f"Invalid State Machine Definition: '{sentences}'"
