"""One execution environment: a sandbox, its Runtime API, and the invocations it serves in turn.

The rule that keeps this free of locks: a transition is synchronous, and no ``await`` stands
between a check of the state and its change.
"""

from __future__ import annotations

import asyncio
import os
import signal
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from emulator.driver.base import Driver, Sandbox
from emulator.model.clock import Clock, Timer
from emulator.model.errors import DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Flow, Invocation, InvocationResult
from emulator.model.limits import INIT_SECONDS, LOG_TAIL, RESPONSE_PAYLOAD, STREAMED_RESPONSE
from emulator.model.sandbox import EnvironmentSpec, Exit
from emulator.pool import failures
from emulator.pool.runtime_api import RuntimeApi
from emulator.pool.states import TRANSITIONS, IllegalTransition, State
from emulator.telemetry import report
from emulator.telemetry.logs import LogWriter

#: Seconds between a runtime's death and giving up on what its connections may still hold (a
#: child that inherited one keeps it open).
_LINGER = 0.1
#: The most read from a function's output at one go, bytes.
_READ = 64 * 1024
#: Reads in a row before other work gets its turn: a flood must not keep the loop.
_READS = 16


@dataclass(slots=True)
class _Current:
    """The invocation in flight."""

    invocation: Invocation
    answered: asyncio.Future[InvocationResult]
    started: float
    mark: int
    init_ms: float | None
    #: Bytes of the response that have been streamed.
    streamed: int = 0
    dispatched: bool = False


