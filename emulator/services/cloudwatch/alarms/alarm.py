"""An alarm: what it is known by, and its parts as they are kept."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, NamedTuple

Body = dict[str, Any]


class Key(NamedTuple):
    """What an alarm is known by."""

    account: str
    region: str
    name: str

    @property
    def arn(self) -> str:
        """The alarm's ARN."""
        return f"arn:aws:cloudwatch:{self.region}:{self.account}:alarm:{self.name}"


def new_body(
    kind: str, fields: Mapping[str, Any], tags: Mapping[str, str], now: float, before: Body | None
) -> Body:
    """Return a new alarm as it is kept, or one that replaces another and keeps its state.

    Args:
        kind: "MetricAlarm" or "CompositeAlarm".
        fields: What it was made with.
        tags: Its tags.
        now: Seconds since the epoch.
        before: The alarm that it replaces.
    """
    state = {
        "value": "INSUFFICIENT_DATA",
        "reason": "Unchecked: Initial alarm creation",
        "data": None,
        "updated": now,
        "transitioned": now,
    }
    return {
        "kind": kind,
        "fields": dict(fields),
        "updated": now,
        "made": now if before is None else before["made"],
        "state": state if before is None else before["state"],
        # Tags of an alarm that is there are changed by TagResource alone.
        "tags": dict(tags) if before is None else before["tags"],
        "suppressed": None if before is None else before.get("suppressed"),
    }


def period_of(fields: Mapping[str, Any]) -> int:
    """Return the seconds of a metric alarm's period."""
    if fields.get("Period"):
        return int(fields["Period"])
    periods = [
        (each.get("MetricStat") or {}).get("Period") or each.get("Period") or 0
        for each in fields.get("Metrics") or ()
    ]
    return max(periods, default=0) or 300


def written(at: float) -> str:
    """Return a time as events write it."""
    moment = datetime.fromtimestamp(at, UTC)
    return f"{moment:%Y-%m-%dT%H:%M:%S}.{moment.microsecond // 1000:03d}+0000"
