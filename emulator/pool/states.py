"""The life of an execution environment: one table of legal transitions.

::

    STARTING ──> INIT ──> READY <──> INVOKING
        │          │        │  ^         │
        │          └─> RESET <─┼─────────┘   the runtime is gone, /tmp is kept
        │                │  └──┼──> INVOKING (initialised again inside the invoke)
        │                │   FROZEN
        └───────────────>└────> STOPPING ──> STOPPED

With SnapStart::

    STARTING ──> INIT ──> SNAPSHOT ──> RESTORE ──> READY
        └───── (a copy of another's) ────^
"""

from __future__ import annotations

from enum import StrEnum


class EnvironmentState(StrEnum):
    """The state of an environment."""

    """The state of an environment."""

    #: The driver is starting a sandbox.
    STARTING = "starting"
    #: The runtime runs module-level code, before its first ``next``.
    INIT = "init"
    #: Initialised, and kept as it is until it is restored (SnapStart).
    SNAPSHOT = "snapshot"
    #: It goes on from a snapshot: the hooks after restore run.
    RESTORE = "restore"
    #: The runtime waits in ``next``.
    READY = "ready"
    #: An invocation runs, or has been answered while the runtime has not called ``next`` yet.
    INVOKING = "invoking"
    #: Idle, and not allowed to make progress.
    FROZEN = "frozen"
    #: The runtime was killed or ended; the next invocation starts it anew, with the same /tmp.
    RESET = "reset"
    STOPPING = "stopping"
    STOPPED = "stopped"


TRANSITIONS: dict[EnvironmentState, frozenset[EnvironmentState]] = {
    EnvironmentState.STARTING: frozenset(
        {EnvironmentState.INIT, EnvironmentState.RESTORE, EnvironmentState.STOPPING}
    ),
    EnvironmentState.INIT: frozenset(
        {
            EnvironmentState.READY,
            EnvironmentState.SNAPSHOT,
            EnvironmentState.RESET,
            EnvironmentState.STOPPING,
        }
    ),
    EnvironmentState.SNAPSHOT: frozenset({EnvironmentState.RESTORE, EnvironmentState.STOPPING}),
    EnvironmentState.RESTORE: frozenset({EnvironmentState.READY, EnvironmentState.STOPPING}),
    EnvironmentState.READY: frozenset(
        {
            EnvironmentState.INVOKING,
            EnvironmentState.FROZEN,
            EnvironmentState.RESET,
            EnvironmentState.STOPPING,
        }
    ),
    EnvironmentState.INVOKING: frozenset(
        {EnvironmentState.READY, EnvironmentState.RESET, EnvironmentState.STOPPING}
    ),
    EnvironmentState.FROZEN: frozenset(
        {EnvironmentState.READY, EnvironmentState.RESET, EnvironmentState.STOPPING}
    ),
    EnvironmentState.RESET: frozenset({EnvironmentState.INVOKING, EnvironmentState.STOPPING}),
    EnvironmentState.STOPPING: frozenset({EnvironmentState.STOPPED}),
    EnvironmentState.STOPPED: frozenset(),
}


class IllegalTransition(RuntimeError):
    """A transition that the table does not have: a bug of ours, never a user's."""
