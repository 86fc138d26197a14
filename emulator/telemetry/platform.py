"""What the platform itself writes into a function's log: as lines of text, or as JSON events.

Sources: recorded lines; https://docs.aws.amazon.com/lambda/latest/dg/telemetry-schema-reference.html
and, for the levels,
https://docs.aws.amazon.com/lambda/latest/dg/monitoring-cloudwatchlogs-log-level.html
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal, Protocol

import orjson

from emulator.model.arn import runtime_version_arn
from emulator.model.billing import Restored, billed_ms
from emulator.model.clock import Clock
from emulator.model.function import FunctionVersion
from emulator.model.simulated import SimulatedParts
from emulator.telemetry import report
from emulator.telemetry.writer import LogWriter

Phase = Literal["init", "invoke"]
_LEVELS = {"DEBUG": 10, "INFO": 20, "WARN": 30}


class Platform(Protocol):
    """What an environment has to tell."""

    def init_start(self, phase: Phase) -> None:
        """An init phase has begun."""
        ...

    def init_end(
        self, phase: Phase, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        """An init phase has ended."""
        ...

    def restore_start(self) -> None:
        """A restore from a snapshot has begun."""
        ...

    def restore_end(
        self, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        """A restore from a snapshot has ended."""
        ...

    def extension(self, name: str, state: str, events: tuple[str, ...], error_type: str) -> None:
        """Tell what has become of an extension in the INIT phase."""
        ...

    def subscribed(self, api: str, name: str, types: tuple[str, ...]) -> None:
        """Tell that an extension listens to the Telemetry API or the Logs API."""
        ...

    def start(self, request_id: str) -> None: ...

    def timed_out(self, request_id: str, seconds: float) -> None: ...

    def throttled(self, request_id: str, throttled_s: float) -> None:
        """Tell that a function that timed out had to wait for its share of CPU.

        AWS keeps that to itself.

        Args:
            request_id: The invocation's.
            throttled_s: Seconds it waited, no more than its timeout.
        """
        ...

    def end(
        self,
        request_id: str,
        *,
        duration_ms: float,
        used_mb: int,
        init_ms: float | None,
        restored: Restored | None = None,
        status: str,
        error_type: str,
        produced_bytes: int,
        simulated: SimulatedParts | None = None,
    ) -> None:
        """Tell of an invocation's end.

        Args:
            request_id: The invocation's.
            duration_ms: How long the handler ran.
            used_mb: The most memory it held.
            init_ms: Duration of the INIT phase that it waited for; None when warm.
            restored: The restore that it waited for; None without.
            status: "timeout" or "error"; empty for success and for errors of the handler.
            error_type: AWS's type, of a handler's error as well.
            produced_bytes: Size of the response.
            simulated: What of the durations is simulated; None: nothing.
        """
        ...


def of(
    version: FunctionVersion, log: LogWriter, clock: Clock, *, initialization_type: str
) -> Platform:
    """Return what writes the platform's part of an environment's log in the version's format."""
    if version.managed is not None:
        return ManagedEvents(version, log, clock, initialization_type)
    if version.log_format == "JSON":
        return JsonEvents(version, log, clock, initialization_type)
    return TextLines(version, log, clock, initialization_type)


