"""What the timeline keeps: one record per environment, one per invocation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from emulator.model.billing import Restored, billed_ms
from emulator.model.causes import ColdCause, ColdStart
from emulator.model.function import FunctionVersion

#: Phases of an environment that is frozen and thawed again and again: the newest are kept.
MOST_PHASES = 200


class VersionInfo(NamedTuple):
    """A function version, as far as records tell of it."""

    account: str
    region: str
    function: str
    version: str
    function_arn: str
    #: AWS's identifier, or the image's URI.
    runtime: str
    memory_mb: int
    architecture: str
    storage_mb: int


def version_info(version: FunctionVersion) -> VersionInfo:
    """Return what records tell of a version."""
    return VersionInfo(
        version.account,
        version.region,
        version.name,
        version.version,
        version.function_arn,
        version.runtime or version.code.image or "",
        version.memory_mb,
        version.architecture,
        version.ephemeral_storage_mb,
    )


class InvocationRecord(NamedTuple):
    """An invocation that has ended, or was refused. Times are seconds since the epoch."""

    #: Its place in the order in which invocations ended; rises, and is never used twice.
    id: int
    version: VersionInfo
    request_id: str
    #: "" where it was refused.
    environment_id: str
    requested: float
    #: None where it was refused.
    started: float | None
    ended: float
    #: "success", "error", "timeout", "throttled" or "refused".
    status: str
    error_type: str
    #: Why it was refused, in words.
    reason: str
    cold: ColdStart | None
    duration_ms: float
    init_ms: float | None
    restored: Restored | None
    #: Milliseconds that a profile added to the INIT phase or the restore that it waited for, and
    #: to its duration.
    simulated_init_ms: float
    simulated_call_ms: float
    used_mb: int
    event_bytes: int
    answer_bytes: int
    initialization_type: str
    tenant_id: str
    #: When it began to stand in line; None: it did not.
    queued: float | None
    #: It stood in line for room for a new environment, not for one that was nearly free.
    for_room: bool

    @property
    def billed_ms(self) -> int:
        """Milliseconds that AWS would bill."""
        if self.started is None:
            return 0
        return billed_ms(self.duration_ms, self.init_ms, self.restored)

    @property
    def restore_ms(self) -> float | None:
        """Milliseconds of the restore it waited for; None without."""
        return None if self.restored is None else self.restored.duration_ms

    @property
    def total_ms(self) -> float:
        """Milliseconds that its caller waited."""
        return (self.ended - self.requested) * 1000

    @property
    def waited_ms(self) -> float:
        """Milliseconds from its request to its start."""
        return ((self.started or self.ended) - self.requested) * 1000

    @property
    def has_failed(self) -> bool:
        """Whether its caller got no result of the function's."""
        return self.status != "success"


#: A warm invocation without anything particular: the plain values of an ``InvocationEnded``, from
#: its request id on.
PlainRow = tuple[str, str, str, float, float, str, str, float, float | None, int, int, int]
PLAIN_LENGTH = 12
_UNKNOWN = VersionInfo("", "", "", "", "", "", 0, "", 0)


def read_plain(
    id: int, row: PlainRow, environments: Mapping[str, EnvironmentRecord]
) -> InvocationRecord:
    """Return the record of a plain row.

    Args:
        id: The invocation's.
        row: The row.
        environments: Among them is its own, which knows the version.
    """
    (request_id, environment_id, tenant_id, requested, started, status, error_type) = row[:7]
    (duration_ms, init_ms, used_mb, event_bytes, answer_bytes) = row[7:]
    environment = environments.get(environment_id)
    return InvocationRecord(
        id=id,
        version=_UNKNOWN if environment is None else environment.version,
        request_id=request_id,
        environment_id=environment_id,
        requested=requested,
        started=started,
        ended=started + duration_ms / 1000,
        status=status,
        error_type=error_type,
        reason="",
        cold=None,
        duration_ms=duration_ms,
        init_ms=init_ms,
        restored=None,
        simulated_init_ms=0.0,
        simulated_call_ms=0.0,
        used_mb=used_mb,
        event_bytes=event_bytes,
        answer_bytes=answer_bytes,
        initialization_type="" if environment is None else environment.initialization_type,
        tenant_id=tenant_id,
        queued=None,
        for_room=False,
    )


