"""Who listens to what environments and invocations live through.

Timeline, metrics and traces are listeners of one :class:`Lifecycle`. While there is none, nobody
makes an event, nor loads their module (:mod:`emulator.model.lifecycle_events`): whoever could tell
of something asks first::

    if lifecycle.listeners:
        lifecycle.notify(EnvironmentFrozen(lifecycle.moment(), …))
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from emulator.model.clock import Clock, Moment

if TYPE_CHECKING:
    from emulator.model.lifecycle_events import Event

log = logging.getLogger(__name__)

_FAILED = "a listener failed at %s"


Listener = Callable[["Event"], None]


class Lifecycle:
    """Hands events to all who listen.

    The steps of a warm invocation (requested, started, answered, idle) are told only to those who
    listen closely: an invocation's end says when each was, and one event costs less than five.

    Attributes:
        listeners: All there are. Empty, and nobody makes an event.
        close_listeners: Those of them who hear each step of a warm invocation.
    """

    __slots__ = ("_monotonic", "_now", "close_listeners", "listeners")

    def __init__(self, clock: Clock) -> None:
        self._now, self._monotonic = clock.now, clock.monotonic
        self.listeners: tuple[Listener, ...] = ()
        self.close_listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener, *, closely: bool = True) -> Callable[[], None]:
        """Have ``listener`` called with each event, at once; returns what ends that.

        Args:
            listener: What is called.
            closely: With the steps of warm invocations, too.
        """
        self.listeners += (listener,)
        if closely:
            self.close_listeners += (listener,)

        def remove() -> None:
            self.listeners = _without(self.listeners, listener)
            self.close_listeners = _without(self.close_listeners, listener)

        return remove

    def moment(self) -> Moment:
        """Return what time it is."""
        return Moment(self._now(), self._monotonic())

    def notify(self, event: Event) -> None:
        """Hand an event to all listeners; one that fails stops nobody."""
        for listener in self.listeners:
            try:
                listener(event)
            except Exception:  # a listener's bug is none of the function's
                log.exception(_FAILED, type(event).__name__)

    def notify_closely(self, event: Event) -> None:
        """Hand a step of a warm invocation to those who listen closely."""
        for listener in self.close_listeners:
            try:
                listener(event)
            except Exception:
                log.exception(_FAILED, type(event).__name__)


def _without(listeners: tuple[Listener, ...], listener: Listener) -> tuple[Listener, ...]:
    # Methods are made anew each time they are asked for: equal, but not the same.
    return tuple(each for each in listeners if each != listener)
