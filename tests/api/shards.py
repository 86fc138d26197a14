"""What waits at a shard of a stream, for tests that cannot tell when it comes."""

from __future__ import annotations

from typing import Any

from tests.patience import until


def first_records(kinesis: Any, iterator: str) -> list[dict[str, Any]]:
    """Return the records at an iterator as soon as there is one.

    A shard is read five times a second at most: a read too many is one that found nothing.
    """

    def read() -> list[dict[str, Any]]:
        try:
            return list(kinesis.get_records(ShardIterator=iterator)["Records"])
        except kinesis.exceptions.ProvisionedThroughputExceededException:
            return []

    found: list[dict[str, Any]] = until(read)
    return found
