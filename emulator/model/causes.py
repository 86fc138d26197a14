"""Why environments start and end."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class ColdCause(StrEnum):
    """Why an environment starts: for an invocation that found none, or ahead of use."""

    #: The function, version or tenant has not been called before.
    FIRST_CALL = "first call"
    #: All existing environments are busy.
    ALL_BUSY = "all busy"
    #: The last one was idle for too long.
    IDLE = "idle"
    #: Code or configuration changed, or the call is for another version than before.
    NEW_VERSION = "new version"
    #: The runtime of the last one ended, or its sandbox was lost.
    CRASHED = "crashed"
    #: The last one made room for another function, or was evicted by hand.
    EVICTED = "evicted"
    #: It starts ahead of use, for provisioned concurrency or a minimum number of environments.
    SCALED = "scaled"
    #: The environment exists and starts its runtime anew within the invocation.
    RESTART = "restart"


class ColdStart(NamedTuple):
    """Why an environment starts."""

    cause: ColdCause
    #: How many other environments were busy.
    busy: int = 0
    #: Seconds for which the last environment was idle before it was removed.
    idle_s: float = 0.0
    #: More of the reason, for people: "code changed".
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The reason in one sentence without a full stop, for people."""
        match self.cause:
            case ColdCause.ALL_BUSY:
                noun = "environment is" if self.busy == 1 else "environments are"
                return f"{self.busy} {noun} busy"
            case ColdCause.IDLE:
                return f"the last environment was removed after {self.idle_s:g} s without a call"
            case ColdCause.FIRST_CALL:
                return f"it is the first call {self.detail}".rstrip()
            case ColdCause.SCALED:
                return "it was started ahead of use"
        texts = {
            ColdCause.NEW_VERSION: "the version is new",
            ColdCause.CRASHED: "the last environment crashed",
            ColdCause.EVICTED: "the last environment was evicted",
            ColdCause.RESTART: "the runtime is started anew",
        }
        return f"{texts[self.cause]}: {self.detail}" if self.detail else texts[self.cause]


class StopCause(StrEnum):
    """Why an environment ends."""

    #: It was idle for too long.
    IDLE = "idle"
    #: Another function needed its place.
    EVICTED = "made room"
    #: Somebody evicted it.
    BY_HAND = "evicted"
    #: Its runtime ended, or its sandbox was lost.
    CRASHED = "crashed"
    #: It could not be started, or its INIT phase failed.
    FAILED = "failed"
    #: Its version is no longer run.
    RETIRED = "drained"
    #: Fewer environments are wanted.
    UNWANTED = "no longer wanted"
    #: The emulator ends.
    SHUTDOWN = "shutdown"