@dataclass(slots=True)
class Phase:
    """A phase of an environment. Times are seconds since the epoch."""

    name: str
    start: float
    end: float | None = None
    #: More of it, for people: why it was reset, how its INIT failed.
    detail: str = ""
    #: A profile added it.
    simulated: bool = False


@dataclass(slots=True, kw_only=True)
class EnvironmentRecord:
    """An environment. Times are seconds since the epoch."""

    id: str
    version: VersionInfo
    #: Grows with every change, in one series for all environments.
    revision: int
    requested: float
    #: The invocation it was started for; "" where it was started ahead of use.
    requested_by: str
    why: ColdStart
    initialization_type: str
    tenant_id: str
    #: "starting", "idle", "frozen", "reset", "stopping" or "stopped"; busy is who runs something.
    state: str = "starting"
    phases: list[Phase] = field(default_factory=list)
    #: The most expensive imports of its INIT phase, where they were measured.
    imports: list[dict[str, Any]] | None = None
    init_ms: float | None = None
    restore_ms: float | None = None
    invokes: int = 0
    ended: float | None = None
    ended_cause: str = ""
    ended_reason: str = ""

    @property
    def open_phase(self) -> Phase | None:
        """Return the phase that lasts, if one does."""
        return self.phases[-1] if self.phases and self.phases[-1].end is None else None

    def begin(self, name: str, at: float, detail: str = "") -> None:
        """End the phase that lasts, and begin another."""
        self.end(at)
        self.phases.append(Phase(name, at, detail=detail))
        if len(self.phases) > MOST_PHASES:
            # Its start stays.
            frozen = (at for at, phase in enumerate(self.phases) if phase.name == "frozen")
            del self.phases[next(frozen, 0)]

    def end(self, at: float, detail: str = "") -> None:
        """End the phase that lasts."""
        if (phase := self.open_phase) is not None:
            phase.end = at
            phase.detail = detail or phase.detail

    def mark_simulated(self, simulated_ms: float) -> int:
        """Split the last phase: its end is simulated. Returns how many phases that adds."""
        last = self.phases[-1]
        if last.end is None:
            return 0
        real_end = max(last.start, last.end - simulated_ms / 1000)
        self.phases.append(Phase(last.name, real_end, last.end, last.detail, True))
        last.end = real_end
        return 1


# --- as JSON --------------------------------------------------------------------------------------


def dump_invocation(record: InvocationRecord) -> list[Any]:
    """Return a record as plain values, for JSON."""
    row: list[Any] = list(record)
    row[1] = list(record.version)
    row[_COLD] = record.cold and list(record.cold)
    row[_RESTORED] = record.restored and list(record.restored)
    return row


def load_invocation(row: list[Any]) -> InvocationRecord:
    """Return the record that :func:`dump_invocation` was given."""
    values = [row[0], VersionInfo(*row[1]), *row[2:]]
    values[_COLD] = values[_COLD] and load_cold(values[_COLD])
    values[_RESTORED] = values[_RESTORED] and Restored(*values[_RESTORED])
    return InvocationRecord(*values)


_COLD = InvocationRecord._fields.index("cold")
_RESTORED = InvocationRecord._fields.index("restored")


def load_cold(row: list[Any]) -> ColdStart:
    """Return a reason from its plain values."""
    return ColdStart(ColdCause(row[0]), *row[1:])


def dump_environment(record: EnvironmentRecord) -> dict[str, Any]:
    """Return a record as plain values, for JSON."""
    values = {name: getattr(record, name) for name in EnvironmentRecord.__slots__}
    phases = [[p.name, p.start, p.end, p.detail, p.simulated] for p in record.phases]
    return values | {
        "version": list(record.version),
        "why": list(record.why),
        "phases": phases,
    }


def load_environment(values: dict[str, Any]) -> EnvironmentRecord:
    """Return the record that :func:`dump_environment` was given."""
    values = values | {
        "version": VersionInfo(*values["version"]),
        "why": load_cold(values["why"]),
        "phases": [Phase(*each) for each in values["phases"]],
    }
    return EnvironmentRecord(**values)
