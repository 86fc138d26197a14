"""An event in AWS's envelope.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

import orjson

from emulator.model.ids import new_request_id


class Event(NamedTuple):
    """An event on a bus."""

    document: dict[str, Any]
    text: bytes
    #: When it came (seconds since the epoch).
    received: float


def made(
    *,
    source: str,
    detail_type: str,
    detail: dict[str, Any],
    resources: Iterable[str],
    account: str,
    region: str,
    at: float,
    received: float,
) -> Event:
    """Return an event in AWS's envelope.

    Args:
        source: What it comes from.
        detail_type: What kind of event it is.
        detail: What it says.
        resources: What it is about, as ARNs.
        account: Whose it is.
        region: Where it happened.
        at: When it happened (seconds since the epoch).
        received: When it came.
    """
    document = {
        "version": "0",
        "id": new_request_id(),
        "detail-type": detail_type,
        "source": source,
        "account": account,
        "time": datetime.fromtimestamp(at, UTC).isoformat(timespec="seconds")[:-6] + "Z",
        "region": region,
        "resources": list(resources),
        "detail": detail,
    }
    return Event(document, orjson.dumps(document), received)


def passed_on(document: Mapping[str, Any], received: float) -> Event:
    """Return an event that comes from another bus: it is the same but for its id."""
    new = {**document, "id": new_request_id()}
    return Event(new, orjson.dumps(new), received)
