"""How messages come to a queue: written to the journal, then published."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

from emulator.model.errors import StorageError
from emulator.model.ids import new_request_id
from emulator.model.journal import DeduplicationRecord, Journal, LeaseRecord, MessageRecord
from emulator.queues import rules
from emulator.queues.commits import begin_commit, end_commit
from emulator.queues.deduplication import Deduplication
from emulator.queues.host import Committed, Host
from emulator.queues.memory import Memory
from emulator.queues.message import Draft, Message, Sent
from emulator.queues.receiving import Receiving


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Messages of one queue that are about to be written."""

    records: Sequence[MessageRecord]
    leases: Sequence[LeaseRecord]
    deduplications: Sequence[DeduplicationRecord]
    #: Called once their commit has ended, with its error or None.
    ended: Committed
    #: The receipt of each draft.
    sent: list[Sent]
    #: Pending commits of the earlier sends that some drafts repeat.
    waits: Sequence[asyncio.Future[None]]


class Stager(Protocol):
    """The part of a queue that a send to several queues uses."""

    def stage(self, drafts: Sequence[Draft], committed: asyncio.Future[None]) -> Staged:
        """Make messages that are about to be written; see :meth:`Sending.stage`."""
        ...


class Sending:
    """Accepts messages for one queue.

    Args:
        receiving: Publishes the messages to receivers.
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

    def remembers(self, id: str, group: str) -> bool:
        """Say whether a send with this deduplication id would repeat another."""
        if self._deduplication is None:
            return False
        now = self._host.clock.now()
        return self._deduplication.known(id, group, self._memory.settings, now) is not None

    def purged(self) -> None:
        """Forget earlier sends: a purged message may be sent again."""
        if self._deduplication is not None:
            self._deduplication.clear()

    async def send_many(self, drafts: Sequence[Draft]) -> list[Sent]:
        """Send messages in one commit; see :meth:`emulator.queues.queue.Queue.send_many`."""
        committed = begin_commit()
        staged = self.stage(drafts, committed)
        await write(self._host.journal, [staged], committed)
        return staged.sent

    def stage(self, drafts: Sequence[Draft], committed: asyncio.Future[None]) -> Staged:
        """Make messages for the next write; a draft that repeats a send makes no message.

        Args:
            drafts: The messages to send.
            committed: Done when their commit is.
        """
        settings, deduplication = self._memory.settings, self._deduplication
        if deduplication is None:
            messages = [self.message(draft) for draft in drafts]
            sent = [Sent(message.message_id, message.position) for message in messages]
            return self._staged(messages, sent)
        now = self._host.clock.now()
        deduplication.expire(now)
        sent, messages = [], []
        marks: list[Message] = []
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
            (marks if draft.is_mark else messages).append(message)
            sent.append(Sent(message.message_id, message.position))
            key = deduplication.remember(message, settings, now)
            if key is not None:
                keys.append(key)
        records = deduplication.records(keys, self._memory.id)
        deduplication.pending(keys, committed)
        return self._staged(messages, sent, records, waits, marks)

    def stage_moved(self, draft: Draft) -> Staged:
        """Make the message for one moved from another queue, even if it repeats a send."""
        message = self.message(draft)
        return self._staged([message], [Sent(message.message_id, message.position)])

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

    def _staged(
        self,
        messages: list[Message],
        sent: list[Sent],
        deduplications: Sequence[DeduplicationRecord] = (),
        waits: Sequence[asyncio.Future[None]] = (),
        marks: Sequence[Message] = (),
    ) -> Staged:
        settings = self._memory.settings
        arrived = self._receiving.expect(messages)

        def ended(error: StorageError | None) -> None:
            arrived(error)
            if error is None and messages and self._memory.flow is not None:
                self._memory.flow.sent([message.size for message in messages])
            if self._deduplication is not None:
                self._deduplication.ended([*messages, *marks], settings, error)

        return Staged(
            records=[message.record(self._memory.id) for message in messages],
            # The order of a FIFO queue does not hold the delay, so the lease keeps it.
            leases=[m.lease() for m in messages if settings.fifo and m.visible_at > m.sent_at],
            deduplications=deduplications,
            ended=ended,
            sent=sent,
            waits=waits,
        )


def stage_all(
    items: Iterable[tuple[Stager, Draft]], committed: asyncio.Future[None]
) -> list[Staged]:
    """Make messages of several queues that are about to be written in one commit.

    Args:
        items: Each draft with its queue. The messages of one queue keep their order.
        committed: Done when the commit is.
    """
    by_queue: dict[Stager, list[Draft]] = {}
    for queue, draft in items:
        by_queue.setdefault(queue, []).append(draft)
    return [queue.stage(drafts, committed) for queue, drafts in by_queue.items()]


async def write(
    journal: Journal,
    staged: Sequence[Staged],
    committed: asyncio.Future[None],
    *,
    replacing: int | None = None,
) -> None:
    """Write messages of one or several queues in one commit; returns when they are on the disk.

    Args:
        journal: The journal to write to.
        staged: The messages.
        committed: The future that they were staged with.
        replacing: The message that is deleted in the same commit, if any.

    Raises:
        StorageFull, StorageError: None of them was written.
    """

    def done(_: object, error: StorageError | None) -> None:
        for each in staged:
            each.ended(error)
        end_commit(committed, error)

    records = [record for each in staged for record in each.records]
    waits = [wait for each in staged for wait in each.waits]
    known = [record for each in staged for record in each.deduplications]
    if records or known or replacing is not None:
        leases = [lease for each in staged for lease in each.leases]
        journal.append(records, leases, known, done, replacing=replacing)
        waits.append(committed)
    else:
        done(None, None)
    for wait in waits:
        # Shielded: a cancelled caller must not cancel the commit of the others.
        await asyncio.shield(wait)
