"""Runtime management: when a version's runtime is updated.

https://docs.aws.amazon.com/lambda/latest/dg/runtime-management-configure.html
"""

from __future__ import annotations

from emulator.model.arn import runtime_version_arn
from emulator.model.function import FunctionVersion
from emulator.registry.attachments import RuntimeManagement
from emulator.registry.function import Function
from emulator.services.context import Context, Request, Response
from emulator.services.lambda_ import lookup
from emulator.services.lambda_.errors import invalid
from emulator.services.lambda_.rules import ignored


async def put_runtime_management_config(ctx: Context, request: Request) -> Response:
    """Serve PutRuntimeManagementConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_PutRuntimeManagementConfig.html
    """
    function, version = _version(ctx, request)
    mode: str = request["UpdateRuntimeOn"]
    arn = request.get("RuntimeVersionArn")
    here = runtime_version_arn(version.region, version.runtime)
    if mode == "Manual":
        if not arn:
            raise invalid(
                "RuntimeVersionArn cannot be null or empty when UpdateRuntimeOn is Manual."
            )
        if arn != here:
            raise invalid(f"Runtime version {arn} is not available: here it is {here}.")
    elif arn:
        raise invalid(f"RuntimeVersionArn must be null or empty when UpdateRuntimeOn is {mode}.")
    if mode != "Auto":
        ignored.refuse(
            ctx,
            f"{version.name}: UpdateRuntimeOn {mode} is not acted on: the runtime is the one "
            "installed here.",
        )
    function.attached.runtime_management[version.version] = RuntimeManagement(
        update_on=mode, runtime_version_arn=arn
    )
    await ctx.parts.registry.save(function)
    return _render(function, version)


async def get_runtime_management_config(ctx: Context, request: Request) -> Response:
    """Serve GetRuntimeManagementConfig.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetRuntimeManagementConfig.html
    """
    return _render(*_version(ctx, request))


def _version(ctx: Context, request: Request) -> tuple[Function, FunctionVersion]:
    function, version = lookup.version(ctx, request)
    qualifier = lookup.name_of(ctx, request).qualifier
    if qualifier in function.aliases:
        raise invalid("Runtime management is of versions: give a version or $LATEST, no alias.")
    return function, version


def _render(function: Function, version: FunctionVersion) -> Response:
    held = function.attached.runtime_management.get(version.version) or RuntimeManagement()
    return {**held.to_wire(), "FunctionArn": f"{function.arn}:{version.version}"}
