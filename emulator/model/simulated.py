"""What a cold-start profile adds to an environment that really starts."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from emulator.model.function import FunctionVersion


class SimulatedStart(NamedTuple):
    """The simulated parts of one start, beside what it really takes."""

    #: The profile's name.
    profile: str
    #: Milliseconds that its INIT phase is longer.
    init_ms: float
    #: Milliseconds that its first invocation is longer.
    first_call_ms: float
    #: Milliseconds that its restore from a snapshot is longer, in the place of ``init_ms``.
    restore_ms: float = 0.0


class SimulatedParts(NamedTuple):
    """What of one invocation's durations is simulated."""

    #: The profile's name.
    profile: str
    #: Milliseconds of the INIT phase it waited for.
    init_ms: float = 0.0
    #: Milliseconds of its own duration.
    duration_ms: float = 0.0
    #: Milliseconds of the restore it waited for.
    restore_ms: float = 0.0


class StartModel(Protocol):
    """Says how long starts take elsewhere."""

    def start(self, version: FunctionVersion) -> SimulatedStart | None:
        """Return what is added to the next start of ``version``; None: nothing is known of it."""
        ...

    def idle_timeout_s(self, version: FunctionVersion) -> float | None:
        """Return how long an idle environment is kept; None: as the settings say."""
        ...
