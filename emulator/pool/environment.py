"""The life of one execution environment: start, INIT, the death of its runtime, its end.

The module ``serial`` runs its invocations.

One rule keeps this free of locks: a transition is synchronous, and no ``await`` stands
between a check of the state and its change.
"""

from __future__ import annotations

import asyncio
import contextlib
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from emulator.driver.base import Driver, Sandbox
from emulator.model import imports
from emulator.model.billing import Restored
from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.clock import Clock, Timer
from emulator.model.errors import ConfigurationError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.imports import TRACE_IMPORTS
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.lazy import LazyModule
from emulator.model.lifecycle import Lifecycle
from emulator.model.limits import INIT_SECONDS
from emulator.model.sandbox import EnvironmentSpec, Exit, Prepared
from emulator.model.simulated import SimulatedStart
from emulator.pool import failures
from emulator.pool.in_flight import InFlight, Invocations
from emulator.pool.output import Output
from emulator.pool.runtime_api import RuntimeApi
from emulator.pool.runtime_events import Refusal
from emulator.pool.states import TRANSITIONS, EnvironmentState, IllegalTransition
from emulator.telemetry import platform
from emulator.telemetry.platform import Phase
from emulator.telemetry.writer import LogWriter

if TYPE_CHECKING:
    from emulator.pool import notices
    from emulator.pool.extensions import shutdown, telemetry
    from emulator.pool.extensions.subscriptions import Subscription
    from emulator.telemetry import lines
else:
    lines = LazyModule("emulator.telemetry.lines")
    shutdown = LazyModule("emulator.pool.extensions.shutdown")
    telemetry = LazyModule("emulator.pool.extensions.telemetry")
    notices = LazyModule("emulator.pool.notices")

#: Seconds to read on from a dead runtime's connections (a child that inherited one keeps it
#: open).
_LINGER_S = 0.1

#: Returns what a version needs before it starts, once that is there.
Prepare = Callable[[FunctionVersion], Awaitable[Prepared]]


#: Returns the simulated parts of a version's next start; None if no part is simulated.
Simulate = Callable[[FunctionVersion], SimulatedStart | None]


async def nothing_to_prepare(version: FunctionVersion) -> Prepared:
    """Return nothing: the function's code runs as it is."""
    return Prepared()


def nothing_simulated(version: FunctionVersion) -> SimulatedStart | None:
    """Return None: starts take what they really take."""
    return None


