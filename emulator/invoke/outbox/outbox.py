"""Accepts the deliveries of events, and looks after those that are still on their way."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

from emulator.invoke.outbox.dispatch import Dispatch, dispatch_of
from emulator.invoke.outbox.lanes import PAUSE_S, Lanes, Limits
from emulator.invoke.outbox.sender import Outcome, Sender
from emulator.invoke.targets import (
    DeliveryError,
    DeliveryFailed,
    DeliveryRefused,
    Placed,
    Targets,
    messages_of,
    tell_sent,
    without_repetitions,
)
from emulator.model.clock import Clock
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings

log = logging.getLogger(__name__)

Expand = Callable[[Dispatch], Awaitable[Sequence[Dispatch]]]

_PREFIX = "outbox:"
#: Events are kept for longer than any sender tries (a sender ends them, not the queue).
_RETENTION_S = 400 * 86_400.0
_SETTINGS = QueueSettings(retention=_RETENTION_S, lasting_leases=False)
_ORDERED = _SETTINGS.with_(fifo=True)
#: The target of a delivery that stands for many more: see ``expand`` of :meth:`Outbox.open`.
EXPANDS = "expands"
#: Deliveries that are placed in one turn of the loop: half a millisecond's work.
_TURN = 20
#: The message group of the marks of what is accepted once.
_ONCE = "once"
#: Engine's own names for the two queues of an outbox.
_NAMES = (_PREFIX + "{}", _PREFIX + "{}:ordered")


class Outbox:
    """The deliveries of one service; :meth:`open` makes one.

    Attributes:
        outcomes: How many deliveries have ended in this process's life, by how they did.
    """

    def __init__(
        self,
        plain: Queue,
        ordered: Queue,
        sender: Sender,
        targets: Targets,
        clock: Clock,
        limits: Limits,
        purge: Callable[[str], Awaitable[None]],
        expand: Expand | None,
    ) -> None:
        self._plain, self._ordered = plain, ordered
        self._purge, self._expand = purge, expand
        # One after the other, so that what is accepted meanwhile finds the loop free.
        self._one_expands = asyncio.Semaphore(1)
        self._sender, self._targets, self._clock = sender, targets, clock
        self.outcomes: Counter[str] = Counter()
        self._lanes = [
            Lanes(queue, self._try, clock, limits, is_ordered=queue is ordered)
            for queue in (plain, ordered)
        ]

    @classmethod
    async def open(
        cls,
        name: str,
        sender: Sender,
        *,
        engine: Engine,
        targets: Targets,
        clock: Clock,
        limits: Limits | None = None,
        expand: Expand | None = None,
    ) -> Outbox:
        """Open the outbox of a service, and go on with what an earlier process left in it.

        Args:
            name: The service's.
            sender: The service itself.
            engine: Keeps what waits.
            targets: Where events are delivered to.
            clock: The time.
            limits: How much is tried at once.
            expand: Returns a few of the deliveries that one to :data:`EXPANDS` stands for, and one
                that stands for the rest: thousands of them in one commit would hold up others.

        Raises:
            StorageError: Its queues could not be opened.
        """
        plain, ordered = (pattern.format(name) for pattern in _NAMES)
        made = cls(
            await engine.open_queue(plain, _SETTINGS),
            await engine.open_queue(ordered, _ORDERED),
            sender,
            targets,
            clock,
            limits or Limits(),
            engine.purge_queue,
            expand,
        )
        for lanes in made._lanes:
            lanes.start()
        return made

    @staticmethod
    def is_needed(name: str, engine: Engine) -> bool:
        """Say whether an earlier process has opened the outbox of a service."""
        return bool(engine.stored(_NAMES[0].format(name)))

    # -- accepting ----------------------------------------------------------------------------

    async def accept(
        self, dispatches: Iterable[Dispatch], *, ordered: bool = False, once: str = ""
    ) -> None:
        """Accept the deliveries of an event in one commit; they outlive a crash once this returns.

        Args:
            dispatches: The deliveries.
            ordered: Those of one lane and message group keep their order.
            once: What the event is known by: within five minutes it is accepted once.

        Raises:
            StorageError: None of them was accepted.
        """
        await self._targets.send(await self.place(dispatches, ordered=ordered, once=once))

    async def place(
        self, dispatches: Iterable[Dispatch], *, ordered: bool = False, once: str = ""
    ) -> list[Placed]:
        """Return the messages that accept deliveries once they are sent, in one commit.

        Args:
            dispatches: The deliveries.
            ordered: See :meth:`accept`.
            once: See :meth:`accept`.
        """
        placed: list[Placed] = []
        for number, dispatch in enumerate(dispatches):
            if not ordered and number and number % _TURN == 0:
                await asyncio.sleep(0)  # others have their turn, however many targets there are
            placed += await self._placed(dispatch, ordered)
        return self._once(placed, once) if once else placed

    def remembers(self, once: str) -> bool:
        """Say whether an event was accepted within the last five minutes."""
        return self._ordered.remembers(once, _ONCE)

    def _once(self, placed: Sequence[Placed], once: str) -> list[Placed]:
        """Return messages that are sent unless the event's mark, in the same commit, repeats one.

        The mark of a repetition waits for the commit of the first, and fails with it.
        """
        mark = Draft(b"", group=_ONCE, deduplication=once, is_mark=True)
        repeats = partial(self.remembers, once)
        return [*(each._replace(repeats=repeats) for each in placed), Placed(self._ordered, mark)]

    async def _placed(self, dispatch: Dispatch, ordered: bool) -> Sequence[Placed]:
        """Return the messages of one delivery: those of its target, if that takes it now."""
        queue = self._ordered if ordered else self._plain
        if ordered and self._lanes[1].is_behind(dispatch):
            return [Placed(queue, dispatch.draft(ordered=True))]
        try:
            found = None
            if dispatch.target.startswith("arn:"):
                found = await self._targets.place(dispatch.target, dispatch.delivery)
        except DeliveryError as error:
            return await self._placed_again(dispatch.failed(), error, queue, ordered)
        if found is None:
            return [Placed(queue, dispatch.draft(ordered=ordered))]
        return self._ending(dispatch, "delivered", found)

    async def _placed_again(
        self, dispatch: Dispatch, error: DeliveryError, queue: Queue, ordered: bool
    ) -> Sequence[Placed]:
        """Return the messages of a delivery whose first attempt failed."""
        delay_s = self._sender.next_attempt(dispatch, error, self._clock.now())
        if delay_s is not None:
            return [Placed(queue, dispatch.draft(delay_s, ordered=ordered))]
        try:
            return await self._dead_letters(dispatch, error)
        except DeliveryFailed:
            return [Placed(queue, dispatch.draft(PAUSE_S, ordered=ordered))]

    # -- trying again -------------------------------------------------------------------------

    async def _try(self, lanes: Lanes, dispatch: Dispatch, handle: str) -> None:
        """Try a delivery that waited, and write down what became of it."""
        if dispatch.target == EXPANDS and self._expand is not None:
            async with self._one_expands:
                piece = await self.place(await self._expand(dispatch))
                # What came meanwhile goes before it.
                await asyncio.sleep(0)
                await self._replace(lanes, handle, piece)
            return
        try:
            if dispatch.target.startswith("arn:"):
                placed = await self._targets.place(dispatch.target, dispatch.delivery)
                if placed is not None:
                    placed = self._ending(dispatch, "delivered", placed)
                    await self._replace(lanes, handle, placed)
                    return
            await self._sender.attempt(dispatch)
        except DeliveryError as error:
            await self._failed(lanes, dispatch.failed(), error, handle)
            return
        await lanes.queue.delete(handle)
        self._ended(dispatch, "delivered", None)

    async def _failed(
        self, lanes: Lanes, dispatch: Dispatch, error: DeliveryError, handle: str
    ) -> None:
        delay_s = self._sender.next_attempt(dispatch, error, self._clock.now())
        if delay_s is None:
            await self._replace(lanes, handle, await self._dead_letters(dispatch, error))
        elif lanes.is_ordered:
            # It keeps its place, and the next one of its group waits for it.
            lanes.queue.release(handle, delay_s)
        else:
            await self._replace(lanes, handle, [Placed(lanes.queue, dispatch.draft(delay_s))])

    async def _dead_letters(self, dispatch: Dispatch, error: DeliveryError) -> Sequence[Placed]:
        """Return the messages of an event that has no attempt left; none: it is dropped."""
        dead = self._sender.dead_letter(dispatch, error)
        placed: Sequence[Placed] | None = None
        if dead is not None:
            try:
                placed = await self._targets.place(dead.arn, dead.delivery)
            except DeliveryRefused as refused:
                log.error("%s does not take what is not delivered: %s", dead.arn, refused)
        return self._ending(dispatch, "dead-lettered" if placed else "dropped", placed or (), error)

    async def _replace(self, lanes: Lanes, handle: str, placed: Sequence[Placed]) -> None:
        new = without_repetitions(placed)
        await lanes.queue.replace_by(handle, messages_of(new))
        tell_sent(new)

    def _ending(
        self,
        dispatch: Dispatch,
        outcome: Outcome,
        placed: Sequence[Placed],
        error: DeliveryError | None = None,
    ) -> Sequence[Placed]:
        """Return messages that end a delivery, which is told once they are sent."""
        if not placed:
            self._ended(dispatch, outcome, error)
            return placed
        *others, last = placed
        before = last.sent

        def tell() -> None:
            if before is not None:
                before()
            self._ended(dispatch, outcome, error)

        return [*others, last._replace(sent=tell)]

    def _ended(self, dispatch: Dispatch, outcome: Outcome, error: DeliveryError | None) -> None:
        self.outcomes[outcome] += 1
        self._sender.ended(dispatch, outcome, error)

    # -- looking in, and the end ----------------------------------------------------------------

    def counts(self) -> tuple[int, int]:
        """Return how many deliveries wait for their first attempt or run, and for a later one."""
        counts = [queue.counts() for queue in (self._plain, self._ordered)]
        now = sum(each.visible + each.in_flight for each in counts)
        return now, sum(each.delayed for each in counts)

    async def by_lane(self, limit: int = 10_000) -> dict[str, tuple[int, int]]:
        """Return how many deliveries of each lane wait that have not failed yet, and that have.

        Args:
            limit: The most deliveries of each kind that are looked at.
        """
        found: dict[str, tuple[int, int]] = {}
        for queue in (self._plain, self._ordered):
            for lane, failures, receives in await queue.headers(("lane", "failures"), limit):
                waiting, retrying = found.get(lane, (0, 0))
                # A message that keeps its place counts its failures by its receives.
                has_failed = failures > 0 or receives > 1
                found[lane] = (waiting + (not has_failed), retrying + has_failed)
        return found

    async def peek(self, limit: int) -> list[tuple[Dispatch, str, float]]:
        """Return the first deliveries that wait: each with its state, and when it is tried next.

        Args:
            limit: The most to return.
        """
        seen = [each for queue in (self._plain, self._ordered) for each in await queue.peek(limit)]
        return [(dispatch_of(each), each.state, each.visible_at) for each in seen[:limit]]

    async def clear(self) -> None:
        """Forget all deliveries that wait: a reset.

        Raises:
            StorageError: The disk did not take it.
        """
        for queue in (self._plain, self._ordered):
            await self._purge(queue.name)

    async def close(self) -> None:
        """Give up what is being tried; it is tried again at the next start."""
        for lanes in self._lanes:
            await lanes.close()
