"""Messages leave a queue: to receivers, or to its dead-letter queue."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import closing

from emulator.model.clock import Timer
from emulator.model.errors import StorageError
from emulator.queues import rules
from emulator.queues.attempts import Attempts
from emulator.queues.errors import TooManyInFlight
from emulator.queues.host import Committed, Host, Target
from emulator.queues.memory import Memory
from emulator.queues.message import Message, MessageState, Received, encode_handle, queue_tag
from emulator.queues.polls import Polls


class Receiving:
    """Hands out the messages of one queue.

    Args:
        name: The engine's name for the queue.
        attempts: Remembers receives that may be repeated; None: no receive may.
    """

    def __init__(self, host: Host, memory: Memory, name: str, attempts: Attempts | None) -> None:
        self.polls = Polls(host.clock)
        #: The number by which receipt handles know the queue.
        self.tag = queue_tag(name)
        self._name = name
        self._host = host
        self._memory = memory
        self._attempts = attempts
        self._alarm: Timer | None = None
        self._alarm_at = 0.0

    async def receive(
        self, limit: int, *, wait: float, visibility: float | None, attempt: str | None
    ) -> list[Received]:
        """Receive messages; see :meth:`emulator.queues.queue.Queue.receive`."""
        attempts = self._attempts if attempt else None
        taken: list[Message] = []
        if attempts is not None and attempt:
            taken = self._repeat(attempts, attempt, visibility)
        taken = taken or self._take(limit, visibility)
        while not taken and self._memory.must_load():
            await asyncio.shield(self.load())
            taken = self._take(limit, visibility)
        if not taken and wait > 0 and not self._host.draining:
            taken = await self._park(limit, visibility, wait)
        if attempts is not None and attempt and taken:
            attempts.remember(attempt, taken, self._host.clock.now())
        if self._memory.flow is not None:
            self._memory.flow.received(len(taken))
        return await self._hand_out(taken)

    def _repeat(self, attempts: Attempts, attempt: str, visibility: float | None) -> list[Message]:
        """Return the messages that an attempt received before."""
        now = self._host.clock.now()
        self._memory.make_due_available(now)
        taken = attempts.find(attempt, now)
        timeout = self._memory.settings.visibility if visibility is None else visibility
        for message in taken:
            self.hide(message, timeout, now)
        return taken

    def _take(self, limit: int, visibility: float | None) -> list[Message]:
        now = self._host.clock.now()
        memory = self._memory
        memory.make_due_available(now)
        settings = memory.settings
        timeout = settings.visibility if visibility is None else visibility
        taken: list[Message] = []
        if not memory.tally.ready:
            return taken
        room = settings.max_in_flight - memory.tally.in_flight
        if room <= 0:
            if settings.fifo:
                return taken
            raise TooManyInFlight(self._name)
        with closing(memory.order.pick()) as picked:
            for message in picked:
                if rules.is_expired(message.sent_at, settings.retention, now):
                    self._expire(message)
                elif rules.is_dead_letter(message.receive_count, settings) and (
                    target := self._dead_letter_queue()
                ):
                    self._dead_letter(message, target, now)
                else:
                    self._lease(message, timeout, now)
                    taken.append(message)
                    if len(taken) >= min(limit, room):
                        break
        if memory.must_load() and memory.order.runs_low():
            self.load()
        return taken

    def _dead_letter_queue(self) -> Target | None:
        # If that queue was deleted, or is this queue itself, messages stay and are received again.
        name = self._memory.settings.dead_letter
        return None if name == self._name else self._host.find(name or "")

    def _lease(self, message: Message, timeout: float, now: float) -> None:
        message.receives += 1
        message.received_at = now
        message.held = True
        if not message.first_received_at:
            message.first_received_at = now
        self.hide(message, timeout, now)
        self._memory.order.leased(message)

    def hide(self, message: Message, timeout: float, now: float) -> None:
        """Keep a message from other receives for ``timeout`` seconds."""
        message.visible_at = now + timeout
        self._memory.tally.move(message, MessageState.IN_FLIGHT)
        self._memory.push_due(message)
        if self._memory.settings.lasting_leases:
            self._host.lease_changed(message)

    async def _hand_out(self, taken: list[Message]) -> list[Received]:
        missing = [message.id for message in taken if message.payload is None]
        read = {}
        # Copy what was taken: others may receive or delete it while the payload is read.
        seen = [(m, m.receives, m.receive_count, m.payload) for m in taken]
        if missing:
            try:
                read = dict(await self._host.journal.payloads(missing))
            except BaseException:
                self._give_back(taken)
                raise
        received = []
        for message, receives, count, payload in seen:
            payload = payload or read.get(message.id)
            if payload is None:
                continue  # deleted since
            self._memory.drop_payload(message)
            received.append(
                Received(
                    encode_handle(self.tag, message.id, receives),
                    message.message_id,
                    payload[1],
                    payload[0],
                    message.sent_at,
                    count,
                    message.first_received_at,
                    message.position,
                    message.group,
                    message.deduplication,
                    message.source,
                )
            )
        return received

    # -- parked receives ----------------------------------------------------------------------

    async def _park(self, limit: int, visibility: float | None, wait: float) -> list[Message]:
        poll = self.polls.park(limit, visibility, wait)
        self.arm()
        try:
            return await poll.future
        except asyncio.CancelledError:
            if poll.future.done() and not poll.future.cancelled() and not poll.future.exception():
                self._give_back(poll.future.result())
            raise
        finally:
            self.polls.leave(poll)

    def serve(self) -> None:
        """Give available messages to parked receives."""
        if self.polls:
            self.polls.serve(self._take)
            if self.polls and self._memory.must_load():
                self.load()
            self.arm()

    def load(self) -> asyncio.Task[None]:
        """Fill up the front from the disk, then serve."""
        return self._memory.load(self.serve)

    def arm(self) -> None:
        """Have parked receives served when the next message is due."""
        at = self._memory.next_due() if self.polls else None
        if at is None:
            return
        if self._alarm is not None:
            if self._alarm_at <= at:
                return
            self._alarm.cancel()
        self._alarm_at = at
        delay = max(0.001, at - self._host.clock.now())
        self._alarm = self._host.clock.call_later(delay, self._ring)

    def _ring(self) -> None:
        self._alarm = None
        self.serve()

    # -- messages that were received and are not deleted ----------------------------------------

    def _give_back(self, taken: list[Message]) -> None:
        """Make messages nobody got available again, as if they had not been received."""
        for message in taken:
            if message.state is MessageState.IN_FLIGHT:
                message.uncounted += 1
                self.put_back(message, 0.0)
        self.serve()

    def put_back(self, message: Message, delay: float, *, held: bool = False) -> None:
        """Take a message back from its receiver; it can be received after ``delay`` seconds.

        With ``held`` its receiver may still change its mind.
        """
        memory = self._memory
        message.held = held
        message.visible_at = self._host.clock.now() + delay
        self._host.lease_changed(message)
        if delay > 0:
            memory.tally.move(message, MessageState.DELAYED)
            memory.push_due(message)
            memory.order.set_aside(message)
            self.arm()
        else:
            memory.tally.move(message, MessageState.READY)
            memory.order.ready(message)

    def expect(self, messages: Sequence[Message]) -> Committed:
        """See :meth:`emulator.queues.host.Target.expect`."""
        memory = self._memory
        epoch = memory.id
        for message in messages:
            memory.pending[message.id] = message

        def ended(error: StorageError | None) -> None:
            for message in messages:
                del memory.pending[message.id]
            if error is None and epoch == memory.id:
                for message in messages:
                    memory.publish(message)
                self.serve()

        return ended

    def _dead_letter(self, message: Message, target: Target, now: float) -> None:
        """Move a message to the dead-letter queue; it is in neither until that is committed."""
        memory = self._memory
        epoch = memory.id
        was = message.position, message.sent_at, message.source
        memory.forget(message)
        message.state = MessageState.PENDING
        arrived = target.expect([message])
        if target.settings.fifo:
            # A FIFO queue's retention starts over, a standard queue's does not.
            message.position, message.sent_at = self._host.next_id(), now
        message.source = memory.settings.source or self._name
        message.visible_at = now

        def done(_: object, error: StorageError | None) -> None:
            arrived(error)
            if error is not None and epoch == memory.id:
                message.position, message.sent_at, message.source = was
                memory.admit(message, now)
                self.arm()

        self._host.journal.move(
            message.id, target.id, message.position, message.sent_at, message.source, done
        )

    def _expire(self, message: Message) -> None:
        self._memory.forget(message)
        self._host.journal.remove([message.id], _unheeded)


def _unheeded(result: object, error: StorageError | None) -> None:
    """Ignore the outcome: a message that was not removed expires again at its next receive."""