class Environment(ABC):
    """One execution environment. It tells its pool by ``on_idle`` and ``on_gone``."""

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
        prepare: Prepare = nothing_to_prepare,
        init_timeout_s: float = INIT_SECONDS,
        provisioned: bool = False,
        initialization_type: str = "on-demand",
        lifecycle: Lifecycle | None = None,
        why: ColdStart = ColdStart(ColdCause.FIRST_CALL),  # noqa: B008
        simulate: Simulate = nothing_simulated,
    ) -> None:
        self.version = version
        self.spec = spec
        self.id = spec.environment_id
        self.state = EnvironmentState.STARTING
        self.log = log
        self.created = clock.now()
        self.idle_since = clock.monotonic()
        self.invokes = 0
        #: The latest changes of its state: (seconds since the epoch, state, reason).
        self.timeline: deque[tuple[float, EnvironmentState, str]] = deque(
            [(self.created, EnvironmentState.STARTING, "")], maxlen=64
        )
        #: Milliseconds of the INIT phase; None until it has ended well.
        self.init_ms: float | None = None
        #: What it has imported in its INIT phase; None where that was not measured.
        self.imports: imports.Imports | None = None
        #: True if it was initialised ahead of use, for provisioned concurrency.
        self.provisioned = provisioned
        #: True if it counts towards the limit of environments; a spare or template does not.
        self.takes_place = True
        #: The restore from a snapshot that led to its first invocation; None without.
        self.restored: Restored | None = None
        self.sandbox: Sandbox | None = None
        #: True if the pool gives it no further invocation after the one in flight.
        self.retired = False
        #: Why a retired environment ends; None if its pool drains.
        self.leaves_as: tuple[StopCause, str] | None = None
        #: Why it is started.
        self.why = why
        #: Why its runtime is being started anew; "" if it is not.
        self.reset_reason = ""
        #: Why it ended; meaningless before that.
        self.stop_cause, self.stop_reason = StopCause.RETIRED, ""
        self.lifecycle = lifecycle or Lifecycle(clock)
        #: The simulated parts of its last start; None if no part was simulated.
        self.simulated: SimulatedStart | None = None
        self._simulate = simulate
        #: Delays the end of the INIT phase by its simulated part.
        self._init_held: Timer | None = None
        #: Simulated milliseconds to add to its next invocation.
        self._held_call_ms = 0.0
        #: True if its runtime has called its first ``next`` and extensions are not ready yet.
        self._waits_for_extensions = False
        #: True while its runtime waits to start until all extensions have registered.
        self._runtime_is_held = False
        self._driver = driver
        self._prepare = prepare
        self._clock = clock
        self._platform = platform.of(version, log, clock, initialization_type=initialization_type)
        self._initialization_type = initialization_type
        self._on_idle = on_idle
        self._on_gone = on_gone
        self._init_timeout_s = init_timeout_s
        self._make_runtime_api()
        self._freezing: Timer | None = None
        self._frozen: asyncio.Task[None] | None = None
        #: Ends when nothing of a stopped environment is left; None until it is stopped.
        self.stopping: asyncio.Task[None] | None = None
        self._kill: asyncio.Task[None] | None = None

    def _make_runtime_api(self) -> None:
        """Make the Runtime API and the other parts that serve one runtime."""
        #: The most invocations it runs at once.
        self.limit = self.version.managed.max_concurrency if self.version.managed else 1
        self._invocations = Invocations(self._finish, self._refusal)
        #: Invocations that were answered, but have no REPORT line yet.
        self._ended: list[InFlight] = []
        self._api = RuntimeApi(self, self._invocations, self.limit)
        self._initialised: asyncio.Future[InvocationResult | None] | None = None
        #: How its runtime has ended.
        self.exit: Exit | None = None
        #: Why its INIT phase has failed.
        self.init_failure: InvocationResult | None = None
        self._output = Output(None, self.log)
        #: What extensions print; None without.
        self._extension_output: Output | None = None
        #: Those who hear the log; None: nobody ever has.
        self._telemetry: telemetry.Telemetry | None = None
        #: The sandbox whose output and exit count; None while the runtime is being replaced.
        self._attached: Sandbox | None = None

    @property
    def usable(self) -> bool:
        """It waits for an invocation, or starts its runtime anew for one."""
        return self.state in (EnvironmentState.READY, EnvironmentState.RESET)

    @property
    def idle_s(self) -> float:
        """How long it has been idle, if it is idle."""
        return self._clock.monotonic() - self.idle_since

    @property
    def running(self) -> tuple[InFlight, ...]:
        """The invocations that run in it now."""
        return tuple(self._invocations.running.values())

    @property
    def in_flight(self) -> int:
        """How many invocations run in it now."""
        return len(self._invocations.running)

    def when_ended(self, request_id: str, call: Callable[[], None]) -> bool:
        """Call ``call`` when an invocation in flight ends; False: it is not in flight."""
        in_flight = self._invocations.running.get(request_id)
        if in_flight is not None:
            in_flight.on_ended = call
        return in_flight is not None

    # --- how it runs invocations ---------------------------------------------------------------

    @property
    @abstractmethod
    def responded(self) -> bool:
        """It has answered, and will be free when its runtime calls ``next``."""

    @abstractmethod
    async def invoke(self, invocation: Invocation, *, cold: ColdStart | None) -> InvocationResult:
        """Run one invocation; the environment must be reserved for the caller.

        Args:
            invocation: What to run.
            cold: Why the caller waited for this environment's INIT phase; None: it did not.

        Raises:
            DriverFault: The sandbox was lost before the invocation reached the runtime.
        """

    @abstractmethod
    def runtime_waits(self) -> Refusal | None: ...

    @abstractmethod
    def runtime_hung_up(self, request_id: str) -> None: ...

    @abstractmethod
    def _refusal(self, request_id: str) -> Refusal:
        """Return the refusal of a runtime's answer to an invocation that is not in flight (F28)."""

    @abstractmethod
    def _init_failed(self, reason: str) -> None:
        """The INIT phase has failed, and the log says so."""

    @abstractmethod
    def _died(self, gone: Exit) -> None:
        """The runtime has ended after its INIT phase."""

    def _finish(self, ended: InFlight, result: InvocationResult, status: str = "") -> None:
        """End an invocation in flight: its caller is answered, then its last lines are logged."""
        del self._invocations.running[ended.request_id]
        ended.end(result, status)
        self._ended.append(ended)
        # After the caller: the answer has already put it in the event loop's queue.
        asyncio.get_running_loop().call_soon(self._report)

    def _report(self) -> None:
        """Log the last lines of the invocations that have ended."""
        if not self._ended:
            return
        self._end_output()
        peak = self.sandbox.memory_peak() if self.sandbox is not None else 0
        for ended in self._ended:
            ended.report(peak)
        self._ended.clear()

    def _throttled_s(self) -> float:
        return self.sandbox.throttled_s() if self.sandbox is not None else 0.0

    def _end_output(self) -> None:
        """Log the output so far, before the platform's lines on what has just ended."""
        if self.limit == 1:
            self._output.end_line()
        else:  # others may be in the middle of a line
            self._output.drain()

    # --- state -------------------------------------------------------------------------------

    def _to(self, state: EnvironmentState, reason: str = "") -> None:
        if state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"environment {self.id}: {self.state} -> {state} ({reason})")
        before, self.state = self.state, state
        # Every invoke goes to and fro between two states: those changes are counted, not kept.
        if state is EnvironmentState.INVOKING:
            return
        if state is EnvironmentState.READY and before is EnvironmentState.INVOKING:
            if not self.lifecycle.close_listeners:
                return
        else:
            self.timeline.append((self._clock.now(), state, reason))
        if self.lifecycle.listeners:
            notices.transition(self.lifecycle, self, before, reason, self.stop_cause)

    def _is(self, state: EnvironmentState) -> bool:
        # A method, since type checkers assume that a compared attribute survives an ``await``.
        return self.state is state

    # --- init --------------------------------------------------------------------------------

    async def start(self) -> None:
        """Start the sandbox and run the INIT phase.

        The state is READY if INIT succeeded. A failure of INIT is logged and raises nothing.

        Raises:
            DriverFault: The sandbox could not be started; the environment is gone.
        """
        try:
            layer, code = await self._prepare(self.version)
            if layer is not None:
                self.spec = replace(self.spec, layers=(layer, *self.spec.layers))
            if code is not None:
                self.spec = replace(self.spec, code=code)
            await self._driver.fetch(self.spec)
            if self.lifecycle.listeners:
                notices.code_ready(self.lifecycle, self)
            began = self._clock.monotonic()
            address = await self._api.listen(self._driver.listen_host)
            self.spec = replace(self.spec, runtime_api=address)
            sandbox = await self._driver.start(self.spec)
        except (DriverFault, ConfigurationError, OSError) as error:
            self.stop(StopCause.FAILED, f"could not start: {error}")
            if isinstance(error, DriverFault):
                raise
            raise DriverFault(str(error)) from error
        if not self._is(EnvironmentState.STARTING):  # stopped meanwhile
            self._api.close()
            await self._abandon(sandbox)
            return
        self._to(EnvironmentState.INIT)
        self._init_begins("init", sandbox)
        self._expect_init(sandbox)
        self._attach(sandbox)
        failure = await self._await_init(self._init_timeout_s)
        elapsed = (self._clock.monotonic() - began) * 1000
        if not self._is(EnvironmentState.INIT):
            return
        self._end_output()
        self._list_extensions()
        if failure is None:
            self._init_ends("init", elapsed)
            self.init_ms = elapsed
            self._init_succeeded(sandbox)
            return
        status = "timeout" if failure.error_type == "Sandbox.Timedout" else "error"
        error_type = "" if status == "timeout" else failure.error_type
        self._init_ends("init", elapsed, status, error_type)
        self.init_failure = failure
        self._init_failed(f"init {status}")

    def _init_succeeded(self, sandbox: Sandbox) -> None:
        self._driver.initialised(sandbox, self.spec)
        self._to(EnvironmentState.READY)
        self.idle_since = self._clock.monotonic()

    def _init_begins(self, phase: Phase, sandbox: Sandbox) -> None:
        if sandbox.extensions:
            self._open_telemetry(sandbox)
        self._platform.init_start(phase)
        if self.lifecycle.listeners:
            notices.booted(self.lifecycle, self, phase)
            # Before they are heard, who may have spoken already.
            if sandbox.extensions:
                notices.extensions_started(self.lifecycle, self, sandbox.extensions)

    def _init_ends(
        self, phase: Phase, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        simulated_ms = self.simulated.init_ms if self.simulated and status == "success" else 0.0
        self._platform.init_end(phase, duration_ms, status, error_type)
        if self._telemetry is not None:
            self._telemetry.initialised()
        if self.lifecycle.listeners:
            notices.initialised(
                self.lifecycle,
                self,
                phase,
                duration_ms,
                status,
                error_type,
                simulated_ms=simulated_ms,
            )

    def _expect_init(self, sandbox: Sandbox) -> None:
        """Take what a runtime says of its INIT, which it may have said before it is attached."""
        self._initialised = asyncio.get_running_loop().create_future()
        self.simulated = self._simulated_init()
        self._held_call_ms = 0.0
        self._waits_for_extensions = False
        self._runtime_is_held = bool(sandbox.extensions)

    async def _await_init(self, seconds: float | None) -> InvocationResult | None:
        """Wait for the first ``next``; return None if it came, else the failure.

        Args:
            seconds: The longest wait; None if an invocation's deadline ends it.
        """
        initialised = self._initialised
        assert initialised is not None
        assert self.sandbox is not None
        if self.sandbox.channel is not None:
            await self._api.adopt(self.sandbox.channel)
        timer = None
        if seconds is not None:
            timer = self._clock.call_later(max(0.0, seconds), self._init_timed_out)
        if self.exit is not None:
            self._runtime_gone()
        if self._runtime_is_held:
            self.extensions_changed()
        try:
            return await initialised
        finally:
            for each in (timer, self._init_held):
                if each is not None:
                    each.cancel()
            self._init_held = None
            if self._initialised is initialised:  # a later start may have set its own
                self._initialised = None

    def _simulated_init(self) -> SimulatedStart | None:
        """Return the simulated parts of the INIT phase that begins now and of the call after it."""
        return self._simulate(self.version)

    def end_init_by_time(self) -> None:
        """End its INIT phase as if it had timed out; for scenarios."""
        self._init_timed_out()

    def lose_runtime(self, request_id: str, gone: Exit) -> bool:
        """Kill its runtime during an invocation, with a chosen exit; for scenarios.

        Args:
            request_id: The invocation; if it does not run any more, nothing happens.
            gone: The exit to report for the killed runtime.

        Returns:
            Whether it ran.
        """
        if request_id not in self._invocations.running:
            return False
        self.exit = gone
        self._runtime_gone()
        return True

    def _init_timed_out(self) -> None:
        self._end_init(failures.timed_out("", self._init_timeout_s))

    def _runtime_is_up(self) -> bool:
        """End the INIT phase once its simulated part is over; False if it has ended before."""
        if self._initialised is None or self._initialised.done():
            return False
        if self._api.extensions is not None and not self._api.extensions.ready:
            self._waits_for_extensions = True
            return True
        if self.simulated is None:
            return self._end_init(None)
        if self._init_held is None:
            self._held_call_ms = self.simulated.first_call_ms
            held_s = self.simulated.init_ms / 1000
            self._init_held = self._clock.call_later(held_s, self._end_init, None)
        return True

    # --- extensions ----------------------------------------------------------------------------

    @property
    def initialising(self) -> bool:
        return self._initialised is not None and not self._initialised.done()

    def extensions_changed(self) -> None:
        """Start the runtime once all have registered; end INIT once all are ready."""
        extensions = self._api.extensions
        if extensions is None:
            return
        if self._runtime_is_held and extensions.registered and self.initialising:
            self._runtime_is_held = False
            assert self.sandbox is not None
            if self.lifecycle.listeners:
                inside = self.state is EnvironmentState.INVOKING
                phase: Phase = "invoke" if inside else "init"
                notices.extensions_registered(self.lifecycle, self, phase)
            self._driver.start_runtime(self.sandbox)
        if self._waits_for_extensions and extensions.ready:
            self._waits_for_extensions = False
            self._runtime_is_up()

    def extension_failed(self, failure: InvocationResult) -> None:
        """End INIT or the running invocations: an environment can't live without an extension."""
        if self.state in (EnvironmentState.STOPPING, EnvironmentState.STOPPED):
            return
        if not self._end_init(failure):
            self._extension_died(failure)

    def _extension_died(self, failure: InvocationResult) -> None:
        self.stop(StopCause.CRASHED, failure.error_type)

    def subscribe(self, subscription: Subscription) -> None:
        """Have an extension hear the log."""
        assert self.sandbox is not None
        if self._telemetry is None:
            self._open_telemetry(self.sandbox)
        assert self._telemetry is not None
        self._telemetry.subscribe(subscription)
        self._platform.subscribed(subscription.api, subscription.name, subscription.types)

    def _open_telemetry(self, sandbox: Sandbox) -> None:
        """Keep from now on what extensions may want to hear."""
        self._telemetry = telemetry.Telemetry(sandbox, self._clock)
        if self.log.on_output is None:
            self.log.on_output = self._printed
            self._platform = telemetry.listened(
                self._platform,
                self.version,
                self.log,
                self._clock,
                self._initialization_type,
                self._tell,
            )

    def _tell(self, kind: str, record: object) -> None:
        if self._telemetry is not None:
            self._telemetry.tell(kind, record)

    def _printed(self, line: str, kind: str = "function") -> None:
        if self._telemetry is not None:
            structured = self.version.log_format == "JSON"
            self._telemetry.printed(kind, line, structured=structured)

    def _extension_prints(self, line: str) -> None:
        self.log.line(line)
        self._printed(line, "extension")

    def _list_extensions(self) -> None:
        """Log the state of each extension after the INIT phase."""
        if self._extension_output is not None:
            self._extension_output.drain()
        if self._api.extensions is not None:
            for each in self._api.extensions.members.values():
                self._platform.extension(each.name, each.state, each.events, each.error_type)

    async def _shut_down(self, reason: str) -> None:
        """Let runtime and extensions do their last work within AWS's time limit.

        Args:
            reason: AWS's word: "spindown", "timeout" or "failure".
        """
        extensions, sandbox = self._api.extensions, self.sandbox
        if extensions is None or sandbox is None or extensions.stopping:
            return
        extensions.stopping = True
        if self._telemetry is not None:
            self._report()
            self._telemetry.hurry()
        with contextlib.suppress(DriverFault):
            if self._frozen is not None:
                await self._frozen
                await self._driver.thaw(sandbox)
            await shutdown.run(extensions, sandbox, self._driver, self._clock, reason)

    # --- init, its end -------------------------------------------------------------------------

    def _end_init(self, failure: InvocationResult | None) -> bool:
        waiting = self._initialised
        if waiting is None or waiting.cancelled():
            return False
        if waiting.done():
            # It has ended in this turn: what fails besides its first failure is no news.
            return failure is not None and waiting.result() is not None
        waiting.set_result(failure)
        return True

    def _hand_back(self) -> None:
        """Hand the environment back to its pool."""
        self.idle_since = self._clock.monotonic()
        self._on_idle(self)

    # --- what the runtime says (RuntimeEvents) -------------------------------------------------

    def init_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        """Record that the runtime could not initialise."""
        if self._end_init(failures.reported(payload, error_type)):
            return None
        return ("InvalidStateTransition", "The init phase is over.")

    def imports_measured(self, payload: bytes) -> None:
        """Keep the measured imports of the INIT phase, if a measurement was asked for."""
        if TRACE_IMPORTS not in self.spec.environ or self._initialised is None:
            return
        self.imports = imports.read(payload)
        if self.imports is not None and self.lifecycle.listeners:
            notices.imported(self.lifecycle, self, self.imports)

    def runtime_at_snapshot(self, captured: str) -> Refusal | None:
        """Refuse a restore: this environment has no snapshot."""
        return ("InvalidStateTransition", "The environment is not restored from a snapshot.")

    def restore_failed(self, payload: bytes, error_type: str) -> Refusal | None:
        """Refuse the report of a failed restore: this environment has no snapshot."""
        return ("InvalidStateTransition", "The environment is not restored from a snapshot.")

    def runtime_disconnected(self) -> None:
        if self.exit is not None:
            self._runtime_gone()

    # --- the sandbox ---------------------------------------------------------------------------

    async def _abandon(self, sandbox: Sandbox) -> None:
        """Stop a sandbox that started too late."""
        await self._driver.stop(sandbox)
        if sandbox.channel is not None:
            sandbox.channel.close()

    def _attach(self, sandbox: Sandbox) -> None:
        self.sandbox = self._attached = sandbox
        self.exit = None
        self._output = Output(sandbox.output, self.log)
        if sandbox.extension_output is not None:
            printed = lines.Lines(self._extension_prints)
            self._extension_output = Output(sandbox.extension_output, printed)
        sandbox.exited.add_done_callback(lambda exited: self._exited(sandbox, exited))
        # At last: it takes what was said before.
        self._api.expect(sandbox)

    def _detach(self) -> None:
        """Let go of the sandbox's output and connections, after a last look."""
        self._attached = None
        self._report()
        self._output.close()
        if self._extension_output is not None:
            self._extension_output.close()
            self._extension_output = None
        if self._telemetry is not None:
            self._telemetry.close()
            self._telemetry = None
        self._api.disconnect()

    def _exited(self, sandbox: Sandbox, exited: asyncio.Future[Exit]) -> None:
        if sandbox is not self._attached or exited.cancelled():
            return
        self.exit = exited.result()
        self._api.resume_reading()
        if self._api.connections and self.state in (
            EnvironmentState.INIT,
            EnvironmentState.RESTORE,
            EnvironmentState.INVOKING,
        ):
            # Its last requests may still be on their way; then its last connection ends.
            self._clock.call_later(_LINGER_S, self._runtime_gone_for, sandbox)
        else:
            self._runtime_gone()

    def _runtime_gone_for(self, sandbox: Sandbox) -> None:
        if sandbox is self._attached:
            self._runtime_gone()

    def _runtime_gone(self) -> None:
        """Handle the runtime's end, after all its requests were read."""
        gone = self.exit or failures.KILLED
        if self._end_init(failures.exited("", gone)):
            return
        self._died(gone)

    def stop(self, cause: StopCause, reason: str = "") -> asyncio.Task[None]:
        """End the environment at once; invocations in flight are answered as exited.

        Args:
            cause: Why it ends.
            reason: More about the cause, for people.

        Returns:
            The task that ends when nothing of it is left on the machine.
        """
        if self.stopping is None:
            self.stop_cause, self.stop_reason = cause, reason or cause.value
            self._to(EnvironmentState.STOPPING, self.stop_reason)
            self.stopping = asyncio.get_running_loop().create_task(self._stop())
            self._on_gone(self)
        return self.stopping

    @abstractmethod
    def _disarm(self) -> None:
        """Forget all deadlines."""

    def _answer_all(self) -> None:
        """Answer all callers that wait for this environment."""
        self._end_init(failures.exited("", failures.KILLED))
        self._disarm()
        for request_id, in_flight in list(self._invocations.running.items()):
            self._finish(in_flight, failures.exited(request_id, failures.KILLED), "error")
        self._report()

    async def _stop(self) -> None:
        self._answer_all()
        if self._api.extensions is not None:
            failed = self.stop_cause in (StopCause.CRASHED, StopCause.FAILED)
            await self._shut_down("failure" if failed else "spindown")
        self._detach()
        self._api.close()
        for driving in (self._kill, self._frozen):
            if driving is not None:
                # If the kill or freeze failed, the sandbox is stopped all the same.
                with contextlib.suppress(DriverFault):
                    await driving
        if self.sandbox is not None:
            await self._driver.stop(self.sandbox)
        self._to(EnvironmentState.STOPPED)

    # --- freeze --------------------------------------------------------------------------------

    def freeze_later(self, seconds: float) -> None:
        """Freeze it after ``seconds``, unless it is used before; :meth:`thaw` resumes it."""
        self._freezing = self._clock.call_later(seconds, self._freeze)

    def keep_awake(self) -> None:
        """Cancel a pending freeze: there is work."""
        if self._freezing is not None:
            self._freezing.cancel()
            self._freezing = None

    def _freeze(self) -> None:
        self._freezing = None
        if not self._is(EnvironmentState.READY):
            return
        assert self.sandbox is not None
        self._to(EnvironmentState.FROZEN)
        if self._telemetry is not None:
            self._telemetry.rest()
        self._frozen = asyncio.get_running_loop().create_task(self._driver.freeze(self.sandbox))

    async def thaw(self) -> None:
        """Resume it; an environment that can't resume is stopped."""
        assert self.sandbox is not None
        assert self._frozen is not None
        try:
            await self._frozen
            await self._driver.thaw(self.sandbox)
        except DriverFault as fault:
            if self._is(EnvironmentState.FROZEN):
                self.stop(StopCause.CRASHED, f"could not thaw: {fault}")
        if self._is(EnvironmentState.FROZEN):
            if self._telemetry is not None:
                self._telemetry.wake()
            self._to(EnvironmentState.READY)
