"""A queue's operations: send, receive, delete, change visibility.

A message is published (can be received) once its commit is done, and a delete is answered once
its own is. All of it runs on one event loop, and nothing awaits between a check and what it allows.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from typing import Any

from emulator.model.errors import StorageError
from emulator.queues import rules
from emulator.queues.attempts import Attempts
from emulator.queues.commits import begin_commit, end_commit
from emulator.queues.deduplication import Deduplication
from emulator.queues.errors import NotInFlight, QueueError, VisibilityTooLong
from emulator.queues.flow import Flow
from emulator.queues.host import Committed, Host
from emulator.queues.memory import Counts, Memory, stored_message
from emulator.queues.message import (
    Draft,
    Message,
    MessageState,
    Received,
    Seen,
    Sent,
    decode_handle,
)
from emulator.queues.receiving import Receiving
from emulator.queues.rules import QueueSettings
from emulator.queues.sending import Sending, Staged, stage_all, write

#: Messages among which the oldest is looked for.
_LOOKED_AT = 100
#: More than any message has (bytes).
MAX_PAYLOAD = 1 << 24
_STATES = {
    MessageState.READY: "ready",
    MessageState.DELAYED: "delayed",
    MessageState.IN_FLIGHT: "in flight",
}


class Queue:
    """A queue of the engine; made by ``Engine.open_queue``.

    Attributes:
        name: The engine's name for it.
        body: JSON of the queue's owner, kept with it.
    """

    def __init__(self, host: Host, id: int, name: str, settings: QueueSettings, body: str) -> None:
        self.name = name
        self.body = body
        self._host = host
        self._attempts = Attempts() if settings.fifo else None
        self._memory = Memory(host, id, settings)
        self._receiving = Receiving(host, self._memory, name, self._attempts)
        self._sending = Sending(
            host, self._memory, self._receiving, Deduplication() if settings.fifo else None
        )

    @property
    def id(self) -> int:
        """The queue's number in the journal."""
        return self._memory.id

    @property
    def settings(self) -> QueueSettings:
        """How it behaves."""
        return self._memory.settings

    @property
    def is_gone(self) -> bool:
        """Whether it was deleted."""
        return self._memory.id < 0

    @property
    def is_draining(self) -> bool:
        """Whether receives do not wait any more: the engine is about to close."""
        return self._host.draining

    def counts(self) -> Counts:
        """Return how many messages there are, at no cost that grows with them."""
        return self._memory.counts()

    # -- sending and receiving ----------------------------------------------------------------

    async def send(self, draft: Draft) -> Sent:
        """Send one message; see :meth:`send_many`."""
        return (await self._sending.send_many([draft]))[0]

    async def send_many(self, drafts: Sequence[Draft]) -> list[Sent]:
        """Send messages in one commit, and return when they are on the disk.

        Raises:
            StorageFull, StorageError: None of them was sent.
        """
        return await self._sending.send_many(drafts)

    def remembers(self, id: str, group: str) -> bool:
        """Say whether a send with this deduplication id would repeat another.

        Args:
            id: The deduplication id.
            group: The message group.
        """
        return self._sending.remembers(id, group)

    def stage(self, drafts: Sequence[Draft], committed: asyncio.Future[None]) -> Staged:
        """Make messages ready for a commit that other queues share: ``Engine.send_together``."""
        return self._sending.stage(drafts, committed)

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
            limit: How many at most.
            wait: How long to wait for the first one, in seconds.
            visibility: How long they stay invisible to others; None takes the queue's (seconds).
            attempt: A FIFO receive repeated under the same id gets the same messages.

        Raises:
            TooManyInFlight: A standard queue's limit is reached.
            AttemptNotRetryable: What the attempt received was changed since.
        """
        return await self._receiving.receive(
            limit, wait=wait, visibility=visibility, attempt=attempt
        )

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
        memory = self._memory
        memory.make_due_available(self._host.clock.now())
        outcome: list[QueueError | None] = []
        ids: set[int] = set()
        for handle in handles:
            try:
                id, receives = decode_handle(self._receiving.tag, handle)
                message = memory.messages.get(id)
                if message is not None:
                    memory.order.check_handle(message, receives)
                ids.add(id)
                outcome.append(None)
            except QueueError as error:
                outcome.append(error)
        if ids:
            await self._remove(ids)
        return outcome

    def _remove(self, ids: set[int]) -> asyncio.Future[None]:
        memory = self._memory
        committed = begin_commit()
        epoch = memory.id
        leaving = []
        for id in ids:
            message = memory.messages.get(id)
            # One that is leaving already is deleted by someone else as well: both wait.
            if message is not None and message.state is not MessageState.LEAVING:
                leaving.append((message, message.state))
                memory.tally.move(message, MessageState.LEAVING)

        def done(deleted: Any, error: StorageError | None) -> None:
            if epoch == memory.id:
                if error is None:
                    memory.removed(ids, deleted)
                    if memory.flow is not None:
                        memory.flow.deleted(len(ids))
                else:
                    for message, state in leaving:
                        if message.state is MessageState.LEAVING:
                            self._restore(message, state)
                self._receiving.serve()
            end_commit(committed, error)

        self._host.journal.remove(list(ids), done)
        return committed

    def change_visibility(self, handle: str, timeout: float) -> None:
        """Keep a received message for ``timeout`` seconds from now; 0 gives it back.

        A standard queue's message whose time was over, and that nobody received since, is kept
        again: recorded from AWS.

        Raises:
            InvalidHandle, ExpiredHandle: As :meth:`delete`.
            NotInFlight: The message is gone, or was received by somebody else and is visible again.
            VisibilityTooLong: It would be more than 12 hours from its receive.
        """
        now = self._host.clock.now()
        message = self._held(handle, now, late=True)
        if rules.exceeds_visibility(message.received_at or now, timeout, now):
            raise VisibilityTooLong(handle)
        if timeout > 0:
            self._receiving.hide(message, timeout, now)
            self._receiving.arm()
        elif message.state is MessageState.IN_FLIGHT:
            self._receiving.put_back(message, 0.0, held=True)
            self._receiving.serve()

    def release(self, handle: str, delay: float = 0.0, *, counted: bool = True) -> None:
        """Give a received message back, to be received again after ``delay`` seconds.

        Unlike one whose visibility is changed, it is nobody's meanwhile: the handle is worth
        nothing any more, and a restart does not make it available early.

        Args:
            handle: The message's receipt handle.
            delay: Seconds until it can be received again.
            counted: False takes the receive back from the count that leads to the dead-letter
                queue, e.g. where a function could not be tried at all.

        Raises:
            InvalidHandle, ExpiredHandle, NotInFlight: As :meth:`change_visibility`.
        """
        message = self._held(handle, self._host.clock.now())
        if not counted:
            message.uncounted += 1
        self._receiving.put_back(message, delay)
        self._receiving.serve()

    def _held(self, handle: str, now: float, *, late: bool = False) -> Message:
        """Return the message in flight that a handle is of.

        Args:
            handle: The receipt handle.
            now: Seconds since the epoch.
            late: One that is visible again, and was not received since, counts as well.
        """
        self._memory.make_due_available(now)
        id, receives = decode_handle(self._receiving.tag, handle)
        message = self._memory.messages.get(id)
        if message is None:
            raise NotInFlight(handle)
        if message.state is not MessageState.IN_FLIGHT:
            late = late and message.state is MessageState.READY and not self._memory.settings.fifo
            if not (late and message.held and message.receives == receives):
                raise NotInFlight(handle)
        self._memory.order.check_handle(message, receives)
        return message

    def _restore(self, message: Message, state: MessageState) -> None:
        """Undo a removal that could not be written."""
        self._memory.tally.move(message, state)
        if state is MessageState.READY:
            self._memory.order.ready(message)
        else:
            self._memory.push_due(message)

    # -- looking in ---------------------------------------------------------------------------

    def measure(self, flow: Flow) -> None:
        """Count what goes through from now on."""
        self._memory.flow = flow

    def end_minute(self) -> None:
        """Have what was counted until now told, where somebody counts."""
        if self._memory.flow is not None:
            self._memory.flow.end()

    async def oldest(self) -> float | None:
        """Return when the oldest message was sent (seconds since the epoch); None: there is none.

        Of a queue with many delayed messages, it is the oldest of those that come first.
        """
        if self._memory.is_empty:
            return None
        rows = await self._host.journal.window(self._memory.id, (0, 0), _LOOKED_AT, 0)
        messages = self._memory.messages
        waiting = (
            row.sent_at
            for row in rows
            if row.id not in messages or messages[row.id].state is not MessageState.LEAVING
        )
        return min(waiting, default=None)

    async def peek(self, limit: int) -> list[Seen]:
        """Return the first ``limit`` messages in the queue's order, without receiving them."""
        memory = self._memory
        now = self._host.clock.now()
        rows = await self._host.journal.window(memory.id, (0, 0), limit, MAX_PAYLOAD)
        seen = []
        for row in rows:
            message = memory.messages.get(row.id) or stored_message(row, memory.settings)
            state = MessageState.DELAYED if message.visible_at > now else MessageState.READY
            if message.held and message.visible_at > now:
                state = MessageState.IN_FLIGHT
            if message.state is not MessageState.LEAVING and row.body is not None:
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

    async def headers(self, members: tuple[str, str], limit: int) -> list[tuple[Any, Any, int]]:
        """Return two members of the headers of the first messages, and their receives.

        Args:
            members: Their names.
            limit: Messages.
        """
        memory = self._memory
        found = []
        for id, one, other in await self._host.journal.headers(memory.id, members, limit):
            message = memory.messages.get(id)
            if message is None or message.state is not MessageState.LEAVING:
                found.append((one, other, 0 if message is None else message.receive_count))
        return found

    # -- what the engine does -----------------------------------------------------------------

    async def restore(self) -> None:
        """Count what the disk has, and bring the front of it to memory."""
        await self._sending.restore()
        if await self._memory.count_stored():
            await self._receiving.load()

    def created(self, id: int) -> None:
        """Take the number that the journal gave a new queue."""
        self._memory.id = id

    def expect(self, messages: Sequence[Message]) -> Committed:
        """See :meth:`emulator.queues.host.Target.expect`."""
        return self._receiving.expect(messages)

    async def hand_over(self, handle: str, target: Queue, draft: Draft) -> None:
        """Replace a received message by a new one in ``target``; see ``Engine.transfer``."""
        message = self._held(handle, self._host.clock.now())
        moved = draft if draft.size else draft._replace(size=message.size)
        await self._replace(message, [target._sending.stage_moved(moved)], begin_commit())

    async def replace_by(self, handle: str, items: Iterable[tuple[Queue, Draft]]) -> None:
        """Replace a received message by new ones in any queues, in one commit.

        Args:
            handle: The message's receipt handle.
            items: Each new message with its queue.

        Raises:
            InvalidHandle, ExpiredHandle, NotInFlight: As :meth:`change_visibility`.
            StorageFull, StorageError: It stays as it was.
        """
        message = self._held(handle, self._host.clock.now())
        committed = begin_commit()
        await self._replace(message, stage_all(items, committed), committed)

    async def _replace(
        self, message: Message, staged: list[Staged], committed: asyncio.Future[None]
    ) -> None:
        memory = self._memory
        memory.tally.move(message, MessageState.LEAVING)
        epoch = memory.id

        def ended(error: StorageError | None) -> None:
            if epoch == memory.id:
                if error is None:
                    memory.removed([message.id], 1)
                else:
                    self._restore(message, MessageState.IN_FLIGHT)
                self._receiving.serve()

        leaving = Staged(records=(), leases=(), deduplications=(), ended=ended, sent=[], waits=())
        journal = self._host.journal
        await write(journal, [*staged, leaving], committed, replacing=message.id)

    async def expire(self, now: float, limit: int) -> None:
        """Delete what was kept for as long as the queue keeps messages, ``limit`` a commit."""
        while not self._memory.is_empty:
            oldest = now - self.settings.retention
            ids = await self._host.journal.expire(self.id, oldest, limit)
            self._memory.removed(ids, len(ids))
            if len(ids) < limit:
                return

    def change(self, settings: QueueSettings, body: str) -> None:
        """Behave otherwise from now on, also towards what waits already."""
        self._memory.settings, self.body = settings, body
        self._receiving.serve()

    def end_polls(self) -> None:
        """Answer parked receives with nothing."""
        self._receiving.polls.end()

    def purged(self, id: int) -> None:
        """Forget all messages: the queue goes on under another id."""
        self._memory.reset(id)
        self._sending.purged()
        if self._attempts is not None:
            self._attempts.clear()

    def ended(self) -> None:
        """Forget all messages, and answer parked receives: the queue is deleted."""
        self.purged(-1)
        self.end_polls()
