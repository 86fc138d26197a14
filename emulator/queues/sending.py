"""How messages come to a queue: written to the journal, then published."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from emulator.model.errors import StorageError
from emulator.model.ids import new_request_id
from emulator.model.journal import DeduplicationRecord
from emulator.queues import rules
from emulator.queues.commits import begin_commit, end_commit
from emulator.queues.deduplication import Deduplication
from emulator.queues.host import Host
from emulator.queues.memory import Memory
from emulator.queues.message import Draft, Message, Sent
from emulator.queues.receiving import Receiving


class Sending:
    """Takes the messages of one queue.

    Args:
        receiving: Publishes them.
        deduplication: Remembers sends; None: each send is a new message.
    """

    def __init__(
        self,
        host: Host,
        memory: Memory,
        receiving: Receiving,
        deduplication: Deduplication | None,
    ) -> None:
        self._host = host
        self._memory = memory
        self._receiving = receiving
        self._deduplication = deduplication

    async def restore(self) -> None:
        """Remember the sends that the journal kept."""
        if self._deduplication is not None:
            now = self._host.clock.now()
            records = await self._host.journal.load_deduplications(self._memory.id, now)
            self._deduplication.restore(records)

    def purged(self) -> None:
        """Forget what was sent: the same may be sent again."""
        if self._deduplication is not None:
            self._deduplication.clear()

    async def send_many(self, drafts: Sequence[Draft]) -> list[Sent]:
        """Send messages in one commit; see :meth:`emulator.queues.queue.Queue.send_many`."""
        if self._deduplication is not None:
            return await self._send_once(drafts, self._deduplication)
        messages = [self.message(draft) for draft in drafts]
        await self._append(messages, ())
        return [Sent(message.message_id, message.position) for message in messages]

    async def _send_once(self, drafts: Sequence[Draft], deduplication: Deduplication) -> list[Sent]:
        """Send what was not sent before; repetitions get the receipt of the first."""
        now = self._host.clock.now()
        settings = self._memory.settings
        deduplication.expire(now)
        sent: list[Sent] = []
        messages: list[Message] = []
        keys: list[bytes] = []
        waits: list[asyncio.Future[None]] = []
        for draft in drafts:
            assert draft.group is not None
            id = rules.deduplication_id(draft.deduplication, draft.body, settings)
            known = None if id is None else deduplication.known(id, draft.group, settings, now)
            if known is not None:
                sent.append(known.sent)
                if known.pending is not None:
                    waits.append(known.pending)
                continue
            message = self.message(draft._replace(deduplication=id))
            messages.append(message)
            sent.append(Sent(message.message_id, message.position))
            key = deduplication.remember(message, settings, now)
            if key is not None:
                keys.append(key)
        if messages:
            committed = self._append(messages, deduplication.records(keys, self._memory.id))
            deduplication.pending(keys, committed)
            waits.append(committed)
        for wait in waits:
            # Shielded: a caller that goes away must not take the others' commit along.
            await asyncio.shield(wait)
        return sent

    def message(self, draft: Draft) -> Message:
        """Return a new message of this queue."""
        now = self._host.clock.now()
        id = self._host.next_id()
        delay = self._memory.settings.delay if draft.delay is None else draft.delay
        return Message(
            id=id,
            position=self._memory.order.position(id, now + delay),
            sent_at=now,
            message_id=draft.message_id or new_request_id(),
            group=draft.group,
            deduplication=draft.deduplication,
            source=None,
            size=draft.size or len(draft.body) + len(draft.headers),
            payload=(draft.headers, draft.body),
            visible_at=now + delay,
        )

    def _append(
        self, messages: list[Message], deduplications: Sequence[DeduplicationRecord]
    ) -> asyncio.Future[None]:
        """Write messages and publish them; the future tells when that is done."""
        committed = begin_commit()
        fifo = self._memory.settings.fifo
        # A FIFO queue's order does not tell the delay, so its lease does.
        leases = [m.lease() for m in messages if fifo and m.visible_at > m.sent_at]
        arrived = self._receiving.expect(messages)

        def done(_: object, error: StorageError | None) -> None:
            arrived(error)
            if self._deduplication is not None:
                self._deduplication.ended(messages, self._memory.settings, error)
            end_commit(committed, error)

        records = [message.record(self._memory.id) for message in messages]
        self._host.journal.append(records, leases, deduplications, done)
        return committed
