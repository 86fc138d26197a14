"""Secrets: created, changed, described, tagged, deleted, restored.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/managing-secrets.html
"""

from __future__ import annotations

import random
import string
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.secretsmanager import policies, versions
from emulator.services.secretsmanager.lookup import (
    check_name,
    find,
    invalid,
    keep,
    named,
    refused,
    token_of,
)
from emulator.services.secretsmanager.state import Secret, of

_DAY_S = 86_400.0
_WINDOW_DAYS = (7, 30)
_MOST_TAGS = 50


def _new_arn(ctx: Context, name: str) -> str:
    suffix = "".join(random.choices(string.ascii_letters + string.digits, k=6))
    return f"arn:aws:secretsmanager:{ctx.region}:{ctx.account}:secret:{name}-{suffix}"


async def create_secret(ctx: Context, request: Request) -> Response:
    """Serve CreateSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_CreateSecret.html
    """
    version_id = token_of(request)
    name, value = request["Name"], versions.value_of(request)
    check_name(name)
    if request.get("AddReplicaRegions"):
        raise invalid("localfaas does not replicate secrets: leave AddReplicaRegions out.")
    before = of(ctx).find(ctx.account, ctx.region, name)
    if before is not None:
        _refuse_unless_repeated(before, version_id, value)
        return {**named(before), "VersionId": version_id if value else None}
    now = ctx.clock.now()
    tags = _checked_tags(_tags(request))
    secret: Secret = {
        "name": name,
        "arn": _new_arn(ctx, name),
        "description": request.get("Description"),
        "key": request.get("KmsKeyId"),
        "type": request.get("Type"),
        "created_at": now,
        "changed_at": now,
        "tags": tags or None,
        "versions": {},
    }
    if value is not None:
        stages = [versions.CURRENT]
        secret["versions"] = versions.put({}, version_id, value, stages, now, secret["key"])
    await keep(ctx, secret)
    return {**named(secret), "VersionId": version_id if value else None}


def _refuse_unless_repeated(
    before: Secret, version_id: str, value: dict[str, str | None] | None
) -> None:
    if before.get("deleted_at"):
        raise refused(
            "You can't create this secret because a secret with this name is already scheduled for"
            " deletion."
        )
    held = before["versions"].get(version_id)
    if value is None or held is None or {key: held[key] for key in value} != value:
        raise AwsError(
            "ResourceExistsException",
            f"The operation failed because the secret {before['name']} already exists.",
        )


async def update_secret(ctx: Context, request: Request) -> Response:
    """Serve UpdateSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecret.html
    """
    token = token_of(request)
    secret, value = find(ctx, request), versions.value_of(request)
    now = ctx.clock.now()
    key = request.get("KmsKeyId", secret["key"])
    changes: dict[str, Any] = {
        "description": request.get("Description", secret["description"]),
        "type": request.get("Type", secret["type"]),
        "key": key,
        "changed_at": now,
    }
    current = versions.holder(secret["versions"], versions.CURRENT)
    if value is None and request.get("KmsKeyId") and current is not None:
        # Another key: what is current is written anew, with it.
        held = secret["versions"][current]
        value = {name: held[name] for name in ("value", "binary")}
    version_id = None
    if value is not None:
        version_id = token
        stages = [versions.CURRENT]
        changes["versions"] = versions.put(secret["versions"], version_id, value, stages, now, key)
    await keep(ctx, secret, **changes)
    return {**named(secret), "VersionId": version_id}


def shown(secret: Secret) -> dict[str, Any]:
    """Return a secret as DescribeSecret and ListSecrets show it, without its versions."""
    rotation = secret.get("rotation") or {}
    tags = secret["tags"]
    return {
        **named(secret),
        "Type": secret["type"],
        "Description": secret["description"] or None,
        "KmsKeyId": secret["key"] or None,
        "RotationEnabled": rotation.get("enabled"),
        "RotationLambdaARN": rotation.get("function"),
        "RotationRules": rotation.get("rules"),
        "LastRotatedDate": rotation.get("rotated_at"),
        "NextRotationDate": rotation.get("next_at") if rotation.get("enabled") else None,
        "LastChangedDate": secret["changed_at"],
        "LastAccessedDate": secret.get("accessed_at"),
        "DeletedDate": secret.get("deleted_at"),
        "Tags": None if tags is None else [{"Key": k, "Value": v} for k, v in tags.items()],
        "CreatedDate": secret["created_at"],
    }


