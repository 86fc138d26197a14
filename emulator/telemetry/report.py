"""The platform's own log lines, byte for byte as AWS writes them (recorded behaviour)."""

from __future__ import annotations

from emulator.model.billing import Restored, billed_ms
from emulator.model.simulated import SimulatedParts


def start(request_id: str, version: str) -> str:
    """Return the line START."""
    return f"START RequestId: {request_id} Version: {version}"


def extension(name: str, state: str, events: tuple[str, ...], error_type: str) -> str:
    """Return the line EXTENSION."""
    line = f"EXTENSION\tName: {name}\tState: {state}\tEvents: [{','.join(events)}]"
    return f"{line}\tError Type: {error_type}" if error_type else line


def subscribed(api: str, name: str, types: tuple[str, ...]) -> str:
    """Return the line TELEMETRY, or LOGS for the Logs API."""
    shown = ", ".join(each.capitalize() for each in types)
    return f"{api.upper()}\tName: {name}\tState: Subscribed\tTypes: [{shown}]"


def end(request_id: str) -> str:
    """Return the line END."""
    return f"END RequestId: {request_id}"


def report(
    request_id: str,
    *,
    duration_ms: float,
    memory_mb: int,
    used_mb: int,
    init_ms: float | None = None,
    restored: Restored | None = None,
    status: str = "",
    error_type: str = "",
    simulated: SimulatedParts | None = None,
) -> str:
    """Return the REPORT line.

    Args:
        request_id: The id of the invocation.
        duration_ms: How long the handler ran.
        memory_mb: The function's memory.
        used_mb: The most memory that the environment used.
        init_ms: Duration of the INIT phase that this invocation waited for; None when warm.
        restored: The restore that this invocation waited for; None if it did not.
        status: "timeout" or "error"; empty for success and for errors of the handler.
        error_type: AWS's type, shown with ``status="error"``.
        simulated: The parts of the durations that a cold-start profile added; shown at the end.
    """
    line = (
        f"REPORT RequestId: {request_id}\tDuration: {duration_ms:.2f} ms\t"
        f"Billed Duration: {billed_ms(duration_ms, init_ms, restored)} ms\t"
        f"Memory Size: {memory_mb} MB\tMax Memory Used: {used_mb} MB\t"
    )
    if init_ms is not None:
        line += f"Init Duration: {init_ms:.2f} ms\t"
    if restored is not None:
        line += (
            f"Restore Duration: {restored.duration_ms:.2f} ms\t"
            f"Billed Restore Duration: {restored.billed_ms} ms\t"
        )
    if status:
        line += f"Status: {status}"
        if error_type and status == "error":
            line += f"\tError Type: {error_type}"
    if simulated is not None:
        line = line.rstrip("\t") + "\t" + simulated_fields(simulated)
    return line


def simulated_fields(simulated: SimulatedParts) -> str:
    """Return the fields of a REPORT line for simulated durations. AWS has no such fields."""
    init = f"Simulated Init Duration: {simulated.init_ms:.2f} ms\t" if simulated.init_ms else ""
    if simulated.restore_ms:
        init += f"Simulated Restore Duration: {simulated.restore_ms:.2f} ms\t"
    return f"{init}Simulated Duration: {simulated.duration_ms:.2f} ms\tProfile: {simulated.profile}"


def init_start(runtime: str, runtime_arn: str) -> str:
    """Return the line INIT_START."""
    return f"INIT_START Runtime Version: {runtime}\tRuntime Version ARN: {runtime_arn}"


def init_report(duration_ms: float, *, phase: str, status: str, error_type: str) -> str:
    """Return the line of a failed INIT; ``phase`` is "init" or "invoke"."""
    line = f"INIT_REPORT Init Duration: {duration_ms:.2f} ms\tPhase: {phase}\tStatus: {status}"
    if error_type:
        line += f"\tError Type: {error_type}"
    return line


def init_done(duration_ms: float) -> str:
    """Return the line of a successful INIT before a snapshot."""
    return f"INIT_REPORT Init Duration: {duration_ms:.2f} ms"


def restore_start(runtime: str, runtime_arn: str) -> str:
    """Return the line RESTORE_START."""
    return f"RESTORE_START Runtime Version: {runtime}\tRuntime Version ARN: {runtime_arn}"


def restore_report(duration_ms: float, *, status: str, error_type: str) -> str:
    """Return the line at the end of a restore; ``status`` is "" if it succeeded."""
    line = f"RESTORE_REPORT Restore Duration: {duration_ms:.2f} ms"
    if status:
        line += f"\tStatus: {status}"
    if error_type:
        line += f"\tError Type: {error_type}"
    return line


def throttled(
    timestamp: str,
    request_id: str,
    *,
    throttled_s: float,
    timeout_s: int,
    memory_mb: int,
    vcpus: float,
) -> str:
    """Return the line that tells why a function may have timed out. AWS has no such line.

    Args:
        timestamp: The time, as AWS writes it.
        request_id: The id of the invocation.
        throttled_s: Seconds for which the function waited for its share of CPU.
        timeout_s: The function's timeout.
        memory_mb: The function's memory.
        vcpus: The function's share of CPU, in vCPUs.
    """
    share = f"{vcpus * 100:.0f} % of a vCPU" if vcpus < 1 else f"{vcpus:.1f} vCPUs"
    return (
        f"{timestamp} {request_id} throttled for {throttled_s:.1f} of {timeout_s:.1f} s: "
        f"{memory_mb} MB is {share} (raise MemorySize, or start with --cpu-limit none)"
    )


def timed_out(timestamp: str, request_id: str, seconds: float) -> str:
    """Return the line of an invocation that exceeded its function's timeout."""
    return f"{timestamp} {request_id} Task timed out after {seconds:.2f} seconds"
