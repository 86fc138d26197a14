"""What is done to a queue: send, receive, delete, change visibility.

A message is published (can be received) once its commit is done, and a delete is answered once
its own is. All of it runs on one event loop, and nothing awaits between a check and what it allows.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

from emulator.model.errors import StorageError
from emulator.model.ids import new_request_id
from emulator.model.journal import DeduplicationRecord
from emulator.queues import rules
from emulator.queues.errors import NotInFlight, QueueError, VisibilityTooLong
from emulator.queues.memory import Host, stored_message
from emulator.queues.message import (
    Draft,
    Message,
    Seen,
    Sent,
    State,
    decode_handle,
)
from emulator.queues.receiving import Receiving
from emulator.queues.rules import QueueSettings

#: More than any message has (bytes).
MAX_PAYLOAD = 1 << 24
_STATES = {State.READY: "ready", State.DELAYED: "delayed", State.IN_FLIGHT: "in flight"}


class Queue(Receiving):
    """A queue of the engine; made by ``Engine.open_queue``.

    Attributes:
        name: The engine's name for it.
        settings: How it behaves; may be replaced at any time and applies from then on.
        body: JSON of whoever made it, kept with it.
    """

    def __init__(self, host: Host, id: int, name: str, settings: QueueSettings, body: str) -> None:
        super().__init__(host, id, name, settings)
        self.body = body

    async def restore(self) -> None:
        """Count what the disk has, and bring the front of it to memory."""
        count, later = await self._host.journal.depth(self.id, self._host.clock.now())
        # A FIFO queue's positions don't tell when its messages are available.
        self._spill.reset(count, {} if self.settings.fifo else dict(later))
        if count:
            await self._load()

    @abstractmethod
    def _position(self, id: int, available_at: float) -> int:
        """Return a new message's place in the journal's order."""

    def _check_handle(self, message: Message, receives: int, now: float) -> None:
        """Raise ExpiredHandle where the kind of queue refuses an old handle."""

    # -- sending ------------------------------------------------------------------------------

    async def send(self, draft: Draft) -> Sent:
        """Send one message; see :meth:`send_many`."""
        return (await self.send_many([draft]))[0]

    async def send_many(self, drafts: Sequence[Draft]) -> list[Sent]:
        """Send messages in one commit, and return when they are on the disk.

        Raises:
            StorageFull, StorageError: None of them was sent.
        """
        messages = [self._message(draft) for draft in drafts]
        await self._append(messages, ())
        return [Sent(message.message_id, message.position) for message in messages]

    def _message(self, draft: Draft) -> Message:
        now = self._host.clock.now()
        id = self._host.next_id()
        available_at = now + (self.settings.delay if draft.delay is None else draft.delay)
        return Message(
            id=id,
            position=self._position(id, available_at),
            sent_at=now,
            message_id=draft.message_id or new_request_id(),
            group=draft.group,
            deduplication=draft.deduplication,
            source=None,
            size=draft.size or len(draft.body),
            payload=(draft.headers, draft.body),
            visible_at=available_at,
        )

    def _append(
        self, messages: list[Message], deduplications: Sequence[DeduplicationRecord]
    ) -> asyncio.Future[None]:
        """Write messages and publish them; the future tells when that is done."""
        committed = _commit()
        epoch = self.id
        # A FIFO queue's order does not tell the delay, so its lease does.
        leases = [m.lease() for m in messages if self.settings.fifo and m.visible_at > m.sent_at]
        for message in messages:
            self._pending[message.id] = message

        def done(_: Any, error: StorageError | None) -> None:
            for message in messages:
                del self._pending[message.id]
            if error is None and epoch == self.id:
                for message in messages:
                    self._publish(message)
                self._serve()
            self._sent(messages, error)
            _end(committed, error)

        records = [message.record(epoch) for message in messages]
        self._host.journal.append(records, leases, deduplications, done)
        return committed

    def _sent(self, messages: list[Message], error: StorageError | None) -> None:
        """The commit of a send ended."""

    # -- after receiving ----------------------------------------------------------------------

    async def delete(self, handle: str) -> None:
        """Delete a received message; it is gone from the disk when this returns.

        Raises:
            InvalidHandle: Not a handle of this queue.
            ExpiredHandle: A FIFO message is visible again or was received again.
        """
        error = (await self.delete_many([handle]))[0]
        if error is not None:
            raise error

    async def delete_many(self, handles: Sequence[str]) -> list[QueueError | None]:
        """Delete received messages in one commit; return what :meth:`delete` raises for each."""
        now = self._host.clock.now()
        self._wake(now)
        outcome: list[QueueError | None] = []
        ids: set[int] = set()
        for handle in handles:
            try:
                id, receives = decode_handle(self._tag, handle)
                message = self._messages.get(id)
                if message is not None:
                    self._check_handle(message, receives, now)
                ids.add(id)
                outcome.append(None)
            except QueueError as error:
                outcome.append(error)
        if ids:
            await self._remove(ids)
        return outcome

    def _remove(self, ids: set[int]) -> asyncio.Future[None]:
        committed = _commit()
        epoch = self.id
        leaving = []
        for id in ids:
            message = self._messages.get(id)
            # One that is leaving already is deleted by someone else as well: both wait.
            if message is not None and message.state is not State.LEAVING:
                leaving.append((message, message.state))
                self._to(message, State.LEAVING)

        def done(deleted: Any, error: StorageError | None) -> None:
            if epoch == self.id:
                if error is None:
                    self._gone(ids, deleted)
                else:
                    for message, state in leaving:
                        if message.state is State.LEAVING:
                            self._restore(message, state)
                self._serve()
            _end(committed, error)

        self._host.journal.remove(list(ids), done)
        return committed

    def change_visibility(self, handle: str, timeout: float) -> None:
        """Keep a received message for ``timeout`` seconds from now; 0 gives it back.

        Raises:
            InvalidHandle, ExpiredHandle: As :meth:`delete`.
            NotInFlight: The message is gone, or waits to be received.
            VisibilityTooLong: It would be more than 12 hours from its receive.
        """
        now = self._host.clock.now()
        message = self._held(handle, now)
        if rules.exceeds_visibility(message.received_at or now, timeout, now):
            raise VisibilityTooLong(handle)
        if timeout > 0:
            self._hide(message, timeout, now)
            self._arm()
        else:
            self.release(handle)

    def release(self, handle: str, delay: float = 0.0, *, counted: bool = True) -> None:
        """Give a received message back, to be received again after ``delay`` seconds.

        Unlike one whose visibility is changed, it is nobody's meanwhile: the handle is worth
        nothing any more, and a restart does not make it available early.

        Args:
            counted: False takes the receive back from the count that leads to the dead-letter
                queue, e.g. where a function could not be tried at all.

        Raises:
            InvalidHandle, ExpiredHandle, NotInFlight: As :meth:`change_visibility`.
        """
        message = self._held(handle, self._host.clock.now())
        if not counted:
            message.uncounted += 1
        self._put_back(message, delay)
        self._serve()

    def _held(self, handle: str, now: float) -> Message:
        """Return the message in flight that a handle is of."""
        self._wake(now)
        id, receives = decode_handle(self._tag, handle)
        message = self._messages.get(id)
        if message is None or message.state is not State.IN_FLIGHT:
            raise NotInFlight(handle)
        self._check_handle(message, receives, now)
        return message

    def _restore(self, message: Message, state: State) -> None:
        """Undo a removal that could not be written."""
        self._to(message, state)
        if state is State.READY:
            self._ready(message)
        else:
            self._push_due(message)

    # -- looking in ---------------------------------------------------------------------------

    async def peek(self, limit: int) -> list[Seen]:
        """Return the first ``limit`` messages in the queue's order, without receiving them."""
        now = self._host.clock.now()
        rows = await self._host.journal.window(self.id, (0, 0), limit, MAX_PAYLOAD)
        seen = []
        for row in rows:
            message = self._messages.get(row.id) or stored_message(row, self.settings)
            state = State.DELAYED if message.visible_at > now else State.READY
            if message.held and message.visible_at > now:
                state = State.IN_FLIGHT
            if message.state is not State.LEAVING and row.body is not None:
                seen.append(
                    Seen(
                        message.message_id,
                        row.body,
                        row.headers or "{}",
                        message.sent_at,
                        message.receive_count,
                        _STATES[state],
                        message.visible_at,
                        message.group,
                        message.source,
                    )
                )
        return seen

    # -- what the engine does -----------------------------------------------------------------

    async def hand_over(self, handle: str, target: Queue, draft: Draft) -> None:
        """Replace a received message by a new one in ``target``; see ``Engine.transfer``."""
        message = self._held(handle, self._host.clock.now())
        self._to(message, State.LEAVING)
        following = target._message(draft._replace(size=message.size))
        following.deduplication = draft.deduplication
        target._pending[following.id] = following
        committed = _commit()
        epoch, target_epoch = self.id, target.id

        def done(_: Any, error: StorageError | None) -> None:
            del target._pending[following.id]
            if error is None and target_epoch == target.id:
                target._publish(following)
                target._serve()
            if epoch == self.id:
                if error is None:
                    self._gone([message.id], 1)
                else:
                    self._restore(message, State.IN_FLIGHT)
                self._serve()
            _end(committed, error)

        self._host.journal.replace(message.id, following.record(target_epoch), done)
        await committed

    async def expire(self, now: float, limit: int) -> None:
        """Delete what was kept for as long as the queue keeps messages, ``limit`` a commit."""
        while self._messages or self._spill.count:
            ids = await self._host.journal.expire(self.id, now - self.settings.retention, limit)
            self._gone(ids, len(ids))
            if len(ids) < limit:
                return

    def settings_changed(self) -> None:
        """Apply new settings to what waits already."""
        self._serve()

    def end_polls(self) -> None:
        self._polls.end()

    def purged(self, id: int) -> None:
        """All messages are gone; the queue goes on under another id."""
        self._reset(id)

    def ended(self) -> None:
        """The queue is deleted."""
        self._reset(-1)
        self._polls.end()


def _commit() -> asyncio.Future[None]:
    """Return what ends with a commit."""
    committed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    # Nobody may be left to look at the failure of one whose caller went away.
    committed.add_done_callback(lambda f: f.cancelled() or f.exception())
    return committed


def _end(committed: asyncio.Future[None], error: StorageError | None) -> None:
    if committed.done():
        return
    if error is None:
        committed.set_result(None)
    else:
        committed.set_exception(error)
