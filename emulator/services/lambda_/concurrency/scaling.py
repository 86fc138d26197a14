"""How many execution environments a version on Managed Instances may have.

https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances-scaling.html
"""

from __future__ import annotations

from dataclasses import replace

from emulator.model.errors import AwsError
from emulator.model.function import FunctionVersion
from emulator.registry.attachments import ScalingConfig
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.lifecycle import managed_instances, states
from emulator.services.lambda_.rules.configuration import new_revision

_NONE = {"MinExecutionEnvironments": 0, "MaxExecutionEnvironments": 0}


async def put_function_scaling_config(ctx: Context, request: Request) -> Response:
    """Serve PutFunctionScalingConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutFunctionScalingConfig.html

    A version that may have no environments at all is deactivated.
    """
    function, version = lookup.version(ctx, request)
    _check_managed(version)
    config = request.get("FunctionScalingConfig") or {}
    low, high = config.get("MinExecutionEnvironments"), config.get("MaxExecutionEnvironments")
    if low is not None and high is not None and low > high:
        raise invalid(
            "MinExecutionEnvironments must be less than or equal to MaxExecutionEnvironments."
        )
    held = function.attached.scaling
    if config:
        held[version.version] = ScalingConfig.from_wire(config)
    else:
        held.pop(version.version, None)
    version = _in_state(version, config == _NONE)
    function.versions[version.version] = version
    if version.state == "Pending":
        # The store gets the final state.
        function.settling.setdefault(version.version, states.settled(version))
    else:
        function.settling.pop(version.version, None)
    ctx.parts.pools.managed(version).scale(managed_instances.bounds(function, version.version))
    await states.save(ctx.parts, function, version.version)
    return {"FunctionState": version.state}


def _in_state(version: FunctionVersion, none: bool) -> FunctionVersion:
    """Return a version as active or, where it may have no environments, as deactivated."""
    if none:
        return replace(version, state="Deactivated", revision_id=new_revision())
    if version.state in ("Deactivated", "Failed"):
        return states.creating(version)
    return version


async def get_function_scaling_config(ctx: Context, request: Request) -> Response:
    """Serve GetFunctionScalingConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionScalingConfig.html
    """
    function, version = lookup.version(ctx, request)
    _check_managed(version)
    config = managed_instances.scaling_of(function, version.version)
    body: Response = {"FunctionArn": version.qualified_arn}
    if config is not None:
        body["RequestedFunctionScalingConfig"] = config.to_wire()
        pool = ctx.parts.pools.managed(version)
        if not pool.starting and pool.count <= pool.bounds.most:
            body["AppliedFunctionScalingConfig"] = config.to_wire()
    return body


def _check_managed(version: FunctionVersion) -> None:
    if version.managed is None:
        # Seen on AWS, odd code and all.
        raise AwsError(
            "AccessDeniedException",
            "The function provided by the arn does not contain a capacity provider configuration",
            status=403,
        )
