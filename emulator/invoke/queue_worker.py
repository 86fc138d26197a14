"""How the events of one function are worked off.

A worker takes events off its queue, a few at once and more while that is not enough, each with a
permit (:mod:`emulator.invoke.fair_semaphore`): no backlog and no slow function makes another wait.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, NamedTuple

from emulator.invoke import recursion
from emulator.invoke.destinations import error_message
from emulator.invoke.events import (
    Condition,
    Event,
    Policy,
    Retry,
    after_error,
    back_off,
    counted,
    from_message,
    is_too_old,
    policy_of,
    refusal,
)
from emulator.model.clock import Timer
from emulator.model.errors import AwsError, StorageError
from emulator.model.function import LATEST
from emulator.model.invocation import InvocationResult
from emulator.queues.errors import QueueError
from emulator.queues.message import Received
from emulator.queues.queue import Queue

if TYPE_CHECKING:
    from emulator.invoke.asynchronous import AsynchronousInvokes

log = logging.getLogger(__name__)

#: Longer than any event is kept: an event that was taken is nobody else's.
_FOREVER = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How many events run at once."""

    #: Of all functions together, not counting each function's first.
    total: int = 64
    #: Of one function.
    function: int = 32
    #: Of one function, when events begin to come.
    first: int = 4
    #: Seconds that one has run and none had room, after which one more may run. Events that end
    #: sooner end before another environment has started.
    growth: float = 0.02
    #: Callers that wait at once for their events to be kept, from which on these come first: for
    #: a while, of one function no more run than at the beginning.
    busy: int = 4
    #: That while, in seconds.
    while_busy: float = 0.05


class _Ended(NamedTuple):
    """An event's end."""

    condition: Condition | None
    policy: Policy
    event: Event
    result: InvocationResult | None = None
    executed_version: str = LATEST


class _Throttled(NamedTuple):
    """An attempt that could not begin; the event stays."""


_Step = _Ended | Retry | _Throttled


