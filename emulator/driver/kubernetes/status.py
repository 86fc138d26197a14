"""What the status of a pod says: why it does not start, and how it has ended. Pure functions.

Source: https://kubernetes.io/docs/concepts/workloads/pods/pod-lifecycle/
"""

from __future__ import annotations

import signal
from collections.abc import Iterator, Mapping
from typing import Any

from emulator.driver.conventions import INVALID_ENTRYPOINT
from emulator.driver.kubernetes.pod import CONTAINER
from emulator.model.sandbox import Exit

#: Reasons for which a container waits and won't start, however long one waits.
_WAITS_IN_VAIN = frozenset(
    {
        "ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName",
        "ImageInspectError", "RegistryUnavailable", "CreateContainerConfigError",
        "CreateContainerError", "RunContainerError", "CrashLoopBackOff",
    }
)  # fmt: skip
#: What a kubelet says that has not heard of a Secret yet; it tries again.
_NOT_YET = "failed to sync"
#: Of these the image is the cause.
_OF_THE_IMAGE = frozenset(
    {"ErrImagePull", "ImagePullBackOff", "ErrImageNeverPull", "InvalidImageName",
     "ImageInspectError", "RegistryUnavailable"}
)  # fmt: skip
#: Statuses above it are signals, as the shell and container runtimes count them.
_SIGNALS = range(129, 193)


def trouble(pod: Mapping[str, Any]) -> str:
    """Return why a pod won't start, however long one waits; empty where it may yet."""
    for state in _states(pod):
        waiting = state.get("waiting") or {}
        reason = waiting.get("reason", "")
        text = waiting.get("message") or ""
        if reason in _WAITS_IN_VAIN and not text.startswith(_NOT_YET):
            return f"{reason}: {text}".rstrip(": ")
    status = pod.get("status") or {}
    if status.get("phase") == "Failed" and status.get("reason"):
        return f"{status['reason']}: {status.get('message') or ''}".rstrip(": ")
    return ""


def is_of_image(reason: str) -> bool:
    """Say whether an image is the cause of what :func:`trouble` says."""
    return reason.partition(":")[0] in _OF_THE_IMAGE


def unschedulable(pod: Mapping[str, Any]) -> str:
    """Return why no node takes a pod; empty where one has. A node may yet come."""
    for condition in (pod.get("status") or {}).get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return str(condition.get("message") or condition.get("reason") or "no node takes it")
    return ""


def ended(pod: Mapping[str, Any]) -> Exit | None:
    """Return how the function's container has ended; None while it has not."""
    for state in _states(pod):
        gone = state.get("terminated")
        if gone is None:
            continue
        if gone.get("reason") in ("StartError", "ContainerCannotRun"):
            return Exit(
                status=int(gone.get("exitCode") or 1),
                error_type=INVALID_ENTRYPOINT,
                message=_why_not_started(str(gone.get("message") or "")),
            )
        return _exit(int(gone.get("exitCode") or 0), gone.get("reason") == "OOMKilled")
    status = pod.get("status") or {}
    if status.get("phase") in ("Failed", "Succeeded"):
        return Exit(signal=signal.SIGKILL)
    return None


def node(pod: Mapping[str, Any]) -> str:
    """Return the node that a pod was given to; empty before that."""
    return str((pod.get("spec") or {}).get("nodeName") or "")


def address(pod: Mapping[str, Any]) -> str:
    """Return a pod's address; empty before it has one."""
    return str((pod.get("status") or {}).get("podIP") or "")


def _exit(status: int, out_of_memory: bool) -> Exit:
    if out_of_memory:
        return Exit(signal=signal.SIGKILL, out_of_memory=True)
    if status in _SIGNALS:
        return Exit(signal=status - 128)
    return Exit(status=status)


def _why_not_started(message: str) -> str:
    """Return the end of a container runtime's message, which names the program and the reason."""
    _, exec_, rest = message.rpartition('exec: "')
    if not exec_:
        return message
    program, _, reason = rest.partition('"')
    reason = reason.strip(": ").removesuffix(": unknown")
    if "executable file not found" in reason:
        reason = "no such file or directory"
    return f"fork/exec {program}: {reason}"


def _states(pod: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for container in (pod.get("status") or {}).get("containerStatuses") or ():
        if container.get("name") == CONTAINER:
            yield container.get("state") or {}
