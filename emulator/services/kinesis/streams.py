"""Streams and their shards as they are held in memory."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from secrets import randbelow
from typing import Any, NamedTuple

from emulator.services.kinesis import sequences
from emulator.services.kinesis.limits import Meter, read, written
from emulator.services.kinesis.log import ShardLog
from emulator.services.kinesis.sequences import Sequence, shard_id

Body = dict[str, Any]


class Place(NamedTuple):
    """Where a stream is."""

    account: str
    region: str
    name: str


@dataclass(slots=True, eq=False)
class Shard:
    """A shard of a stream.

    Attributes:
        made_s: When it was made, in seconds since the epoch.
        start, end: Its range of hash keys, both included.
        parents: The numbers of the shards that it came from: none, one, or two that were merged.
        closed: When it was closed, in seconds since the epoch; 0: it is open.
        ending: The number of its last record once it is closed.
    """

    number: int
    log: ShardLog
    made_s: int
    start: int
    end: int
    parents: tuple[int, ...] = ()
    closed: float = 0.0
    ending: int = 0
    written: Meter = field(default_factory=lambda: written(on_demand=False))
    read: Meter = field(default_factory=read)

    @property
    def id(self) -> str:
        return shard_id(self.number)

    def body(self) -> Body:
        """Return what is kept of it."""
        return {
            "made": self.made_s,
            "start": str(self.start),
            "end": str(self.end),
            "parents": list(self.parents),
            "closed": self.closed,
            "ending": self.ending,
        }

    @classmethod
    def of(cls, number: int, body: Body, log: ShardLog, *, on_demand: bool) -> Shard:
        """Return a shard from what is kept of it."""
        return cls(
            number,
            log,
            body["made"],
            int(body["start"]),
            int(body["end"]),
            tuple(body["parents"]),
            body["closed"],
            body["ending"],
            written(on_demand=on_demand),
        )

    def sequence(self, number: int, arrived_ms: int = 0) -> str:
        """Return the sequence number of a record by its number."""
        return str(Sequence(self.made_s, self.number, number, arrived_ms or self.made_s * 1000))

    def is_read(self, number: int) -> bool:
        """Say whether whoever reads next the record of this number has read all there will be."""
        return bool(self.closed) and number > self.ending

    def describe(self) -> Body:
        """Return it as ListShards has it."""
        found: Body = {"ShardId": self.id}
        for member, parent in zip(
            ("ParentShardId", "AdjacentParentShardId"), self.parents, strict=False
        ):
            found[member] = shard_id(parent)
        found["HashKeyRange"] = self.hash_range()
        found["SequenceNumberRange"] = {"StartingSequenceNumber": self.sequence(0)}
        if self.closed:
            ended = self.sequence(self.ending + 1, int(self.closed * 1000))
            found["SequenceNumberRange"]["EndingSequenceNumber"] = ended
        return found

    def hash_range(self) -> Body:
        """Return its range of hash keys."""
        return {"StartingHashKey": str(self.start), "EndingHashKey": str(self.end)}


class Stream:
    """A stream.

    Attributes:
        id: Its number in the database.
        body: What is kept of it, as the members of DescribeStreamSummary and its tags and policy.
        shards: By their numbers, the oldest first; none until it is kept.
        changing: Set once its shards have changed, while they do.
    """

    def __init__(self, id: int, place: Place, body: Body) -> None:
        self.id, self.place, self.body = id, place, body
        self.shards: dict[int, Shard] = {}
        self._open: list[Shard] = []
        self.changing: asyncio.Event | None = None

    @property
    def arn(self) -> str:
        account, region, name = self.place
        return f"arn:aws:kinesis:{region}:{account}:stream/{name}"

    @property
    def name(self) -> str:
        return self.place.name

    @property
    def is_on_demand(self) -> bool:
        """Whether its capacity is AWS's care."""
        return bool(self.body["mode"] == "ON_DEMAND")

    @property
    def is_distributed(self) -> bool:
        """Whether records need no partition key."""
        return bool(self.body["distribution"] == "AUTO")

    @property
    def retention_s(self) -> float:
        """Seconds for which its records are kept."""
        return float(self.body["retention_hours"] * 3600)

    @property
    def encryption(self) -> str | None:
        """The type of encryption that answers show: none of it is not shown."""
        return "KMS" if self.body["key"] else None

    def sort(self) -> None:
        """Take note that shards were added, closed or removed."""
        found = (each for each in self.shards.values() if not each.closed)
        self._open = sorted(found, key=lambda each: each.start)

    @property
    def open_shards(self) -> list[Shard]:
        """The shards that take records, by their hash keys; callers must not change the list."""
        return self._open

    def shard_for(self, key: str, explicit: str | None) -> Shard:
        """Return the shard that takes a record.

        Args:
            key: The record's partition key.
            explicit: Its hash key, where it brings one of its own.
        """
        open_shards = self._open
        if len(open_shards) == 1:
            return open_shards[0]
        if explicit:
            wanted = int(explicit)
        else:
            # Without a key, any shard will do.
            wanted = sequences.hash_of(key) if key else randbelow(sequences.LARGEST_HASH)
        low, high = 0, len(open_shards)
        while high - low > 1:
            middle = (low + high) // 2
            if open_shards[middle].start <= wanted:
                low = middle
            else:
                high = middle
        return open_shards[low]

    def children(self, shard: Shard) -> list[Shard]:
        """Return the shards that a closed one became."""
        return [each for each in self.shards.values() if shard.number in each.parents]

    def child_shards(self, shard: Shard) -> list[Body]:
        """Return them as GetRecords has them."""
        return [
            {
                "ShardId": each.id,
                "ParentShards": [shard_id(parent) for parent in each.parents],
                "HashKeyRange": each.hash_range(),
            }
            for each in self.children(shard)
        ]

    def shard(self, id: str) -> Shard | None:
        """Return a shard by its id."""
        number = sequences.number_of(id)
        return None if number is None else self.shards.get(number)
