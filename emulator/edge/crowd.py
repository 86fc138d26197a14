"""How many connections clients may hold open: a process has only so many descriptors.

Whoever holds all of them, a function by its forks, would leave none for the work itself. Where
there are too many connections, one gives way to each new one: the oldest that waits for nothing.
"""

from __future__ import annotations

import asyncio
import resource
import sys
from collections.abc import Callable


class Crowd:
    """The open connections, the oldest first.

    Args:
        most: So many may be open; None: half of what this process may open.
    """

    def __init__(self, most: int | None = None) -> None:
        self._most = most
        #: By transport, what says whether it waits for nothing.
        self._open: dict[asyncio.Transport, Callable[[], bool]] = {}

    def enter(self, transport: asyncio.Transport, is_idle: Callable[[], bool]) -> None:
        """Take note of a new connection, or of one that another protocol has taken over.

        Args:
            transport: The connection's.
            is_idle: Says whether nobody would miss it.
        """
        self._open[transport] = is_idle
        if self._most is None:
            self._most = _half_of_all()
        if len(self._open) > self._most:
            self._give_way(transport)

    def leave(self, transport: asyncio.Transport) -> None:
        """Forget a connection that has ended."""
        self._open.pop(transport, None)

    def _give_way(self, new: asyncio.Transport) -> None:
        idle = (each for each, is_idle in self._open.items() if each is not new and is_idle())
        chosen = next(idle, None) or next(iter(self._open))
        del self._open[chosen]
        chosen.abort()


def _half_of_all() -> int:
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft // 2


#: Of this process, whichever listener they came by.
CROWD = Crowd()
