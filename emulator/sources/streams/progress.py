"""Up to which record of a shard all are done, where several batches are under way. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable


class Entry:
    """A record on its way."""

    __slots__ = ("done", "sequence")

    def __init__(self, sequence: str) -> None:
        self.sequence = sequence
        self.done = False


class Progress:
    """The records of a shard that are under way, in order.

    Attributes:
        done: The last record that is done with all before it; "" for none.
    """

    def __init__(self, done: str = "") -> None:
        self.done = done
        self._entries: deque[Entry] = deque()

    def __len__(self) -> int:
        return len(self._entries)

    def add(self, sequence: str) -> Entry:
        """Take note of the next record of the shard."""
        entry = Entry(sequence)
        self._entries.append(entry)
        return entry

    def finish(self, entries: Iterable[Entry]) -> bool:
        """Mark records as done; return whether :attr:`done` has moved."""
        for entry in entries:
            entry.done = True
        before = self.done
        while self._entries and self._entries[0].done:
            self.done = self._entries.popleft().sequence
        return self.done != before
