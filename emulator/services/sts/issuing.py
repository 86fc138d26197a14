"""What every operation of STS that issues credentials does alike."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from emulator.model import credentials
from emulator.model.credentials import Identity
from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response

HOUR_S = 3600
#: The most that policies and tags may have together, in characters (AWS packs them; this counts
#: them unpacked, which is AWS's other limit).
_POLICY_CHARACTERS = 2048
_KEY = re.compile(r"Credential=(?P<key>[^/,\s]{1,128})/")
_ROLE = re.compile(r"arn:aws[a-z-]*:iam::(?P<account>\d{12}):role/(?P<path>[\w+=,.@/-]+)")


def caller(ctx: Context) -> Identity:
    """Return who asks: the identity of a session token of ours, else the account's root."""
    known = credentials.identify(ctx.session_token) if ctx.session_token else None
    return known or credentials.root(ctx.account)


async def signer(ctx: Context) -> Identity:
    """Return who has signed: as :func:`caller`, and the user where the key is a user's."""
    match = _KEY.search(ctx.request_headers.get("authorization", ""))
    if ctx.session_token or match is None or not match["key"].startswith(credentials.USER_PREFIX):
        return caller(ctx)
    table, here = ctx.parts.table, {"account": ctx.account, "region": ctx.region}
    try:
        request = {"AccessKeyId": match["key"]}
        used = await table.call("iam", "GetAccessKeyLastUsed", request, **here)
        user = await table.call("iam", "GetUser", {"UserName": used["UserName"]}, **here)
    except AwsError:
        return caller(ctx)  # a key of somewhere else: it is the account's own
    found = user["User"]
    return Identity(ctx.account, found["Arn"], found["UserId"])


def session_policies(request: Request) -> tuple[str, ...] | None:
    """Return the policies of a session that is asked for; None: it asks for none."""
    policies = [request["Policy"]] if request.get("Policy") else []
    policies += [str(each["arn"]) for each in request.get("PolicyArns") or () if each.get("arn")]
    return tuple(policies) or None


def is_session(identity: Identity) -> bool:
    """Say whether an identity has temporary credentials: those of a role or a federated user."""
    return ":sts::" in identity.arn


def refuse_sessions(ctx: Context) -> None:
    """Refuse callers with temporary credentials, as GetSessionToken and GetFederationToken do.

    Raises:
        AwsError: The caller has some.
    """
    if ctx.session_token:
        raise AwsError(
            "AccessDenied", f"Cannot call {ctx.operation} with session credentials", status=403
        )


def role_of(arn: str) -> tuple[str, str]:
    """Return a role's account, and its ARN.

    Raises:
        AwsError: It is no role's ARN.
    """
    match = _ROLE.fullmatch(arn)
    if match is None:
        raise AwsError("ValidationError", f"{arn} is invalid")
    return match["account"], arn


def issued(ctx: Context, identity: Identity, seconds: int) -> dict[str, Any]:
    """Return new ``Credentials`` for an identity, in the wire's shape."""
    expires_at = int(ctx.clock.now()) + seconds
    given = credentials.issue(identity, expires_at)
    return {
        "AccessKeyId": given.access_key,
        "SecretAccessKey": given.secret_key,
        "SessionToken": given.token,
        "Expiration": datetime.fromtimestamp(expires_at, UTC),
    }


def role_session(
    ctx: Context, request: Request, session: str, *, default_s: int = HOUR_S
) -> Response:
    """Return the answer of an operation that assumes ``RoleArn``, but for what is its own.

    Args:
        ctx: The request's context.
        request: The request, by the names of the model's members.
        session: The session's name.
        default_s: Seconds it lasts where the request does not say.
    """
    account, role = role_of(request["RoleArn"])
    identity = credentials.assumed_role(account, role, session)
    identity = replace(identity, policies=session_policies(request))
    answer: Response = {
        "Credentials": issued(ctx, identity, request.get("DurationSeconds", default_s)),
        "AssumedRoleUser": {"AssumedRoleId": identity.user_id, "Arn": identity.arn},
    }
    return answer | packed(request)


def packed(request: Request) -> Response:
    """Return ``PackedPolicySize`` where the request has session policies or tags.

    Raises:
        AwsError: A policy is no JSON object, or they are too large.
    """
    policy = request.get("Policy")
    if policy is not None:
        try:
            fine = isinstance(json.loads(policy), dict)
        except ValueError:
            fine = False
        if not fine:
            raise AwsError("MalformedPolicyDocument", "The policy is not in the valid JSON format.")
    texts = [policy or ""]
    texts += [str(each.get("arn", "")) for each in request.get("PolicyArns") or ()]
    texts += [each["Key"] + each["Value"] for each in request.get("Tags") or ()]
    characters = sum(map(len, texts))
    if not characters:
        return {}
    percent = -(-characters * 100 // _POLICY_CHARACTERS)
    if percent > 100:
        raise AwsError(
            "PackedPolicyTooLarge",
            f"Packed policy consumes {percent}% of allotted space, please use smaller policy.",
        )
    return {"PackedPolicySize": percent}
