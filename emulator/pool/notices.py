"""How environments and invocations tell listeners what happens to them.

Loaded with the first event that somebody listens to: who calls these has asked
``lifecycle.listeners``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Protocol

from emulator.model.billing import Restored
from emulator.model.causes import ColdStart, StopCause
from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.model.imports import Imports
from emulator.model.invocation import Invocation, InvocationResult
from emulator.model.lifecycle import Lifecycle
from emulator.model.lifecycle_events import (
    EnvironmentBooted,
    EnvironmentCodeReady,
    EnvironmentExtensionsRegistered,
    EnvironmentExtensionsStarted,
    EnvironmentFrozen,
    EnvironmentIdle,
    EnvironmentImported,
    EnvironmentInitialised,
    EnvironmentRequested,
    EnvironmentReset,
    EnvironmentRestored,
    EnvironmentStopped,
    EnvironmentStopping,
    EnvironmentThawed,
    InvocationAnswered,
    InvocationEnded,
    InvocationRefused,
    InvocationRequested,
    InvocationStarted,
    InvocationWaiting,
)
from emulator.model.simulated import SimulatedParts
from emulator.pool.states import EnvironmentState


class ObservedEnvironment(Protocol):
    """What listeners are told of an environment."""

    version: FunctionVersion
    id: str
    state: EnvironmentState
    invokes: int

    @property
    def idle_s(self) -> float:
        """How long it has been idle, if it is idle."""
        ...


class ObservedInvocation(Protocol):
    """What listeners are told of an invocation."""

    version: FunctionVersion
    request_id: str


class EndedInvocation(ObservedInvocation, Protocol):
    """What listeners are told of an invocation that has ended."""

    invocation: Invocation
    environment_id: str
    #: Monotonic seconds.
    started_s: float
    cold: ColdStart | None
    restored: Restored | None
    simulated: SimulatedParts | None
    #: "timeout" or "error" where it was not the runtime that ended it.
    status: str
    error_type: str
    duration_ms: float
    init_ms: float | None
    produced_bytes: int
    answer: bytes | None


def environment_requested(
    lifecycle: Lifecycle,
    environment: ObservedEnvironment,
    why: ColdStart,
    *,
    initialization_type: str,
    tenant_id: str,
    request_id: str,
) -> None:
    """An environment is about to be started."""
    event = EnvironmentRequested(
        lifecycle.moment(),
        environment.version,
        environment.id,
        why,
        initialization_type,
        tenant_id,
        request_id,
    )
    lifecycle.notify(event)


def code_ready(lifecycle: Lifecycle, environment: ObservedEnvironment) -> None:
    """What an environment is made from is there."""
    lifecycle.notify(EnvironmentCodeReady(lifecycle.moment(), environment.version, environment.id))


def booted(
    lifecycle: Lifecycle, environment: ObservedEnvironment, phase: Literal["init", "invoke"]
) -> None:
    """The runtime of an environment runs."""
    lifecycle.notify(
        EnvironmentBooted(lifecycle.moment(), environment.version, environment.id, phase)
    )


def extensions_started(
    lifecycle: Lifecycle, environment: ObservedEnvironment, names: Iterable[str]
) -> None:
    """The extensions of an environment run."""
    moment, version, id = lifecycle.moment(), environment.version, environment.id
    lifecycle.notify(EnvironmentExtensionsStarted(moment, version, id, tuple(names)))


def extensions_registered(
    lifecycle: Lifecycle, environment: ObservedEnvironment, phase: Literal["init", "invoke"]
) -> None:
    """All extensions of an environment have registered."""
    moment, version, id = lifecycle.moment(), environment.version, environment.id
    lifecycle.notify(EnvironmentExtensionsRegistered(moment, version, id, phase))


def initialised(
    lifecycle: Lifecycle,
    environment: ObservedEnvironment,
    phase: Literal["init", "invoke"],
    duration_ms: float,
    status: str,
    error_type: str,
    *,
    simulated_ms: float = 0.0,
) -> None:
    """The INIT phase of an environment has ended."""
    event = EnvironmentInitialised(
        lifecycle.moment(),
        environment.version,
        environment.id,
        phase,
        duration_ms,
        status,
        error_type,
        simulated_ms,
    )
    lifecycle.notify(event)


def imported(lifecycle: Lifecycle, environment: ObservedEnvironment, imports: Imports) -> None:
    """The runtime of an environment tells what the function has imported."""
    lifecycle.notify(
        EnvironmentImported(lifecycle.moment(), environment.version, environment.id, imports)
    )


def restored(
    lifecycle: Lifecycle,
    environment: ObservedEnvironment,
    duration_ms: float,
    status: str,
    error_type: str,
    way: str,
    simulated_ms: float,
) -> None:
    """An environment has gone on from a snapshot, well or not."""
    event = EnvironmentRestored(
        lifecycle.moment(),
        environment.version,
        environment.id,
        duration_ms,
        status,
        error_type,
        way,
        simulated_ms,
    )
    lifecycle.notify(event)


def transition(
    lifecycle: Lifecycle,
    environment: ObservedEnvironment,
    before: EnvironmentState,
    reason: str,
    cause: StopCause,
) -> None:
    """An environment has left the state ``before``."""
    common = (lifecycle.moment(), environment.version, environment.id)
    match environment.state:
        case EnvironmentState.READY if before is EnvironmentState.FROZEN:
            lifecycle.notify(EnvironmentThawed(*common))
        case EnvironmentState.READY if before is EnvironmentState.INVOKING:
            lifecycle.notify_closely(EnvironmentIdle(*common))
        case EnvironmentState.READY:
            lifecycle.notify(EnvironmentIdle(*common))
        case EnvironmentState.FROZEN:
            lifecycle.notify(EnvironmentFrozen(*common))
        case EnvironmentState.RESET:
            lifecycle.notify(EnvironmentReset(*common, reason))
        case EnvironmentState.STOPPING:
            lifecycle.notify(EnvironmentStopping(*common, cause, reason, environment.idle_s))
        case EnvironmentState.STOPPED:
            lifecycle.notify(EnvironmentStopped(*common, environment.invokes))


def invocation_requested(
    lifecycle: Lifecycle, version: FunctionVersion, invocation: Invocation
) -> None:
    """A caller wants a function to run."""
    if not lifecycle.close_listeners:
        return
    event = InvocationRequested(
        lifecycle.moment(),
        version,
        invocation.request_id,
        len(invocation.payload),
        invocation.tenant_id,
    )
    lifecycle.notify_closely(event)


def invocation_refused(
    lifecycle: Lifecycle, version: FunctionVersion, invocation: Invocation, error: AwsError
) -> None:
    """An invocation is not run."""
    event = InvocationRefused(
        lifecycle.moment(),
        version,
        invocation.request_id,
        error.code,
        str(error.fields.get("Reason") or error.message),
        invocation.requested_s,
        invocation.payload,
        invocation.tenant_id,
        invocation.invoked_arn,
    )
    lifecycle.notify(event)


def invocation_waiting(
    lifecycle: Lifecycle, version: FunctionVersion, request_id: str, *, for_room: bool
) -> None:
    """An invocation stands in line."""
    lifecycle.notify(InvocationWaiting(lifecycle.moment(), version, request_id, for_room))


def invocation_started(
    lifecycle: Lifecycle, in_flight: ObservedInvocation, environment_id: str, cold: ColdStart | None
) -> None:
    """An invocation has its environment."""
    event = InvocationStarted(
        lifecycle.moment(), in_flight.version, in_flight.request_id, environment_id, cold
    )
    if cold is None:
        lifecycle.notify_closely(event)
    else:
        lifecycle.notify(event)


def status_of(result: InvocationResult, status: str) -> str:
    """Return "success", "error" or "timeout".

    Args:
        result: What the caller gets.
        status: What the environment says; "" where the runtime ended the invocation.
    """
    return status or ("error" if result.function_error else "success")


def invocation_answered(
    lifecycle: Lifecycle, in_flight: ObservedInvocation, environment_id: str, status: str
) -> None:
    """The caller of an invocation has its answer."""
    event = InvocationAnswered(
        lifecycle.moment(), in_flight.version, in_flight.request_id, environment_id, status
    )
    lifecycle.notify_closely(event)


def invocation_ended(lifecycle: Lifecycle, ended: EndedInvocation, used_mb: int) -> None:
    """The REPORT of an invocation is written."""
    moment, invocation = lifecycle.moment(), ended.invocation
    ago = moment.at - moment.monotonic_s
    values = (
        moment,
        ended.version,
        ended.cold,
        ended.restored,
        ended.simulated,
        invocation.invoked_arn,
        ended.request_id,
        ended.environment_id,
        invocation.tenant_id,
        ago + invocation.requested_s,
        ago + ended.started_s,
        ended.status or ("error" if ended.error_type else "success"),
        ended.error_type,
        ended.duration_ms,
        ended.init_ms,
        used_mb,
        len(invocation.payload),
        ended.produced_bytes,
        invocation.payload,
        ended.answer,
    )
    # Half the time of a call with names, on the path of every invocation.
    lifecycle.notify(tuple.__new__(InvocationEnded, values))
