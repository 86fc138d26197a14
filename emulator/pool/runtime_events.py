"""What a runtime says through its Runtime API, as its environment hears it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from emulator.model.function import FunctionVersion
from emulator.model.invocation import Flow, InvocationResult

if TYPE_CHECKING:
    from emulator.pool.extensions.subscriptions import Subscription

#: Error type and message with which the Runtime API refuses a request.
Refusal = tuple[str, str]


class RuntimeEvents(Protocol):
    """What an environment hears from its runtime. Every call returns at once."""

    #: What it runs.
    version: FunctionVersion

    @property
    def initialising(self) -> bool:
        """Its INIT phase has not ended."""
        ...

    def extensions_changed(self) -> None:
        """An extension has registered, or waits for its next event."""
        ...

    def subscribe(self, subscription: Subscription) -> None:
        """An extension wants to hear the log."""
        ...

    def extension_failed(self, failure: InvocationResult) -> None:
        """An extension has ended, or says that it can't go on."""
        ...

    def runtime_waits(self) -> Refusal | None:
        """``next`` was called: the runtime is ready for an invocation."""
        ...

    def init_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        """``init/error`` was called."""
        ...

    def imports_measured(self, payload: bytes) -> None:
        """``init/imports`` was called, a route of ours: what the function imported, as JSON."""
        ...

    def runtime_at_snapshot(self, captured: str) -> Refusal | None:
        """``restore/next`` was called: the runtime waits to be restored.

        ``captured`` is what it says of what it has captured, as JSON, or "".
        """
        ...

    def restore_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        """``restore/error`` was called."""
        ...

    def runtime_disconnected(self) -> None:
        """The last connection of the runtime is gone."""
        ...

    def runtime_hung_up(self, request_id: str) -> None:
        """A connection broke before the invocation that was sent over it had been read."""
        ...


class Answers(Protocol):
    """What a runtime says of the invocations it was given. Every call returns at once."""

    def runtime_responded(
        self, request_id: str, payload: bytes, content_type: str
    ) -> Refusal | None:
        """An invocation was answered with a whole response."""
        ...

    def runtime_failed(self, request_id: str, payload: bytes, error_type: str) -> Refusal | None:
        """An invocation was answered with an error."""
        ...

    def response_too_large(self, request_id: str) -> None:
        """An invocation was answered with more than it may be."""
        ...

    def response_chunk(
        self, request_id: str, chunk: bytes, content_type: str, source: Flow
    ) -> bool:
        """A piece of a streamed response came; False: it is to be buffered, as all after it."""
        ...

    def response_broke(self, request_id: str, error_type: str, body: bytes) -> None:
        """A response ended with an error trailer."""
        ...
