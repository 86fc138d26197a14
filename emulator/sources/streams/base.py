"""What a stream is to those who poll it, whichever service it belongs to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol


class StreamRecord(NamedTuple):
    """A record of a stream."""

    sequence: str
    #: Records with the same key are handled in the order in which they came.
    key: str
    #: When it came, in seconds since the epoch.
    arrived: float
    #: As the function gets it.
    event: Mapping[str, Any]
    #: The bytes of ``event`` as JSON, more or less.
    size: int


class ShardInfo(NamedTuple):
    """A shard."""

    id: str
    #: What tells it apart from the shards that had its id before.
    key: str
    #: The keys of the shards that it came from, as far as they are still there.
    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Where to begin reading a shard."""

    #: After the record of this sequence number; "" for the beginning.
    after: str = ""
    #: Only records that came then or later (seconds since the epoch).
    since: float = 0.0


class ShardCursor(Protocol):
    """Reads one shard, record by record."""

    @property
    def ended(self) -> bool:
        """Whether the shard is closed and all of it was read."""
        ...

    async def read(self, limit: int) -> Sequence[StreamRecord]:
        """Return the next records; none where there are none yet.

        Raises:
            AwsError: The stream is gone, or can't be read now.
            StorageError: It can't be read now.
        """
        ...

    async def wait(self) -> None:
        """Return when there may be more records, or the shard may have ended."""
        ...

    def close(self) -> None:
        """Let go of it: nothing more is read."""
        ...


class PolledStream(Protocol):
    """A stream that is polled."""

    async def shards(self) -> Sequence[ShardInfo]:
        """Return the shards there are, parents before their children.

        Raises:
            AwsError: There is no such stream, or it can't be read now.
        """
        ...

    async def latest(self) -> Mapping[str, str]:
        """Return the sequence number of the last record of each shard that has had any.

        They are found by the shards' keys. Every record whose writer has been answered is counted.

        Raises:
            AwsError: There is no such stream, or it can't be read now.
            StorageError: It can't be read now.
        """
        ...

    async def open(self, shard: ShardInfo, position: Position) -> ShardCursor:
        """Begin to read a shard.

        Raises:
            AwsError: The stream is gone, or can't be read now.
        """
        ...

    async def changed(self) -> None:
        """Return when there may be other shards than :meth:`shards` returned last."""
        ...

    def close(self) -> None:
        """Let go of it: it is polled no longer."""
        ...


class StreamKind(NamedTuple):
    """What differs between the services whose streams are polled."""

    #: The member of a failure's record that describes the batch.
    batch_info: str
    #: That record's times have milliseconds.
    milliseconds: bool
    #: The member of a record that the function sees as bytes and filters see as JSON; "": none.
    content: str
    #: The member of a record that filters look at; "" for the whole.
    filtered: str
