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


Listener = Callable[["Event"], None]


class Lifecycle:
    """Hands events to all who listen.

    Attributes:
        listeners: Those there are. Empty, and nobody makes an event.
    """

    __slots__ = ("_monotonic", "_now", "listeners")

    def __init__(self, clock: Clock) -> None:
        self._now, self._monotonic = clock.now, clock.monotonic
        self.listeners: tuple[Listener, ...] = ()

    def add(self, listener: Listener) -> Callable[[], None]:
        """Have ``listener`` called with each event, at once; returns what ends that."""
        self.listeners += (listener,)

        def remove() -> None:
            self.listeners = tuple(each for each in self.listeners if each is not listener)

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
                log.exception("a listener failed at %s", type(event).__name__)
