"""What environments and invocations live through: one event for each thing that happens.

An environment's life::

    requested → code ready → booted → (extensions started → registered →) (imported →)
        initialised → idle ⇄ frozen, thawed
        → restored (with SnapStart: from the snapshot that it or another one was kept as)
        → reset (its runtime was killed; booted and initialised again inside an invocation)
        → stopping → stopped

An invocation's::

    requested → refused
              → waiting → started → answered → ended

Each event has its ``moment`` and the ``version`` of the function; :data:`KINDS` has their names.
They are tuples, as making one costs less than a microsecond.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

from emulator.model.billing import Restored, billed_ms
from emulator.model.causes import ColdStart, StopCause
from emulator.model.clock import Moment
from emulator.model.function import FunctionVersion
from emulator.model.imports import Imports
from emulator.model.simulated import SimulatedParts

# --- environments --------------------------------------------------------------------------------


class EnvironmentRequested(NamedTuple):
    """It is about to be started."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    why: ColdStart
    #: As AWS_LAMBDA_INITIALIZATION_TYPE has it: "on-demand".
    initialization_type: str
    #: The tenant it serves; "" for functions without tenant isolation.
    tenant_id: str = ""
    #: The invocation it is started for; "" where it is started ahead of use.
    request_id: str = ""


class EnvironmentCodeReady(NamedTuple):
    """Its packages and image are there; its INIT phase begins with the start of its sandbox."""

    moment: Moment
    version: FunctionVersion
    environment_id: str


class EnvironmentBooted(NamedTuple):
    """Its sandbox runs the runtime, which loads the function's code now."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    #: "invoke" where the runtime is started anew inside an invocation.
    phase: Literal["init", "invoke"]


class EnvironmentExtensionsStarted(NamedTuple):
    """Its extensions run, and its runtime waits until all of them have registered."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    names: tuple[str, ...]


class EnvironmentExtensionsRegistered(NamedTuple):
    """All its extensions have registered; its runtime starts now."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    #: "invoke" where the runtime is started anew inside an invocation.
    phase: Literal["init", "invoke"]


class EnvironmentImported(NamedTuple):
    """Its runtime has loaded the function's code, and tells how long each import took.

    Only where that was asked for.
    """

    moment: Moment
    version: FunctionVersion
    environment_id: str
    imports: Imports


class EnvironmentInitialised(NamedTuple):
    """Its INIT phase has ended, well or not."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    phase: Literal["init", "invoke"]
    #: From the start of the sandbox on.
    duration_ms: float
    #: "success", "error" or "timeout".
    status: str
    #: AWS's type of the error, or "".
    error_type: str
    #: How much of the duration a cold-start profile added; it is not this machine's.
    simulated_ms: float = 0.0


class EnvironmentRestored(NamedTuple):
    """It has gone on from a snapshot, well or not."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    duration_ms: float
    #: "success", "error" or "timeout".
    status: str
    #: AWS's type of the error, or "".
    error_type: str
    #: "copy" of an initialised template, or a "spare" that was initialised ahead of use.
    way: str
    #: How much of the duration a cold-start profile added; it is not this machine's.
    simulated_ms: float = 0.0


class EnvironmentIdle(NamedTuple):
    """Its runtime waits for an invocation."""

    moment: Moment
    version: FunctionVersion
    environment_id: str


class EnvironmentFrozen(NamedTuple):
    """Its processes make no progress."""

    moment: Moment
    version: FunctionVersion
    environment_id: str


class EnvironmentThawed(NamedTuple):
    """Its processes go on."""

    moment: Moment
    version: FunctionVersion
    environment_id: str


class EnvironmentReset(NamedTuple):
    """Its runtime is killed, or ended; the sandbox and its /tmp stay."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    reason: str


