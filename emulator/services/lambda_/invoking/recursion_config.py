"""What becomes of a function that calls itself in a circle.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from emulator.model.function import LATEST
from emulator.registry.functions import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup

_KIND = "recursion"
_DEFAULT = "Terminate"


async def put_function_recursion_config(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionRecursionConfig.html"""
    function = lookup.function(ctx, request)
    function.attached[_KIND] = {LATEST: request["RecursiveLoop"]}
    await ctx.services.registry.save(function)
    return {"RecursiveLoop": of(function)}


async def get_function_recursion_config(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionRecursionConfig.html"""
    return {"RecursiveLoop": of(lookup.function(ctx, request))}


def of(function: Function) -> str:
    """Return "Allow" or "Terminate"."""
    return str(function.attached.get(_KIND, {}).get(LATEST, _DEFAULT))
