"""A queue as its poller uses it, wherever the queue is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

#: A message as ReceiveMessage's answer has it.
Message = dict[str, Any]


class PolledQueue(Protocol):
    """A queue as its poller uses it."""

    @property
    def visibility_timeout_s(self) -> float:
        """How long a received message stays invisible to others."""
        ...

    @property
    def discards(self) -> bool:
        """Whether nothing takes the messages that fail too often."""
        ...

    def waiting(self) -> bool:
        """Say whether there may be messages to receive now."""
        ...

    async def receive(self, limit: int, wait_s: float) -> list[Message]:
        """Receive up to ``limit`` messages; waits up to ``wait_s`` seconds for the first one.

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


class PolledQueues(Protocol):
    """Where queues are found by ARN."""

    async def visibility_timeout_s(self, arn: str) -> float:
        """Return how long a received message of this queue stays invisible to others.

        Raises:
            AwsError: There is no such queue, in SQS's words.
        """
        ...

    async def open(self, arn: str) -> PolledQueue:
        """Return the queue of this ARN; waits until there is one."""
        ...

    async def close(self) -> None: ...
