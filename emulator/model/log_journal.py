"""The interface between the logs and the store; neither knows the other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol


class GroupRecord(NamedTuple):
    """A log group. Ids of groups, streams and events are of one series, and never used twice."""

    id: int
    account: str
    region: str
    name: str
    #: Milliseconds since the epoch.
    created: int
    retention_days: int | None
    tags: Mapping[str, str]


class StreamRecord(NamedTuple):
    """A log stream."""

    id: int
    group: int
    name: str
    created: int
    of_lines: bool


class EventRecord(NamedTuple):
    """A log event; times are milliseconds since the epoch."""

    sequence: int
    stream: int
    timestamp: int
    ingested: int
    message: str


@dataclass(slots=True, kw_only=True)
class LogChanges:
    """Changes since the last batch. Deletions are applied first."""

    dropped_groups: list[int] = field(default_factory=list)
    dropped_streams: list[int] = field(default_factory=list)
    #: New or changed.
    groups: list[GroupRecord] = field(default_factory=list)
    streams: list[StreamRecord] = field(default_factory=list)
    events: list[EventRecord] = field(default_factory=list)
    #: Streams that have removed their oldest events, with the first sequence that stays.
    trimmed: list[tuple[int, int]] = field(default_factory=list)


class LogJournal(Protocol):
    """Durable storage of logs. Every method may raise a StorageError."""

    async def write(self, changes: LogChanges) -> None:
        """Make all changes or none."""
        ...

    async def load(self) -> tuple[list[GroupRecord], list[StreamRecord], int]:
        """Return groups, streams and the last id used."""
        ...

    async def events(self, after: int, until: int, limit_bytes: int) -> list[EventRecord]:
        """Return the next events after one sequence, up to another, oldest first.

        Args:
            after: The last sequence before them.
            until: The last sequence they may have.
            limit_bytes: No more follow once their messages have this many bytes.
        """
        ...
