"""Sequence numbers and hash keys: pure.

A sequence number here has AWS's form: 56 digits which grow with each record of a shard, and from a
shard to those that follow it. https://docs.aws.amazon.com/streams/latest/dev/key-concepts.html
"""

from __future__ import annotations

from hashlib import md5
from typing import NamedTuple

#: Hash keys go from 0 to this.
LARGEST_HASH = 2**128 - 1

# Hexadecimal digits, from the left: 2, when the shard was made (9, seconds), one of its number, the
# record's number in the shard (16), when the record came (11, milliseconds), the shard (8), 2.
_SHARD, _TIME, _NUMBER, _NIBBLE, _MADE, _HEAD = 4, 36, 80, 144, 148, 184
_VERSION = 2
#: Digits of the number in a shard's id.
_LONGEST_NUMBER = 12


class Sequence(NamedTuple):
    """What a sequence number says."""

    #: When the shard was made, in seconds since the epoch.
    made_s: int
    #: The number of the shard in its stream.
    shard: int
    #: The number of the record in the shard, from 1 on; 0 is before the first.
    number: int
    #: When the record came, in milliseconds since the epoch.
    arrived_ms: int

    def __str__(self) -> str:
        return str(
            (_VERSION << _HEAD)
            | (self.made_s << _MADE)
            | ((self.shard & 0xF) << _NIBBLE)
            | (self.number << _NUMBER)
            | (self.arrived_ms << _TIME)
            | (self.shard << _SHARD)
            | _VERSION
        )


def writer(made_s: int, shard: int, arrived_ms: int) -> tuple[int, int]:
    """Return a base and a step: the sequence number of a record is base + its number × step."""
    return int(str(Sequence(made_s, shard, 0, arrived_ms))), 1 << _NUMBER


def parse(text: str) -> Sequence | None:
    """Return what a sequence number says; None if it is not one of ours."""
    if not text.isdecimal() or len(text) > 60:
        return None
    value = int(text)
    found = Sequence(
        made_s=value >> _MADE & 0xF_FFFF_FFFF,
        shard=value >> _SHARD & 0xFFFF_FFFF,
        number=value >> _NUMBER & 0xFFFF_FFFF_FFFF_FFFF,
        arrived_ms=value >> _TIME & 0xFFF_FFFF_FFFF,
    )
    return found if str(found) == text else None


def shard_id(number: int) -> str:
    """Return the id of a shard."""
    return f"shardId-{number:012d}"


def number_of(shard: str) -> int | None:
    """Return the number in a shard's id; None if it is none.

    AWS heeds the number alone: "shardId-0" and "0" are the first shard, too.
    """
    digits = shard.rpartition("-")[2]
    return int(digits) if digits.isdecimal() and len(digits) <= _LONGEST_NUMBER else None


def hash_of(key: str) -> int:
    """Return the hash key of a partition key."""
    return int.from_bytes(md5(key.encode(), usedforsecurity=False).digest())


def uniform(count: int) -> list[tuple[int, int]]:
    """Return the ranges of hash keys of so many equal shards."""
    step = (LARGEST_HASH + 1) // count
    starts = [index * step for index in range(count)]
    return list(zip(starts, [start - 1 for start in starts[1:]] + [LARGEST_HASH], strict=True))
