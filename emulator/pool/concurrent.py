"""An environment that runs several invocations at once, as Lambda Managed Instances do.

Each invocation has a time of its own, and none is cut short: when its time is up its caller is
told, and the worker that runs it goes on until it is done. A worker that dies costs its invocation,
a runtime that dies the environment.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-execution-environment.html
"""

from __future__ import annotations

from emulator.model.causes import ColdStart, StopCause
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.sandbox import Exit
from emulator.pool import failures
from emulator.pool.environment import Environment
from emulator.pool.in_flight import InFlight
from emulator.pool.runtime_events import Refusal
from emulator.pool.states import EnvironmentState


class ConcurrentEnvironment(Environment):
    """Runs up to ``limit`` invocations at once; a caller reserves its place before it invokes."""

    #: Places given to callers that are on their way.
    _reserved = 0

    @property
    def free(self) -> int:
        """How many more invocations it can take now."""
        if self.state not in (EnvironmentState.READY, EnvironmentState.INVOKING) or self.retired:
            return 0
        invocations = self._invocations
        return self.limit - len(invocations.running) - len(invocations.overdue) - self._reserved

    @property
    def busy(self) -> bool:
        """An invocation runs, or is about to."""
        return bool(self._invocations.running or self._reserved)

    @property
    def responded(self) -> bool:
        return False

    def reserve(self) -> None:
        """Keep a place for a caller."""
        self._reserved += 1

    def release(self) -> None:
        """Give up a place that is not used after all."""
        self._reserved -= 1
        self._hand_back()

    async def invoke(self, invocation: Invocation, *, cold: ColdStart | None) -> InvocationResult:
        self._reserved -= 1
        if self.state is EnvironmentState.READY:
            self._to(EnvironmentState.INVOKING)
        self.invokes += 1
        current = InFlight(
            invocation,
            self.version,
            clock=self._clock,
            log=self.log,
            platform=self._platform,
            on_deadline=self._timed_out,
            report=self._report,
            throttled_s=self._throttled_s,
            init_ms=None,
            environment_id=self.id,
            lifecycle=self.lifecycle,
        )
        self._invocations.running[invocation.request_id] = current
        if self._api.waiting:
            current.dispatch(self._api)
        else:
            # All workers that are up are on the way to their next ``next``, or others still start.
            self._invocations.waiting.append(current)
        current.begin(cold)
        return await current.answered

    def _timed_out(self, late: InFlight) -> None:
        self._end_output()
        if late.dispatched:
            self._invocations.overdue.add(late.request_id)
        self._finish(late, late.time_out(), "timeout")
        if len(self._invocations.overdue) >= self.limit:
            self.stop(StopCause.CRASHED, "no worker came back in time")

    def _finish(self, ended: InFlight, result: InvocationResult, status: str = "") -> None:
        ended.disarm()
        if not ended.dispatched:
            self._invocations.waiting.remove(ended)
        super()._finish(ended, result, status)
        if self.state is EnvironmentState.INVOKING and not self._invocations.running:
            self._to(EnvironmentState.READY)
        self._hand_back()

    def _hand_back(self) -> None:
        if self.state in (EnvironmentState.READY, EnvironmentState.INVOKING):
            super()._hand_back()

    def _disarm(self) -> None:
        self._invocations.waiting.clear()
        for in_flight in self._invocations.running.values():
            in_flight.disarm()

    # --- what the runtime says and does --------------------------------------------------------

    def runtime_waits(self) -> Refusal | None:
        if self._runtime_is_up() or self.state is EnvironmentState.INIT:
            return None
        if self._invocations.waiting:
            self._invocations.waiting.popleft().dispatch(self._api)
        return None

    def runtime_hung_up(self, request_id: str) -> None:
        # The worker was gone before it knew: another one can have it.
        unread = self._invocations.running.get(request_id)
        if unread is None:
            return
        if self._api.waiting:
            unread.dispatch(self._api)
        else:
            unread.dispatched = False
            self._invocations.waiting.appendleft(unread)

    def _refusal(self, request_id: str) -> Refusal:
        if request_id not in self._invocations.overdue:
            return ("InvalidRequestID", "Invalid request ID")
        self._invocations.overdue.discard(request_id)
        self._hand_back()
        return ("InvokeTimeout", "Invoke timeout")

    def _init_failed(self, reason: str) -> None:
        self.stop(StopCause.FAILED, reason)

    def _died(self, gone: Exit) -> None:
        running = dict(self._invocations.running)
        self.stop(StopCause.CRASHED, "runtime exited")
        for request_id, in_flight in running.items():
            self._finish(in_flight, failures.exited(request_id, gone), "error")
