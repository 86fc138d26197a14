"""Secrets by name or ARN, and what is said where there is none."""

from __future__ import annotations

import re
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request
from emulator.services.secretsmanager.state import Secret, of

_NAME = re.compile(r"[\w/+=.@!-]+", re.ASCII)
_PREFIX = "arn:aws:secretsmanager:"
#: What AWS adds to a name in an ARN.
_SUFFIX = re.compile(r"-[A-Za-z0-9]{6}$")


def invalid(text: str) -> AwsError:
    """Return InvalidParameterException."""
    return AwsError("InvalidParameterException", text)


def refused(text: str) -> AwsError:
    """Return InvalidRequestException."""
    return AwsError("InvalidRequestException", text)


def not_found(what: str = "secret.") -> AwsError:
    """Return ResourceNotFoundException."""
    return AwsError("ResourceNotFoundException", f"Secrets Manager can't find the specified {what}")


def check_name(name: str) -> None:
    """Check a secret's name.

    Raises:
        AwsError: ValidationException.
    """
    if _NAME.fullmatch(name) is None:
        raise AwsError(
            "ValidationException",
            "Invalid name. Must be a valid name containing alphanumeric characters, or any of the"
            " following: -/_+=.@!",
        )


def token_of(request: Request) -> str:
    """Return the token of a request, which names the version that it makes; SDKs make one up.

    Raises:
        AwsError: InvalidRequestException: it has none.
    """
    token = request.get("ClientRequestToken")
    if not token:
        raise refused(
            "You must provide a ClientRequestToken value. We recommend a UUID-type value."
        )
    return str(token)


def find(ctx: Context, request: Request, *, deleted: bool = False) -> Secret:
    """Return the secret that a request means by its name, its ARN, or its ARN without the end.

    Args:
        ctx: The request's circumstances.
        request: Names the secret as ``SecretId``.
        deleted: Return it although it is to be deleted.

    Raises:
        AwsError: ResourceNotFoundException, ValidationException, or InvalidRequestException: it
            is to be deleted.
    """
    secret_id = request["SecretId"]
    found = _by_arn(ctx, secret_id) if secret_id.startswith("arn:") else _by_name(ctx, secret_id)
    if found is None:
        raise not_found()
    if found.get("deleted_at") and not deleted:
        raise refused(
            "You can't perform this operation on the secret because it was marked for deletion."
        )
    return found


def _by_name(ctx: Context, name: str) -> Secret | None:
    check_name(name)
    return of(ctx).find(ctx.account, ctx.region, name)


def _by_arn(ctx: Context, arn: str) -> Secret | None:
    parts = arn.split(":", 6)
    if not arn.startswith(_PREFIX) or len(parts) < 7 or parts[5] != "secret":
        raise invalid("Invalid ARN.")
    region, account, name = parts[3], parts[4], parts[6]
    check_name(name)
    if _SUFFIX.search(name) is None:
        return of(ctx).find(account, region, name)
    found = of(ctx).find(account, region, _SUFFIX.sub("", name))
    return found if found is not None and found["arn"] == arn else None


async def keep(ctx: Context, secret: Secret, **changes: Any) -> Secret:
    """Keep a secret with changes; returns it as it is now."""
    changed = {**secret, **changes}
    await of(ctx).put(ctx.account, ctx.region, changed)
    return changed


def named(secret: Secret) -> dict[str, Any]:
    """Return what nearly every answer begins with."""
    return {"ARN": secret["arn"], "Name": secret["name"]}
