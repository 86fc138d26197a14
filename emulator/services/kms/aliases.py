"""Operations on aliases and grants."""

from __future__ import annotations

import re
import secrets
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.kms import errors
from emulator.services.kms.paging import page
from emulator.services.kms.state import of

_ALIAS = re.compile(r"alias/[a-zA-Z0-9/_-]+")


def _check(name: str) -> None:
    if not name.startswith("alias/"):
        raise errors.invalid("Invalid identifier")
    if name.startswith("alias/aws/"):
        raise AwsError("NotAuthorizedException", "Aliases of alias/aws/ are AWS's own.")
    if _ALIAS.fullmatch(name) is None:
        raise errors.invalid(
            f"1 validation error detected: Value '{name}' at 'aliasName' failed to satisfy "
            "constraint: Member must satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$"
        )


def _arn(ctx: Context, name: str) -> str:
    return f"arn:aws:kms:{ctx.region}:{ctx.account}:{name}"


async def create_alias(ctx: Context, request: Request) -> Response:
    """Serve CreateAlias.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateAlias.html
    """
    kms, name = of(ctx), request["AliasName"]
    _check(name)
    if kms.aliases.find(ctx.account, ctx.region, name) is not None:
        text = f"An alias with the name {_arn(ctx, name)} already exists"
        raise AwsError("AlreadyExistsException", text)
    if request["TargetKeyId"].startswith("alias/"):
        raise errors.invalid("Aliases must refer to keys. Not aliases")
    key = await kms.alive(ctx, request["TargetKeyId"])
    now = ctx.clock.now()
    body = {"target": key.id, "created": now, "updated": now}
    await kms.aliases.put(ctx.account, ctx.region, name, body)
    return {}


async def update_alias(ctx: Context, request: Request) -> Response:
    """Serve UpdateAlias.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_UpdateAlias.html
    """
    kms, name = of(ctx), request["AliasName"]
    before = _existing(ctx, name)
    key = await kms.alive(ctx, request["TargetKeyId"])
    body = {**before, "target": key.id, "updated": ctx.clock.now()}
    await kms.aliases.put(ctx.account, ctx.region, name, body)
    return {}


async def delete_alias(ctx: Context, request: Request) -> Response:
    """Serve DeleteAlias.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_DeleteAlias.html
    """
    name = request["AliasName"]
    _check(name)
    _existing(ctx, name)
    await of(ctx).aliases.delete(ctx.account, ctx.region, name)
    return {}


def _existing(ctx: Context, name: str) -> dict[str, Any]:
    found = of(ctx).aliases.find(ctx.account, ctx.region, name)
    if found is None:
        raise errors.not_found(f"Alias {_arn(ctx, name)} is not found.")
    return found


async def list_aliases(ctx: Context, request: Request) -> Response:
    """Serve ListAliases.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListAliases.html
    """
    kms = of(ctx)
    wanted = (await kms.find(ctx, request["KeyId"])).id if request.get("KeyId") else None
    shown = []
    for name in kms.aliases.keys(ctx.account, ctx.region):
        body = kms.aliases.find(ctx.account, ctx.region, name) or {}
        if wanted in (None, body["target"]):
            shown.append(
                {
                    "AliasName": name,
                    "AliasArn": _arn(ctx, name),
                    "TargetKeyId": body["target"],
                    "CreationDate": body["created"],
                    "LastUpdatedDate": body["updated"],
                }
            )
    return page("Aliases", shown, request, 50)


# -- grants -------------------------------------------------------------------------------------


async def create_grant(ctx: Context, request: Request) -> Response:
    """Serve CreateGrant; grants are kept and shown: nobody is refused without one.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_CreateGrant.html
    """
    kms = of(ctx)
    key = await kms.usable(ctx, request["KeyId"])
    if not request.get("GranteePrincipal") and not request.get("GranteeServicePrincipal"):
        raise errors.invalid("GranteePrincipal is required.")
    if request.get("DryRun"):
        raise errors.dry_run()
    id, token = secrets.token_hex(32), secrets.token_urlsafe(64)
    members = (
        "Name", "GranteePrincipal", "RetiringPrincipal", "Operations", "Constraints",
        "GranteeServicePrincipal", "RetiringServicePrincipal",
    )  # fmt: skip
    shown = {name: request[name] for name in members if request.get(name) is not None}
    shown |= {
        "KeyId": key.arn,
        "GrantId": id,
        "IssuingAccount": f"arn:aws:iam::{ctx.account}:root",
        "CreationDate": ctx.clock.now(),
    }
    body = {"key": key.id, "token": token, "shown": shown}
    await kms.grants.put(ctx.account, ctx.region, id, body)
    return {"GrantToken": token, "GrantId": id}


async def list_grants(ctx: Context, request: Request) -> Response:
    """Serve ListGrants.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListGrants.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    found = [each["shown"] for each in _grants(ctx) if each["key"] == key.id]
    for member in ("GrantId", "GranteePrincipal", "GranteeServicePrincipal"):
        if request.get(member):
            found = [each for each in found if each.get(member) == request[member]]
    return page("Grants", found, request, 50)


async def list_retirable_grants(ctx: Context, request: Request) -> Response:
    """Serve ListRetirableGrants.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_ListRetirableGrants.html
    """
    members = ("RetiringPrincipal", "RetiringServicePrincipal")
    asked = {member: request[member] for member in members if request.get(member)}
    found = [
        each["shown"]
        for each in _grants(ctx)
        if asked and all(each["shown"].get(k) == v for k, v in asked.items())
    ]
    return page("Grants", found, request, 50)


async def revoke_grant(ctx: Context, request: Request) -> Response:
    """Serve RevokeGrant.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_RevokeGrant.html
    """
    key = await of(ctx).find(ctx, request["KeyId"])
    await _remove(ctx, request, key.id, request["GrantId"])
    return {}


async def retire_grant(ctx: Context, request: Request) -> Response:
    """Serve RetireGrant.

    https://docs.aws.amazon.com/kms/latest/APIReference/API_RetireGrant.html
    """
    token = request.get("GrantToken")
    if token:
        found = [each for each in _grants(ctx) if each["token"] == token]
        if not found:
            raise AwsError("InvalidGrantTokenException", "The grant token is none.")
        await _remove(ctx, request, found[0]["key"], found[0]["shown"]["GrantId"])
        return {}
    if not request.get("KeyId") or not request.get("GrantId"):
        raise errors.invalid("GrantToken, or KeyId and GrantId, are required.")
    key = await of(ctx).find(ctx, request["KeyId"])
    await _remove(ctx, request, key.id, request["GrantId"])
    return {}


async def _remove(ctx: Context, request: Request, key: str, grant: str) -> None:
    found = of(ctx).grants.find(ctx.account, ctx.region, grant)
    if found is None or found["key"] != key:
        raise errors.not_found(f"Grant ID {grant} not found")
    if request.get("DryRun"):
        raise errors.dry_run()
    await of(ctx).grants.delete(ctx.account, ctx.region, grant)


def _grants(ctx: Context) -> list[dict[str, Any]]:
    table = of(ctx).grants
    names = table.keys(ctx.account, ctx.region)
    found = [table.find(ctx.account, ctx.region, name) or {} for name in names]
    return sorted(found, key=lambda each: float(each["shown"]["CreationDate"]))
