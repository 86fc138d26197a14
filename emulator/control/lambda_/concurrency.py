"""Reserved concurrency.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-concurrency.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.control.context import Context
from emulator.control.lambda_ import lookup
from emulator.model.errors import AwsError
from emulator.model.limits import UNRESERVED_CONCURRENCY_MINIMUM

Request = Mapping[str, Any]
Response = dict[str, Any]


async def put_function_concurrency(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionConcurrency.html"""
    function = lookup.function(ctx, request)
    wanted: int = request["ReservedConcurrentExecutions"]
    admission = ctx.services.admission
    unreserved = admission.unreserved(ctx.account, ctx.region)
    left = unreserved + (function.reserved_concurrency or 0) - wanted
    if left < min(UNRESERVED_CONCURRENCY_MINIMUM, admission.limit):
        raise AwsError(
            "InvalidParameterValueException",
            f"Specified ReservedConcurrentExecutions for function decreases account's "
            f"UnreservedConcurrentExecution below its minimum value of "
            f"[{min(UNRESERVED_CONCURRENCY_MINIMUM, admission.limit)}].",
        )
    ctx.services.registry.reserve(function, wanted)
    return {"ReservedConcurrentExecutions": wanted}


async def get_function_concurrency(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConcurrency.html"""
    function = lookup.function(ctx, request)
    if function.reserved_concurrency is None:
        return {}
    return {"ReservedConcurrentExecutions": function.reserved_concurrency}


async def delete_function_concurrency(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunctionConcurrency.html"""
    ctx.services.registry.reserve(lookup.function(ctx, request), None)
    return {}
