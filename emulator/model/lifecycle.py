"""Who listens to what environments and invocations live through, and why things happen to them.

Timeline, metrics and traces are listeners of one :class:`Lifecycle`. While there is none, nobody
makes an event, nor loads their module (:mod:`emulator.model.lifecycle_events`): whoever could tell
of something asks first::

    if lifecycle.listeners:
        from emulator.model.lifecycle_events import EnvironmentFrozen
        lifecycle.notify(EnvironmentFrozen(lifecycle.moment(), …))
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from emulator.model.clock import Clock

if TYPE_CHECKING:
    from emulator.model.lifecycle_events import Event

log = logging.getLogger(__name__)


class Moment(NamedTuple):
    """When something happened."""

    #: Seconds since the epoch.
    at: float
    #: Seconds on a clock that never goes back.
    monotonic_s: float


class ColdCause(StrEnum):
    """Why no environment was there for an invocation, or for what is started ahead of use."""

    #: The function, version or tenant has not been called before.
    FIRST_CALL = "first call"
    #: As many others as there are serve calls.
    ALL_BUSY = "all busy"
    #: The last one was idle for too long.
    IDLE = "idle"
    #: Code or configuration changed, or another version is called than before.
    NEW_VERSION = "new version"
    #: The runtime of the last one ended, or its sandbox was lost.
    CRASHED = "crashed"
    #: The last one had to go for another function's, or was evicted by hand.
    EVICTED = "evicted"
    #: It is started ahead of use: provisioned concurrency, or the least number of environments.
    SCALED = "scaled"
    #: The environment is there, and starts its runtime anew inside the invocation.
    RESTART = "restart"


class ColdStart(NamedTuple):
    """Why an environment starts."""

    cause: ColdCause
    #: How many other environments were busy.
    busy: int = 0
    #: How long the last one was idle before it was removed.
    idle_s: float = 0.0
    #: More of the reason, for people: "code changed".
    detail: str = ""

    @property
    def sentence(self) -> str:
        """The reason in one sentence without its stop, for people."""
        match self.cause:
            case ColdCause.ALL_BUSY:
                noun = "environment is" if self.busy == 1 else "environments are"
                return f"{self.busy} {noun} busy"
            case ColdCause.IDLE:
                return f"the last environment was removed after {self.idle_s:g} s without a call"
            case ColdCause.FIRST_CALL:
                return "it is the first call"
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
    #: Another function needed its place, or somebody evicted it.
    EVICTED = "made room"
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


Listener = Callable[["Event"], None]


class Lifecycle:
    """Hands events to all who listen.

    Attributes:
        listeners: Those there are. Empty, and nobody makes an event.
    """

    __slots__ = ("_clock", "listeners")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called with each event, at once; returns what ends that."""
        self.listeners += (listener,)

        def remove() -> None:
            self.listeners = tuple(each for each in self.listeners if each is not listener)

        return remove

    def moment(self) -> Moment:
        """Return what time it is."""
        return Moment(self._clock.now(), self._clock.monotonic())

    def notify(self, event: Event) -> None:
        """Hand an event to all listeners; one that fails stops nobody."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # a listener's bug is none of the function's
                log.exception("a listener failed at %s", type(event).__name__)
