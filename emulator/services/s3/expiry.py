"""Rules of a lifecycle: which objects have come to their end. Pure.

What a rule says takes effect at the midnight (UTC) that follows its days, as on AWS. Transitions to
other storage classes are kept and not acted on.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formatdate
from secrets import token_urlsafe
from typing import Any
from urllib.parse import quote

from emulator.model.errors import AwsError
from emulator.services.s3 import errors
from emulator.services.s3.locks import moment
from emulator.services.s3.rows import StoredObject
from emulator.services.s3.upload_rows import Upload

#: The kind of the bucket's document.
KIND = "lifecycle"
DAY_S = 86_400
#: What is kept with an archived object: until when it can be had (seconds since the epoch).
RESTORED = "restored_until"
#: Storage classes whose objects are restored before they can be had.
ARCHIVES = ("GLACIER", "DEEP_ARCHIVE")
Rules = Sequence[Mapping[str, Any]]


def restored(found: StoredObject, now: float) -> str | None:
    """Return the header ``x-amz-restore`` of an object; None for one that was not restored."""
    until = found.details.get(RESTORED, 0.0)
    if until <= now:
        return None
    return f'ongoing-request="false", expiry-date="{formatdate(until, usegmt=True)}"'


def refuse_archived(found: StoredObject, now: float, subject: str) -> None:
    """Refuse what is not done to an archived object before it is restored.

    Args:
        found: The object.
        now: Seconds since the epoch.
        subject: The refusal, but for its end.

    Raises:
        AwsError: InvalidObjectState (403).
    """
    storage = found.details.get("StorageClass")
    if storage in ARCHIVES and found.details.get(RESTORED, 0.0) <= now:
        raise AwsError(
            "InvalidObjectState", f"{subject} storage class", status=403, StorageClass=storage
        )


def midnight_after(moment_s: float) -> float:
    """Return the first midnight (UTC) behind a moment."""
    return (moment_s // DAY_S + 1) * DAY_S


def active(document: Mapping[str, Any] | None) -> Rules:
    """Return the rules of a document that are enabled."""
    return [rule for rule in (document or {}).get("Rules") or () if rule["Status"] == "Enabled"]


_LONGEST_ID = 255
#: What a rule does; one of them at least.
_ACTIONS = (
    "Expiration",
    "Transitions",
    "NoncurrentVersionExpiration",
    "NoncurrentVersionTransitions",
    "AbortIncompleteMultipartUpload",
)
#: The member of each action that counts days.
_DAYS = (
    ("Expiration", "Days"),
    ("NoncurrentVersionExpiration", "NoncurrentDays"),
    ("AbortIncompleteMultipartUpload", "DaysAfterInitiation"),
)


def check(document: Mapping[str, Any]) -> None:
    """Refuse a document whose rules mean nothing.

    Raises:
        AwsError: InvalidRequest or InvalidArgument.
    """
    ids = [rule["ID"] for rule in document.get("Rules") or () if rule.get("ID")]
    if len(ids) != len(set(ids)):
        raise errors.invalid("Rule ID must be unique. Found same ID for more than one rule")
    for rule in document.get("Rules") or ():
        _check_shape(rule)
        if not any(rule.get(action) for action in _ACTIONS):
            raise errors.invalid(
                "At least one action needs to be specified in a rule", code="InvalidRequest"
            )
        for action, member in _DAYS:
            days = (rule.get(action) or {}).get(member)
            if days is not None and int(days) <= 0:
                raise errors.invalid(f"'{member}' for {action} action must be a positive integer")
        date = (rule.get("Expiration") or {}).get("Date")
        if date is not None and moment(date) % DAY_S:
            day = datetime.fromtimestamp(moment(date), UTC).isoformat().replace("+00:00", "Z")
            raise errors.invalid(
                "'Date' must be at midnight GMT", ArgumentName="Date", ArgumentValue=day
            )


def _check_shape(rule: Mapping[str, Any]) -> None:
    """Refuse a rule whose parts exclude each other: S3's schema has no such rule.

    Raises:
        AwsError: MalformedXML or InvalidArgument.
    """
    if len(str(rule.get("ID") or "")) > _LONGEST_ID:
        text = f"ID length should not exceed allowed limit of {_LONGEST_ID}"
        raise errors.invalid(text)
    filter_, expiration = rule.get("Filter"), rule.get("Expiration") or {}
    given = [name for name, value in (filter_ or {}).items() if value is not None]
    one_of = ("Prefix" in rule) != (filter_ is not None)
    if not one_of or len(given) > 1 or len(expiration) > 1:
        raise errors.malformed()
    noncurrent = rule.get("NoncurrentVersionExpiration")
    if noncurrent is not None and not noncurrent:
        raise errors.malformed()


def with_names(document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a document whose rules all have an ID: S3 gives one to those that have none."""
    rules = [{**rule, "ID": rule.get("ID") or token_urlsafe(36)} for rule in document["Rules"]]
    return {**document, "Rules": rules}


