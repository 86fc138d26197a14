"""A task and its end."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote_plus

from emulator.invoke.http_client import HttpAnswer
from emulator.model.errors import LocalfaasError
from emulator.services.stepfunctions import tracing
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
    #: Notes the request and the answer of an HTTP task, where somebody wants to see them.
    exchange: Exchange | None = None

    def invokes(self, request_id: str) -> None:
        """Note the request with which it invokes a function; a state on trial has no thread."""
        if self.thread is not None:
            self.thread.request_id = request_id

    @property
    def trace_id(self) -> str:
        """The trace header of its execution; "" begins a new one."""
        return tracing.header_of(self.execution.body)


class Exchange:
    """The request and the answer of an HTTP task, as TestState shows them.

    Args:
        reveals_secrets: It shows what the connection has put into the request, too.
    """

    def __init__(self, *, reveals_secrets: bool) -> None:
        self._reveals_secrets = reveals_secrets
        self.shown: dict[str, dict[str, str]] = {}

    def sent(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, hidden: set[str]
    ) -> None:
        """Note a request; ``hidden`` has the values that are secret."""
        request = {
            "protocol": url.partition(":")[0],
            "method": method,
            "url": url,
            "headers": _in_brackets(headers.items()),
            "body": body.decode("utf-8", "replace"),
        }
        if not self._reveals_secrets:
            secrets = sorted({*hidden, *map(quote_plus, hidden)} - {""}, key=len, reverse=True)
            for name in ("url", "headers", "body"):
                for secret in secrets:
                    request[name] = request[name].replace(secret, "REDACTED")
        self.shown["request"] = request

    def received(self, url: str, answer: HttpAnswer) -> None:
        """Note an answer."""
        phrase = next((each.phrase for each in HTTPStatus if each == answer.status), "")
        self.shown["response"] = {
            "protocol": url.partition(":")[0],
            "statusCode": str(answer.status),
            "statusMessage": phrase,
            "headers": _in_brackets(answer.headers),
            "body": answer.body.decode("utf-8", "replace"),
        }


def _in_brackets(headers: Iterable[tuple[str, str]]) -> str:
    return "[" + ", ".join(f"{name}: {value}" for name, value in headers) + "]"
