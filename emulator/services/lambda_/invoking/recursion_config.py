"""Whether a function that invokes itself in a loop is stopped.

https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
"""

from __future__ import annotations

from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup


async def put_function_recursion_config(ctx: Context, request: Request) -> Response:
    """Serve PutFunctionRecursionConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionRecursionConfig.html
    """
    function = lookup.function(ctx, request)
    function.attached.recursive_loop = request["RecursiveLoop"]
    await ctx.parts.registry.save(function)
    return {"RecursiveLoop": function.attached.recursive_loop}


async def get_function_recursion_config(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionRecursionConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionRecursionConfig.html
    """
    return {"RecursiveLoop": lookup.function(ctx, request).attached.recursive_loop}