def stages_of(secret: Secret) -> dict[str, list[str]] | None:
    """Return the stages by version, of the versions that have any."""
    found = {key: each["stages"] for key, each in secret["versions"].items() if each["stages"]}
    return found or None


async def describe_secret(ctx: Context, request: Request) -> Response:
    """Serve DescribeSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DescribeSecret.html
    """
    secret = find(ctx, request, deleted=True)
    return {**shown(secret), "VersionIdsToStages": stages_of(secret)}


async def delete_secret(ctx: Context, request: Request) -> Response:
    """Serve DeleteSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteSecret.html
    """
    days, force = request.get("RecoveryWindowInDays"), request.get("ForceDeleteWithoutRecovery")
    if force and days is not None:
        raise invalid(
            "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays."
        )
    if days is not None and not _WINDOW_DAYS[0] <= days <= _WINDOW_DAYS[1]:
        raise invalid("The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).")
    now = ctx.clock.now()
    try:
        secret = find(ctx, request, deleted=True)
    except AwsError as error:
        if not force or error.code != "ResourceNotFoundException":
            raise
        name = request["SecretId"].rpartition(":")[2]
        return {"ARN": _new_arn(ctx, name), "Name": name, "DeletionDate": now}
    if force:
        await of(ctx).delete(ctx.account, ctx.region, secret["name"])
        return {**named(secret), "DeletionDate": now}
    if secret.get("deleted_at"):
        raise refused(
            "You can't perform this operation on the secret because it was already scheduled for"
            " deletion."
        )
    gone_at = now + _DAY_S * (days or _WINDOW_DAYS[1])
    await keep(ctx, secret, deleted_at=now, gone_at=gone_at)
    return {**named(secret), "DeletionDate": gone_at}


async def restore_secret(ctx: Context, request: Request) -> Response:
    """Serve RestoreSecret.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_RestoreSecret.html
    """
    secret = find(ctx, request, deleted=True)
    await keep(ctx, secret, deleted_at=None, gone_at=None)
    return named(secret)


def _tags(request: Request) -> dict[str, str]:
    """Return the tags of a request; the model requires neither member of one."""
    tags: dict[str, str] = {}
    for tag in request.get("Tags") or ():
        if "Key" not in tag:
            raise invalid("A tag needs a Key.")
        tags[tag["Key"]] = tag.get("Value") or ""
    return tags


def _checked_tags(tags: dict[str, str]) -> dict[str, str]:
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A secret has {_MOST_TAGS} tags at most.")
    return tags


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_TagResource.html
    """
    secret = find(ctx, request)
    await keep(ctx, secret, tags=_checked_tags({**(secret["tags"] or {}), **_tags(request)}))
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UntagResource.html
    """
    secret = find(ctx, request)
    gone = set(request["TagKeys"])
    kept = {key: value for key, value in (secret["tags"] or {}).items() if key not in gone}
    await keep(ctx, secret, tags=kept)
    return {}


# -- resource policies ------------------------------------------------------------------------


async def put_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve PutResourcePolicy.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutResourcePolicy.html
    """
    secret = find(ctx, request)
    document = policies.parsed(request["ResourcePolicy"])
    if request.get("BlockPublicPolicy") and policies.is_public(document):
        raise AwsError(
            "PublicPolicyException",
            "The resource policy grants access to everyone: BlockPublicPolicy forbids that.",
        )
    await keep(ctx, secret, policy=request["ResourcePolicy"])
    return named(secret)


async def get_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve GetResourcePolicy.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetResourcePolicy.html
    """
    secret = find(ctx, request)
    return {**named(secret), "ResourcePolicy": secret.get("policy")}


async def delete_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve DeleteResourcePolicy.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_DeleteResourcePolicy.html
    """
    secret = find(ctx, request)
    await keep(ctx, secret, policy=None)
    return named(secret)


async def validate_resource_policy(ctx: Context, request: Request) -> Response:
    """Serve ValidateResourcePolicy.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ValidateResourcePolicy.html
    """
    if request.get("SecretId"):
        find(ctx, request)
    if policies.is_public(policies.parsed(request["ResourcePolicy"])):
        error = {
            "CheckName": "PublicPolicyCheck",
            "ErrorMessage": "The resource policy grants access to everyone.",
        }
        return {"PolicyValidationPassed": False, "ValidationErrors": [error]}
    return {"PolicyValidationPassed": True, "ValidationErrors": []}