class Environment:
    """One execution environment. ``on_idle`` and ``on_gone`` are its pool's."""

    def __init__(
        self,
        version: FunctionVersion,
        spec: EnvironmentSpec,
        *,
        driver: Driver,
        clock: Clock,
        log: LogWriter,
        on_idle: Callable[[Environment], None],
        on_gone: Callable[[Environment], None],
        init_seconds: float = INIT_SECONDS,
        provisioned: bool = False,
    ) -> None:
        self.version = version
        self.spec = spec
        self.id = spec.environment_id
        self.state = State.STARTING
        self.log = log
        self.created = clock.now()
        self.idle_since = clock.monotonic()
        self.invokes = 0
        #: (seconds since the epoch, state, reason): what this environment lives through.
        self.timeline: deque[tuple[float, State, str]] = deque(
            [(self.created, State.STARTING, "")], maxlen=64
        )
        #: Milliseconds of the INIT phase; None until it has ended well.
        self.init_ms: float | None = None
        #: Initialised ahead of use, for provisioned concurrency.
        self.provisioned = provisioned
        self.sandbox: Sandbox | None = None
        #: No invocation follows the one in flight: the pool has let go of it.
        self.retired = False
        self._driver = driver
        self._clock = clock
        self._on_idle = on_idle
        self._on_gone = on_gone
        self._init_seconds = init_seconds
        self._api = RuntimeApi(self)
        self._current: _Current | None = None
        self._initialised: asyncio.Future[InvocationResult | None] | None = None
        self._exit: Exit | None = None
        self._output: int | None = None
        #: The sandbox whose output and exit count; None while the runtime is being replaced.
        self._attached: Sandbox | None = None
        #: Armed from the dispatch of an invocation until the runtime's next ``next``.
        self._deadline: Timer | None = None
        self._restarting = False
        self._frozen: asyncio.Task[None] | None = None
        #: Ends when nothing of a stopped environment is left; None until it is stopped.
        self.stopping: asyncio.Task[None] | None = None
        self._kill: asyncio.Task[None] | None = None
        self._first = True

    # --- state -------------------------------------------------------------------------------

    def _to(self, state: State, reason: str = "") -> None:
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"environment {self.id}: {self.state} -> {state} ({reason})")
        # Going to and fro between two states with every invoke is counted, not told.
        if not (state is State.INVOKING or (state is State.READY and self.state is State.INVOKING)):
            self.timeline.append((self._clock.now(), state, reason))
        self.state = state

    def _is(self, *states: State) -> bool:
        return self.state in states

    @property
    def responded(self) -> bool:
        """The invocation is answered, and the runtime's ``next`` is still to come."""
        return self.state is State.INVOKING and self._current is None

    # --- init --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the sandbox and run the INIT phase.

        Ends READY, or RESET if the init failed: the next invocation then tries it again, as AWS
        does. The failure is in the log, and nobody's error yet.

        Raises:
            DriverFault: The sandbox could not be started; the environment is gone.
        """
        began = self._clock.monotonic()
        try:
            address = await self._api.listen(self._driver.listen_host)
            self.spec = replace(self.spec, runtime_api=address)
            sandbox = await self._driver.start(self.spec)
        except (DriverFault, OSError) as error:
            self.stop("could not start")
            if isinstance(error, DriverFault):
                raise
            raise DriverFault(str(error)) from error
        if not self._is(State.STARTING):  # stopped meanwhile
            await self._abandon(sandbox)
            return
        self._to(State.INIT)
        self._say_init_start()
        self._attach(sandbox)
        failure = await self._await_init(self._init_seconds)
        elapsed = (self._clock.monotonic() - began) * 1000
        if not self._is(State.INIT):
            return
        if failure is None:
            self.init_ms = elapsed
            self._driver.initialised(sandbox, self.spec)
            self._to(State.READY)
            self.idle_since = self._clock.monotonic()
            return
        self._drain()
        status = "timeout" if failure.error_type == "Sandbox.Timedout" else "error"
        error_type = "" if status == "timeout" else failure.error_type
        self.log.line(
            report.init_report(elapsed, phase="init", status=status, error_type=error_type)
        )
        self._reset(f"init {status}")

    def _say_init_start(self) -> None:
        runtime = self.version.runtime or "provided"
        name = runtime.rstrip("0123456789.x") or runtime
        release = runtime.removeprefix(name)
        self.log.line(
            report.init_start(
                f"{name}:{release}.v1" if release else f"{name}.v1",
                f"arn:aws:lambda:{self.version.region}::runtime:localfaas-{runtime}",
            )
        )

    async def _await_init(self, seconds: float) -> InvocationResult | None:
        """Wait for the first ``next``; returns None, or why it did not come."""
        loop = asyncio.get_running_loop()
        self._initialised = loop.create_future()
        assert self.sandbox is not None
        if self.sandbox.channel is not None:
            await self._api.adopt(self.sandbox.channel)
        timer = self._clock.call_later(max(0.0, seconds), self._init_timed_out)
        if self._exit is not None:
            self._runtime_gone()
        try:
            return await self._initialised
        finally:
            timer.cancel()
            self._initialised = None

    def _init_timed_out(self) -> None:
        self._end_init(failures.timed_out("", self._init_seconds))

    def _end_init(self, failure: InvocationResult | None) -> bool:
        waiting = self._initialised
        if waiting is None or waiting.done():
            return False
        waiting.set_result(failure)
        return True

    # --- invoke ------------------------------------------------------------------------------

    async def invoke(self, invocation: Invocation, *, cold: bool) -> InvocationResult:
        """Run one invocation; the environment must be reserved for the caller.

        Args:
            cold: The caller waited for this environment's INIT phase.

        Raises:
            DriverFault: The sandbox was lost before the invocation reached the runtime.
        """
        reset = self.state is State.RESET
        self._to(State.INVOKING)
        self.invokes += 1
        version = self.version
        current = self._current = _Current(
            invocation,
            asyncio.get_running_loop().create_future(),
            self._clock.monotonic(),
            self.log.written,
            self.init_ms if cold and self._first else None,
        )
        self._first = False
        self.log.line(report.start(invocation.request_id, version.version))
        self._deadline = self._clock.call_later(version.timeout_s, self._invoke_timed_out)
        if reset:
            await self._init_inside(current)
        # A runtime that connects anew for each call may be between two connections: its next
        # ``next``, its exit or the deadline goes on from here.
        if self._api.waiting and not current.answered.done():
            self._dispatch(current)
        return await current.answered

    def _dispatch(self, current: _Current) -> None:
        current.dispatched = True
        deadline_ms = int((self._clock.now() + self.version.timeout_s) * 1000)
        self._api.dispatch(current.invocation, deadline_ms)

    async def _init_inside(self, current: _Current) -> None:
        """Start the runtime anew within an invocation, under the function's own timeout."""
        began = self._clock.monotonic()
        self._restarting = True
        try:
            if self._kill is not None:
                await self._kill
            assert self.sandbox is not None
            sandbox = await self._driver.reset(self.sandbox, self.spec)
        except DriverFault:
            self.sandbox = None
            self.stop("could not start again")
            if current.answered.done():
                return
            raise
        finally:
            self._restarting = False
        if not self._is(State.INVOKING):  # timed out or stopped meanwhile
            await self._abandon(sandbox)
            return
        self._say_init_start()
        self._attach(sandbox)
        failure = await self._await_init(self.version.timeout_s)
        if self._current is not current:
            return
        elapsed = (self._clock.monotonic() - began) * 1000
        if failure is None:
            self._driver.initialised(sandbox, self.spec)
            return
        self._drain()
        self.log.line(
            report.init_report(
                elapsed, phase="invoke", status="error", error_type=failure.error_type
            )
        )
        self._finish(
            failures.with_request_id(failure, current.invocation.request_id),
            status="error",
            broken="init failed inside the invoke",
        )

    def _invoke_timed_out(self) -> None:
        if self._current is None:
            if self.responded:  # and never came back for more
                self._reset("timed out after its response")
                self._settle()
            return
        request_id = self._current.invocation.request_id
        seconds = float(self.version.timeout_s)
        self._drain()
        stamp = datetime.fromtimestamp(self._clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
        self.log.line(report.timed_out(stamp[:-3] + "Z", request_id, seconds))
        self._finish(
            failures.timed_out(request_id, seconds),
            status="timeout",
            broken="timeout",
            duration_ms=seconds * 1000,
        )
        self._end_init(failures.timed_out(request_id, seconds))

    def _finish(
        self,
        result: InvocationResult,
        *,
        status: str = "",
        broken: str = "",
        duration_ms: float | None = None,
    ) -> None:
        """Answer the invocation in flight and write END and REPORT.

        Args:
            broken: Why the runtime can't be used again; empty if it can.
        """
        current, self._current = self._current, None
        assert current is not None
        if duration_ms is None:
            duration_ms = (self._clock.monotonic() - current.started) * 1000
        if self._output is not None:
            self._drain()
        invocation, log, version = current.invocation, self.log, self.version
        sandbox = self.sandbox
        peak = sandbox.memory_peak() if sandbox is not None else 0
        error_type = result.error_type
        used_mb = min(version.memory_mb, -(-peak // 1048576))
        if error_type == "Runtime.OutOfMemory":
            used_mb = version.memory_mb
        log.line(report.end(invocation.request_id))
        log.line(
            report.report(
                invocation.request_id,
                duration_ms=duration_ms,
                memory_mb=version.memory_mb,
                used_mb=used_mb,
                init_ms=current.init_ms,
                status=status,
                error_type=error_type,
            )
        )
        result.duration_ms = duration_ms
        result.billed_ms = report.billed_ms(duration_ms, current.init_ms)
        mark, until = current.mark, log.written
        result.log_tail = lambda: log.tail(mark, until, LOG_TAIL)
        if broken and self._restarting:
            self.stop(broken)
        elif broken:
            self._reset(broken)
            self._settle()
        if not current.answered.done():
            current.answered.set_result(result)

    def _settle(self) -> None:
        """Hand the environment back to its pool."""
        self.idle_since = self._clock.monotonic()
        self._on_idle(self)

    # --- what the runtime says (RuntimeEvents) -------------------------------------------------

    def runtime_waits(self) -> tuple[str, str] | None:
        if self._end_init(None):
            return None
        if self.responded:
            self._disarm()
            self._to(State.READY)
            self._settle()
            return None
        if self._current is not None and not self._current.dispatched:
            self._dispatch(self._current)
            return None
        if self.state is State.READY:
            return None
        return ("InvalidStateTransition", "The runtime may not call next now.")

    def runtime_responded(
        self, request_id: str, payload: bytes, content_type: str
    ) -> tuple[str, str] | None:
        refusal = self._misuse(request_id)
        if refusal is None:
            self._finish(InvocationResult(payload=payload, content_type=content_type))
        return refusal

    def runtime_failed(
        self, request_id: str, payload: bytes, error_type: str
    ) -> tuple[str, str] | None:
        refusal = self._misuse(request_id)
        if refusal is None:
            self._finish(
                InvocationResult(
                    payload=payload,
                    function_error="Unhandled",
                    error_type=error_type or "Runtime.Unknown",
                )
            )
        return refusal

    def response_too_large(self, request_id: str) -> None:
        if self._misuse(request_id) is None:
            self._finish(failures.response_too_large(RESPONSE_PAYLOAD))

    def response_chunk(
        self, request_id: str, chunk: bytes, content_type: str, source: Flow
    ) -> bool:
        current = self._current
        if current is None or self._misuse(request_id) is not None:
            return False
        sink = current.invocation.sink
        if sink is None:
            return False
        if not current.streamed:
            sink.begin(content_type, source)
        current.streamed += len(chunk)
        if current.streamed > STREAMED_RESPONSE:
            self._finish(failures.response_too_large(STREAMED_RESPONSE))
            return False
        sink.chunk(chunk)
        return True

    def response_broke(self, request_id: str, error_type: str, body: bytes) -> None:
        if self._misuse(request_id) is None and error_type:
            self._finish(failures.stream_broke(error_type, body))

    def init_failed(self, payload: bytes, error_type: str) -> tuple[str, str] | None:
        result = InvocationResult(
            payload=payload,
            function_error="Unhandled",
            error_type=error_type or "Runtime.Unknown",
        )
        if self._end_init(result):
            return None
        return ("InvalidStateTransition", "The init phase is over.")

    def runtime_disconnected(self) -> None:
        if self._exit is not None:
            self._runtime_gone()

    def _misuse(self, request_id: str) -> tuple[str, str] | None:
        """Return the Runtime API's refusal of an answer to ``request_id``, or None (F28)."""
        current = self._current
        if current is not None and current.invocation.request_id == request_id:
            return None
        if self.responded:
            return ("InvalidStateTransition", "The invocation has been answered already.")
        return ("InvalidRequestID", "Invalid request ID")

    # --- the sandbox ---------------------------------------------------------------------------

    async def _abandon(self, sandbox: Sandbox) -> None:
        """Let go of a sandbox that came too late."""
        await self._driver.stop(sandbox)
        if sandbox.channel is not None:
            sandbox.channel.close()

    def _attach(self, sandbox: Sandbox) -> None:
        self.sandbox = self._attached = sandbox
        self._exit = None
        self._api.admits = sandbox.admits
        self._output = sandbox.output
        if self._output is not None:
            asyncio.get_running_loop().add_reader(self._output, self._drain)
        sandbox.exited.add_done_callback(lambda exited: self._exited(sandbox, exited))

    def _detach(self) -> None:
        """Let go of the sandbox's output and connections, after a last look."""
        self._attached = None
        self._drain()
        self.log.flush()
        if self._output is not None:
            asyncio.get_running_loop().remove_reader(self._output)
            self._output = None
        self._api.disconnect()

    def _drain(self) -> None:
        """Log what the function has printed so far."""
        for _ in range(_READS):
            if self._output is None:
                return
            try:
                data = os.read(self._output, _READ)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                asyncio.get_running_loop().remove_reader(self._output)
                self._output = None
                return
            self.log.output(data)
            if len(data) < _READ:
                return

    def _exited(self, sandbox: Sandbox, exited: asyncio.Future[Exit]) -> None:
        if sandbox is not self._attached or exited.cancelled():
            return
        self._exit = exited.result()
        self._api.resume_reading()
        if self._api.connections and self.state in (State.INIT, State.INVOKING):
            # What it said before it died may still be on its way; the end of its last
            # connection follows.
            self._clock.call_later(_LINGER, self._runtime_gone_for, sandbox)
        else:
            self._runtime_gone()

    def _runtime_gone_for(self, sandbox: Sandbox) -> None:
        if sandbox is self._attached:
            self._runtime_gone()

    def _runtime_gone(self) -> None:
        """The runtime process has ended and all it said has been heard."""
        gone = self._exit or Exit(signal=signal.SIGKILL)
        if self._end_init(failures.exited("", gone)):
            return
        if self._current is not None:
            request_id = self._current.invocation.request_id
            self._finish(failures.exited(request_id, gone), status="error", broken="exited")
        elif self.responded:
            self._reset("exited after its response")
            self._settle()
        elif self.state in (State.READY, State.FROZEN):
            self.stop("runtime exited while idle")

    def _reset(self, reason: str) -> None:
        """Kill what is left of the runtime; keep the sandbox, and its /tmp."""
        self._to(State.RESET, reason)
        self._disarm()
        self._detach()
        if self.sandbox is not None:
            self._kill = asyncio.get_running_loop().create_task(self._driver.kill(self.sandbox))

    def _disarm(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def stop(self, reason: str) -> asyncio.Task[None]:
        """End the environment at once; an invocation in flight is answered as exited.

        Returns the task that ends when nothing of it is left on the machine.
        """
        if self.stopping is None:
            self._to(State.STOPPING, reason)
            self.stopping = asyncio.get_running_loop().create_task(self._stop())
            self._on_gone(self)
        return self.stopping

    async def _stop(self) -> None:
        self._end_init(failures.exited("", Exit(signal=signal.SIGKILL)))
        current, self._current = self._current, None
        self._disarm()
        if current is not None and not current.answered.done():
            killed = Exit(signal=signal.SIGKILL)
            current.answered.set_result(failures.exited(current.invocation.request_id, killed))
        self._detach()
        self._api.close()
        if self._kill is not None:
            await self._kill
        if self.sandbox is not None:
            await self._driver.stop(self.sandbox)
        self._to(State.STOPPED)

    # --- freeze --------------------------------------------------------------------------------

    def freeze(self) -> None:
        """Stop all progress until :meth:`thaw`."""
        assert self.sandbox is not None
        self._to(State.FROZEN)
        self._frozen = asyncio.get_running_loop().create_task(self._driver.freeze(self.sandbox))

    async def thaw(self) -> bool:
        """Let it go on; returns False if it could not, and is gone."""
        assert self.sandbox is not None
        assert self._frozen is not None
        try:
            await self._frozen
            await self._driver.thaw(self.sandbox)
        except DriverFault as fault:
            if self._is(State.FROZEN):
                self.stop(f"could not thaw: {fault}")
        if not self._is(State.FROZEN):
            return False
        self._to(State.READY)
        return True
