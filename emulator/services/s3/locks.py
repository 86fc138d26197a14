"""Object lock: retention and legal holds, kept and acted on.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-lock.html
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

from emulator.model.errors import AwsError
from emulator.services.s3 import errors, rows
from emulator.services.s3.rows import Bucket, StoredObject
from emulator.store.database import Database

#: The kind of the bucket's document.
KIND = "object-lock"
_DAY_S = 86_400
_MODE = "x-amz-object-lock-mode"
_BYPASS = "x-amz-bypass-governance-retention"
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


def check_document(body: Mapping[str, Any]) -> None:
    """Refuse a bucket's document that S3 does not take.

    Raises:
        AwsError: MalformedXML or InvalidArgument.
    """
    if body.get("ObjectLockEnabled") != "Enabled":
        raise errors.malformed()
    if "Rule" not in body:
        return
    retention = (body["Rule"] or {}).get("DefaultRetention") or {}
    days, years = retention.get("Days"), retention.get("Years")
    if not retention.get("Mode") or (days is None) == (years is None):
        raise errors.malformed()
    if int(days or years or 0) <= 0:
        raise errors.invalid("Default retention period must be a positive integer value.")


def check_retention(given: Mapping[str, Any], now: float) -> None:
    """Refuse an object's retention that S3 does not take; an empty one removes it.

    Raises:
        AwsError: MalformedXML or InvalidArgument.
    """
    if not given:
        return
    if not given.get("Mode") or given.get("RetainUntilDate") is None:
        raise errors.malformed()
    until = moment(given["RetainUntilDate"])
    if until <= now:
        # S3 shows it as its servers' programs print dates, in the time of California.
        there = datetime.fromtimestamp(until, ZoneInfo("America/Los_Angeles"))
        raise errors.invalid(
            "The retain until date must be in the future!",
            ArgumentName="RetainUntilDate",
            ArgumentValue=there.strftime("%a %b %d %H:%M:%S %Z %Y"),
        )


def refuse_weaker(
    details: Mapping[str, Any], mode: str | None, until: float, now: float, *, bypass: bool
) -> None:
    """Refuse a retention that keeps an object for less, or less well, than it is kept.

    Args:
        details: What is kept with the object.
        mode: The new mode; None for no retention.
        until: Its end (seconds since the epoch).
        now: Seconds since the epoch.
        bypass: The caller may weaken what governance keeps.

    Raises:
        AwsError: AccessDenied (403).
    """
    kept, there = moment(details.get("ObjectLockRetainUntilDate")), details.get("ObjectLockMode")
    weaker = until < kept or (there == "COMPLIANCE" and mode != "COMPLIANCE")
    if kept > now and weaker and not (bypass and there == "GOVERNANCE"):
        raise _protected()


def refuse_without(bucket: Bucket, details: Mapping[str, Any]) -> None:
    """Refuse a lock in a bucket that has none.

    Raises:
        AwsError: InvalidRequest.
    """
    locked = "ObjectLockMode" in details or "ObjectLockLegalHoldStatus" in details
    if locked and not bucket.object_lock:
        text = "Bucket is missing ObjectLockConfiguration"
        raise errors.invalid(text, code="InvalidRequest")


def refuse_bypass(bucket: Bucket, request: Mapping[str, Any]) -> None:
    """Refuse to pass by the locks of a bucket that has none.

    Raises:
        AwsError: InvalidArgument.
    """
    if request.get("BypassGovernanceRetention") and not bucket.object_lock:
        raise errors.invalid(
            f"{_BYPASS} is only applicable to Object Lock enabled buckets.", ArgumentName=_BYPASS
        )


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
        raise _protected()


def _protected() -> AwsError:
    text = "Access Denied because object protected by object lock."
    return AwsError("AccessDenied", text, status=403)


def moment(value: Any) -> float:
    """Return a moment as seconds since the epoch."""
    if value is None:
        return 0.0
    if isinstance(value, (int, float)):
        return float(value)
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return datetime.fromisoformat(str(value)).timestamp()
