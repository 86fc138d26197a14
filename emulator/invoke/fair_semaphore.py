"""Places to run events in: some that all share, first come, first served, and one of each's own."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable


class Places:
    """Bounds what runs at once, such that nobody's slow events keep all of another's waiting.

    Args:
        shared: Places besides the one each has of its own.
    """

    def __init__(self, shared: int) -> None:
        self._shared = shared
        #: Those whose own place is taken.
        self._own: set[Hashable] = set()
        #: The one that waits for each, in order of their coming.
        self._waiting: dict[Hashable, asyncio.Future[bool]] = {}

    async def take(self, who: Hashable) -> bool:
        """Wait for a place; one may wait for each ``who`` at a time.

        Returns:
            Whether it is a shared one, to be told to :meth:`give`.
        """
        if who not in self._own:
            self._own.add(who)
            return False
        if self._shared:
            self._shared -= 1
            return True
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[who] = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            if self._waiting.get(who) is waiter:
                del self._waiting[who]
            if waiter.done() and not waiter.cancelled():
                self.give(who, waiter.result())
            raise

    def give(self, who: Hashable, shared: bool) -> None:
        """Give a place back: a shared one to the first in line, one's own to oneself."""
        following = who if not shared else next(iter(self._waiting), None)
        waiter = self._waiting.pop(following, None)
        if waiter is not None:
            waiter.set_result(shared)
        elif shared:
            self._shared += 1
        else:
            self._own.discard(who)
