"""An invoker whose calls meet the faults of a scenario.

It replaces the ordinary invoker only if the user asked for a scenario, so others pay nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace

from emulator.invoke.admission import Admission, throttled
from emulator.invoke.idleness import Idleness
from emulator.invoke.invoker import Invoker
from emulator.invoke.scenarios.plan import Fault
from emulator.model.causes import ColdCause
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.jumping_clock import JumpingClock
from emulator.model.lifecycle_events import (
    EnvironmentBooted,
    EnvironmentInitialised,
    EnvironmentRequested,
    EnvironmentStopped,
    Event,
    InvocationStarted,
)
from emulator.model.sandbox import Exit
from emulator.pool.pools import Pools
from emulator.registry.functions import Registry
from emulator.telemetry.traces.tracer import Tracer

_EXITS = {
    "kill": Exit(signal=9),
    "out-of-memory": Exit(signal=9, out_of_memory=True),
}


class ScenarioInvoker(Invoker):
    """Runs invocations and injects the faults of a plan.

    Args:
        faults: The plan: faults at calls and at starts.
        seed: The seed of all random draws.
        clock: Can jump.
        warn: Told of a fault that came too late.
    """

    def __init__(
        self,
        registry: Registry,
        admission: Admission,
        pools: Pools,
        idleness: Idleness,
        *,
        faults: Sequence[Fault],
        seed: int,
        clock: JumpingClock,
        tracer: Tracer | None = None,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        super().__init__(registry, admission, pools, idleness, tracer)
        self._at_calls = [fault for fault in faults if not fault.at_starts]
        self._at_starts = [fault for fault in faults if fault.at_starts]
        self._seed, self._clock, self._warn = seed, clock, warn
        self._environments = pools.environments
        self._calls: Counter[str] = Counter()
        self._starts: Counter[str] = Counter()
        #: The faults for calls that have not begun yet, by request id.
        self._ending: dict[str, Fault] = {}
        #: Calls that wait for their runtime to start anew, by the environment's id.
        self._restarting: dict[str, tuple[InvocationStarted, Fault]] = {}
        #: The ids of environments whose INIT is to time out.
        self._stuck: set[str] = set()
        pools.lifecycle.add(self._hear)

    async def invoke(self, version: FunctionVersion, invocation: Invocation) -> InvocationResult:
        self._calls[version.name] += 1
        number = self._calls[version.name]
        times = 1
        for fault in self._at_calls:
            if not fault.meets(version.name, number, self._seed):
                continue
            match fault.deed:
                case "jump":
                    self._clock.jump(fault.seconds)
                    await self._clock.sleep(0.0)  # what was due meanwhile comes first
                case "late":
                    await self._clock.sleep(fault.seconds)
                case "twice":
                    times += 1
                case "throttle":
                    invocation.requested_s = self._clock.monotonic()
                    error = throttled("ConcurrentInvocationLimitExceeded")
                    raise self._refusal(version, invocation, error)
                case _:
                    self._ending[invocation.request_id] = fault
        try:
            result = await super().invoke(version, invocation)
            for _ in range(times - 1):
                await super().invoke(version, replace(invocation, sink=None))
            return result
        finally:
            self._ending.pop(invocation.request_id, None)

    def _hear(self, event: Event) -> None:
        match event:
            case InvocationStarted(request_id=request_id) if request_id in self._ending:
                fault = self._ending.pop(request_id)
                if event.cold is not None and event.cold.cause is ColdCause.RESTART:
                    # The call begins when the runtime is there again.
                    self._restarting[event.environment_id] = (event, fault)
                else:
                    self._end_in_time(event, fault)
            case EnvironmentInitialised(environment_id=environment_id) if (
                environment_id in self._restarting
            ):
                self._end_in_time(*self._restarting.pop(environment_id))
            case EnvironmentStopped(environment_id=environment_id):
                self._restarting.pop(environment_id, None)
            case EnvironmentRequested():
                self._starts[event.version.name] += 1
                number = self._starts[event.version.name]
                if any(
                    fault.meets(event.version.name, number, self._seed) for fault in self._at_starts
                ):
                    self._stuck.add(event.environment_id)
            case EnvironmentBooted(environment_id=environment_id) if environment_id in self._stuck:
                self._stuck.discard(environment_id)
                # The wait for its INIT begins in this turn of the event loop.
                asyncio.get_running_loop().call_soon(self._stick, environment_id)

    def _end_in_time(self, event: InvocationStarted, fault: Fault) -> None:
        if fault.after_s:
            self._clock.call_later(fault.after_s, self._end, event, fault)
        else:
            # At once: a quick function has answered before the event loop's next turn.
            self._end(event, fault)

    def _end(self, event: InvocationStarted, fault: Fault) -> None:
        environment = self._environments.get(event.environment_id)
        met = environment is not None and environment.lose_runtime(
            event.request_id, _EXITS[fault.deed]
        )
        if not met and self._warn is not None:
            self._warn(
                f"the scenario's {fault.deed} after {fault.after_s * 1000:g} ms met no call of "
                f"{event.version.name}: it had ended before"
            )

    def _stick(self, environment_id: str) -> None:
        environment = self._environments.get(environment_id)
        if environment is not None:
            environment.end_init_by_time()
