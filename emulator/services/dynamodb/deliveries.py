"""Changes of tables, sent to streams of Kinesis."""

from __future__ import annotations

import asyncio
import base64
import logging
from typing import TYPE_CHECKING, Any

import orjson

from emulator.model.errors import LocalfaasError
from emulator.services.dynamodb.log import Change

if TYPE_CHECKING:
    from emulator.services.context import Parts

_log = logging.getLogger(__name__)
#: The member that says how precise the times of records are.
PRECISION = "ApproximateCreationDateTimePrecision"


async def deliver(parts: Parts, change: Change, before: asyncio.Task[None] | None) -> None:
    """Send a change to the streams of its table.

    Args:
        parts: The emulator's.
        change: What to send.
        before: The delivery of the table's change before this one.
    """
    if before is not None:
        await asyncio.wait((before,))
    shown = change.record("NEW_AND_OLD_IMAGES")
    images: dict[str, Any] = shown["dynamodb"]
    data = {
        "awsRegion": shown["awsRegion"],
        "eventID": shown["eventID"],
        "eventName": shown["eventName"],
        "userIdentity": _identity(change),
        "recordFormat": "application/json",
        "tableName": change.table.name,
        "eventSource": "aws:dynamodb",
    }
    kept = ("Keys", "NewImage", "OldImage", "SizeBytes")
    for each in change.table.destinations:
        is_fine = each.get("Precision") == "MICROSECOND"
        at = int(change.at * (1_000_000 if is_fine else 1000))
        dynamodb = {
            "ApproximateCreationDateTime": at,
            **{k: images[k] for k in kept if k in images},
        }
        if is_fine:
            dynamodb[PRECISION] = "MICROSECOND"
        body = orjson.dumps({**data, "dynamodb": dynamodb}, default=_text)
        place = each["Arn"].split(":", 5)
        request = {"StreamARN": each["Arn"], "Data": body, "PartitionKey": shown["eventID"]}
        try:
            await parts.table.call(
                "kinesis", "PutRecord", request, account=place[4], region=place[3]
            )
        except (LocalfaasError, LookupError) as error:
            _log.warning(
                "a change of %s did not reach %s: %s", change.table.name, each["Arn"], error
            )


def _identity(change: Change) -> dict[str, str] | None:
    if change.identity is None:
        return None
    return {"type": change.identity["Type"], "principalId": change.identity["PrincipalId"]}


def _text(value: Any) -> str:
    return base64.b64encode(value).decode()
