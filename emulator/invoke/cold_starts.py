"""Measures a cold start of a function on this machine, and warm calls after it.

It takes an environment of its own, which serves nobody else and ends with the measurement: the
environments that are there stay as they are, and no traffic disturbs it. Nothing of it is
simulated, whatever profile the emulator has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from emulator.model import lifecycle_events as events
from emulator.model.causes import ColdCause, ColdStart, StopCause
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import LATEST, FunctionVersion
from emulator.model.ids import new_request_id, new_trace_id
from emulator.model.imports import Imports
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.lazy import LazyModule
from emulator.pool.errors import ScalingRateExceeded
from emulator.pool.pool import Pool
from emulator.pool.pools import Pools
from emulator.pool.snap_start import SnapStartPool

if TYPE_CHECKING:
    from emulator.pool import notices
else:
    notices = LazyModule("emulator.pool.notices")

#: Keeps the environments apart from those of the function's callers, where listeners are told.
TENANT = "coldstart"
_WHY = ColdStart(ColdCause.FIRST_CALL, detail="in an environment that is measured")


@dataclass(frozen=True, slots=True, kw_only=True)
class ColdStartRun:
    """One cold start and the warm calls after it. Milliseconds, of this machine."""

    #: Packages, layers and image are made ready.
    code_ms: float
    #: The sandbox and the runtime start.
    sandbox_ms: float
    #: The runtime gets ready; with the function's code where that was not measured apart.
    boot_ms: float
    #: The function's code is loaded, with all that it imports; None: not measured.
    imports_ms: float | None
    #: What REPORT calls the Init Duration.
    init_ms: float
    #: What the first call takes, from its event to its answer.
    first_call_ms: float
    #: What its caller waits for in all.
    total_ms: float
    #: What each warm call takes, from its event to its answer.
    warm_ms: tuple[float, ...]
    imports: Imports | None
    #: It goes on from a snapshot that was taken before; 0 without SnapStart.
    restore_ms: float
    #: The first error of the function, or "".
    error: str


class _Moments:
    """When an environment reached each step of its start, monotonic seconds."""

    def __init__(self, environment_id: str = "") -> None:
        self.environment_id = environment_id
        self.at: dict[type[Any], float] = {}
        self.restore_ms = 0.0

    def __call__(self, event: Any) -> None:
        if isinstance(event, events.EnvironmentRequested) and event.tenant_id == TENANT:
            self.environment_id = self.environment_id or event.environment_id
        if getattr(event, "environment_id", None) == self.environment_id:
            self.at.setdefault(type(event), event.moment.monotonic_s)
        if isinstance(event, events.EnvironmentRestored) and event.version.generation < 0:
            self.restore_ms = event.duration_ms

    def between(self, start: type[Any], end: type[Any]) -> float:
        """Return the milliseconds between two steps; 0 where one was not reached."""
        if start not in self.at or end not in self.at:
            return 0.0
        return (self.at[end] - self.at[start]) * 1000


async def measure(
    pools: Pools,
    version: FunctionVersion,
    payload: bytes,
    *,
    warm: int = 1,
    provisioned: bool = False,
    trace_imports: bool = True,
    snapstart: bool = False,
) -> ColdStartRun:
    """Start an environment of ``version``, call it, and end it.

    Args:
        pools: Whose driver and bounds it uses.
        version: What is started; it need not be registered.
        payload: The event of each call.
        warm: Warm calls after the first.
        provisioned: Start the environment ahead of the first call, as provisioned concurrency and
            minimum instances do.
        trace_imports: Have the runtime measure what the function imports.
        snapstart: Take a snapshot first, and restore the environment from it.

    Raises:
        ConfigurationError: The function runs on Managed Instances, where no call waits for a start,
            or no snapshot of it can be had.
        DriverFault: The machine gives no environment.
        AwsError: TooManyRequestsException: too many environments were started just now.
    """
    if version.managed is not None:
        raise ConfigurationError(
            f"{version.name} runs on Managed Instances, where no call waits for a start"
        )
    clock = pools.clock
    pool = await _snapshot(pools, version) if snapstart else Pool(pools, version, TENANT)
    pool.trace_imports, pool.simulates, pool.why_first = trace_imports, False, _WHY
    moments = _Moments()
    stop_listening = pools.lifecycle.add(moments)
    try:
        if provisioned:
            await pool.room()
            pool.on_idle(await pool.start_provisioned())
        began = clock.monotonic()
        result, first_ms = await _call(pools, pool, payload)
        total_ms = (clock.monotonic() - began) * 1000
        results, warm_ms = [result], []
        for _ in range(warm):
            result, duration_ms = await _call(pools, pool, payload)
            results.append(result)
            warm_ms.append(duration_ms)
    finally:
        stop_listening()
        imports = await _end(pool)
    loaded_ms = None if imports is None else imports.total_ms
    init_ms = moments.between(events.EnvironmentBooted, events.EnvironmentInitialised)
    return ColdStartRun(
        code_ms=moments.between(events.EnvironmentRequested, events.EnvironmentCodeReady),
        sandbox_ms=moments.between(events.EnvironmentCodeReady, events.EnvironmentBooted),
        boot_ms=max(0.0, init_ms - (loaded_ms or 0.0)),
        imports_ms=loaded_ms,
        init_ms=moments.between(events.EnvironmentCodeReady, events.EnvironmentInitialised),
        first_call_ms=first_ms,
        total_ms=total_ms,
        warm_ms=tuple(warm_ms),
        imports=imports,
        restore_ms=moments.restore_ms,
        error=next((each.error_type for each in results if each.function_error), ""),
    )


async def _snapshot(pools: Pools, version: FunctionVersion) -> Pool:
    """Return a pool with a snapshot of ``version``, as if it were published with SnapStart.

    Raises:
        ConfigurationError: Its INIT fails.
        DriverFault: The machine gives no environment.
    """
    settings = {**version.settings, "SnapStart": {"ApplyOn": "PublishedVersions"}}
    number = "1" if version.version == LATEST else version.version
    # A generation that no function has: what is measured is told apart by it.
    restored = replace(version, version=number, settings=settings, generation=-1)
    pool = SnapStartPool(pools, restored, TENANT)
    pool.simulates = False
    failure = await pool.take_snapshot()
    if failure is not None:
        raise ConfigurationError(f"{version.name} can't be initialised: {failure.error_type}")
    return pool


async def _call(pools: Pools, pool: Pool, payload: bytes) -> tuple[InvocationResult, float]:
    """Return the result of one call, and the milliseconds from its event to its answer."""
    version, clock = pool.version, pools.clock
    invocation = Invocation(
        request_id=new_request_id(),
        payload=payload,
        invoked_arn=version.function_arn,
        trace_id=new_trace_id(clock.now()),
        requested_s=clock.monotonic(),
    )
    if pools.lifecycle.listeners:
        notices.invocation_requested(pools.lifecycle, version, invocation)
    try:
        environment, cold = await pool.acquire(invocation.request_id)
    except ScalingRateExceeded as exceeded:
        raise AwsError("TooManyRequestsException", "Rate Exceeded.", status=429) from exceeded
    began = clock.monotonic()
    result = await environment.invoke(invocation, cold=cold)
    return result, (clock.monotonic() - began) * 1000


async def _end(pool: Pool) -> Imports | None:
    """End the environments of ``pool``; returns what the first of them imported."""
    environments = list(pool.environments.values())
    pool.drain(StopCause.UNWANTED, "it was measured")
    imports = None
    for environment in environments:
        imports = imports or environment.imports
        try:
            await environment.stop(StopCause.UNWANTED, "it was measured")
        except DriverFault:
            continue
    return imports
