"""One asynchronous event: its attempt, and what becomes of it.

What is decided stands in :mod:`emulator.invoke.events`; here it is done.
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import dataclass, replace
from functools import partial
from typing import NamedTuple

from emulator.invoke import recursion
from emulator.invoke.destinations import Destinations, error_message
from emulator.invoke.event_measures import EventMeasures
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
from emulator.invoke.failures import Failures
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.model.arn import split_function_arn
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, StorageError
from emulator.model.function import LATEST
from emulator.model.invocation import InvocationResult
from emulator.queues.errors import QueueError
from emulator.queues.message import Received
from emulator.queues.queue import Queue
from emulator.registry.functions import Registry

log = logging.getLogger(__name__)


class Ended(NamedTuple):
    """An event's end; without a condition it is told to nobody."""

    condition: Condition | None
    policy: Policy
    event: Event
    result: InvocationResult | None = None
    executed_version: str = LATEST


class Deferred(NamedTuple):
    """An attempt that could not begin; the event stays where it is."""


Outcome = Ended | Retry | Deferred


class Pause:
    """The time in which none of a function's events run, after one could not be run.

    Args:
        scale: What pauses are multiplied with, for tests.
    """

    def __init__(self, clock: Clock, scale: float) -> None:
        self._clock, self._scale = clock, scale
        self._resume_at = 0.0
        #: Throttles in a row.
        self.throttles = 0

    @property
    def left_s(self) -> float:
        """How long it goes on; 0 or less: it is over."""
        return self._resume_at - self._clock.now()

    @property
    def until(self) -> float | None:
        """When it ends (seconds since the epoch); None: there is none."""
        return self._resume_at if self.left_s > 0 else None

    def begin(self) -> None:
        """Pause, for longer each time."""
        # Several that were throttled together are one sign, not many.
        if self.left_s <= 0:
            self.throttles += 1
            self._resume_at = self._clock.now() + back_off(self.throttles) * self._scale

    def end(self) -> None:
        """One has run: the next pause is a short one again."""
        self.throttles, self._resume_at = 0, 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class EventTools:
    """What events of every function are run with."""

    registry: Registry
    functions: FunctionInvoker
    destinations: Destinations
    failures: Failures
    clock: Clock
    #: How many events have ended in this process's life, by condition.
    outcomes: Counter[str]
    measures: EventMeasures
    #: What the delays between attempts are multiplied with, for tests.
    retry_scale: float = 1.0


