"""Account settings: limits and what is used of them.

https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
"""

from __future__ import annotations

from emulator.model.limits import UNZIPPED_CODE, ZIPPED_CODE
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_.code import layers

#: Bytes of all archives of an account.
_TOTAL_CODE = 75 * 1024**3


async def get_account_settings(ctx: Context, request: Request) -> Response:
    """Serve GetAccountSettings.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetAccountSettings.html
    """
    functions = ctx.parts.registry.functions(ctx.account, ctx.region).values()
    size = sum(version.code.size for f in functions for version in (f.latest, *f.versions.values()))
    admission = ctx.parts.admission
    return {
        "AccountLimit": {
            "TotalCodeSize": _TOTAL_CODE,
            "CodeSizeUnzipped": UNZIPPED_CODE,
            "CodeSizeZipped": ZIPPED_CODE,
            "ConcurrentExecutions": admission.limit,
            "UnreservedConcurrentExecutions": admission.unreserved(ctx.account, ctx.region),
        },
        "AccountUsage": {
            "TotalCodeSize": size + layers.size_of_all(ctx),
            "FunctionCount": len(functions),
        },
    }
