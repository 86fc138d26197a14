"""STS: who the caller is. No credentials are checked here, and so none are issued."""

from __future__ import annotations

from emulator.services.context import Context, Request, Response
from emulator.services.service import Operation, unsupported

_NO_CREDENTIALS = (
    "localfaas does not serve {}: it checks no credentials and issues none. An access key of 12 "
    "digits chooses the account."
)


async def get_caller_identity(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/STS/latest/APIReference/API_GetCallerIdentity.html"""
    return {
        "UserId": ctx.account,
        "Account": ctx.account,
        "Arn": f"arn:aws:iam::{ctx.account}:root",
    }


OPERATIONS: dict[str, Operation] = {
    "GetCallerIdentity": get_caller_identity,
}

#: What to say of operations that are not served.
UNSUPPORTED = {
    **unsupported(
        """
        AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot GetDelegatedAccessToken
        GetFederationToken GetScopedCredentials GetSessionToken GetWebIdentityToken
        """,
        _NO_CREDENTIALS,
    ),
    **unsupported(
        "DecodeAuthorizationMessage", "localfaas does not serve {}: it checks no permissions."
    ),
    **unsupported("GetAccessKeyInfo", "localfaas does not serve {}: it keeps no access keys."),
}
