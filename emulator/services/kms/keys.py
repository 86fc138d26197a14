"""Operations on keys themselves: made, shown, changed, deleted."""

from __future__ import annotations

import json
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.kms import errors
from emulator.services.kms.paging import page
from emulator.services.kms.specs import SPECS
from emulator.services.kms.state import DAY_S, Key, of

_MOST_TAGS = 50
_ROTATION_DAYS = 365
_MOST_ON_DEMAND = 25


async def create_key(ctx: Context, request: Request) -> Response:
    """Serve CreateKey.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateKey.html
    """
    old, spec = request.get("CustomerMasterKeySpec"), request.get("KeySpec")
    if old and spec and old != spec:
        raise errors.invalid("You cannot specify KeySpec and CustomerMasterKeySpec together.")
    spec = spec or old or "SYMMETRIC_DEFAULT"
    known = SPECS.get(spec)
    if known is None:
        raise errors.unsupported(f"localfaas has no keys of the spec {spec}.")
    if request.get("Origin") not in (None, "AWS_KMS") or request.get("CustomKeyStoreId"):
        raise errors.unsupported("localfaas makes the material of its keys itself.")
    if request.get("MultiRegion"):
        raise errors.unsupported("localfaas has no keys of several regions.")
    usage = request.get("KeyUsage")
    if usage is None:
        if len(known.usages) > 1 or known.mac:
            raise errors.invalid(
                "You must specify a KeyUsage value for all KMS keys except for symmetric "
                "encryption keys."
            )
        usage = known.usages[0]
    if usage not in known.usages:
        raise errors.invalid(f"KeyUsage {usage} is not compatible with KeySpec {spec}")
    tags = {each["TagKey"]: each["TagValue"] for each in request.get("Tags") or ()}
    _check_tags(tags)
    policy = request.get("Policy")
    if policy:
        _check_policy(policy)
    key = await of(ctx).create(
        ctx.account,
        ctx.region,
        spec=spec,
        usage=usage,
        description=request.get("Description") or "",
        policy=policy or "",
        tags=tags,
    )
    return {"KeyMetadata": metadata(key)}


def metadata(key: Key) -> dict[str, Any]:
    """Return a key as DescribeKey has it."""
    body = key.body
    return {
        "AWSAccountId": key.account,
        "KeyId": key.id,
        "Arn": key.arn,
        "CreationDate": body["created"],
        "Enabled": body["state"] == "Enabled",
        "Description": body["description"],
        "KeyUsage": key.usage,
        "KeyState": body["state"],
        "DeletionDate": body["deletion"],
        "Origin": "AWS_KMS",
        "KeyManager": body["manager"],
        "CustomerMasterKeySpec": key.spec,
        "KeySpec": key.spec,
        **SPECS[key.spec].members(key.usage),
        "MultiRegion": False,
        "CurrentKeyMaterialId": (
            body["material_ids"][-1] if key.spec == "SYMMETRIC_DEFAULT" else None
        ),
    }


async def describe_key(ctx: Context, request: Request) -> Response:
    """Serve DescribeKey.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_DescribeKey.html
    """
    return {"KeyMetadata": metadata(await of(ctx).find(ctx, request["KeyId"]))}


async def list_keys(ctx: Context, request: Request) -> Response:
    """Serve ListKeys.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeys.html
    """
    kms = of(ctx)
    names = kms.keys.keys(ctx.account, ctx.region)
    found = [key for id in names if (key := kms.key(ctx.account, ctx.region, id)) is not None]
    shown = [{"KeyId": key.id, "KeyArn": key.arn} for key in found]
    return page("Keys", shown, request, 100)


async def enable_key(ctx: Context, request: Request) -> Response:
    """Serve EnableKey.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKey.html
    """
    await _switch(ctx, request, "Enabled")
    return {}


async def disable_key(ctx: Context, request: Request) -> Response:
    """Serve DisableKey.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKey.html
    """
    await _switch(ctx, request, "Disabled")
    return {}


async def _switch(ctx: Context, request: Request, state: str) -> None:
    await of(ctx).change(await _there(ctx, request), state=state)


async def _there(ctx: Context, request: Request) -> Key:
    return await of(ctx).alive(ctx, request["KeyId"])


async def schedule_key_deletion(ctx: Context, request: Request) -> Response:
    """Serve ScheduleKeyDeletion.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
    """
    key = await _there(ctx, request)
    days = request.get("PendingWindowInDays")
    days = 30 if days is None else days
    if not 7 <= days <= 30:
        raise errors.invalid("PendingWindowInDays must be between 7 and 30.")
    at = ctx.clock.now() + days * DAY_S
    await of(ctx).change(key, state="PendingDeletion", deletion=at)
    return {
        "KeyId": key.arn,
        "DeletionDate": at,
        "KeyState": "PendingDeletion",
        "PendingWindowInDays": days,
    }


