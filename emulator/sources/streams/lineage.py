"""Which shards may be read: a shard's parents come first. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from emulator.sources.streams.base import ShardInfo


def readable(
    shards: Sequence[ShardInfo], finished: Collection[str], running: Collection[str]
) -> list[ShardInfo]:
    """Return the shards whose reading may begin now.

    Args:
        shards: Those that there are.
        finished: Keys of those that were read to their end, and all records of which are done.
        running: Keys of those that are being read.
    """
    there = {each.key for each in shards}
    return [
        each
        for each in shards
        if each.key not in finished
        and each.key not in running
        and all(parent in finished or parent not in there for parent in each.parents)
    ]


def forgotten(shards: Sequence[ShardInfo], known: Collection[str]) -> list[str]:
    """Return the keys among ``known`` of shards that are not there any more."""
    there = {each.key for each in shards}
    return [key for key in known if key not in there]
