"""Tasks of activities that no worker has taken yet, and workers that wait for one."""

from __future__ import annotations

import asyncio
from collections import defaultdict, deque

#: A task by execution, thread and turn.
Offer = tuple[int, str, int]


class Workers:
    """Tasks of activities that no worker has taken yet, and workers that wait for one."""

    def __init__(self) -> None:
        self._offers: dict[str, deque[Offer]] = defaultdict(deque)
        self._waiting: dict[str, deque[asyncio.Future[None]]] = defaultdict(deque)

    def offer(self, activity: str, execution: int, thread: str, turn: int) -> None:
        """Have a task taken by the next worker."""
        self._offers[activity].append((execution, thread, turn))
        self._call_one(activity)

    def _call_one(self, activity: str) -> None:
        waiting = self._waiting[activity]
        while waiting:
            future = waiting.popleft()
            if not future.done():
                future.set_result(None)
                return

    def take(self, activity: str) -> Offer | None:
        """Return a task that waits."""
        offers = self._offers.get(activity)
        return offers.popleft() if offers else None

    def wait(self, activity: str) -> asyncio.Future[None]:
        """Return what is done once there may be a task."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting[activity].append(future)
        return future

    def give_up(self, activity: str, future: asyncio.Future[None]) -> None:
        """Wait no longer; a task that came at the last moment is for the next worker."""
        if future.done() and not future.cancelled():
            self._call_one(activity)
        elif future in self._waiting[activity]:
            self._waiting[activity].remove(future)
