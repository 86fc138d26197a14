"""An invocation and its result."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol


class Flow(Protocol):
    """The source of a streamed response; it can be paused."""

    def pause_reading(self) -> None:
        """Stop reading from the sender."""
        ...

    def resume_reading(self) -> None:
        """Read from the sender again."""
        ...


class ResponseSink(Protocol):
    """Takes a streamed response while the handler still runs. Both calls return at once."""

    def begin(self, content_type: str, source: Flow) -> None:
        """Prepare for the first chunk, which follows."""
        ...

    def chunk(self, data: bytes) -> None: ...


@dataclass(slots=True, kw_only=True)
class Invocation:
    """One request to run a function."""

    request_id: str
    #: JSON text, byte for byte as the caller sent it.
    payload: bytes
    #: The ARN the caller used, with its qualifier if it had one.
    invoked_arn: str
    #: "Root=1-…;Parent=…;Sampled=0"
    trace_id: str
    #: JSON text, decoded from the X-Amz-Client-Context header.
    client_context: str = ""
    #: Trace headers of all that its event is made of, where it is a batch.
    links: Sequence[str] = ()
    tenant_id: str = ""
    #: Takes the response while the handler still runs; None buffers it.
    sink: ResponseSink | None = None
    #: Monotonic seconds; set where somebody listens.
    requested_s: float = 0.0


@dataclass(slots=True, kw_only=True)
class InvocationResult:
    """The outcome of an invocation. A function error is a result, too."""

    payload: bytes
    content_type: str = "application/json"
    #: "Unhandled" for every error a runtime or its environment reports; "" for success.
    function_error: str = ""
    #: AWS's error type for logs and metrics, e.g. "Sandbox.Timedout"; "" for success.
    error_type: str = ""
    #: Returns the log lines of this invocation, newest last, at most 4 KB.
    log_tail: Callable[[], bytes] = bytes
