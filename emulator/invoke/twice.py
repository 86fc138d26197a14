"""Delivers events twice and out of order, through what is in front of a function.

Each event is sent as its callers would: to the function's asynchronous events, as messages to the
queue that feeds it, or as records of a stream. What comes from there runs behind the probe, in
environments of the check's own; everybody else's calls go where they always go. First deliveries
end before second ones begin, and those meet other environments, as they may on AWS: what an
environment remembers is no protection.

Groups of a FIFO queue and shards keep their order: what follows waits until what was delivered once
has come again. So they are sent in rounds, the next part of each group or stream in each.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import Random
from typing import NamedTuple

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
#: By a record's source, the member that has the id by which its deliveries are known.
_IDS = {"aws:sqs": "messageId", "aws:kinesis": "eventID", "aws:dynamodb": "eventID"}

#: Sends some of what is to come twice; returns the numbers of the events that it belongs to, by the
#: ids by which its deliveries are known.
Send = Callable[[], Awaitable[Mapping[str, int]]]


class Round(NamedTuple):
    """What is sent at once, delivered, and delivered again before the next round.

    Attributes:
        sends: What sends it, called in an order that is drawn.
        ordered: What is held until it comes again keeps others from coming.
        window_s: Seconds for which batches may wait for further records.
    """

    sends: Sequence[Send]
    ordered: bool = False
    window_s: float = 0.0


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
        rounds: Send the events.
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
        rounds: Sequence[Round],
        clock: Clock,
        seed: int,
    ) -> None:
        self._probe, self._functions, self._rounds, self._clock = probe, functions, rounds, clock
        self._arn = version.function_arn
        self._patience_s = version.timeout_s + _PATIENCE_S
        self._random = Random(seed)
        self._sent = asyncio.Event()
        self._changed = asyncio.Event()
        #: The number of the event that an id belongs to.
        self._events: dict[str, int] = {}
        #: How what was delivered once comes again, by its id, in the order of delivery.
        self._held: dict[str, Callable[[], object]] = {}
        self._given_back: set[str] = set()
        self._over: set[str] = set()
        self._running = 0
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
            for each in self._rounds:
                await self._deliver(each)
        finally:
            redelivery.leave(self._arn)
            del self._functions.detours[self._arn]
            self._sent.set()
            for id in self._held.keys() - self._given_back:
                self._held[id]()  # a shard would wait for it for ever
            await self._probe.end()
        late = {number for id, number in self._events.items() if id not in self._over}
        self.missing = tuple(sorted(late))
        return self._found

    async def _deliver(self, what: Round) -> None:
        """Send a round, and have all that comes of it come again."""
        sends = list(what.sends)
        self._random.shuffle(sends)
        left: set[str] = set()
        self._sent.clear()
        for send in sends:
            sent = await send()
            self._events.update(sent)
            left |= sent.keys()
        self._sent.set()
        while left:
            await self._come(left, what)
            if not left & self._held.keys():
                return
            # Others than those that had the first deliveries: nothing is remembered in memory.
            await self._probe.end()
            await self._come_again(left & self._held.keys(), what)
            left -= self._held.keys()

    async def _come(self, ids: set[str], what: Round) -> None:
        """Wait until all have come, or until others wait for those that have."""
        patience_s = self._patience_s + what.window_s
        if what.ordered:
            await self._wait(lambda: not ids.isdisjoint(self._held), patience_s)
            patience_s = _STEP_S + what.window_s
        await self._wait(lambda: ids <= self._held.keys(), patience_s)

    async def _come_again(self, ids: set[str], what: Round) -> None:
        again = sorted(ids)
        self._random.shuffle(again)
        if what.ordered:
            # From the last to the first: so those of a group are there together, as they were.
            again = [id for id in reversed(self._held) if id in ids]
        for id in again:
            self._given_back.add(id)
            self._held[id]()
            if not what.ordered:
                # One after the other: a queue has its own order of what it holds.
                await self._wait(partial(self._over.__contains__, id), _STEP_S)
        await self._wait(lambda: ids <= self._over, self._patience_s + what.window_s)

    async def _wait(self, done: Callable[[], bool], patience_s: float) -> None:
        """Wait until ``done``, or until nothing has come for ``patience_s`` and nothing runs."""
        while not done():
            self._changed.clear()
            timer = self._clock.call_later(patience_s, self._changed.set)
            before = len(self._held) + len(self._over) + len(self._found)
            await self._changed.wait()
            timer.cancel()
            came = len(self._held) + len(self._over) + len(self._found) != before
            if not came and not self._running:
                return

    # --- what the queues and streams tell ------------------------------------------------------

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
        ids = {invocation.request_id, *_record_ids(invocation.payload)} & self._events.keys()
        if not ids:
            return None
        events = tuple(sorted({self._events[id] for id in ids}))
        second = ids <= self._given_back
        self._running += 1
        try:
            observed = await self._probe.call(invocation.payload, events[0])
        except DriverFault as fault:
            raise AwsError("ServiceException", str(fault)) from fault
        finally:
            self._running -= 1
        whole = invocation.request_id in self._events
        found = Delivered(events=events, second=second, whole=whole, observed=observed)
        self._found.append(found)
        self._changed.set()
        # What failed would be tried again long after the check, and without its probe.
        return InvocationResult(payload=b"null")


def _record_ids(payload: bytes) -> list[str]:
    """Return the ids of the messages or records that a batch has; none for another event."""
    if b'"Records"' not in payload:
        return []
    try:
        records = orjson.loads(payload)["Records"]
        return [str(each[_IDS[each["eventSource"]]]) for each in records]
    except (orjson.JSONDecodeError, KeyError, TypeError):
        return []