async def cancel_key_deletion(ctx: Context, request: Request) -> Response:
    """Serve CancelKeyDeletion; the key is disabled then.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CancelKeyDeletion.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    if key.body["state"] != "PendingDeletion":
        raise errors.invalid_state(f"{key.arn} is not pending deletion.")
    await of(ctx).change(key, state="Disabled", deletion=None)
    return {"KeyId": key.arn}


async def update_key_description(ctx: Context, request: Request) -> Response:
    """Serve UpdateKeyDescription.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateKeyDescription.html
    """
    await of(ctx).change(await _there(ctx, request), description=request["Description"])
    return {}


# -- policies and tags --------------------------------------------------------------------------


async def get_key_policy(ctx: Context, request: Request) -> Response:
    """Serve GetKeyPolicy.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyPolicy.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    if request.get("PolicyName") not in (None, "default"):
        raise errors.not_found("No such policy exists")
    return {"Policy": key.body["policy"] or _default_policy(key), "PolicyName": "default"}


def _default_policy(key: Key) -> str:
    statement = {
        "Sid": "Enable IAM User Permissions",
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{key.account}:root"},
        "Action": "kms:*",
        "Resource": "*",
    }
    document = {"Version": "2012-10-17", "Id": "key-default-1", "Statement": [statement]}
    return json.dumps(document, indent=2)


async def put_key_policy(ctx: Context, request: Request) -> Response:
    """Serve PutKeyPolicy; the policy is kept and shown, and refuses nobody.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_PutKeyPolicy.html
    """
    key = await _there(ctx, request)
    _check_policy(request["Policy"])
    await of(ctx).change(key, policy=request["Policy"])
    return {}


def _check_policy(text: str) -> None:
    try:
        document = json.loads(text)
    except ValueError:
        document = None
    if not isinstance(document, dict) or not document.get("Statement"):
        raise AwsError("MalformedPolicyDocumentException", "The policy is no policy document.")


async def list_key_policies(ctx: Context, request: Request) -> Response:
    """Serve ListKeyPolicies.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyPolicies.html
    """
    await of(ctx).find(ctx, request["KeyId"])
    return {"PolicyNames": ["default"], "Truncated": False}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Serve TagResource.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_TagResource.html
    """
    key = await _there(ctx, request)
    more = {each["TagKey"]: each["TagValue"] for each in request["Tags"]}
    tags = {**key.body["tags"], **more}
    _check_tags(tags)
    await of(ctx).change(key, tags=tags)
    return {}


def _check_tags(tags: dict[str, str]) -> None:
    if len(tags) > _MOST_TAGS:
        raise AwsError("TagException", "Too many tags")


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Serve UntagResource.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_UntagResource.html
    """
    key = await _there(ctx, request)
    tags = {k: v for k, v in key.body["tags"].items() if k not in request["TagKeys"]}
    await of(ctx).change(key, tags=tags)
    return {}


async def list_resource_tags(ctx: Context, request: Request) -> Response:
    """Serve ListResourceTags.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListResourceTags.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    shown = [{"TagKey": k, "TagValue": v} for k, v in sorted(key.body["tags"].items())]
    return page("Tags", shown, request, 50)


# -- rotation -----------------------------------------------------------------------------------


async def enable_key_rotation(ctx: Context, request: Request) -> Response:
    """Serve EnableKeyRotation: a key whose time has come is rotated when it is next used.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_EnableKeyRotation.html
    """
    key = await _rotating(ctx, request)
    days = request.get("RotationPeriodInDays") or _ROTATION_DAYS
    await of(ctx).change(key, rotation={"days": days, "since": ctx.clock.now()})
    return {}


async def disable_key_rotation(ctx: Context, request: Request) -> Response:
    """Serve DisableKeyRotation.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_DisableKeyRotation.html
    """
    await of(ctx).change(await _rotating(ctx, request), rotation=None)
    return {}


async def get_key_rotation_status(ctx: Context, request: Request) -> Response:
    """Serve GetKeyRotationStatus.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_GetKeyRotationStatus.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    rotation = key.body["rotation"]
    answer: Response = {"KeyRotationEnabled": rotation is not None, "KeyId": key.arn}
    if rotation is not None:
        answer["RotationPeriodInDays"] = rotation["days"]
        answer["NextRotationDate"] = rotation["since"] + rotation["days"] * DAY_S
    return answer


async def rotate_key_on_demand(ctx: Context, request: Request) -> Response:
    """Serve RotateKeyOnDemand: what was encrypted before can still be decrypted.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_RotateKeyOnDemand.html
    """
    key = await _rotating(ctx, request)
    by_hand = sum(each["kind"] == "ON_DEMAND" for each in key.body["rotated"])
    if by_hand >= _MOST_ON_DEMAND:
        raise AwsError(
            "LimitExceededException", f"The on-demand rotations of {key.arn} are used up."
        )
    await of(ctx).rotate(key, "ON_DEMAND")
    return {"KeyId": key.arn}


async def list_key_rotations(ctx: Context, request: Request) -> Response:
    """Serve ListKeyRotations.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListKeyRotations.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    shown = [
        {"KeyId": key.arn, "RotationDate": each["at"], "RotationType": each["kind"]}
        for each in key.body["rotated"]
    ]
    return page("Rotations", shown, request, 100)


async def _rotating(ctx: Context, request: Request) -> Key:
    """Return the key of a request, if it is one that rotates.

    Raises:
        AwsError: It is not.
    """
    key = await of(ctx).usable(ctx, request["KeyId"])
    if key.spec != "SYMMETRIC_DEFAULT":
        raise errors.unsupported(
            f"{key.arn} is not a symmetric encryption key: it does not rotate."
        )
    return key
