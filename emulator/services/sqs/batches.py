"""The rules that all batch operations share, and the shape of their answers."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.sqs import errors

MAX_ENTRIES = 10
MAX_BYTES = 1_048_576
_ID = re.compile(r"[A-Za-z0-9_-]{1,80}")


def check_entries(entries: Sequence[Mapping[str, Any]], kind: str) -> None:
    """Raise where a batch is empty, too long, or its ids are not allowed or not distinct.

    Args:
        entries: The batch's.
        kind: The entries' shape, e.g. "SendMessageBatchRequestEntry".

    Raises:
        AwsError
    """
    if not entries:
        raise AwsError("EmptyBatchRequest", f"There should be at least one {kind} in the request.")
    if len(entries) > MAX_ENTRIES:
        raise AwsError(
            "TooManyEntriesInBatchRequest",
            f"Maximum number of entries per request are {MAX_ENTRIES}. "
            f"You have sent {len(entries)}.",
        )
    seen = set()
    for entry in entries:
        id = entry["Id"]
        if not _ID.fullmatch(id):
            raise AwsError(
                "InvalidBatchEntryId",
                "A batch entry id can only contain alphanumeric characters, hyphens and "
                "underscores. It can be at most 80 letters long.",
            )
        if id in seen:
            raise AwsError("BatchEntryIdsNotDistinct", f"Id {id} repeated.")
        seen.add(id)


def failed(id: str, error: AwsError) -> dict[str, Any]:
    """Return an entry's failure."""
    return {
        "Id": id,
        "SenderFault": True,
        "Code": errors.BATCH_CODES.get(error.code, error.code),
        "Message": error.message,
    }


def answer(successful: list[dict[str, Any]], failures: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a batch's answer; AWS leaves out the list that is empty."""
    result = {}
    if successful:
        result["Successful"] = successful
    if failures:
        result["Failed"] = failures
    return result
