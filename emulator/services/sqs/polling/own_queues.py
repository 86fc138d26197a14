"""The queues of this emulator, as event source mappings poll them: without HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from emulator.queues.errors import QueueError, TooManyInFlight
from emulator.services.sqs import errors
from emulator.services.sqs.messages import View
from emulator.services.sqs.queues import Sqs, SqsQueue

_EVERYTHING = View(["All"], ["All"])


class OwnQueue:
    """Satisfies :class:`emulator.services.sqs.polling.base.PolledQueue`."""

    def __init__(self, sqs: Sqs, queue: SqsQueue) -> None:
        self._sqs, self._described = sqs, queue
        self._queue = queue.queue

    @property
    def visibility_timeout_s(self) -> float:
        return self._queue.settings.visibility

    @property
    def discards(self) -> bool:
        return self._queue.settings.dead_letter is None

    def waiting(self) -> bool:
        return self._queue.counts().visible > 0

    async def receive(self, limit: int, wait_s: float) -> list[dict[str, Any]]:
        if self._sqs.by_arn(self._described.arn) is not self._described:
            return []
        try:
            received = await self._queue.receive(limit, wait=wait_s)
        except TooManyInFlight:
            raise errors.too_many_in_flight() from None
        return [_EVERYTHING.show(message) for message in received]

    async def delete(self, handles: Sequence[str]) -> None:
        # Handles that are no good any more are those of messages others have received since.
        await self._queue.delete_many(handles)

    def release(self, handles: Sequence[str]) -> None:
        for handle in handles:
            try:
                self._queue.release(handle, counted=False)
            except QueueError:
                continue  # visible again by itself, or gone


class OwnQueues:
    """Satisfies :class:`emulator.services.sqs.polling.base.PolledQueues`.

    Args:
        find: Returns the queues there are, open.
    """

    def __init__(self, find: Callable[[], Awaitable[Sqs]]) -> None:
        self._find = find
        self._sqs: Sqs | None = None
        #: Those who wait for a queue to be created, by ARN.
        self._waiting: dict[str, list[asyncio.Future[None]]] = {}

    async def _open(self) -> Sqs:
        sqs = await self._find()
        if self._sqs is None:
            self._sqs = sqs
            sqs.on_opened.append(self._opened)
        return sqs

    async def visibility_timeout_s(self, arn: str) -> float:
        queue = (await self._open()).by_arn(arn)
        if queue is None:
            raise errors.no_such_queue()
        return queue.queue.settings.visibility

    async def open(self, arn: str) -> OwnQueue:
        sqs = await self._open()
        while (queue := sqs.by_arn(arn)) is None:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            waiting = self._waiting.setdefault(arn, [])
            waiting.append(waiter)
            try:
                await waiter
            finally:
                if waiter in waiting:
                    waiting.remove(waiter)
        return OwnQueue(sqs, queue)

    def _opened(self, queue: SqsQueue) -> None:
        for waiter in self._waiting.pop(queue.arn, ()):
            if not waiter.done():
                waiter.set_result(None)

    async def close(self) -> None: ...
