"""Reserved concurrency.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.model.function import LATEST
from emulator.model.limits import UNRESERVED_CONCURRENCY_MINIMUM
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.concurrency import provisioned
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.lifecycle import managed_instances


async def put_function_concurrency(ctx: Context, request: Request) -> Response:
    """Serve PutFunctionConcurrency.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html
    """
    named = lookup.name_of(ctx, request)
    if named.qualifier is None and lookup.find(ctx, named) is None:
        # Recorded: of the three operations on it, this one alone names $LATEST.
        raise lookup.function_not_found(lookup.arn_of(ctx, named, LATEST))
    function = _function(ctx, request)
    managed_instances.refuse(function.latest, "Reserved concurrency")
    wanted: int = request["ReservedConcurrentExecutions"]
    admission = ctx.parts.admission
    ready = provisioned.of_function(function)
    minimum = min(UNRESERVED_CONCURRENCY_MINIMUM, admission.limit)
    # Both texts are recorded without a Type.
    if admission.unreserved(ctx.account, ctx.region) + function.set_aside - wanted < minimum:
        raise AwsError(
            "InvalidParameterValueException",
            "Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of [{minimum}].",
            Type=None,
        )
    if wanted < ready:
        raise AwsError(
            "InvalidParameterValueException",
            f" ReservedConcurrentExecutions  {wanted} should not be lower than function's total "
            f"provisioned concurrency [{ready}].",
            Type=None,
        )
    ctx.parts.registry.reserve(function, wanted)
    await ctx.parts.registry.save(function)
    return {"ReservedConcurrentExecutions": wanted}


async def get_function_concurrency(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionConcurrency.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html
    """
    function = lookup.function(ctx, request)
    if function.reserved_concurrency is None:
        return {}
    return {"ReservedConcurrentExecutions": function.reserved_concurrency}


async def delete_function_concurrency(ctx: Context, request: Request) -> Response:
    """Serve DeleteFunctionConcurrency.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionConcurrency.html
    """
    function = _function(ctx, request)
    ctx.parts.registry.reserve(function, None)
    await ctx.parts.registry.save(function)
    return {}


def _function(ctx: Context, request: Request) -> Function:
    if lookup.name_of(ctx, request).qualifier is not None:
        raise invalid(
            "This operation is permitted on Lambda functions only. Aliases and versions do not "
            "support this operation. Please specify either a function name or an unqualified "
            "function ARN."
        )
    return lookup.function(ctx, request)
