"""Parked receives: a long poll is a future in a table, answered when a message is ready."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from emulator.model.clock import Clock, Timer
from emulator.queues.message import Message


class Poll:
    """One receive that waits."""

    __slots__ = ("future", "limit", "timer", "visibility")

    def __init__(self, limit: int, visibility: float | None) -> None:
        self.limit = limit
        self.visibility = visibility
        self.future: asyncio.Future[list[Message]] = asyncio.get_running_loop().create_future()
        self.timer: Timer | None = None

    def answer(self, taken: list[Message]) -> None:
        """Answer the parked receive with these messages."""
        if not self.future.done():
            self.future.set_result(taken)


class Polls:
    """The parked receives of one queue, first come, first served."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._waiting: deque[Poll] = deque()

    def __bool__(self) -> bool:
        while self._waiting and self._waiting[0].future.done():
            self._waiting.popleft()
        return bool(self._waiting)

    def park(self, limit: int, visibility: float | None, wait: float) -> Poll:
        """Park a receive for ``wait`` seconds, after which it is answered with nothing."""
        poll = Poll(limit, visibility)
        poll.timer = self._clock.call_later(wait, poll.answer, [])
        self._waiting.append(poll)
        return poll

    def serve(self, take: Callable[[int, float | None], list[Message]]) -> None:
        """Hand what ``take`` gives to those who wait, until it gives nothing."""
        while self:
            poll = self._waiting[0]
            try:
                taken = take(poll.limit, poll.visibility)
            except Exception as error:  # noqa: BLE001 (the one who waits gets it)
                poll.future.set_exception(error)
                continue
            if not taken:
                return
            poll.answer(taken)

    def end(self) -> None:
        """Answer everyone with nothing, as at the queue's deletion."""
        while self:
            self._waiting.popleft().answer([])

    def leave(self, poll: Poll) -> None:
        """Take a poll off the table, answered or not."""
        if poll.timer is not None:
            poll.timer.cancel()
        if not poll.future.done():
            poll.future.cancel()
