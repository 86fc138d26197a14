"""The results of invocations that the platform ends, and not the function's runtime.

Payloads as recorded from AWS: F2, F4–F8, F10.
"""

from __future__ import annotations

import base64
import binascii
import signal
from dataclasses import replace

import orjson

from emulator.model.invocation import InvocationResult
from emulator.model.sandbox import Exit

#: The exit of a process that is stopped from outside.
KILLED = Exit(signal=signal.SIGKILL)


def _failure(error_type: str, message: str, *, logged_type: str = "") -> InvocationResult:
    return InvocationResult(
        payload=orjson.dumps({"errorType": error_type, "errorMessage": message}),
        function_error="Unhandled",
        error_type=logged_type or error_type,
    )


def timed_out(request_id: str, seconds: float) -> InvocationResult:
    """Return the result of an invocation that exceeded its function's timeout (seconds)."""
    return _failure(
        "Sandbox.Timedout",
        f"RequestId: {request_id} Error: Task timed out after {seconds:.2f} seconds",
    )


def exited(request_id: str, gone: Exit) -> InvocationResult:
    """Return the result for a runtime that ended without an answer."""
    if gone.error_type:
        return _failure(gone.error_type, f"RequestId: {request_id} Error: {gone.message}")
    if gone.signal is not None:
        reason = f"Runtime exited with error: signal: {_signal_text(gone.signal)}"
    elif gone.status:
        reason = f"Runtime exited with error: exit status {gone.status}"
    else:
        reason = "Runtime exited without providing a reason"
    return _failure(
        "Runtime.ExitError",
        f"RequestId: {request_id} Error: {reason}",
        logged_type="Runtime.OutOfMemory" if gone.out_of_memory else "",
    )


def exit_text(gone: Exit) -> str:
    """Return how a process has ended, in AWS's words."""
    if gone.message:
        return gone.message
    if gone.signal is not None:
        return f"signal: {_signal_text(gone.signal)}"
    return f"exit status {gone.status}" if gone.status else "exit code 0"


def extension_failed(kind: str, how: str) -> InvocationResult:
    """Return the result for an extension that has ended, or can't go on.

    Args:
        kind: AWS's error type, as "Extension.Crash".
        how: How its process has ended.
    """
    return _failure(kind, f"RequestId:  Error: {how}")


def reported(payload: bytes, error_type: str) -> InvocationResult:
    """Return the result that a runtime reports itself."""
    return InvocationResult(
        payload=payload,
        function_error="Unhandled",
        error_type=error_type or "Runtime.Unknown",
    )


def with_request_id(failure: InvocationResult, request_id: str) -> InvocationResult:
    """Return the failure of INIT as the result of the invocation that waited for it.

    A runtime's own report keeps its empty requestId, as recorded (F3).
    """
    named = b"RequestId: %s Error:" % request_id.encode()
    return replace(failure, payload=failure.payload.replace(b"RequestId:  Error:", named, 1))


def response_too_large(limit: int) -> InvocationResult:
    """Return the result of an invocation whose response exceeds ``limit`` bytes."""
    return _failure(
        "Function.ResponseSizeTooLarge",
        f"Response payload size exceeded maximum allowed payload size ({limit} bytes).",
    )


def stream_broke(error_type: str, body: bytes) -> InvocationResult:
    """Return the result of a response stream that ended in an error trailer."""
    try:
        payload = base64.b64decode(body, validate=True)
    except binascii.Error:
        payload = body
    return InvocationResult(payload=payload, function_error="Unhandled", error_type=error_type)


#: Go's names of signals, which AWS's log lines show.
_SIGNALS: dict[int, str] = {
    signal.SIGKILL: "killed",
    signal.SIGSEGV: "segmentation fault",
    signal.SIGABRT: "aborted",
    signal.SIGTERM: "terminated",
    signal.SIGINT: "interrupt",
    signal.SIGBUS: "bus error",
    signal.SIGFPE: "floating point exception",
    signal.SIGILL: "illegal instruction",
    signal.SIGHUP: "hangup",
    signal.SIGPIPE: "broken pipe",
    signal.SIGALRM: "alarm clock",
    signal.SIGQUIT: "quit",
    signal.SIGTRAP: "trace/breakpoint trap",
}


def _signal_text(number: int) -> str:
    return _SIGNALS.get(number, f"signal {number}")
