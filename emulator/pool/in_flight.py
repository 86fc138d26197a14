"""Invocations in an environment: deadline, dispatch, answer and log lines of each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from emulator.model.clock import Clock
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Flow, Invocation, InvocationResult, ResponseSink
from emulator.model.limits import LOG_TAIL, RESPONSE_PAYLOAD, STREAMED_RESPONSE
from emulator.pool import failures
from emulator.pool.runtime_api import Refusal, RuntimeApi
from emulator.telemetry import report
from emulator.telemetry.logs import LogWriter
from emulator.telemetry.platform import Platform


class InFlight:
    """An invocation from its START line to its REPORT.

    Args:
        on_deadline: Called with this once the function's timeout has passed, unless
            :meth:`disarm` was called before: an answer alone does not end the time its runtime
            has to come back for more.
        init_ms: Milliseconds of the INIT phase that the caller waited for; None when warm.
    """

    __slots__ = (
        "_clock",
        "_deadline",
        "_init_ms",
        "_log",
        "_mark",
        "_platform",
        "_started",
        "_streamed",
        "answered",
        "dispatched",
        "invocation",
        "request_id",
        "version",
    )

    def __init__(
        self,
        invocation: Invocation,
        version: FunctionVersion,
        *,
        clock: Clock,
        log: LogWriter,
        platform: Platform,
        on_deadline: Callable[[InFlight], None],
        init_ms: float | None,
    ) -> None:
        self.invocation = invocation
        self.request_id = invocation.request_id
        self.version = version
        self.answered: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        #: The runtime has been given it.
        self.dispatched = False
        self._clock = clock
        self._log = log
        self._platform = platform
        self._init_ms = init_ms
        self._started = clock.monotonic()
        self._mark = log.written
        self._streamed = 0
        platform.start(self.request_id)
        self._deadline = clock.call_later(version.timeout_s, on_deadline, self)

    def disarm(self) -> None:
        """Forget the deadline."""
        self._deadline.cancel()

    def dispatch(self, api: RuntimeApi) -> None:
        """Give it to a runtime that waits in ``next``."""
        self.dispatched = True
        deadline_ms = int((self._clock.now() + self.version.timeout_s) * 1000)
        api.dispatch(self.invocation, deadline_ms)

    def chunk(self, sink: ResponseSink, data: bytes, content_type: str, source: Flow) -> bool:
        """Pass on a piece of a streamed response; False: it is over the limit."""
        if not self._streamed:
            sink.begin(content_type, source)
        self._streamed += len(data)
        if self._streamed > STREAMED_RESPONSE:
            return False
        sink.chunk(data)
        return True

    def time_out(self) -> InvocationResult:
        """Log that the time is up; returns what the caller gets."""
        seconds = float(self.version.timeout_s)
        self._platform.timed_out(self.request_id, seconds)
        return failures.timed_out(self.request_id, seconds)

    def finish(self, result: InvocationResult, *, peak: int, status: str = "") -> None:
        """Write END and REPORT and answer the caller.

        Args:
            peak: The most memory its sandbox has had, bytes.
            status: "timeout" or "error" where it was not the runtime that ended it.
        """
        version, log = self.version, self._log
        if status == "timeout":
            duration_ms = float(version.timeout_s) * 1000
        else:
            duration_ms = (self._clock.monotonic() - self._started) * 1000
        used_mb = min(version.memory_mb, -(-peak // 1048576))
        if result.error_type == "Runtime.OutOfMemory":
            used_mb = version.memory_mb
        self._platform.end(
            self.request_id,
            duration_ms=duration_ms,
            used_mb=used_mb,
            init_ms=self._init_ms,
            status=status,
            error_type=result.error_type,
            produced_bytes=len(result.payload) + self._streamed,
        )
        result.duration_ms = duration_ms
        result.billed_ms = report.billed_ms(duration_ms, self._init_ms)
        mark, until = self._mark, log.written
        # Where others write between its lines, its own are those that name it.
        naming = self.request_id if version.managed is not None else ""
        result.log_tail = lambda: log.tail(mark, until, LOG_TAIL, naming)
        self.answer(result)

    def answer(self, result: InvocationResult) -> None:
        """Answer the caller, if nobody has."""
        if not self.answered.done():
            self.answered.set_result(result)


class Invocations:
    """The unanswered invocations of one environment, and what its runtime says of them.

    Args:
        finish: Ends one of them with its result.
        over: Returns the Runtime API's refusal of an answer to a request id that is not, or no
            longer, in flight.
    """

    def __init__(
        self,
        finish: Callable[[InFlight, InvocationResult], None],
        over: Callable[[str], Refusal],
    ) -> None:
        self.running: dict[str, InFlight] = {}
        #: Those of them that no runtime has been given yet.
        self.waiting: deque[InFlight] = deque()
        #: Ids of those whose callers were told that the time is up and that go on all the same.
        self.overdue: set[str] = set()
        self._finish = finish
        self._over = over

    def runtime_responded(
        self, request_id: str, payload: bytes, content_type: str
    ) -> Refusal | None:
        return self._end(request_id, InvocationResult(payload=payload, content_type=content_type))

    def runtime_failed(self, request_id: str, payload: bytes, error_type: str) -> Refusal | None:
        return self._end(request_id, failures.reported(payload, error_type))

    def response_too_large(self, request_id: str) -> None:
        self._end(request_id, failures.response_too_large(RESPONSE_PAYLOAD))

    def response_chunk(
        self, request_id: str, chunk: bytes, content_type: str, source: Flow
    ) -> bool:
        current = self.running.get(request_id)
        if current is None or current.invocation.sink is None:
            return False
        if current.chunk(current.invocation.sink, chunk, content_type, source):
            return True
        self._finish(current, failures.response_too_large(STREAMED_RESPONSE))
        return False

    def response_broke(self, request_id: str, error_type: str, body: bytes) -> None:
        if error_type:
            self._end(request_id, failures.stream_broke(error_type, body))

    def _end(self, request_id: str, result: InvocationResult) -> Refusal | None:
        ended = self.running.get(request_id)
        if ended is None:
            return self._over(request_id)
        self._finish(ended, result)
        return None