class EnvironmentStopping(NamedTuple):
    """It ends now."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    cause: StopCause
    #: The cause in more words, for people.
    reason: str
    #: How long it has been idle.
    idle_s: float


class EnvironmentStopped(NamedTuple):
    """Nothing of it is left on the machine."""

    moment: Moment
    version: FunctionVersion
    environment_id: str
    #: Invocations it has served.
    invokes: int


# --- invocations ---------------------------------------------------------------------------------


class InvocationRequested(NamedTuple):
    """A caller wants a function to run."""

    moment: Moment
    version: FunctionVersion
    request_id: str
    #: Bytes of its payload.
    payload_bytes: int
    tenant_id: str = ""


class InvocationRefused(NamedTuple):
    """It is not run: throttled, in a circle, Inactive, without an environment or its caller."""

    moment: Moment
    version: FunctionVersion
    request_id: str
    #: AWS's error code.
    code: str
    reason: str
    #: Monotonic seconds of its request.
    requested_s: float
    #: Its payload.
    event: bytes
    tenant_id: str = ""
    #: The ARN it was called by, with its qualifier if it had one.
    invoked_arn: str = ""

    @property
    def is_throttled(self) -> bool:
        """Whether a limit of concurrency or of a rate refused it."""
        return self.code == "TooManyRequestsException"


class InvocationWaiting(NamedTuple):
    """It stands in line, for an environment that is nearly free or for room for a new one."""

    moment: Moment
    version: FunctionVersion
    request_id: str
    for_room: bool


class InvocationStarted(NamedTuple):
    """It has an environment, and its time begins to run."""

    moment: Moment
    version: FunctionVersion
    request_id: str
    environment_id: str
    #: Why it is cold; None: it is warm.
    cold: ColdStart | None


class InvocationAnswered(NamedTuple):
    """Its caller has the answer."""

    moment: Moment
    version: FunctionVersion
    request_id: str
    environment_id: str
    #: "success", "error" or "timeout".
    status: str


class InvocationEnded(NamedTuple):
    """Its REPORT is written. ``requested`` and ``started`` are seconds since the epoch."""

    moment: Moment
    version: FunctionVersion
    #: Why it was cold; None: it was warm.
    cold: ColdStart | None
    #: The restore from a snapshot it waited for; None when warm, or without SnapStart.
    restored: Restored | None
    #: What of the durations a cold-start profile added; None: nothing.
    simulated: SimulatedParts | None
    #: The ARN it was called by, with its qualifier if it had one.
    invoked_arn: str
    request_id: str
    environment_id: str
    tenant_id: str
    requested: float
    started: float
    #: "success", "error" or "timeout".
    status: str
    #: AWS's type of the error, or "".
    error_type: str
    duration_ms: float
    #: The INIT phase it waited for; None when warm.
    init_ms: float | None
    used_mb: int
    #: Sizes of its payload and of the response.
    event_bytes: int
    produced_bytes: int
    #: Its payload.
    event: bytes
    #: What its caller got; None for a streamed response.
    answer: bytes | None

    @property
    def memory_mb(self) -> int:
        """The function's memory."""
        return self.version.memory_mb

    @property
    def billed_ms(self) -> int:
        """Milliseconds that AWS would bill."""
        return billed_ms(self.duration_ms, self.init_ms, self.restored)

    @property
    def restore_ms(self) -> float | None:
        """Milliseconds of the restore it waited for; None without."""
        return None if self.restored is None else self.restored.duration_ms


EnvironmentEvent = (
    EnvironmentRequested
    | EnvironmentCodeReady
    | EnvironmentBooted
    | EnvironmentExtensionsStarted
    | EnvironmentExtensionsRegistered
    | EnvironmentImported
    | EnvironmentInitialised
    | EnvironmentRestored
    | EnvironmentIdle
    | EnvironmentFrozen
    | EnvironmentThawed
    | EnvironmentReset
    | EnvironmentStopping
    | EnvironmentStopped
)
InvocationEvent = (
    InvocationRequested
    | InvocationRefused
    | InvocationWaiting
    | InvocationStarted
    | InvocationAnswered
    | InvocationEnded
)
Event = EnvironmentEvent | InvocationEvent

#: The name of each event, for stores and people.
KINDS: dict[type[Event], str] = {
    EnvironmentRequested: "environment.requested",
    EnvironmentCodeReady: "environment.code",
    EnvironmentBooted: "environment.booted",
    EnvironmentExtensionsStarted: "environment.extensions",
    EnvironmentExtensionsRegistered: "environment.registered",
    EnvironmentImported: "environment.imported",
    EnvironmentInitialised: "environment.initialised",
    EnvironmentRestored: "environment.restored",
    EnvironmentIdle: "environment.idle",
    EnvironmentFrozen: "environment.frozen",
    EnvironmentThawed: "environment.thawed",
    EnvironmentReset: "environment.reset",
    EnvironmentStopping: "environment.stopping",
    EnvironmentStopped: "environment.stopped",
    InvocationRequested: "invocation.requested",
    InvocationRefused: "invocation.refused",
    InvocationWaiting: "invocation.waiting",
    InvocationStarted: "invocation.started",
    InvocationAnswered: "invocation.answered",
    InvocationEnded: "invocation.ended",
}
