"""A semaphore that lets nobody's slow work keep all of another's waiting."""

from __future__ import annotations

import asyncio
from collections.abc import Hashable


class FairSemaphore:
    """Bounds what runs at once: shared permits, first come, first served, and one of each's own.

    Args:
        shared: Permits besides the one each holder has of its own.
    """

    def __init__(self, shared: int) -> None:
        self._shared = shared
        #: Those whose own permit is taken.
        self._own: set[Hashable] = set()
        #: The one that waits for each holder, in the order in which they came.
        self._waiting: dict[Hashable, asyncio.Future[bool]] = {}

    async def acquire(self, holder: Hashable) -> bool:
        """Wait for a permit; one may wait for each holder at a time.

        Returns:
            Whether it is a shared one, to be told to :meth:`release`.
        """
        if holder not in self._own:
            self._own.add(holder)
            return False
        if self._shared:
            self._shared -= 1
            return True
        waiter: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting[holder] = waiter
        try:
            return await waiter
        except asyncio.CancelledError:
            if self._waiting.get(holder) is waiter:
                del self._waiting[holder]
            if waiter.done() and not waiter.cancelled():
                self.release(holder, waiter.result())
            raise

    def release(self, holder: Hashable, shared: bool) -> None:
        """Give a permit back: a shared one to the first in line, one's own to oneself."""
        waiter = self._following(holder, shared)
        if waiter is not None:
            waiter.set_result(shared)
        elif shared:
            self._shared += 1
        else:
            self._own.discard(holder)

    def _following(self, holder: Hashable, shared: bool) -> asyncio.Future[bool] | None:
        """Take whoever gets a permit next out of the line."""
        while (following := next(iter(self._waiting), None) if shared else holder) is not None:
            waiter = self._waiting.pop(following, None)
            if waiter is None or not waiter.done():  # not one that has just been cancelled
                return waiter
        return None
