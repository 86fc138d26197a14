"""The life of an execution environment: one table of legal transitions.

::

    STARTING ──> INIT ──> READY <──> INVOKING
        │          │        │  ^         │
        │          └─> RESET <─┼─────────┘   the runtime is gone, /tmp is kept
        │                │  └──┼──> INVOKING (initialised again inside the invoke)
        │                │   FROZEN
        └───────────────>└────> STOPPING ──> STOPPED
"""

from __future__ import annotations

from enum import StrEnum


class State(StrEnum):
    """The state of an environment."""

    """The state of an environment."""

    #: The driver is starting a sandbox.
    STARTING = "starting"
    #: The runtime runs module-level code, before its first ``next``.
    INIT = "init"
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


TRANSITIONS: dict[State, frozenset[State]] = {
    State.STARTING: frozenset({State.INIT, State.STOPPING}),
    State.INIT: frozenset({State.READY, State.RESET, State.STOPPING}),
    State.READY: frozenset({State.INVOKING, State.FROZEN, State.RESET, State.STOPPING}),
    State.INVOKING: frozenset({State.READY, State.RESET, State.STOPPING}),
    State.FROZEN: frozenset({State.READY, State.RESET, State.STOPPING}),
    State.RESET: frozenset({State.INVOKING, State.STOPPING}),
    State.STOPPING: frozenset({State.STOPPED}),
    State.STOPPED: frozenset(),
}


class IllegalTransition(RuntimeError):
    """A transition that the table does not have: a bug of ours, never a user's."""