class EventRunner:
    """Runs the events of one function.

    Args:
        arn: The function's.
        queue: Where its events wait.
    """

    def __init__(self, tools: EventTools, arn: str, queue: Queue) -> None:
        self._tools = tools
        self._arn = arn
        self._account, self._region, self._name = split_function_arn(arn)
        self._queue = queue
        self.pause = Pause(tools.clock, tools.retry_scale)

    async def attempt(self, message: Received) -> tuple[Event, Outcome]:
        """Run an event once, if it may run; never raises what is not a bug in this very line."""
        event = from_message(message)
        try:
            return event, await self._attempt(event)
        except Exception:  # A bug of ours: told in full, and the event is kept.
            log.exception("event %s of %s could not be run", event.request_id, self._arn)
            self.pause.begin()
            return event, Deferred()

    async def settle(self, message: Received, event: Event, outcome: Outcome) -> None:
        """Write down what became of an event; where that fails, it will run again."""
        try:
            await self._settle(message, outcome)
        except StorageError as error:
            log.error("event %s of %s will run again: %s", event.request_id, self._arn, error)
            self.pause.begin()
            self._give_back(message)

    async def _attempt(self, event: Event) -> Outcome:
        tools = self._tools
        if self.pause.until is not None:
            # Taken before another one was throttled.
            return Deferred()
        function = tools.registry.find(self._account, self._region, self._name)
        if function is None:
            return self._deferred(event, Policy())
        policy = policy_of(function, event.qualifier)
        refused = refusal(event, policy, tools.clock.now())
        if refused is not None:
            return Ended(refused, policy, event)
        try:
            prepared = await tools.functions.prepare(
                self._account,
                self._region,
                self._name,
                # Whether $LATEST was named was looked at when the event was accepted.
                None if event.qualifier == LATEST else event.qualifier,
                event.payload,
                request_id=event.request_id,
                invoked_arn=event.invoked_arn,
                trace_id=event.trace_id,
                client_context=event.client_context,
                tenant_id=event.tenant_id,
                is_json=True,
                unready="refuse",
            )
            age_s = tools.clock.now() - event.accepted
            where = (self._account, self._region, self._name, event.qualifier)
            tools.measures.begun(*where, age_s)
            result = await tools.functions.invoke(prepared)
        except AwsError as error:
            return self._not_run(event, policy, error)
        self.pause.end()
        # What follows goes on with the chain of calls; another attempt begins where this did.
        followed = replace(event, trace_id=prepared.invocation.trace_id)
        version = prepared.version.version
        if not result.function_error:
            return Ended("Success", policy, followed, result, version)
        following = after_error(event, policy, tools.clock.now(), tools.retry_scale)
        if isinstance(following, Retry):
            return following
        return Ended(following, policy, counted(followed), result, version)

    def _not_run(self, event: Event, policy: Policy, error: AwsError) -> Outcome:
        """Return what becomes of an event whose attempt was refused."""
        if error.code == recursion.CODE:
            log.warning("event %s of %s: %s", event.request_id, self._arn, error.message)
            return Ended("RecursiveInvocation", policy, event)
        if error.code in ("ResourceNotFoundException", "NoPublishedVersionException"):
            log.error("event %s: %s has no %s", event.request_id, self._arn, event.qualifier)
            return Ended(None, policy, event)
        log.info("event %s of %s is kept: %s", event.request_id, self._arn, error)
        return self._deferred(event, policy)

    def _deferred(self, event: Event, policy: Policy) -> Outcome:
        self.pause.begin()
        now = self._tools.clock.now()
        if is_too_old(event, policy, now, back_off(self.pause.throttles)):
            return Ended("EventAgeExceeded", policy, event)
        return Deferred()

    async def _settle(self, message: Received, outcome: Outcome) -> None:
        try:
            if isinstance(outcome, Deferred):
                self._give_back(message)
            elif isinstance(outcome, Retry):
                draft = outcome.event.draft(outcome.delay_s)
                await self._queue.hand_over(message.handle, self._queue, draft)
            else:
                await self._end(message, outcome)
        except QueueError:
            # The function was deleted meanwhile, and its queue with it.
            log.info("event %s of %s is gone", message.message_id, self._arn)

    def _give_back(self, message: Received) -> None:
        try:
            self._queue.release(message.handle, counted=False)
        except QueueError:
            log.info("event %s of %s is gone", message.message_id, self._arn)

    async def _end(self, message: Received, end: Ended) -> None:
        tools, now = self._tools, self._tools.clock.now()
        if end.condition == "Success" and tools.functions.redelivery.comes_again(
            self._arn, end.event.request_id, partial(self._give_back, message)
        ):
            return
        if end.condition is None:
            tools.outcomes["VersionMissing"] += 1
            await self._queue.delete(message.handle)
            return
        await tools.destinations.report(
            end.event,
            f"{self._arn}:{end.event.qualifier}",
            end.condition,
            end.policy,
            end.result,
            end.executed_version,
            now,
        )
        if end.condition == "Success":
            await self._queue.delete(message.handle)
        elif tools.registry.find(self._account, self._region, self._name) is None:
            # Deleted meanwhile: its events go with it.
            await self._queue.delete(message.handle)
        else:
            where = (self._account, self._region, self._name, end.event.qualifier)
            tools.measures.dropped(*where)
            await tools.failures.add(
                end.event,
                self._arn,
                end.condition,
                error_message(end.result),
                now,
                source=self._queue,
                handle=message.handle,
            )
        tools.outcomes[end.condition] += 1
