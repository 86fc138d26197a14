"""An environment that runs one invocation at a time, as Lambda does by default.

What a runtime does wrong costs it its life, not the sandbox: the environment is RESET, and the
next invocation starts the runtime anew, within its own time.
"""

from __future__ import annotations

import asyncio
import contextlib

from emulator.driver.base import Sandbox
from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.errors import DriverFault
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.sandbox import Exit
from emulator.pool import failures
from emulator.pool.environment import Environment
from emulator.pool.in_flight import InFlight
from emulator.pool.runtime_events import Refusal
from emulator.pool.states import EnvironmentState


class SerialEnvironment(Environment):
    """Runs one invocation after the other."""

    #: The invocation in flight; once answered, it stands here until its runtime comes back.
    _current: InFlight | None = None
    #: Starts the runtime anew for it; None while nothing of the kind is under way.
    _restart: asyncio.Task[None] | None = None
    #: The old runtime is gone, and the new one not there yet: nothing is left to be reset.
    _without_runtime = False
    _first = True
    #: Its invocation waits until the simulated part of a first one is over.
    _call_held = False

    @property
    def responded(self) -> bool:
        return self.state is EnvironmentState.INVOKING and not self._invocations.running

    async def invoke(self, invocation: Invocation, *, cold: ColdStart | None) -> InvocationResult:
        self._report()
        reset = self.state is EnvironmentState.RESET
        self._to(EnvironmentState.INVOKING)
        self.invokes += 1
        current = self._current = InFlight(
            invocation,
            self.version,
            clock=self._clock,
            log=self.log,
            platform=self._platform,
            on_deadline=self._timed_out,
            report=self._report,
            throttled_s=self._throttled_s,
            init_ms=self.init_ms if cold is not None and self._first else None,
            restored=self.restored if cold is not None and self._first else None,
            environment_id=self.id,
            lifecycle=self.lifecycle,
        )
        if self.simulated is not None and cold is not None and self._first:
            restored = self.restored is not None
            current.add_simulated(
                self.simulated.profile,
                init_ms=0.0 if restored else self.simulated.init_ms,
                restore_ms=self.simulated.restore_ms if restored else 0.0,
            )
        self._invocations.running[invocation.request_id] = current
        self._first = False
        if reset and cold is None:
            cold = ColdStart(ColdCause.RESTART, detail=self.reset_reason)
        # A runtime that connects anew for each call may be between two connections: its next
        # ``next``, its exit or the deadline goes on from here.
        if self._api.waiting:
            self._dispatch(current)
        current.begin(cold)
        if reset:
            # A task of its own: a caller that goes away must not leave a runtime half started.
            self._restart = asyncio.get_running_loop().create_task(self._start_anew(current))
        return await current.answered

    def _dispatch(self, current: InFlight) -> None:
        """Give the runtime its invocation: a first one when its simulated part is over."""
        if not self._held_call_ms:
            if not self._call_held:
                current.dispatch(self._api)
            return
        assert self.simulated is not None
        held_ms, self._held_call_ms = self._held_call_ms, 0.0
        current.add_simulated(self.simulated.profile, duration_ms=held_ms)
        self._call_held = True
        self._clock.call_later(held_ms / 1000, self._release, current)

    def _release(self, current: InFlight) -> None:
        """Give the runtime the invocation that was held back, unless either is gone."""
        if self._current is current:
            self._call_held = False
            # A runtime that is between two connections gets it with its next ``next``.
            if self._invocations.is_running(current) and self._api.waiting:
                current.dispatch(self._api)

    async def _start_anew(self, current: InFlight) -> None:
        """Start the runtime again within an invocation, under the function's own timeout.

        The invocation may end at every ``await`` here, and the environment be another's then.
        """
        began = self._clock.monotonic()
        try:
            sandbox = await self._renewed_sandbox()
        except DriverFault as fault:
            self.sandbox = None
            if self._invocations.is_running(current):
                current.fail(fault)
            self.stop(StopCause.CRASHED, f"could not start again: {fault}")
            return
        if self._current is not current:  # timed out or stopped meanwhile
            await self._abandon(sandbox)
            return
        self._init_begins("invoke", sandbox)
        self._expect_init(sandbox)
        self._attach(sandbox)
        current.count_throttling()
        failure = await self._await_init(None)
        if not self._invocations.is_running(current):
            return
        elapsed = (self._clock.monotonic() - began) * 1000
        self._end_output()
        self._list_extensions()
        if failure is None:
            self._init_ends("invoke", elapsed)
            if not self._invocations.is_running(current):
                return  # a listener has ended it, as scenarios do
            self._driver.initialised(sandbox, self.spec)
            if self.simulated is not None:
                current.add_simulated(self.simulated.profile, duration_ms=self.simulated.init_ms)
            if self._api.waiting:
                self._dispatch(current)
            return
        self._init_ends("invoke", elapsed, "error", failure.error_type)
        result = failures.with_request_id(failure, current.request_id)
        self._break(current, result, "error", "init failed inside the invoke")

    async def _renewed_sandbox(self) -> Sandbox:
        """Return the sandbox with a new runtime.

        Raises:
            DriverFault: It can't be had, and the old one is gone.
        """
        assert self.sandbox is not None
        self._without_runtime = True
        try:
            if self._kill is not None:
                with contextlib.suppress(DriverFault):  # it is killed again
                    await self._kill
            return await self._driver.reset(self.sandbox, self.spec)
        finally:
            self._without_runtime = False

    async def _stop(self) -> None:
        if self._restart is not None:
            self._answer_all()
            # What it still gets from the driver, it gives back.
            await asyncio.wait((self._restart,))
        await super()._stop()

    def _timed_out(self, late: InFlight) -> None:
        if not self._invocations.running:  # answered, but its runtime never came back for more
            self._give_back("timed out after its response")
            return
        self._end_output()
        self._break(late, late.time_out(), "timeout", "timeout")
        self._end_init(failures.timed_out(late.request_id, self.version.timeout_s))

    def _break(self, current: InFlight, result: InvocationResult, status: str, reason: str) -> None:
        """End the invocation in flight, and with it the runtime."""
        self._finish(current, result, status)
        self._report()
        if self._without_runtime:
            self.stop(StopCause.CRASHED, reason)
        else:
            self._give_back(reason)

    def _give_back(self, reason: str) -> None:
        self._reset(reason)
        self._hand_back()

    def _reset(self, reason: str) -> None:
        """Kill what is left of the runtime; keep the sandbox, and its /tmp."""
        self._to(EnvironmentState.RESET, reason)
        self.reset_reason = reason
        self._disarm()
        if self._api.extensions is None:
            self._detach()
        else:  # they live a little longer; what becomes of the runtime counts no more
            self._attached = None
            self._api.forget_runtime()
        if self.sandbox is not None:
            self._kill = asyncio.get_running_loop().create_task(self._kill_all(reason))

    async def _kill_all(self, reason: str) -> None:
        """Kill what is left of the runtime, after the last work of extensions if there are any."""
        assert self.sandbox is not None
        if self._api.extensions is not None:
            await self._shut_down("timeout" if "time" in reason else "failure")
            self._detach()
        await self._driver.kill(self.sandbox)

    def _disarm(self) -> None:
        if self._current is not None:
            self._current.disarm()
            self._current = None
        self._call_held = False

    # --- what the runtime says and does --------------------------------------------------------

    def runtime_waits(self) -> Refusal | None:
        if self._runtime_is_up():
            return None
        current = self._current
        if current is not None:
            if not self._invocations.running:
                extensions = self._api.extensions
                if extensions is None or not extensions.busy:
                    self._come_back()
                return None
            if not current.dispatched:
                self._dispatch(current)
                return None
        if self.state is EnvironmentState.READY:
            return None
        return ("InvalidStateTransition", "The runtime may not call next now.")

    def _come_back(self) -> None:
        """Be free for the next invocation."""
        if self.exit is not None:  # another process of the sandbox asks, as adapters do
            self._runtime_gone()
            return
        self._disarm()
        self._to(EnvironmentState.READY)
        self._hand_back()

    def extensions_changed(self) -> None:
        super().extensions_changed()
        extensions = self._api.extensions
        if self.responded and self._api.waiting and extensions and not extensions.busy:
            self._come_back()

    def _extension_died(self, failure: InvocationResult) -> None:
        current = self._current
        if current is not None and self._invocations.running:
            result = failures.with_request_id(failure, current.request_id)
            self._break(current, result, "error", failure.error_type)
        elif current is not None:
            self._give_back(failure.error_type)
        elif self.state is not EnvironmentState.RESET:
            self.stop(StopCause.CRASHED, failure.error_type)

    def runtime_hung_up(self, request_id: str) -> None:
        """What becomes of the runtime says what becomes of its one invocation."""

    def _refusal(self, request_id: str) -> Refusal:
        if self.responded:
            return ("InvalidStateTransition", "The invocation has been answered already.")
        return ("InvalidRequestID", "Invalid request ID")

    def _init_failed(self, reason: str) -> None:
        # The next invocation tries it again, as on AWS (F3).
        self._reset(reason)

    def _died(self, gone: Exit) -> None:
        current = self._current
        if current is not None and self._invocations.running:
            result = failures.exited(current.request_id, gone)
            self._break(current, result, "error", "exited")
        elif current is not None:
            self._give_back("exited after its response")
        elif self.state in (EnvironmentState.READY, EnvironmentState.FROZEN):
            self.stop(StopCause.CRASHED, "runtime exited while idle")
