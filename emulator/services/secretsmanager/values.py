"""Values of secrets: put, read, many at once, and which versions there are.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/retrieving-secrets.html
"""

from __future__ import annotations

import base64
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.secretsmanager import listing, versions
from emulator.services.secretsmanager.lookup import (
    find,
    invalid,
    keep,
    named,
    refused,
    token_of,
)
from emulator.services.secretsmanager.state import Secret, of

#: What stands for the key that secrets have without one of their own.
_USUAL_KEY = "DefaultEncryptionKey"
_BATCH = 20
_DAY_S = 86_400


async def put_secret_value(ctx: Context, request: Request) -> Response:
    """Serve PutSecretValue.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_PutSecretValue.html
    """
    version_id = token_of(request)
    secret, value = find(ctx, request), versions.value_of(request)
    if value is None:
        raise refused("You must provide either SecretString or SecretBinary.")
    now = ctx.clock.now()
    stages = request.get("VersionStages") or [versions.CURRENT]
    held = versions.put(secret["versions"], version_id, value, stages, now, secret["key"])
    await keep(ctx, secret, versions=held, changed_at=now)
    return {
        **named(secret),
        "VersionId": version_id,
        "VersionStages": held[version_id]["stages"],
    }


async def get_secret_value(ctx: Context, request: Request) -> Response:
    """Serve GetSecretValue.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_GetSecretValue.html
    """
    secret = find(ctx, request)
    held = secret["versions"]
    version_id = versions.pick(held, request.get("VersionId"), request.get("VersionStage"))
    return _read(ctx, secret, version_id)


def _read(ctx: Context, secret: Secret, version_id: str) -> dict[str, Any]:
    """Return a version's value, and note that it was read: on which day, as on AWS."""
    version = secret["versions"][version_id]
    today = float(ctx.clock.now() // _DAY_S * _DAY_S)
    if (version["accessed_at"], secret.get("accessed_at")) != (today, today):
        changed = {**secret["versions"], version_id: {**version, "accessed_at": today}}
        seen = {**secret, "versions": changed, "accessed_at": today}
        of(ctx).show(ctx.account, ctx.region, seen)
    binary = version["binary"]
    return {
        **named(secret),
        "VersionId": version_id,
        "SecretString": version["value"],
        "SecretBinary": None if binary is None else base64.b64decode(binary),
        "VersionStages": version["stages"] or None,
        "CreatedDate": version["created_at"],
    }


async def batch_get_secret_value(ctx: Context, request: Request) -> Response:
    """Serve BatchGetSecretValue.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_BatchGetSecretValue.html
    """
    ids, wanted = request.get("SecretIdList"), request.get("Filters")
    if bool(ids) == bool(wanted):
        raise invalid("Either 'SecretIdList' or 'Filters' must be provided, but not both.")
    if ids and request.get("MaxResults"):
        raise invalid(
            "'Filters' not specified. 'Filters' must also be specified when 'MaxResults' is."
        )
    token = None
    if not ids:
        found = listing.chosen(ctx, request)
        chosen, token = listing.page(found, request, _BATCH)
        ids = [each["arn"] for each in chosen]
    found_values, errors = [], []
    for each in ids:
        try:
            found_values.append(await get_secret_value(ctx, {"SecretId": each}))
        except AwsError as error:
            errors.append({"SecretId": each, "ErrorCode": error.code, "Message": error.message})
    return {"SecretValues": found_values, "Errors": errors, "NextToken": token}


async def list_secret_version_ids(ctx: Context, request: Request) -> Response:
    """Serve ListSecretVersionIds.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_ListSecretVersionIds.html
    """
    secret = find(ctx, request, deleted=True)
    found = [
        {
            "VersionId": version_id,
            "VersionStages": version["stages"] or None,
            "LastAccessedDate": version["accessed_at"],
            "CreatedDate": version["created_at"],
            "KmsKeyIds": [version["key"] or _USUAL_KEY],
        }
        for version_id, version in secret["versions"].items()
        if version["stages"] or request.get("IncludeDeprecated")
    ]
    shown, token = listing.page(found, request, 100)
    return {**named(secret), "Versions": shown, "NextToken": token}


async def update_secret_version_stage(ctx: Context, request: Request) -> Response:
    """Serve UpdateSecretVersionStage.

    Source: https://docs.aws.amazon.com/secretsmanager/latest/apireference/API_UpdateSecretVersionStage.html
    """
    secret = find(ctx, request)
    to, removed_from = request.get("MoveToVersionId"), request.get("RemoveFromVersionId")
    held = versions.move(secret["versions"], request["VersionStage"], to, removed_from)
    await keep(ctx, secret, versions=held, changed_at=ctx.clock.now())
    return named(secret)
