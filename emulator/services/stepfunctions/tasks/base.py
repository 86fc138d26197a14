"""A task and its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from emulator.model.errors import LocalfaasError
from emulator.services.stepfunctions.engine.execution import Execution, Thread
from emulator.workflows.effects import Resource

if TYPE_CHECKING:
    from emulator.services.context import Parts


class TaskFailure(LocalfaasError):
    """A task failed.

    Args:
        error: The error's name, as Retry and Catch know it.
        cause: Why; for people or as JSON.
        stage: ``Failed``; ``StartFailed``, ``SubmitFailed`` or ``ScheduleFailed`` where it did not
            even begin.
    """

    def __init__(self, error: str, cause: str | None, stage: str = "Failed") -> None:
        super().__init__(f"{error}: {cause}")
        self.error, self.cause, self.stage = error, cause, stage

    @property
    def is_refusal(self) -> bool:
        """Whether a service, the network or a disk refused it; not a failure of the work itself."""
        return self.__cause__ is not None


@dataclass(frozen=True, slots=True)
class Task:
    """What a task needs to be done."""

    parts: Parts
    execution: Execution
    thread: Thread | None
    resource: Resource
    arguments: Any
    #: Whose resources it calls: the execution's, or those of the role it names.
    account: str
    region: str

    def invokes(self, request_id: str) -> None:
        """Note the request with which it invokes a function; a state on trial has no thread."""
        if self.thread is not None:
            self.thread.request_id = request_id

    @property
    def trace_id(self) -> str:
        """The trace header of its execution; "" begins a new one."""
        return str(self.execution.body.get("trace") or "")


#: Does a task and returns its result.
Perform = Callable[[Task], Awaitable[Any]]
