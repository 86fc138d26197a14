"""The pool's decisions, as pure functions over snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

from emulator.model.causes import ColdCause, ColdStart, StopCause


class Idle(Protocol):
    """What a decision needs to know of an idle environment."""

    #: Monotonic seconds.
    idle_since: float


T = TypeVar("T", bound=Idle)


class EnvironmentBounds(NamedTuple):
    """How many environments a version on Managed Instances may have.

    AWS starts three, one for each zone; there is only one zone here.
    """

    least: int = 1
    most: int = 15_000


class Evicted(NamedTuple):
    """What was ended by hand."""

    #: Environments that have ended.
    stopped: int
    #: Those that end when what they run has ended.
    when_done: int


class End(NamedTuple):
    """How an environment ended."""

    cause: StopCause
    #: The cause in other words.
    reason: str
    #: How long it had been idle.
    idle_s: float


def why_cold(last: End) -> ColdStart:
    """Return why an environment has to be started where there is none, from how the last ended."""
    match last.cause:
        case StopCause.IDLE:
            return ColdStart(ColdCause.IDLE, idle_s=last.idle_s)
        case StopCause.EVICTED | StopCause.BY_HAND:
            return ColdStart(ColdCause.EVICTED, detail=last.reason)
        case StopCause.CRASHED | StopCause.FAILED:
            return ColdStart(ColdCause.CRASHED, detail=last.reason)
        case StopCause.UNWANTED:
            return ColdStart(ColdCause.EVICTED, detail=last.reason)
    return ColdStart(ColdCause.NEW_VERSION, detail=last.reason)


class Level(NamedTuple):
    """How many environments a function could be given, and when that was."""

    left: float
    #: Monotonic seconds.
    at: float


@dataclass(frozen=True, slots=True)
class ScalingRate:
    """How fast one function may get new environments: a bucket that fills all the time.

    https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
    """

    #: Environments a function can have at once.
    burst: float = 1000.0
    #: Environments that come to it each second, up to ``burst``.
    per_second: float = 100.0

    def take(self, level: Level | None, now: float) -> Level | None:
        """Return what is left once an environment is taken; None: there is none to take."""
        left = self.burst
        if level is not None:
            left = min(left, level.left + (now - level.at) * self.per_second)
        return Level(left - 1, now) if left >= 1 else None


def choose_victim(oldest_of_each_pool: Iterable[T]) -> T | None:
    """Return the environment that has been idle the longest, to make room for another."""
    return min(oldest_of_each_pool, key=lambda idle: idle.idle_since, default=None)


def expired(idle: Sequence[T], now: float, idle_timeout_s: float) -> int:
    """Return how many of ``idle``, oldest first, have been idle for ``idle_timeout_s`` seconds."""
    count = 0
    for environment in idle:
        # The same sum as that of the reaper's next look: rounded otherwise, it might never end.
        if environment.idle_since + idle_timeout_s > now:
            break
        count += 1
    return count
