"""How messages leave a queue towards those who receive them, or to its dead-letter queue."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import Any

from emulator.model.errors import StorageError
from emulator.queues import rules
from emulator.queues.errors import TooManyInFlight
from emulator.queues.memory import Host, Memory
from emulator.queues.message import Message, Received, State, encode_handle, queue_tag
from emulator.queues.rules import QueueSettings


class Receiving(Memory):
    """The receiving half of :class:`emulator.queues.queue.Queue`."""

    def __init__(self, host: Host, id: int, name: str, settings: QueueSettings) -> None:
        super().__init__(host, id, name, settings)
        self._tag = queue_tag(name)

    def _leased(self, message: Message) -> None:
        """A message was received."""

    async def receive(
        self,
        limit: int = 1,
        *,
        wait: float = 0.0,
        visibility: float | None = None,
        attempt: str | None = None,
    ) -> list[Received]:
        """Receive up to ``limit`` messages.

        Args:
            wait: How long to wait for the first one, in seconds.
            visibility: How long they stay invisible to others; None takes the queue's (seconds).
            attempt: A FIFO receive repeated under the same id gets the same messages.

        Raises:
            TooManyInFlight: A standard queue's limit is reached.
            AttemptNotRetryable: What the attempt received was changed since.
        """
        taken = self._repeat(attempt, visibility) if attempt else []
        taken = taken or self._take(limit, visibility)
        while not taken and self._must_load():
            await asyncio.shield(self._load())
            taken = self._take(limit, visibility)
        if not taken and wait > 0 and not self._host.draining:
            taken = await self._park(limit, visibility, wait)
        if attempt and taken:
            self._remember(attempt, taken)
        return await self._hand_out(taken)

    def _repeat(self, attempt: str, visibility: float | None) -> list[Message]:
        return []

    def _remember(self, attempt: str, taken: list[Message]) -> None: ...

    def _take(self, limit: int, visibility: float | None) -> list[Message]:
        now = self._host.clock.now()
        self._wake(now)
        settings = self.settings
        timeout = settings.visibility if visibility is None else visibility
        taken: list[Message] = []
        if not self._counts[State.READY]:
            return taken
        room = settings.max_in_flight - self._in_flight()
        if room <= 0:
            if settings.fifo:
                return taken
            raise TooManyInFlight(self.name)
        with closing(self._pick()) as picked:
            for message in picked:
                if rules.is_expired(message.sent_at, settings.retention, now):
                    self._expire(message)
                elif rules.is_dead_letter(message.receive_count, settings) and (
                    target := self._dead_letter_queue()
                ):
                    self._bury(message, target, now)
                else:
                    self._lease(message, timeout, now)
                    taken.append(message)
                    if len(taken) >= min(limit, room):
                        break
        if self._must_load() and self._runs_low():
            self._load()
        return taken

    def _dead_letter_queue(self) -> Receiving | None:
        target = self._host.find(self.settings.dead_letter or "")
        # Where it was deleted, or is this queue itself, messages stay and are received again.
        return target if isinstance(target, Receiving) and target is not self else None

    def _lease(self, message: Message, timeout: float, now: float) -> None:
        message.receives += 1
        message.received_at = now
        message.held = True
        if not message.first_received_at:
            message.first_received_at = now
        self._hide(message, timeout, now)
        self._leased(message)

    def _hide(self, message: Message, timeout: float, now: float) -> None:
        message.visible_at = now + timeout
        self._to(message, State.IN_FLIGHT)
        self._push_due(message)
        if self.settings.lasting_leases:
            self._host.touched(message)

    async def _park(self, limit: int, visibility: float | None, wait: float) -> list[Message]:
        poll = self._polls.park(limit, visibility, wait)
        self._arm()
        try:
            return await poll.future
        except asyncio.CancelledError:
            if poll.future.done() and not poll.future.cancelled() and not poll.future.exception():
                self._give_back(poll.future.result())
            raise
        finally:
            self._polls.leave(poll)

    async def _hand_out(self, taken: list[Message]) -> list[Received]:
        missing = [message.id for message in taken if message.payload is None]
        read = {}
        # What was taken, as it was: others may receive or delete it while the payload is read.
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
                # Deleted since.
                continue
            self._drop_payload(message)
            received.append(
                Received(
                    encode_handle(self._tag, message.id, receives),
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

    def _give_back(self, taken: list[Message]) -> None:
        """Make messages nobody got available again, as if they had not been received."""
        for message in taken:
            if message.state is State.IN_FLIGHT:
                message.uncounted += 1
                self._put_back(message, 0.0)
        self._serve()

    def _serve(self) -> None:
        if self._polls:
            self._polls.serve(self._take)
            if self._polls and self._must_load():
                self._load()
            self._arm()

    def _put_back(self, message: Message, delay: float) -> None:
        """Nobody has this message any more; it can be received after ``delay`` seconds."""
        message.held = False
        message.visible_at = self._host.clock.now() + delay
        self._host.touched(message)
        if delay > 0:
            self._to(message, State.DELAYED)
            self._push_due(message)
            self._set_aside(message)
            self._arm()
        else:
            self._to(message, State.READY)
            self._ready(message)

    def _set_aside(self, message: Message) -> None:
        """A message that was in flight waits again, not yet available."""

    def _bury(self, message: Message, target: Receiving, now: float) -> None:
        """Move a message to the dead-letter queue; it is in neither until that is committed."""
        epoch, target_epoch = self.id, target.id
        was = message.position, message.sent_at, message.source
        self._forget(message)
        message.state = State.PENDING
        target._pending[message.id] = message
        if target.settings.fifo:
            # A FIFO queue's retention starts over, a standard queue's does not.
            message.position, message.sent_at = self._host.next_id(), now
        message.source = self.settings.source or self.name
        message.visible_at = now

        def done(_: Any, error: StorageError | None) -> None:
            del target._pending[message.id]
            if error is None and target_epoch == target.id:
                target._publish(message)
                target._serve()
            elif error is not None and epoch == self.id:
                message.position, message.sent_at, message.source = was
                self._admit(message, now)
                self._arm()

        self._host.journal.move(
            message.id, target_epoch, message.position, message.sent_at, message.source, done
        )

    def _expire(self, message: Message) -> None:
        self._forget(message)
        self._host.journal.remove([message.id], lambda result, error: None)