class Channel:
    """The events of one function."""

    def __init__(self, host: AsynchronousInvokes, arn: str, queue: Queue) -> None:
        self._host = host
        self._arn = arn
        self._account, self._region, self._name = parts_of(arn)
        self.queue = queue
        #: When what runs began, by receipt handle; the oldest first.
        self._began: dict[str, float] = {}
        self._allowed = host.limits.first
        self._growth: Timer | None = None
        self._throttles = 0
        self._resume_at = 0.0
        self._changed = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._work: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        self._pump = asyncio.get_running_loop().create_task(self._run())

    @property
    def running(self) -> int:
        """Return how many events run."""
        return len(self._began)

    def paused_until(self) -> float | None:
        """Return when the next event may run, by the clock; None where nothing is paused."""
        return self._resume_at if self._resume_at > self._host.clock.now() else None

    async def close(self) -> None:
        """Begin nothing more; returns when nothing runs."""
        if self._pump is not None:
            self._pump.cancel()
            await asyncio.gather(self._pump, return_exceptions=True)
        if self._growth is not None:
            self._growth.cancel()
        while self._work:
            await asyncio.wait(self._work)

    def cancel(self) -> None:
        """Give up what runs; nothing more begins."""
        if self._pump is not None:
            self._pump.cancel()
        for task in self._work:
            task.cancel()

    # -- taking events ------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            room = await self._room()
            if not self.running and not self.queue.counts().visible:
                self._allowed = self._host.limits.first
            for message in await self.queue.receive(room, wait=_FOREVER, visibility=_FOREVER):
                shared = await self._host.places.take(self)
                self._began[message.handle] = self._host.clock.monotonic()
                task = asyncio.get_running_loop().create_task(self._process(message, shared))
                self._work.add(task)
                task.add_done_callback(self._work.discard)

    async def _room(self) -> int:
        """Return how many events may begin now; waits until it is one at least."""
        while True:
            pause = self._resume_at - self._host.clock.now()
            if pause > 0:
                self._changed.clear()
                end = self._host.clock.call_later(pause, self._changed.set)
                await self._changed.wait()
                end.cancel()
                continue
            limits = self._host.limits
            allowed = limits.first if self._host.busy else self._allowed
            room = min(allowed, self._most()) - self.running
            if room > 0:
                return room
            if self._growth is None:
                self._growth = self._host.clock.call_later(limits.growth, self._grow)
            self._changed.clear()
            await self._changed.wait()

    def _most(self) -> int:
        function = self._host.registry.find(self._account, self._region, self._name)
        reserved = None if function is None else function.reserved_concurrency
        most = self._host.limits.function
        # With none at all, events are still taken, to be ended.
        return most if reserved is None else min(most, max(1, reserved))

    def _grow(self) -> None:
        self._growth = None
        limits = self._host.limits
        if self.running >= self._allowed and not self._host.busy:
            oldest = next(iter(self._began.values()))
            if self._host.clock.monotonic() - oldest >= limits.growth:
                self._allowed = min(limits.function, self._allowed + 1)
        if self.paused_until() is None:
            # Looks again for room, or waits for it anew.
            self._changed.set()

    # -- one event ----------------------------------------------------------------------------

    async def _process(self, message: Received, shared: bool) -> None:
        event = from_message(message)
        try:
            step = await self._attempt(event)
        except Exception:  # A bug of ours: told in full, and the event is kept.
            log.exception("event %s of %s could not be run", event.request_id, self._arn)
            self._pause()
            step = _Throttled()
        finally:
            del self._began[message.handle]
            self._host.places.give(self, shared)
            self._changed.set()
        try:
            await self._settle(message, event, step)
        except StorageError as error:
            log.error("event %s of %s will run again: %s", event.request_id, self._arn, error)
            self._pause()
            self._give_back(message)

    async def _attempt(self, event: Event) -> _Step:
        host = self._host
        if self.paused_until() is not None:
            # Taken before another one was throttled.
            return _Throttled()
        function = host.registry.find(self._account, self._region, self._name)
        if function is None:
            return self._throttled(event, Policy())
        policy = policy_of(function, event.qualifier)
        refused = refusal(event, policy, host.clock.now())
        if refused is not None:
            return _Ended(refused, policy, event)
        version = function.version(event.qualifier)
        if version is None:
            log.error("event %s: %s has no %s", event.request_id, self._arn, event.qualifier)
            return _Ended(None, policy, event)
        if version.state == "Pending":
            return self._throttled(event, policy)
        try:
            invocation = event.invocation()
            result = await host.invoker.invoke(version, invocation)
        except AwsError as error:
            if error.code == recursion.CODE:
                log.warning("event %s of %s: %s", event.request_id, self._arn, error.message)
                return _Ended("RecursiveInvocation", policy, event)
            log.info("event %s of %s is kept: %s", event.request_id, self._arn, error)
            return self._throttled(event, policy)
        self._throttles, self._resume_at = 0, 0.0
        # Where it is told goes on with the chain of calls; another attempt begins where this did.
        told = replace(event, trace_id=invocation.trace_id)
        if not result.function_error:
            return _Ended("Success", policy, told, result, version.version)
        following = after_error(event, policy, host.clock.now(), host.retry_scale)
        if isinstance(following, Retry):
            return following
        return _Ended(following, policy, counted(told), result, version.version)

    def _throttled(self, event: Event, policy: Policy) -> _Step:
        self._pause()
        if is_too_old(event, policy, self._host.clock.now(), back_off(self._throttles)):
            return _Ended("EventAgeExceeded", policy, event)
        return _Throttled()

    def _pause(self) -> None:
        """Run none of the function's events for a while."""
        now = self._host.clock.now()
        # Several that were throttled together are one sign, not many.
        if now >= self._resume_at:
            self._throttles += 1
            self._resume_at = now + back_off(self._throttles) * self._host.retry_scale

    async def _settle(self, message: Received, event: Event, step: _Step) -> None:
        """Write down what became of an event."""
        try:
            if isinstance(step, _Throttled):
                self._give_back(message)
            elif isinstance(step, Retry):
                draft = step.event.draft(step.delay)
                await self.queue.hand_over(message.handle, self.queue, draft)
            else:
                await self._end(message, step)
        except QueueError:
            # The function was deleted meanwhile, and its queue with it.
            log.info("event %s of %s is gone", event.request_id, self._arn)

    def _give_back(self, message: Received) -> None:
        try:
            self.queue.release(message.handle, counted=False)
        except QueueError:
            log.info("event %s of %s is gone", message.message_id, self._arn)

    async def _end(self, message: Received, end: _Ended) -> None:
        host, now = self._host, self._host.clock.now()
        if end.condition is None:
            host.outcomes["VersionMissing"] += 1
            await self.queue.delete(message.handle)
            return
        await host.destinations.tell(
            end.event,
            f"{self._arn}:{end.event.qualifier}",
            end.condition,
            end.policy,
            end.result,
            end.executed_version,
            now,
        )
        if end.condition == "Success":
            await self.queue.delete(message.handle)
        else:
            await host.failures.add(
                end.event,
                self._arn,
                end.condition,
                error_message(end.result),
                now,
                source=self.queue,
                handle=message.handle,
            )
        host.outcomes[end.condition] += 1


def parts_of(arn: str) -> tuple[str, str, str]:
    """Return account, region and name of a function's own ARN."""
    _, _, _, region, account, _, name = arn.split(":")
    return account, region, name
