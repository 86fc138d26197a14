"""How many execution environments a version on Managed Instances may have.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from emulator.control.context import Context, Request, Response
from emulator.control.lambda_ import capacity_providers, ignored, lookup
from emulator.control.lambda_.errors import invalid
from emulator.model.function import FunctionVersion
from emulator.registry.functions import Function

KIND = "scaling"


async def put_function_scaling_config(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionScalingConfig.html"""
    function, version = lookup.version(ctx, request)
    _check_managed(version)
    ignored.refuse(ctx, f"{function.name}: a scaling configuration is kept, but not acted on.")
    config = request.get("FunctionScalingConfig") or {}
    low, high = config.get("MinExecutionEnvironments"), config.get("MaxExecutionEnvironments")
    if low is not None and high is not None and low > high:
        raise invalid(
            "MinExecutionEnvironments must be less than or equal to MaxExecutionEnvironments."
        )
    held = function.attached.setdefault(KIND, {})
    if config:
        held[version.version] = dict(config)
    else:
        held.pop(version.version, None)
    await ctx.services.registry.save(function)
    return {"FunctionState": version.state}


async def get_function_scaling_config(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionScalingConfig.html"""
    function, version = lookup.version(ctx, request)
    _check_managed(version)
    config = of(function, version.version)
    body: Response = {"FunctionArn": version.qualified_arn}
    if config:
        body |= {"AppliedFunctionScalingConfig": config, "RequestedFunctionScalingConfig": config}
    return body


def of(function: Function, version: str) -> dict[str, int]:
    """Return a version's Min- and MaxExecutionEnvironments, as far as they are set."""
    found: dict[str, int] = function.attached.get(KIND, {}).get(version, {})
    return found


def _check_managed(version: FunctionVersion) -> None:
    if capacity_providers.arn_of(version.settings) is None:
        raise invalid(
            f"{version.qualified_arn} has no capacity provider: only functions on Lambda Managed "
            "Instances have a scaling configuration."
        )
