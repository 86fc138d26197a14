"""STS: who the caller is. No credentials are checked here, and so none are issued."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from emulator.services.context import Context, Request, Response

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


OPERATIONS: dict[str, Callable[[Context, Request], Awaitable[Response]]] = {
    "GetCallerIdentity": get_caller_identity,
}

UNSUPPORTED = {
    name: _NO_CREDENTIALS.format(name)
    for name in """
    AssumeRole AssumeRoleWithSAML AssumeRoleWithWebIdentity AssumeRoot GetDelegatedAccessToken
    GetFederationToken GetSessionToken GetWebIdentityToken
    """.split()
}
