"""Batches: which records one takes, and which of them failed. Pure.

https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any

import orjson

from emulator.model.invocation import InvocationResult
from emulator.model.limits import SYNC_PAYLOAD

#: The text around the records in an event's payload.
_HEAD, _TAIL = b'{"Records":[', b"]}"


@dataclass(slots=True)
class Batch:
    """Records on their way to one invocation.

    Attributes:
        ids: Id to handle of each record, in the order received.
        began: When the first of them was received (seconds since the epoch).
    """

    limit: int
    ids: dict[str, str] = field(default_factory=dict)
    traces: list[str] = field(default_factory=list)
    began: float = 0.0
    _records: list[bytes] = field(default_factory=list)
    _size: int = len(_HEAD) + len(_TAIL)

    def __len__(self) -> int:
        return len(self._records)

    @property
    def room(self) -> int:
        """The number of further records it takes."""
        return self.limit - len(self)

    def add(
        self, record: dict[str, Any], *, id: str, handle: str, trace_id: str, now: float
    ) -> bool:
        """Take a record; return False if the payload would become too large.

        Args:
            record: The record, as the function gets it.
            id: The id by which a function reports this record as failed.
            handle: The handle by which the source deletes it.
            trace_id: The trace header it came with; "" for none.
            now: When it was received (seconds since the epoch).
        """
        text = orjson.dumps(record)
        if self._records and self._size + len(text) + 1 > SYNC_PAYLOAD:
            return False
        if not self._records:
            self.began = now
        self._records.append(text)
        self._size += len(text) + 1
        self.ids[id] = handle
        if trace_id:
            self.traces.append(trace_id)
        return True

    def payload(self) -> bytes:
        """Return the event that the function gets."""
        return _HEAD + b",".join(self._records) + _TAIL


def failed(result: InvocationResult, ids: Collection[str], *, reports: bool) -> set[str]:
    """Return the ids of the records that are to be received again.

    Args:
        result: The result of the invocation.
        ids: The ids of all records of the batch.
        reports: True if the mapping has ``ReportBatchItemFailures``: the function may then fail
            single records.
    """
    if result.function_error:
        return set(ids)
    if not reports:
        return set()
    try:
        found = set(reported(result.payload))
        if not found <= set(ids):
            raise ValueError("an id that is not of this batch")
        return found
    except (ValueError, TypeError, KeyError):
        # An answer that can't be understood fails the whole batch.
        return set(ids)


def reported(payload: bytes) -> list[Any]:
    """Return the ids that a response lists as failed.

    Args:
        payload: The function's answer.

    Raises:
        ValueError, TypeError, KeyError: The response has not the form that AWS asks for.
    """
    response = orjson.loads(payload) if payload.strip() else None
    # As recorded from AWS: an empty response fails no record.
    if response is None or response in ("", {}, []):
        return []
    if not isinstance(response, dict):
        raise TypeError("no object")
    listed = response.get("batchItemFailures")
    if listed is None:
        return []
    if not isinstance(listed, list):
        raise TypeError("no list")
    return [item["itemIdentifier"] for item in listed]
