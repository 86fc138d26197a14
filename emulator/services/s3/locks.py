"""Object lock: retention and legal holds, kept and acted on.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.s3 import errors, rows
from emulator.services.s3.rows import Bucket, StoredObject
from emulator.store.database import Database

#: The kind of the bucket's document.
KIND = "object-lock"
_DAY_S = 86_400
_MODE = "x-amz-object-lock-mode"
_UNTIL = "x-amz-object-lock-retain-until-date"


async def default_of(database: Database, bucket: Bucket) -> Mapping[str, Any]:
    """Return the retention that a bucket gives new objects; an empty one for none."""
    if not bucket.object_lock:
        return {}
    found = await database.read(lambda c: rows.document(c, bucket.name, KIND))
    rule = (found or {}).get("Rule") or {}
    retention: Mapping[str, Any] = rule.get("DefaultRetention") or {}
    return retention


def apply_default(default: Mapping[str, Any], details: dict[str, Any], now: float) -> None:
    """Give a new object the bucket's retention, unless it has one of its own."""
    if not default or "ObjectLockMode" in details:
        return
    days = int(default.get("Days") or 0) + 365 * int(default.get("Years") or 0)
    details["ObjectLockMode"] = default["Mode"]
    details["ObjectLockRetainUntilDate"] = now + days * _DAY_S


def check_headers(details: Mapping[str, Any], now: float) -> None:
    """Refuse locks that a request's headers give and that are none.

    Args:
        details: What is to be kept with the object.
        now: Seconds since the epoch.

    Raises:
        AwsError: InvalidArgument.
    """
    mode, until = details.get("ObjectLockMode"), details.get("ObjectLockRetainUntilDate")
    if (mode is None) != (until is None):
        lacks = _MODE if mode is None else _UNTIL
        raise errors.invalid(f"{_UNTIL} and {_MODE} must both be supplied", ArgumentName=lacks)
    if mode is not None and mode not in ("GOVERNANCE", "COMPLIANCE"):
        text = "Unknown wormMode directive."
        raise errors.invalid(text, ArgumentName=_MODE, ArgumentValue=str(mode))
    if until is not None and moment(until) <= now:
        shown = datetime.fromtimestamp(moment(until), UTC).isoformat().replace("+00:00", "Z")
        raise errors.invalid(
            "The retain until date must be in the future!",
            ArgumentName=_UNTIL,
            ArgumentValue=shown,
        )
    hold = details.get("ObjectLockLegalHoldStatus")
    if hold not in (None, "ON", "OFF"):
        raise errors.invalid(
            "Legal Hold must be either of 'ON' or 'OFF'",
            ArgumentName="x-amz-object-lock-legal-hold",
            ArgumentValue=str(hold),
        )


def refuse_without(bucket: Bucket, details: Mapping[str, Any]) -> None:
    """Refuse a lock in a bucket that has none.

    Raises:
        AwsError: InvalidRequest.
    """
    locked = "ObjectLockMode" in details or "ObjectLockLegalHoldStatus" in details
    if locked and not bucket.object_lock:
        text = "Bucket is missing ObjectLockConfiguration"
        raise errors.invalid(text, code="InvalidRequest")


def refuse_removal(found: StoredObject, now: float, *, bypass: bool) -> None:
    """Refuse to remove a version that a lock keeps.

    Args:
        found: The version.
        now: Seconds since the epoch.
        bypass: The caller may remove what governance keeps.

    Raises:
        AwsError: AccessDenied (403).
    """
    details = found.details
    held = details.get("ObjectLockLegalHoldStatus") == "ON"
    mode = details.get("ObjectLockMode")
    until = moment(details.get("ObjectLockRetainUntilDate"))
    kept = mode is not None and until > now and not (mode == "GOVERNANCE" and bypass)
    if held or kept:
        raise AwsError(
            "AccessDenied",
            "Access Denied because object protected by object lock.",
            status=403,
        )


def moment(value: Any) -> float:
    """Return a moment as seconds since the epoch."""
    if value is None:
        return 0.0
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return datetime.fromisoformat(str(value)).timestamp()
