"""The order of waiting messages: the only difference between standard and FIFO queues."""

from __future__ import annotations

from collections.abc import Generator
from typing import Protocol

from emulator.queues.message import Message, MessageState


class Tally:
    """Counts the messages in memory, by state."""

    __slots__ = ("_counts",)

    def __init__(self) -> None:
        self._counts = [0] * len(MessageState)

    def add(self, message: Message) -> None:
        """Count a message that came to memory."""
        self._counts[message.state] += 1

    def move(self, message: Message, state: MessageState) -> None:
        """Change a message's state."""
        self._counts[message.state] -= 1
        self._counts[state] += 1
        message.state = state

    def clear(self) -> None:
        """Set all counts to 0."""
        self._counts = [0] * len(MessageState)

    @property
    def ready(self) -> int:
        return self._counts[MessageState.READY]

    @property
    def delayed(self) -> int:
        return self._counts[MessageState.DELAYED]

    @property
    def in_flight(self) -> int:
        """Return the number of received messages, including those being deleted."""
        return self._counts[MessageState.IN_FLIGHT] + self._counts[MessageState.LEAVING]

    @property
    def waiting(self) -> int:
        """Return the number of messages that are or will be available."""
        return self._counts[MessageState.READY] + self._counts[MessageState.DELAYED]

    @property
    def total(self) -> int:
        """All messages together."""
        return self.waiting + self.in_flight


class Order(Protocol):
    """Holds the messages in memory in the order in which they are received."""

    def position(self, id: int, available_at: float) -> int:
        """Return a new message's place in the journal's order."""
        ...

    def admitted(self, message: Message) -> None:
        """Add a message that came to memory, whether it is available or not."""
        ...

    def ready(self, message: Message) -> None:
        """Offer a message: it became available."""
        ...

    def leased(self, message: Message) -> None:
        """Note that a message was received."""
        ...

    def set_aside(self, message: Message) -> None:
        """Note that a message that was in flight waits again, not yet available."""
        ...

    def left(self, message: Message) -> None:
        """Drop a message: it was deleted, expired or moved, or is now on the disk only."""
        ...

    def clear(self) -> None:
        """Drop all messages."""
        ...

    def pick(self) -> Generator[Message]:
        """Take out and yield, in order, the messages that one receive may have."""
        ...

    def room(self) -> int:
        """Return how many more messages memory may hold."""
        ...

    def runs_low(self) -> bool:
        """Return whether memory should be refilled from the disk."""
        ...

    def bound(self) -> int | None:
        """Return the most waiting messages to keep in memory; None for all."""
        ...

    def check_handle(self, message: Message, receives: int) -> None:
        """Check a receipt handle of the receive number ``receives`` of a message.

        Raises:
            ExpiredHandle: The handle is too old for this kind of queue.
        """
        ...
