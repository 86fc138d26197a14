"""The engine, as its queues use it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, Protocol

from emulator.model.clock import Clock
from emulator.model.errors import StorageError
from emulator.model.journal import Journal
from emulator.queues.message import Message
from emulator.queues.rules import QueueSettings
from emulator.queues.spill import PayloadBudget

#: Told how a commit ended: None, or why it failed.
Committed = Callable[[StorageError | None], None]


class Target(Protocol):
    """Another queue, to which messages are moved."""

    @property
    def id(self) -> int: ...

    @property
    def settings(self) -> QueueSettings: ...

    def expect(self, messages: Sequence[Message]) -> Committed:
        """Make ready for messages that are about to be written.

        Returns:
            What to call once their commit has ended: it publishes them, or forgets them.
        """
        ...


class Host(Protocol):
    """The engine, as its queues see it."""

    @property
    def journal(self) -> Journal:
        """Where messages are kept."""
        ...

    @property
    def clock(self) -> Clock:
        """The time that everything is decided by."""
        ...

    @property
    def budget(self) -> PayloadBudget:
        """The memory that payloads of all queues share."""
        ...

    @property
    def draining(self) -> bool:
        """Return whether receives must not wait any more."""
        ...

    def next_id(self) -> int:
        """Return a new id for a message."""
        ...

    def find(self, name: str) -> Target | None:
        """Return the open queue of this name."""
        ...

    def lease_changed(self, message: Message) -> None:
        """Write the lease of a message soon."""
        ...

    def forget_lease(self, message: Message) -> None:
        """Do not write the lease of a message any more."""
        ...

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a background task, and report its failure."""
        ...