def _applies(rule: Mapping[str, Any], key: str, size: int, tags: Mapping[str, str]) -> bool:
    filter_ = rule.get("Filter") or {}
    both = filter_.get("And") or {}
    prefix = filter_.get("Prefix") or both.get("Prefix") or rule.get("Prefix") or ""
    wanted = [*(both.get("Tags") or ()), *([filter_["Tag"]] if filter_.get("Tag") else ())]
    more = filter_.get("ObjectSizeGreaterThan", both.get("ObjectSizeGreaterThan"))
    less = filter_.get("ObjectSizeLessThan", both.get("ObjectSizeLessThan"))
    return (
        key.startswith(prefix)
        and all(tags.get(tag["Key"]) == tag["Value"] for tag in wanted)
        and (more is None or size > int(more))
        and (less is None or size < int(less))
    )


def _of(rules: Rules, found: StoredObject) -> Rules:
    tags = found.details.get("tags") or {}
    return [rule for rule in rules if _applies(rule, found.key, found.size, tags)]


def expires_at(rules: Rules, found: StoredObject) -> tuple[float, str] | None:
    """Return when the newest version of an object expires, and the rule's ID; None for never."""
    ends = []
    for rule in _of(rules, found):
        expiration = rule.get("Expiration") or {}
        if expiration.get("Days"):
            ends.append((_behind(found.modified_at, expiration["Days"]), str(rule.get("ID", ""))))
        elif expiration.get("Date") is not None:
            ends.append((moment(expiration["Date"]), str(rule.get("ID", ""))))
    return min(ends, default=None)


def _behind(moment_s: float, days: Any) -> float:
    """Return the midnight that follows a number of days; a midnight itself is not moved."""
    end = moment_s + int(days) * DAY_S
    return end if end % DAY_S == 0 else midnight_after(end)


def header(rules: Rules, found: StoredObject) -> str | None:
    """Return the header ``x-amz-expiration`` of an object."""
    end = expires_at(rules, found)
    if end is None:
        return None
    return f'expiry-date="{formatdate(end[0], usegmt=True)}", rule-id="{quote(end[1])}"'


def is_over(
    rules: Rules, found: StoredObject, newer: StoredObject | None, rank: int, now: float
) -> bool:
    """Say whether a version has come to its end.

    Args:
        rules: Those that are enabled.
        found: The version.
        newer: The version that took its place; None for the newest.
        rank: How many versions that are not the newest are newer than this one.
        now: Seconds since the epoch.
    """
    if newer is None:
        end = None if found.is_delete_marker else expires_at(rules, found)
        return end is not None and end[0] <= now
    for rule in _of(rules, found):
        expiration = rule.get("NoncurrentVersionExpiration") or {}
        days = expiration.get("NoncurrentDays")
        kept = int(expiration.get("NewerNoncurrentVersions") or 0)
        if days and rank >= kept and _behind(newer.modified_at, days) <= now:
            return True
    return False


def removes_markers(rules: Rules, marker: StoredObject) -> bool:
    """Say whether a delete marker that hides nothing any more is removed."""
    return any(
        (rule.get("Expiration") or {}).get("ExpiredObjectDeleteMarker")
        or (rule.get("Expiration") or {}).get("Days")
        for rule in _of(rules, marker)
    )


def is_given_up(rules: Rules, upload: Upload, now: float) -> bool:
    """Say whether a multipart upload has been left for too long."""
    for rule in rules:
        days = (rule.get("AbortIncompleteMultipartUpload") or {}).get("DaysAfterInitiation")
        if days and _applies(rule, upload.key, 0, {}) and _behind(upload.started_at, days) <= now:
            return True
    return False
