"""Asynchronous invokes: accepted now, run when there is room, tried again when they fail.

Source: https://docs.aws.amazon.com/lambda/latest/dg/invocation-async-error-handling.html
"""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass

from emulator.invoke.invoker import Invoker
from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.model.invocation import Invocation
from emulator.registry.functions import Registry

#: Seconds from a failed attempt to the next one.
RETRY_DELAYS = (60.0, 120.0)
#: Seconds an event may wait for a free environment before it is given up.
MAXIMUM_AGE = 6 * 3600.0


@dataclass(slots=True, kw_only=True)
class _Event:
    account: str
    region: str
    name: str
    qualifier: str
    invocation: Invocation
    accepted: float
    attempts: int = 0
    throttles: int = 0


class AsynchronousInvokes:
    """The events of all functions, worked off by a bounded number of workers."""

    def __init__(
        self, registry: Registry, invoker: Invoker, clock: Clock, *, workers: int = 32
    ) -> None:
        self._registry = registry
        self._invoker = invoker
        self._clock = clock
        self._workers = workers
        self._ready: deque[_Event] = deque()
        self._waiting = 0
        self._running: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def pending(self) -> int:
        """Events accepted and not yet ended."""
        return len(self._ready) + len(self._running) + self._waiting

    async def submit(
        self, account: str, region: str, name: str, qualifier: str, invocation: Invocation
    ) -> None:
        """Accept an event; it runs on the version its qualifier means then."""
        event = _Event(
            account=account,
            region=region,
            name=name,
            qualifier=qualifier or LATEST,
            invocation=invocation,
            accepted=self._clock.now(),
        )
        self._enqueue(event)

    def _enqueue(self, event: _Event) -> None:
        self._ready.append(event)
        if len(self._running) < self._workers and not self._closed:
            task = asyncio.get_running_loop().create_task(self._work())
            self._running.add(task)
            task.add_done_callback(self._running.discard)

    async def _work(self) -> None:
        while self._ready and not self._closed:
            event = self._ready.popleft()
            delay = await self._attempt(event)
            if delay is not None:
                self._waiting += 1
                self._clock.call_later(delay, self._again, event)

    def _again(self, event: _Event) -> None:
        self._waiting -= 1
        self._enqueue(event)

    async def _attempt(self, event: _Event) -> float | None:
        """Run an event once; returns the seconds until it is to be tried again, or None."""
        try:
            version = self._registry.resolve(
                event.account, event.region, event.name, event.qualifier
            )
            result = await self._invoker.invoke(version, event.invocation)
        except AwsError as error:
            if error.code == "ResourceNotFoundException":
                return None
            # Throttles and system errors do not count as attempts.
            delay = min(300.0, 2.0**event.throttles)
            event.throttles += 1
            age = self._clock.now() - event.accepted
            return delay if age + delay <= MAXIMUM_AGE else None
        if not result.function_error or event.attempts >= len(RETRY_DELAYS):
            return None
        delay = RETRY_DELAYS[event.attempts]
        event.attempts += 1
        return delay

    async def close(self) -> None:
        """Run nothing more; returns when nothing runs."""
        self._closed = True
        for task in list(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
