"""The pool's decisions, as pure functions over snapshots."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol, TypeVar


class Idle(Protocol):
    """What a decision needs to know of an idle environment."""

    #: Monotonic seconds.
    idle_since: float


T = TypeVar("T", bound=Idle)


def choose_victim(oldest_of_each_pool: Iterable[T]) -> T | None:
    """Return the environment that has been idle the longest, to make room for another."""
    return min(oldest_of_each_pool, key=lambda idle: idle.idle_since, default=None)


def expired(idle: Sequence[T], now: float, idle_timeout: float) -> int:
    """Return how many of ``idle``, oldest first, have been idle for ``idle_timeout`` seconds."""
    count = 0
    for environment in idle:
        if now - environment.idle_since < idle_timeout:
            break
        count += 1
    return count