class TextLines:
    """Plain text: START, END, REPORT and the like."""

    def __init__(
        self, version: FunctionVersion, log: LogWriter, clock: Clock, initialization_type: str
    ) -> None:
        self._version, self._log, self._clock = version, log, clock
        self._snapshots = initialization_type == "snap-start"

    def init_start(self, phase: Phase) -> None:
        self._log.line(report.init_start(*_runtime(self._version)))

    def init_end(
        self, phase: Phase, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        if status != "success":
            self._log.line(
                report.init_report(duration_ms, phase=phase, status=status, error_type=error_type)
            )
        elif self._snapshots:
            self._log.line(report.init_done(duration_ms))

    def restore_start(self) -> None:
        self._log.line(report.restore_start(*_runtime(self._version)))

    def restore_end(
        self, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        shown = "" if status == "success" else status
        self._log.line(report.restore_report(duration_ms, status=shown, error_type=error_type))

    def extension(self, name: str, state: str, events: tuple[str, ...], error_type: str) -> None:
        self._log.line(report.extension(name, state, events, error_type))

    def subscribed(self, api: str, name: str, types: tuple[str, ...]) -> None:
        self._log.line(report.subscribed(api, name, types))

    def start(self, request_id: str) -> None:
        self._log.line(report.start(request_id, self._version.version))

    def timed_out(self, request_id: str, seconds: float) -> None:
        self._log.line(report.timed_out(_time(self._clock), request_id, seconds))

    def throttled(self, request_id: str, throttled_s: float) -> None:
        self._log.line(
            report.throttled(
                _time(self._clock),
                request_id,
                throttled_s=throttled_s,
                timeout_s=self._version.timeout_s,
                memory_mb=self._version.memory_mb,
                vcpus=self._version.vcpus,
            )
        )

    def end(
        self,
        request_id: str,
        *,
        duration_ms: float,
        used_mb: int,
        init_ms: float | None,
        restored: Restored | None = None,
        status: str,
        error_type: str,
        produced_bytes: int,
        simulated: SimulatedParts | None = None,
    ) -> None:
        self._log.line(
            report.end(request_id),
            report.report(
                request_id,
                duration_ms=duration_ms,
                memory_mb=self._version.memory_mb,
                used_mb=used_mb,
                init_ms=init_ms,
                restored=restored,
                status=status,
                error_type=error_type,
                simulated=simulated,
            ),
        )


class JsonEvents:
    """Events of the Telemetry API, those at or above the function's SystemLogLevel."""

    def __init__(
        self, version: FunctionVersion, log: LogWriter, clock: Clock, initialization_type: str
    ) -> None:
        self._version, self._log, self._clock = version, log, clock
        self._init_type = initialization_type
        self._least = _LEVELS.get(version.system_log_level, _LEVELS["INFO"])

    def init_start(self, phase: Phase) -> None:
        name, arn = _runtime(self._version)
        self._event(
            "INFO",
            "platform.initStart",
            {
                "initializationType": self._init_type,
                "phase": phase,
                "runtimeVersion": name,
                "runtimeVersionArn": arn,
                "functionName": self._version.name,
                "functionVersion": self._version.version,
            },
        )

    def init_end(
        self, phase: Phase, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        record = {
            "initializationType": self._init_type,
            "phase": phase,
            "status": status,
            **_error(error_type),
        }
        well = status == "success"
        self._event("DEBUG" if well else "WARN", "platform.initRuntimeDone", record)
        level = "DEBUG" if self._init_type == "on-demand" else "INFO"
        metrics = {"durationMs": round(duration_ms, 3)}
        self._event(
            level if well else "WARN", "platform.initReport", {**record, "metrics": metrics}
        )

    def restore_start(self) -> None:
        name, arn = _runtime(self._version)
        record = {
            "runtimeVersion": name,
            "runtimeVersionArn": arn,
            "functionName": self._version.name,
            "functionVersion": self._version.version,
        }
        self._event("INFO", "platform.restoreStart", record)

    def restore_end(
        self, duration_ms: float, status: str = "success", error_type: str = ""
    ) -> None:
        record = {"status": status, **_error(error_type)}
        well = status == "success"
        self._event("DEBUG" if well else "WARN", "platform.restoreRuntimeDone", record)
        metrics = {"durationMs": round(duration_ms, 3)}
        self._event(
            "INFO" if well else "WARN", "platform.restoreReport", {**record, "metrics": metrics}
        )

    def extension(self, name: str, state: str, events: tuple[str, ...], error_type: str) -> None:
        record = {"name": name, "state": state, "events": events, **_error(error_type)}
        self._event("INFO", "platform.extension", record)

    def subscribed(self, api: str, name: str, types: tuple[str, ...]) -> None:
        record = {"name": name, "state": "Subscribed", "types": types}
        self._event("INFO", f"platform.{api}Subscription", record)

    def start(self, request_id: str) -> None:
        self._event(
            "INFO",
            "platform.start",
            {"requestId": request_id, "version": self._version.version},
        )

    def timed_out(self, request_id: str, seconds: float) -> None:
        """Write nothing: the status of the events at the end says it."""

    def throttled(self, request_id: str, throttled_s: float) -> None:
        record = {
            "requestId": request_id,
            "throttledMs": round(throttled_s * 1000, 3),
            "timeoutMs": self._version.timeout_s * 1000,
            "memorySizeMB": self._version.memory_mb,
            "vcpus": round(self._version.vcpus, 3),
        }
        self._event("WARN", "localfaas.throttled", record)

    def end(
        self,
        request_id: str,
        *,
        duration_ms: float,
        used_mb: int,
        init_ms: float | None,
        restored: Restored | None = None,
        status: str,
        error_type: str,
        produced_bytes: int,
        simulated: SimulatedParts | None = None,
    ) -> None:
        status = status or ("error" if error_type else "success")
        error = _error(error_type if status == "error" else "")
        record: dict[str, Any] = {"requestId": request_id, "status": status, **error}
        duration = round(duration_ms, 3)
        done = {"durationMs": duration, "producedBytes": produced_bytes}
        well = status == "success"
        self._event(
            "DEBUG" if well else "WARN", "platform.runtimeDone", {**record, "metrics": done}
        )
        metrics: dict[str, float] = {
            "durationMs": duration,
            "billedDurationMs": billed_ms(duration_ms, init_ms, restored),
            "memorySizeMB": self._version.memory_mb,
            "maxMemoryUsedMB": used_mb,
        }
        if init_ms is not None:
            metrics["initDurationMs"] = round(init_ms, 3)
        if simulated is not None:
            record["simulated"] = {
                "profile": simulated.profile,
                "initDurationMs": round(simulated.init_ms, 3),
                "durationMs": round(simulated.duration_ms, 3),
            }
        if restored is not None:
            metrics["restoreDurationMs"] = round(restored.duration_ms, 3)
            metrics["billedRestoreDurationMs"] = restored.billed_ms
        self._event("INFO" if well else "WARN", "platform.report", {**record, "metrics": metrics})

    def _event(self, level: str, kind: str, record: dict[str, Any]) -> None:
        if _LEVELS[level] >= self._least:
            event = {"time": _time(self._clock), "type": kind, "record": record}
            self._log.line(orjson.dumps(event).decode())


class ManagedEvents(JsonEvents):
    """The events of Managed Instances, where no part of an environment is one invocation's own."""

    def end(
        self,
        request_id: str,
        *,
        duration_ms: float,
        used_mb: int,
        init_ms: float | None,
        restored: Restored | None = None,
        status: str,
        error_type: str,
        produced_bytes: int,
        simulated: SimulatedParts | None = None,
    ) -> None:
        status = status or ("error" if error_type else "success")
        self._event(
            "INFO" if status == "success" else "WARN",
            "platform.report",
            {
                "requestId": request_id,
                "status": status,
                **_error(error_type if status == "error" else ""),
                "metrics": {"durationMs": round(duration_ms, 3)},
            },
        )


def _error(error_type: str) -> dict[str, str]:
    return {"errorType": error_type} if error_type else {}


def _time(clock: Clock) -> str:
    stamp = datetime.fromtimestamp(clock.now(), UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")
    return stamp[:-3] + "Z"


def _runtime(version: FunctionVersion) -> tuple[str, str]:
    """Return the runtime's version and its ARN."""
    runtime = version.runtime or "provided"
    name = runtime.rstrip("0123456789.x") or runtime
    release = runtime.removeprefix(name)
    return (
        f"{name}:{release}.v1" if release else f"{name}.v1",
        runtime_version_arn(version.region, runtime),
    )
