"""FIFO queues: each message is sent once within five minutes."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from emulator.model.errors import StorageError
from emulator.model.journal import DeduplicationRecord
from emulator.queues import rules
from emulator.queues.message import Message, Sent
from emulator.queues.rules import DeduplicationScope, QueueSettings


@dataclass(slots=True, eq=False)
class RememberedSend:
    """A send that its repetitions are answered with."""

    expires_at: float
    sent: Sent
    #: Its commit, while that is under way.
    pending: asyncio.Future[None] | None = None


class Deduplication:
    """Remembers the sends of one FIFO queue. Times are seconds since the epoch."""

    def __init__(self) -> None:
        #: In order of insertion, which is that of expiry.
        self._sends: dict[bytes, RememberedSend] = {}

    def restore(self, records: Iterable[DeduplicationRecord]) -> None:
        """Remember what the journal kept."""
        for record in records:
            sent = Sent(record.message_id, record.position)
            self._sends[record.key] = RememberedSend(record.expires_at, sent)

    def known(
        self, id: str, group: str, settings: QueueSettings, now: float
    ) -> RememberedSend | None:
        """Return the send that one with this deduplication id repeats.

        What was sent under the scope "queue" is remembered for the queue after the scope became
        "messageGroup", as recorded from AWS.
        """
        scopes: set[DeduplicationScope] = {settings.deduplication_scope, "queue"}
        for scope in scopes:
            known = self._sends.get(rules.deduplication_key(id, group, scope))
            if known is not None and known.expires_at > now:
                return known
        return None

    def remember(self, message: Message, settings: QueueSettings, now: float) -> bytes | None:
        """Remember a send that is about to be written; return its key, None where it has none."""
        if message.deduplication is None or message.group is None:
            return None
        key = _key(message.deduplication, message.group, settings)
        sent = Sent(message.message_id, message.position)
        self._sends[key] = RememberedSend(now + rules.DEDUPLICATION_INTERVAL, sent)
        return key

    def records(self, keys: Sequence[bytes], queue: int) -> list[DeduplicationRecord]:
        """Return sends as they are appended to the journal."""
        sends = ((key, self._sends[key]) for key in keys)
        return [DeduplicationRecord(queue, key, each.expires_at, *each.sent) for key, each in sends]

    def pending(self, keys: Sequence[bytes], committed: asyncio.Future[None]) -> None:
        """Have repetitions wait for the commit of the sends."""
        for key in keys:
            self._sends[key].pending = committed

    def ended(
        self, messages: Sequence[Message], settings: QueueSettings, error: StorageError | None
    ) -> None:
        """Note how the commit of sends ended: those that failed may be sent again."""
        ids = {message.message_id for message in messages}
        for message in messages:
            if message.deduplication is None or message.group is None:
                continue
            key = _key(message.deduplication, message.group, settings)
            known = self._sends.get(key)
            if known is not None and known.sent.message_id in ids:
                known.pending = None
                if error is not None:
                    del self._sends[key]

    def clear(self) -> None:
        """Forget all sends."""
        self._sends.clear()

    def expire(self, now: float) -> None:
        """Forget the sends that are too old to be repeated."""
        while self._sends:
            key = next(iter(self._sends))
            if self._sends[key].expires_at > now:
                return
            del self._sends[key]


def _key(id: str, group: str, settings: QueueSettings) -> bytes:
    return rules.deduplication_key(id, group, settings.deduplication_scope)
