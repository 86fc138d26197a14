"""Records of a shard that came together, in memory and as bytes. Pure."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from typing import NamedTuple

_LENGTHS = struct.Struct("!HI")


class Record(NamedTuple):
    """A record in a shard."""

    number: int
    arrived_ms: int
    key: str
    data: bytes


class Chunk(NamedTuple):
    """Records of one shard, numbered from ``first`` to ``last``."""

    first: int
    last: int
    #: Milliseconds since the epoch.
    arrived_ms: int
    #: Bytes of keys and data.
    size: int
    #: Key and data of each.
    records: Sequence[tuple[str, bytes]]

    def since(self, number: int) -> Iterator[Record]:
        """Return the records from a number on."""
        skipped = max(0, number - self.first)
        for index in range(skipped, len(self.records)):
            key, data = self.records[index]
            yield Record(self.first + index, self.arrived_ms, key, data)


def pack(records: Sequence[tuple[str, bytes]]) -> bytes:
    """Return records as bytes."""
    parts: list[bytes] = []
    for key, data in records:
        name = key.encode()
        parts += (_LENGTHS.pack(len(name), len(data)), name, data)
    return b"".join(parts)


def unpack(content: bytes) -> list[tuple[str, bytes]]:
    """Return the records that :func:`pack` has made bytes of."""
    found = []
    at = 0
    while at < len(content):
        name, size = _LENGTHS.unpack_from(content, at)
        at += _LENGTHS.size
        found.append((content[at : at + name].decode(), content[at + name : at + name + size]))
        at += name + size
    return found
