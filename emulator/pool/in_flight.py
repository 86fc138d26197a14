"""Invocations in an environment: deadline, dispatch, answer and log lines of each."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.model.billing import Restored
from emulator.model.causes import ColdStart
from emulator.model.clock import Clock, Timer
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Flow, Invocation, InvocationResult, ResponseSink
from emulator.model.lazy import LazyModule
from emulator.model.lifecycle import Lifecycle
from emulator.model.limits import LOG_TAIL, RESPONSE_PAYLOAD, STREAMED_RESPONSE
from emulator.model.simulated import SimulatedParts
from emulator.pool import failures
from emulator.pool.runtime_api import RuntimeApi
from emulator.pool.runtime_events import Refusal
from emulator.telemetry.platform import Platform
from emulator.telemetry.writer import LogWriter

if TYPE_CHECKING:
    from emulator.pool import notices
else:
    notices = LazyModule("emulator.pool.notices")

#: Seconds into an invocation from which the wait for its share of CPU is counted. Most are over
#: by then, and cost nothing. A power of two: what is left until the deadline is exact.
_COUNT_THROTTLING_AFTER_S = 1 / 16
#: The part of its timeout for which a function must have waited for CPU time to be told so.
_THROTTLED_SHARE = 0.1


class InFlight:
    """An invocation from its START line to its REPORT.

    Its lines are logged once others have what they wait for: START when the runtime has been given
    the event, END and REPORT when the caller has been answered.

    Args:
        on_deadline: Called with this once the function's timeout has passed, unless
            :meth:`disarm` was called before: an answer alone does not end the time its runtime
            has to come back for more.
        report: Calls :meth:`report` if that is still to come; for who wants the log at once.
        throttled_s: Returns the seconds for which its environment has waited for CPU time so far
            because of its share.
        init_ms: Milliseconds of the INIT phase that the caller waited for; None when warm.
        restored: The restore from a snapshot that the caller waited for; None without.
    """

    __slots__ = (
        "_clock",
        "_deadline",
        "_lifecycle",
        "_on_deadline",
        "_platform",
        "_tail",
        "_throttled_before_s",
        "_throttled_s",
        "answer",
        "answered",
        "cold",
        "dispatched",
        "duration_ms",
        "environment_id",
        "error_type",
        "init_ms",
        "invocation",
        "on_ended",
        "produced_bytes",
        "request_id",
        "restored",
        "simulated",
        "started_s",
        "status",
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
        report: Callable[[], None],
        throttled_s: Callable[[], float],
        init_ms: float | None,
        environment_id: str,
        lifecycle: Lifecycle,
        restored: Restored | None = None,
    ) -> None:
        self.invocation = invocation
        self.request_id = invocation.request_id
        self.version = version
        self.answered: asyncio.Future[InvocationResult] = asyncio.get_running_loop().create_future()
        #: Called once, when it ends: for who can't wait for its answer.
        self.on_ended: Callable[[], None] | None = None
        #: The runtime has been given it.
        self.dispatched = False
        self._clock = clock
        self._platform = platform
        self.init_ms = init_ms
        #: What of its durations is simulated; None: nothing.
        self.simulated: SimulatedParts | None = None
        self.restored = restored
        self.environment_id = environment_id
        self._lifecycle = lifecycle
        self.started_s = clock.monotonic()
        #: Why it is cold; None: it is warm.
        self.cold: ColdStart | None = None
        #: What its caller gets, for listeners; None while it has none, and for streams.
        self.answer: bytes | None = None
        self._on_deadline = on_deadline
        self._deadline: Timer | None = None
        self._throttled_s = throttled_s
        self._throttled_before_s = 0.0
        #: Bytes of its response.
        self.produced_bytes = 0
        # Where others write between its lines, its own are those that name it.
        naming = invocation.request_id if version.managed is not None else ""
        self._tail = LogTail(log, naming, report)

    def begin(self, cold: ColdStart | None) -> None:
        """Write START; from now on its time runs out.

        Args:
            cold: Why the caller had to wait for a runtime to start; None: it did not.
        """
        self._platform.start(self.request_id)
        self.cold = cold
        self._deadline = self._clock.call_later(
            _COUNT_THROTTLING_AFTER_S, self._lasts, self._clock.monotonic()
        )
        # Last: a listener may end it, as scenarios do.
        lifecycle = self._lifecycle
        if lifecycle.close_listeners or (cold is not None and lifecycle.listeners):
            notices.invocation_started(self._lifecycle, self, self.environment_id, cold)

    def _lasts(self, began: float) -> None:
        """Count throttling from now on, and wait for the deadline."""
        self.count_throttling()
        left = began + self.version.timeout_s - self._clock.monotonic()
        self._deadline = self._clock.call_later(left, self._on_deadline, self)

    def count_throttling(self) -> None:
        """Count from now on how long its environment waits for CPU time."""
        self._throttled_before_s = self._throttled_s()

    def add_simulated(
        self,
        profile: str,
        *,
        init_ms: float = 0.0,
        duration_ms: float = 0.0,
        restore_ms: float = 0.0,
    ) -> None:
        """Note what is simulated of what it waited for, or of its own duration."""
        before = self.simulated or SimulatedParts(profile)
        self.simulated = SimulatedParts(
            profile,
            before.init_ms + init_ms,
            before.duration_ms + duration_ms,
            before.restore_ms + restore_ms,
        )

    def disarm(self) -> None:
        """Forget the deadline."""
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None  # no circle of references: the payload goes with the answer

    def dispatch(self, api: RuntimeApi) -> None:
        """Give it to a runtime that waits in ``next``."""
        self.dispatched = True
        deadline_ms = int((self._clock.now() + self.version.timeout_s) * 1000)
        if self.simulated is not None:  # its time has run since before that
            deadline_ms -= int(self.simulated.duration_ms)
        api.dispatch(self.invocation, deadline_ms)
        if api.extensions is not None:
            its = self.invocation
            api.extensions.invoke(its.request_id, deadline_ms, its.invoked_arn, its.trace_id)

    def chunk(self, sink: ResponseSink, data: bytes, content_type: str, source: Flow) -> bool:
        """Pass on a piece of a streamed response; False: it is over the limit."""
        if not self.produced_bytes:
            sink.begin(content_type, source)
        self.produced_bytes += len(data)
        if self.produced_bytes > STREAMED_RESPONSE:
            return False
        sink.chunk(data)
        return True

    def time_out(self) -> InvocationResult:
        """Log that the time is up, and whether CPU time was short; returns what the caller gets."""
        seconds = float(self.version.timeout_s)
        self._platform.timed_out(self.request_id, seconds)
        # The kernel adds up the waits of all CPUs.
        throttled_s = min(seconds, self._throttled_s() - self._throttled_before_s)
        if throttled_s >= _THROTTLED_SHARE * seconds:
            self._platform.throttled(self.request_id, throttled_s)
        return failures.timed_out(self.request_id, seconds)

    def end(self, result: InvocationResult, status: str = "") -> None:
        """Answer the caller. :meth:`report` must follow.

        Args:
            result: What the caller gets.
            status: "timeout" or "error" where it was not the runtime that ended it.
        """
        if status == "timeout":
            self.duration_ms = float(self.version.timeout_s) * 1000
        else:
            self.duration_ms = (self._clock.monotonic() - self.started_s) * 1000
        self.produced_bytes += len(result.payload)
        self.error_type, self.status = result.error_type, status
        result.log_tail = self._tail
        if not self.answered.done():
            self.answered.set_result(result)
        if self.on_ended is not None:
            self.on_ended()
        if self.invocation.sink is None:
            self.answer = result.payload
        if self._lifecycle.close_listeners:
            outcome = notices.status_of(result, status)
            notices.invocation_answered(self._lifecycle, self, self.environment_id, outcome)

    def report(self, peak: int) -> None:
        """Write END and REPORT.

        Args:
            peak: The most memory its sandbox has had, bytes.
        """
        version = self.version
        used_mb = min(version.memory_mb, -(-peak // 1048576))
        if self.error_type == "Runtime.OutOfMemory":
            used_mb = version.memory_mb
        self._platform.end(
            self.request_id,
            duration_ms=self.duration_ms,
            used_mb=used_mb,
            init_ms=self.init_ms,
            restored=self.restored,
            status=self.status,
            error_type=self.error_type,
            produced_bytes=self.produced_bytes,
            simulated=self.simulated,
        )
        self._tail.end()
        if self._lifecycle.listeners:
            notices.invocation_ended(self._lifecycle, self, used_mb)

    def fail(self, fault: DriverFault) -> None:
        """Tell the caller, if there is one, that the machine could not run it."""
        if not self.answered.done():
            self.answered.set_exception(fault)


class LogTail:
    """The last 4 KB of what was logged from START to REPORT, once it is asked for.

    Args:
        naming: Only lines with this text.
        report: Calls :meth:`end` if that is still to come.
    """

    __slots__ = ("_log", "_mark", "_naming", "_report", "_until")

    def __init__(self, log: LogWriter, naming: str, report: Callable[[], None]) -> None:
        self._log = log
        self._naming = naming
        self._report = report
        self._mark = self._until = log.written

    def end(self) -> None:
        """What comes now belongs to others."""
        self._until = self._log.written

    def __call__(self) -> bytes:
        self._report()
        return self._log.tail(self._mark, self._until, LOG_TAIL, self._naming)


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

    def is_running(self, invocation: InFlight) -> bool:
        """Say whether an invocation has not ended yet."""
        return self.running.get(invocation.request_id) is invocation

    def runtime_responded(
        self, request_id: str, payload: bytes, content_type: str
    ) -> Refusal | None:
        """End an invocation with the runtime's response."""
        return self._end(request_id, InvocationResult(payload=payload, content_type=content_type))

    def runtime_failed(self, request_id: str, payload: bytes, error_type: str) -> Refusal | None:
        """End an invocation with the runtime's error."""
        return self._end(request_id, failures.reported(payload, error_type))

    def response_too_large(self, request_id: str) -> None:
        """End an invocation whose response is larger than may be."""
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
