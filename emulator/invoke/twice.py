"""Delivers events twice and out of order, through the queues in front of a function.

Each event is sent as its callers would: to the function's asynchronous events, or as messages to
the queue that feeds it. What comes off those queues runs behind the probe, in environments of the
check's own; everybody else's calls go where they always go. First deliveries end before second
ones begin, and those meet other environments, as they may on AWS: what an environment remembers
is no protection.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from random import Random

import orjson

from emulator.invoke.function_invoker import FunctionInvoker
from emulator.invoke.probing import Observed, Probe
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, ConfigurationError, DriverFault
from emulator.model.function import FunctionVersion
from emulator.model.invocation import Invocation, InvocationResult

#: Seconds that deliveries may take beyond the function's own timeout.
_PATIENCE_S = 10.0
#: Seconds that the next second delivery waits for the one before: batches may have a window.
_STEP_S = 0.5

#: Sends one event, by its number; returns the ids by which its deliveries are known.
Send = Callable[[int], Awaitable[set[str]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivered:
    """One invocation, of one event or of a batch with messages of several.

    Attributes:
        events: The numbers of the events.
        second: Whether they were delivered before.
        whole: Whether it was invoked with one event exactly as it was given.
        observed: The call.
    """

    events: tuple[int, ...]
    second: bool
    whole: bool
    observed: Observed


class Twice:
    """Sends events, and watches each come twice.

    Args:
        probe: Runs what is delivered.
        functions: Whose invocations of this function go to the probe meanwhile.
        version: The function.
        send: Sends an event.
        clock: Limits how long is waited.
        seed: Of the order of first and of second deliveries.

    Attributes:
        missing: After :meth:`run`, the numbers of the events that were not delivered (twice).
    """

    def __init__(
        self,
        probe: Probe,
        functions: FunctionInvoker,
        version: FunctionVersion,
        send: Send,
        clock: Clock,
        seed: int,
    ) -> None:
        self._probe, self._functions, self._send, self._clock = probe, functions, send, clock
        self._arn = version.function_arn
        self._patience_s = version.timeout_s + _PATIENCE_S
        self._random = Random(seed)
        self._sent = asyncio.Event()
        self._changed = asyncio.Event()
        #: The number of the event that an id belongs to.
        self._events: dict[str, int] = {}
        #: How what was delivered once comes again, by its id.
        self._held: dict[str, Callable[[], object]] = {}
        self._over: set[str] = set()
        self._second = False
        self._found: list[Delivered] = []
        self.missing: tuple[int, ...] = ()

    async def run(self) -> list[Delivered]:
        """Deliver all events twice.

        Raises:
            ConfigurationError: The function is being checked already.
            AwsError, StorageError: An event could not be sent.
        """
        redelivery = self._functions.redelivery
        if not redelivery.watch(self._arn, self):
            raise ConfigurationError("this function is being checked already")
        self._functions.detours[self._arn] = self._detour
        try:
            await self._deliver()
        finally:
            redelivery.leave(self._arn)
            del self._functions.detours[self._arn]
            self._sent.set()
            await self._probe.end()
        return self._found

    async def _deliver(self) -> None:
        order = list(range(len(self._probe.events)))
        self._random.shuffle(order)
        for number in order:
            for id in await self._send(number):
                self._events[id] = number
        self._sent.set()
        await self._wait(lambda: len(self._held) == len(self._events), self._patience_s)
        # Others than those that had the first deliveries: nothing is remembered in memory.
        await self._probe.end()
        self._second = True
        again = sorted(self._held)
        self._random.shuffle(again)
        for id in again:
            # One after the other: a queue has its own order of what it holds.
            self._held[id]()
            await self._wait(partial(self._over.__contains__, id), _STEP_S)
        await self._wait(lambda: len(self._over) == len(again), self._patience_s)
        late = {number for id, number in self._events.items() if id not in self._over}
        self.missing = tuple(sorted(late))

    async def _wait(self, done: Callable[[], bool], patience_s: float) -> None:
        """Wait until ``done``, or until nothing has come for ``patience_s``."""
        while not done():
            self._changed.clear()
            timer = self._clock.call_later(patience_s, self._changed.set)
            before = len(self._held) + len(self._over) + len(self._found)
            await self._changed.wait()
            timer.cancel()
            if len(self._held) + len(self._over) + len(self._found) == before:
                return

    # --- what the queues tell ------------------------------------------------------------------

    def delivered(self, id: str, give_back: Callable[[], object]) -> bool:
        if id not in self._events:
            return False  # somebody else's
        self._held[id] = give_back
        self._changed.set()
        return True

    def delivered_again(self, id: str) -> None:
        self._over.add(id)
        self._changed.set()

    async def _detour(self, invocation: Invocation) -> InvocationResult | None:
        """Run an invocation behind the probe; None: it is none of the check's."""
        await self._sent.wait()
        ids = {invocation.request_id, *_message_ids(invocation.payload)}
        events = tuple(sorted({self._events[id] for id in ids if id in self._events}))
        if not events:
            return None
        second = self._second
        try:
            observed = await self._probe.call(invocation.payload, events[0])
        except DriverFault as fault:
            raise AwsError("ServiceException", str(fault)) from fault
        whole = invocation.request_id in self._events
        found = Delivered(events=events, second=second, whole=whole, observed=observed)
        self._found.append(found)
        self._changed.set()
        # What failed would be tried again long after the check, and without its probe.
        return InvocationResult(payload=b"null")


def _message_ids(payload: bytes) -> list[str]:
    """Return the ids of the messages that a batch has; none for another event."""
    if b'"aws:sqs"' not in payload:
        return []
    try:
        return [str(each["messageId"]) for each in orjson.loads(payload)["Records"]]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
