"""What an event source is, and what it needs of the rest.

A source of another kind (a stream) is one more class with ``run``, ``drain`` and ``cancel``, and
one more line in :mod:`emulator.sources.pollers`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

from emulator.sources.target import Target

#: A message as ReceiveMessage's answer has it.
Message = dict[str, Any]


class EventSource(Protocol):
    """Feeds a function from one source, for one mapping."""

    async def run(self, target: Target) -> None:
        """Poll, and begin an invocation for each batch, until cancelled."""
        ...

    async def drain(self) -> None:
        """Return when nothing that was begun is in flight any more."""
        ...

    def cancel(self) -> None:
        """Give up what is in flight: its messages will be received again."""
        ...


class PolledQueue(Protocol):
    """A queue as its poller uses it."""

    @property
    def visibility(self) -> float:
        """Return how long a received message stays invisible to others (seconds)."""
        ...

    @property
    def discards(self) -> bool:
        """Return whether nothing takes the messages that fail too often."""
        ...

    def waiting(self) -> bool:
        """Say whether there may be messages to receive now."""
        ...

    async def receive(self, limit: int, wait: float) -> list[Message]:
        """Receive up to ``limit`` messages; waits up to ``wait`` seconds for the first one.

        Safe to cancel. Returns nothing where the queue was deleted meanwhile.

        Raises:
            AwsError, StorageError: They can't be had now.
        """
        ...

    async def delete(self, handles: Sequence[str]) -> None:
        """Delete received messages; what another receive has got since is left to it.

        Raises:
            AwsError, StorageError: They are received again.
        """
        ...

    def release(self, handles: Sequence[str]) -> None:
        """Give messages back that no function was tried with."""
        ...


class Queues(Protocol):
    """Where queues are found by ARN."""

    async def check(self, arn: str) -> float:
        """Return the visibility timeout of the queue of this ARN (seconds).

        Raises:
            AwsError: There is none, in SQS's words.
        """
        ...

    async def open(self, arn: str) -> PolledQueue:
        """Return the queue of this ARN; waits until there is one."""
        ...

    async def close(self) -> None: ...
