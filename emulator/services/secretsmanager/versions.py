"""Versions of a secret and their stages, as pure decisions.

A version: ``value`` (text, or None), ``binary`` (base64, or None), ``stages``, ``created_at``,
``accessed_at``, ``key``.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html#term_version
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.secretsmanager.lookup import invalid, not_found, refused

CURRENT, PREVIOUS, PENDING = "AWSCURRENT", "AWSPREVIOUS", "AWSPENDING"
#: Versions at most; of those without a stage the oldest go.
_MOST = 100
_MOST_STAGES = 20

Version = dict[str, Any]
Versions = dict[str, Version]


def value_of(request: Mapping[str, Any]) -> dict[str, str | None] | None:
    """Return the value that a request brings; None without one.

    Raises:
        AwsError: InvalidRequestException: it brings two.
    """
    text, binary = request.get("SecretString"), request.get("SecretBinary")
    if text is not None and binary is not None:
        raise refused(
            "You can't specify both a binary secret value and a string secret value in the same"
            " secret."
        )
    if text is None and binary is None:
        return None
    encoded = None if binary is None else base64.b64encode(binary).decode()
    return {"value": text, "binary": encoded}


def is_empty(version: Version) -> bool:
    """Say whether a version has no value yet."""
    return version["value"] is None and version["binary"] is None


def holder(versions: Versions, stage: str) -> str | None:
    """Return the id of the version that a stage is attached to."""
    return next((key for key, each in versions.items() if stage in each["stages"]), None)


def put(
    versions: Versions,
    version_id: str,
    value: Mapping[str, str | None],
    stages: Iterable[str],
    now: float,
    key: str | None = None,
) -> Versions:
    """Return the versions with one more, or with the value of one that had none.

    Args:
        versions: Those that are there, by id.
        version_id: The new one's; the same one with the same value changes nothing.
        value: What :func:`value_of` returned.
        stages: What is attached to it. The first version is always current.
        now: The time, in seconds since the epoch.
        key: The KMS key, if it is not the usual one.

    Raises:
        AwsError: ResourceExistsException: there is such a version with another value.
    """
    held = versions.get(version_id)
    if held is not None and not is_empty(held):
        if {name: held[name] for name in value} != dict(value):
            raise AwsError(
                "ResourceExistsException", "A resource with the ID you requested already exists."
            )
        return versions
    if len(set(stages)) > _MOST_STAGES:
        raise AwsError("LimitExceededException", f"A version has {_MOST_STAGES} stages at most.")
    base = held or {"stages": [], "created_at": now, "accessed_at": None}
    changed = {**versions, version_id: {**base, **value, "key": key}}
    for stage in (*stages, *([] if holder(versions, CURRENT) else [CURRENT])):
        changed = attach(changed, stage, version_id)
    return _pruned(changed)


def attach(versions: Versions, stage: str, version_id: str | None) -> Versions:
    """Return the versions with a stage at one of them, and no other; None takes it from all."""
    before = holder(versions, stage)
    if before == version_id:
        return versions
    changed = {
        key: {**each, "stages": sorted({s for s in each["stages"] if s != stage})}
        for key, each in versions.items()
    }
    if version_id is not None:
        stages = changed[version_id]["stages"]
        changed[version_id] = {**changed[version_id], "stages": sorted({*stages, stage})}
    if stage == CURRENT and before is not None and version_id is not None:
        # The version that is current no more is the previous one.
        changed = attach(changed, PREVIOUS, before)
        kept = [each for each in changed[version_id]["stages"] if each != PREVIOUS]
        changed[version_id] = {**changed[version_id], "stages": kept}
    return changed


def move(versions: Versions, stage: str, to: str | None, removed_from: str | None) -> Versions:
    """Return the versions after an UpdateSecretVersionStage.

    Raises:
        AwsError: InvalidParameterException, ResourceNotFoundException, InvalidRequestException.
    """
    for each in (to, removed_from):
        if each is not None and each not in versions:
            raise not_found(f"secret version: {each}.")
    before = holder(versions, stage)
    if removed_from is not None and before != removed_from:
        raise invalid(
            f"The parameter RemoveFromVersionId value is incorrect. Staging label {stage} is"
            f" currently not attached to version {removed_from}."
        )
    if to is not None and before is not None and before not in (removed_from, to):
        raise invalid(
            "The parameter RemoveFromVersionId can't be empty. Staging label"
            f" {stage} is currently attached to version {before}, so you must explicitly reference"
            " that version in RemoveFromVersionId."
        )
    if to is None and stage == CURRENT:
        raise invalid(
            "You can only move staging label AWSCURRENT to a different secret version. It"
            " can\u2019t be completely removed."
        )
    if to is None and removed_from is None:
        raise refused("You must provide either MoveToVersionId or RemoveFromVersionId.")
    return attach(versions, stage, to)


def pick(versions: Versions, version_id: str | None, stage: str | None) -> str:
    """Return the id of the version that a GetSecretValue means.

    Raises:
        AwsError: ResourceNotFoundException, InvalidRequestException.
    """
    if version_id is not None:
        held = versions.get(version_id)
        if held is None or is_empty(held):
            raise not_found(f"secret value for VersionId: {version_id}")
        if stage is not None and stage not in held["stages"]:
            raise refused(
                "You provided a VersionStage that is not associated to the provided VersionId."
            )
        return version_id
    stage = stage or CURRENT
    found = holder(versions, stage)
    if found is None or is_empty(versions[found]):
        raise not_found(f"secret value for staging label: {stage}")
    return found


def _pruned(versions: Versions) -> Versions:
    surplus = len(versions) - _MOST
    unstaged = [key for key, each in versions.items() if not each["stages"]]
    gone = set(unstaged[: max(0, surplus)])
    return {key: each for key, each in versions.items() if key not in gone}
