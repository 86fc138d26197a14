"""STS: who the caller is, and temporary credentials. No permission is checked here."""

from __future__ import annotations

import re
from dataclasses import replace

from emulator.model import credentials
from emulator.model.arn import PARTITION
from emulator.model.credentials import Identity
from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.services.context import Context, Request, Response
from emulator.services.service import Operation
from emulator.services.sts.federation import (
    assume_role_with_saml,
    assume_role_with_web_identity,
)
from emulator.services.sts.issuing import (
    HOUR_S,
    caller,
    is_session,
    issued,
    packed,
    refuse_sessions,
    role_session,
    session_policies,
    signer,
)

#: Characters that a session token may have.
_LONGEST_TOKEN = 4096
_TARGET = re.compile(r"(?:arn:aws[a-z-]*:iam::)?(?P<account>\d{12})(?::root)?")


async def get_caller_identity(ctx: Context, request: Request) -> Response:
    """Serve GetCallerIdentity.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html
    """
    who = await signer(ctx)
    return {"UserId": who.user_id, "Account": who.account, "Arn": who.arn}


async def assume_role(ctx: Context, request: Request) -> Response:
    """Serve AssumeRole.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html
    """
    if is_session(caller(ctx)) and request.get("DurationSeconds", 0) > HOUR_S:
        raise AwsError(
            "ValidationError",
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by "
            "role chaining",
        )
    answer = role_session(ctx, request, request["RoleSessionName"])
    if request.get("SourceIdentity"):
        answer["SourceIdentity"] = request["SourceIdentity"]
    return answer


async def assume_root(ctx: Context, request: Request) -> Response:
    """Serve AssumeRoot.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRoot.html
    """
    match = _TARGET.fullmatch(request["TargetPrincipal"])
    if match is None:
        raise AwsError("ValidationError", f"{request['TargetPrincipal']} is invalid")
    who = credentials.root(match["account"])
    return {"Credentials": issued(ctx, who, request.get("DurationSeconds", 900))}


async def get_session_token(ctx: Context, request: Request) -> Response:
    """Serve GetSessionToken.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetSessionToken.html
    """
    refuse_sessions(ctx)
    who = await signer(ctx)
    # The root user's last an hour; an IAM user's twelve.
    usual = HOUR_S if who.arn.endswith(":root") else 12 * HOUR_S
    return {"Credentials": issued(ctx, who, request.get("DurationSeconds", usual))}


async def get_federation_token(ctx: Context, request: Request) -> Response:
    """Serve GetFederationToken.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetFederationToken.html
    """
    refuse_sessions(ctx)
    name = request["Name"]
    arn = f"arn:{PARTITION}:sts::{ctx.account}:federated-user/{name}"
    who = Identity(
        ctx.account,
        arn,
        f"{ctx.account}:{name}",
        # Without session policies a federated user may do nothing of its own.
        session_policies(request) or (),
        (await signer(ctx)).arn,
    )
    answer: Response = {
        "Credentials": issued(ctx, who, request.get("DurationSeconds", 12 * HOUR_S)),
        "FederatedUser": {"FederatedUserId": who.user_id, "Arn": who.arn},
    }
    return answer | packed(request)


async def get_access_key_info(ctx: Context, request: Request) -> Response:
    """Serve GetAccessKeyInfo.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetAccessKeyInfo.html

    Answers with the account whose resources requests signed with that key reach here.
    """
    key = request["AccessKeyId"]
    return {"Account": credentials.account_of(key) or ctx.parts.table.account}


async def decode_authorization_message(ctx: Context, request: Request) -> Response:
    """Serve DecodeAuthorizationMessage.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_DecodeAuthorizationMessage.html

    No permission is checked here, so no refusal has a message of which this is the decoding.
    """
    raise AwsError(
        "InvalidAuthorizationMessageException",
        "The message was not encoded by this emulator: it checks no permissions.",
    )


async def get_scoped_credentials(ctx: Context, request: Request) -> Response:
    """Serve GetScopedCredentials.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetScopedCredentials.html

    The policy bounds the session, and takes the place of an earlier one.
    """
    who = caller(ctx)
    if not is_session(who):
        raise AwsError(
            "InvalidSubjectCredentialsException",
            "GetScopedCredentials must be called with temporary security credentials.",
        )
    packed(request)
    who = replace(who, policies=session_policies(request) or who.policies)
    given = issued(ctx, who, request.get("DurationSeconds", HOUR_S))
    size = len(given["SessionToken"])
    return {
        "Credentials": given,
        "SessionInfo": {"ScopedSessionId": new_request_id(), "Arn": who.arn},
        "SessionTokenSize": size,
        "SessionTokenUtilization": -(-size * 100 // _LONGEST_TOKEN),
        "ScopedPoliciesCount": 1 if request.get("Policy") else 0,
    }


async def get_delegated_access_token(ctx: Context, request: Request) -> Response:
    """Serve GetDelegatedAccessToken.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetDelegatedAccessToken.html

    Trade-in tokens are handed out by AWS's console to its partners: none is from here.
    """
    raise AwsError(
        "ExpiredTradeInTokenException", "The trade-in token was not issued by this emulator."
    )


async def get_web_identity_token(ctx: Context, request: Request) -> Response:
    """Serve GetWebIdentityToken.

    Source: https://docs.aws.amazon.com/STS/latest/APIReference/API_GetWebIdentityToken.html

    As in every account of AWS whose owner has not enabled it: nobody else could verify a token
    from here.
    """
    raise AwsError(
        "OutboundWebIdentityFederationDisabledException",
        "Outbound web identity federation is disabled for this account.",
    )


OPERATIONS: dict[str, Operation] = {
    "AssumeRole": assume_role,
    "AssumeRoleWithSAML": assume_role_with_saml,
    "AssumeRoleWithWebIdentity": assume_role_with_web_identity,
    "AssumeRoot": assume_root,
    "DecodeAuthorizationMessage": decode_authorization_message,
    "GetAccessKeyInfo": get_access_key_info,
    "GetCallerIdentity": get_caller_identity,
    "GetDelegatedAccessToken": get_delegated_access_token,
    "GetFederationToken": get_federation_token,
    "GetScopedCredentials": get_scoped_credentials,
    "GetSessionToken": get_session_token,
    "GetWebIdentityToken": get_web_identity_token,
}

#: What to say of operations that are not served.
UNSUPPORTED: dict[str, str] = {}
