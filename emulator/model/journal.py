"""The interface between the queue engine and the store; neither knows the other."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

from emulator.model.errors import StorageError

#: Called on the loop after the commit, with the result and None, or with None and the error.
Done = Callable[[Any, StorageError | None], None]


class QueueRecord(NamedTuple):
    """A queue; ``body`` is JSON text of the service that made it."""

    id: int
    name: str
    body: str


class MessageRecord(NamedTuple):
    """A message as it is appended. Ids and positions are microseconds since the epoch."""

    id: int
    queue: int
    position: int
    sent_at: float
    message_id: str
    group: str | None
    deduplication: str | None
    source: str | None
    size: int
    headers: str
    body: str | bytes


class LeaseRecord(NamedTuple):
    """The state that receiving gave a message."""

    id: int
    visible_at: float
    receives: int
    uncounted: int
    first_received_at: float
    #: A receiver has it. Otherwise it was given back, and waits until ``visible_at``.
    held: bool


class DeduplicationRecord(NamedTuple):
    """A FIFO send: until ``expires_at``, sends with the same key are duplicates of it."""

    queue: int
    key: bytes
    expires_at: float
    message_id: str
    position: int


class WindowRecord(NamedTuple):
    """A message read back, with its lease where it has one."""

    id: int
    position: int
    sent_at: float
    message_id: str
    group: str | None
    deduplication: str | None
    source: str | None
    size: int
    #: None (both) where the message is larger than was asked for.
    headers: str | None
    body: str | bytes | None
    #: None (all five) where it was never received.
    visible_at: float | None
    receives: int | None
    uncounted: int | None
    first_received_at: float | None
    held: bool | None


class Journal(Protocol):
    """Durable storage of queues. Failures are a StorageError, raised or passed to ``done``."""

    async def load_queues(self) -> list[QueueRecord]:
        """Return all queues that are kept."""
        ...

    async def create_queue(self, name: str, body: str) -> int:
        """Keep a new queue; returns its id."""
        ...

    async def update_queue(self, queue: int, body: str) -> None: ...

    async def drop_queue(self, queue: int) -> None:
        """Forget a queue; :meth:`collect` removes its messages later."""
        ...

    async def purge_queue(self, queue: int, name: str, body: str) -> int:
        """Give a queue a new id without messages, and return it; deduplication is kept."""
        ...

    async def collect(self, limit: int) -> bool:
        """Remove up to ``limit`` messages of dropped queues; return whether more are left."""
        ...

    def append(
        self,
        messages: Sequence[MessageRecord],
        leases: Sequence[LeaseRecord],
        deduplications: Sequence[DeduplicationRecord],
        done: Done,
        *,
        replacing: int | None = None,
    ) -> None:
        """Append messages and delete the one that they replace, if any, in one transaction."""
        ...

    def remove(self, ids: Sequence[int], done: Done) -> None:
        """Delete messages; the result is the number of messages deleted."""
        ...

    def move(
        self, id: int, queue: int, position: int, sent_at: float, source: str, done: Done
    ) -> None: ...

    async def lease(self, leases: Sequence[LeaseRecord]) -> None: ...

    async def window(
        self, queue: int, after: tuple[int, int], limit: int, payload_limit: int
    ) -> list[WindowRecord]:
        """Read messages in order of (position, id), those after ``after``."""
        ...

    async def headers(
        self, queue: int, members: tuple[str, str], limit: int
    ) -> list[tuple[int, Any, Any]]:
        """Read ids and two members of the headers of the first messages, without their bodies."""
        ...

    async def payloads(self, ids: Sequence[int]) -> Mapping[int, tuple[str, str | bytes]]:
        """Return headers and body of those of ``ids`` that are there."""
        ...

    async def depth(self, queue: int, now: float) -> tuple[int, Mapping[int, int]]:
        """Return how many messages there are, and of those positioned after ``now``, by second."""
        ...

    async def last_id(self) -> int:
        """Return the highest id that was ever given to a message."""
        ...

    async def expire(self, queue: int, sent_before: float, limit: int) -> list[int]:
        """Delete up to ``limit`` messages sent before a time; return their ids."""
        ...

    async def load_deduplications(self, queue: int, now: float) -> list[DeduplicationRecord]:
        """Return the deduplication keys of a queue that are still remembered."""
        ...

    async def forget_deduplications(self, now: float) -> None:
        """Forget the deduplication keys that have expired."""
        ...
