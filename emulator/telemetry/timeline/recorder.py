"""The listener that writes the timeline, from the life-cycle's events.

It is called on the path of every invocation: it adds a record to memory, and leaves all else to
those who ask, and to the keeper, which comes a second later.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from emulator.model.causes import StopCause
from emulator.model.clock import Moment
from emulator.model.function import FunctionVersion
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
    Event,
    InvocationEnded,
    InvocationRefused,
    InvocationStarted,
    InvocationWaiting,
)
from emulator.telemetry.timeline.history import BODY_BYTES, History
from emulator.telemetry.timeline.records import (
    EnvironmentRecord,
    InvocationRecord,
    VersionInfo,
    version_info,
)

#: The parts of an InvocationEnded: its plain values; its event and its answer.
_PLAIN, _BODIES = slice(6, -2), slice(-2, None)
#: Versions that are remembered: more are asked for anew.
_MOST_VERSIONS = 1000

#: Imports of an environment that are kept: those that take the longest themselves.
_MOST_IMPORTS = 10


class WaitingInvocation:
    """An invocation that has no environment yet, as far as it is known."""

    __slots__ = ("at", "environment_id", "for_room", "queued", "request_id", "tenant_id", "version")

    def __init__(self, version: VersionInfo, request_id: str, at: float) -> None:
        self.version = version
        self.request_id = request_id
        #: When it was first heard of, seconds since the epoch: when it was requested, or nearly.
        self.at = at
        self.tenant_id = ""
        #: When it began to stand in line; None: it does not.
        self.queued: float | None = None
        self.for_room = False
        #: The environment that is started for it; "" while there is none.
        self.environment_id = ""


class Recorder:
    """Writes what it hears into a history.

    Args:
        history: Where it goes.

    Attributes:
        waiting: Invocations without an environment, by request id.
        revision: The last revision of an environment.
        on_change: Called when something has changed.
    """

    def __init__(self, history: History) -> None:
        self.history = history
        self._add_plain = history.add_plain
        self.revision = 0
        self.waiting: dict[str, WaitingInvocation] = {}
        self.on_change: Callable[[], None] | None = None
        self._versions: dict[str, VersionInfo] = {}
        self._handlers: dict[type[Event], Callable[[Any], None]] = {
            EnvironmentRequested: self._requested,
            EnvironmentCodeReady: self._code_ready,
            EnvironmentBooted: self._booted,
            EnvironmentExtensionsStarted: self._extensions_started,
            EnvironmentExtensionsRegistered: self._extensions_registered,
            EnvironmentImported: self._imported,
            EnvironmentInitialised: self._initialised,
            EnvironmentRestored: self._restored,
            EnvironmentIdle: self._idle,
            EnvironmentFrozen: self._frozen,
            EnvironmentThawed: self._idle,
            EnvironmentReset: self._reset,
            EnvironmentStopping: self._stopping,
            EnvironmentStopped: self._stopped,
            InvocationWaiting: self._waits,
            InvocationStarted: self._started,
            InvocationRefused: self._refused,
            InvocationEnded: self._ended,
        }

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        # The path of every warm invocation.
        if (
            type(event) is InvocationEnded
            and event.cold is None
            and event.restored is None
            and event.simulated is None
            and not self.waiting
            and event.event_bytes + event.produced_bytes < BODY_BYTES
        ):
            self._add_plain(event[_PLAIN], event[_BODIES])  # type: ignore[arg-type]
        elif (handler := self._handlers.get(type(event))) is not None:
            handler(event)
        if self.on_change is not None:
            self.on_change()

    # --- invocations ---------------------------------------------------------------------------

    def _ended(self, event: InvocationEnded) -> None:
        environment = self.history.environments.get(event.environment_id)
        waited = self.waiting.pop(event.request_id, None)
        simulated = event.simulated
        record = InvocationRecord(
            id=self.history.last_id + 1,
            version=self._version(event.version),
            request_id=event.request_id,
            environment_id=event.environment_id,
            requested=event.requested,
            started=event.started,
            ended=event.started + event.duration_ms / 1000,
            status=event.status,
            error_type=event.error_type,
            reason="",
            cold=event.cold,
            duration_ms=event.duration_ms,
            init_ms=event.init_ms,
            restored=event.restored,
            simulated_init_ms=0.0
            if simulated is None
            else simulated.init_ms + simulated.restore_ms,
            simulated_call_ms=0.0 if simulated is None else simulated.duration_ms,
            used_mb=event.used_mb,
            event_bytes=event.event_bytes,
            answer_bytes=event.produced_bytes,
            initialization_type="" if environment is None else environment.initialization_type,
            tenant_id=event.tenant_id,
            queued=None if waited is None else waited.queued,
            for_room=waited is not None and waited.for_room,
        )
        self.history.add(record, event.event, event.answer)

    def _refused(self, event: InvocationRefused) -> None:
        at, now = event.moment
        waited = self.waiting.pop(event.request_id, None)
        record = InvocationRecord(
            id=self.history.last_id + 1,
            version=self._version(event.version),
            request_id=event.request_id,
            environment_id="",
            requested=at - (now - event.requested_s),
            started=None,
            ended=at,
            status="throttled" if event.is_throttled else "refused",
            error_type=event.code,
            reason=event.reason,
            cold=None,
            duration_ms=0.0,
            init_ms=None,
            restored=None,
            simulated_init_ms=0.0,
            simulated_call_ms=0.0,
            used_mb=0,
            event_bytes=len(event.event),
            answer_bytes=0,
            initialization_type="",
            tenant_id=event.tenant_id,
            queued=None if waited is None else waited.queued,
            for_room=waited is not None and waited.for_room,
        )
        self.history.add(record, event.event, None)

    def _waits(self, event: InvocationWaiting) -> None:
        waiting = self._wait(event.version, event.request_id, event.moment)
        if waiting is not None:
            waiting.queued = waiting.queued or event.moment.at
            waiting.for_room = event.for_room

    def _wait(
        self, version: FunctionVersion, request_id: str, moment: Moment
    ) -> WaitingInvocation | None:
        if not request_id:
            return None
        found = self.waiting.get(request_id)
        if found is None:
            info = self._version(version)
            found = self.waiting[request_id] = WaitingInvocation(info, request_id, moment.at)
        return found

    def _started(self, event: InvocationStarted) -> None:
        environment = self.history.environments.get(event.environment_id)
        if environment is not None and environment.state == "reset":
            self._phase(event, "reboot")

    # --- environments --------------------------------------------------------------------------

    def _requested(self, event: EnvironmentRequested) -> None:
        waiting = self._wait(event.version, event.request_id, event.moment)
        if waiting is not None:
            waiting.environment_id = event.environment_id
            waiting.tenant_id = event.tenant_id
        self.revision += 1
        record = EnvironmentRecord(
            id=event.environment_id,
            version=self._version(event.version),
            revision=self.revision,
            requested=event.moment.at,
            requested_by=event.request_id,
            why=event.why,
            initialization_type=event.initialization_type,
            tenant_id=event.tenant_id,
        )
        self.history.add_environment(record)
        record.begin("code", event.moment.at)
        self.history.changed(record, 1)

    def _phase(self, event: Any, name: str, detail: str = "") -> EnvironmentRecord | None:
        """Begin a phase; "" ends the one that lasts. Returns the environment, if it is known."""
        record = self.history.environments.get(event.environment_id)
        if record is None:
            return None
        self.revision += 1
        record.revision = self.revision
        before = len(record.phases)
        if name:
            record.begin(name, event.moment.at, detail)
        else:
            record.end(event.moment.at, detail)
        self.history.changed(record, len(record.phases) - before)
        return record

    def _code_ready(self, event: EnvironmentCodeReady) -> None:
        self._phase(event, "boot")

    def _booted(self, event: EnvironmentBooted) -> None:
        self._phase(event, "init" if event.phase == "init" else "reinit")

    def _extensions_started(self, event: EnvironmentExtensionsStarted) -> None:
        record = self.history.environments.get(event.environment_id)
        if record is not None and (phase := record.open_phase) is not None:
            # It has only just begun, and is not the runtime's yet.
            phase.name, phase.detail = "extensions", ", ".join(event.names)
            self.revision += 1
            record.revision = self.revision
            self.history.changed(record, 0)

    def _extensions_registered(self, event: EnvironmentExtensionsRegistered) -> None:
        self._phase(event, "init" if event.phase == "init" else "reinit")

    def _imported(self, event: EnvironmentImported) -> None:
        record = self.history.environments.get(event.environment_id)
        if record is None:
            return
        every = event.imports
        dearest = [
            {
                "module": each.module,
                "self_ms": each.self_ms,
                "total_ms": each.total_ms,
                "start_ms": each.start_ms,
                "depth": every.depth(each),
                "parent": None if each.parent is None else every.imports[each.parent].module,
            }
            for each in every.dearest(_MOST_IMPORTS)
        ]
        self.history.imported(record, dearest)

    def _initialised(self, event: EnvironmentInitialised) -> None:
        detail = "" if event.status == "success" else event.error_type or event.status
        record = self._phase(event, "", detail)
        if record is None or detail:
            return
        if event.simulated_ms:
            self.history.changed(record, record.mark_simulated(event.simulated_ms))
        record.state = "idle"
        if event.phase == "init":
            record.init_ms = event.duration_ms

    def _restored(self, event: EnvironmentRestored) -> None:
        detail = "" if event.status == "success" else event.error_type or event.status
        record = self._phase(event, "restore", detail or event.way)
        if record is None:
            return
        at, began = event.moment.at, event.moment.at - event.duration_ms / 1000
        before, restore = record.phases[-2:]
        restore.start, restore.end = began, at
        if before.end == at:  # it lasted until now, as nobody had said that it was over
            before.end = max(before.start, began)
        if detail:
            return
        record.restore_ms = event.duration_ms
        if event.simulated_ms:
            self.history.changed(record, record.mark_simulated(event.simulated_ms))

    def _idle(self, event: EnvironmentIdle | EnvironmentThawed) -> None:
        if (record := self._phase(event, "")) is not None:
            record.state = "idle"

    def _frozen(self, event: EnvironmentFrozen) -> None:
        if (record := self._phase(event, "frozen")) is not None:
            record.state = "frozen"

    def _reset(self, event: EnvironmentReset) -> None:
        if (record := self._phase(event, "reset", event.reason)) is not None:
            record.state = "reset"

    def _stopping(self, event: EnvironmentStopping) -> None:
        if (record := self._phase(event, "stopping")) is not None:
            record.state = "stopping"
            record.ended_cause = event.cause.value
            record.ended_reason = event.reason
            if event.cause is StopCause.IDLE:
                record.ended_reason = f"idle for {event.idle_s:.0f} s"

    def _stopped(self, event: EnvironmentStopped) -> None:
        record = self.history.environments.get(event.environment_id)
        if record is not None:
            record.state, record.ended = "stopped", event.moment.at
            self.history.count()
            self._phase(event, "")

    def _version(self, version: FunctionVersion) -> VersionInfo:
        found = self._versions.get(version.key)
        if found is None:
            if len(self._versions) >= _MOST_VERSIONS:
                self._versions.clear()
            found = self._versions[version.key] = version_info(version)
        return found
