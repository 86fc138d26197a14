"""Functions: create, read, change, delete."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.control.context import Context
from emulator.control.lambda_ import code, configuration, lookup
from emulator.control.lambda_.paging import page
from emulator.model.errors import AwsError, ConfigurationError
from emulator.model.function import LATEST, Code, FunctionVersion
from emulator.registry.functions import Function

Request = Mapping[str, Any]
Response = dict[str, Any]


async def create_function(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_CreateFunction.html"""
    named = lookup.name_of(ctx, request)
    registry = ctx.services.registry
    _check_package(request)
    _check_runtime(ctx, request)
    existing = AwsError(
        "ResourceConflictException", f"Function already exist: {named.name}", Type="User"
    )
    if registry.find(ctx.account, ctx.region, named.name) is not None:
        raise existing
    kept = await code.from_request(ctx, request["Code"])
    version = FunctionVersion(
        account=ctx.account,
        region=ctx.region,
        name=named.name,
        code=kept,
        architecture=(request.get("Architectures") or ["x86_64"])[0],
        state="Pending",
        state_reason="The function is being created.",
        state_reason_code="Creating",
    )
    version = configuration.apply(version, request, ctx.clock.now())
    if registry.find(ctx.account, ctx.region, named.name) is not None:
        raise existing  # another request was quicker while the archive was unpacked
    function = Function(latest=version, tags=dict(request.get("Tags") or {}))
    registry.add(function)
    _soon(lambda: _activate(ctx, function))
    return configuration.render(version)


async def get_function(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunction.html"""
    function, version = lookup.version(ctx, request)
    qualified = lookup.name_of(ctx, request).qualifier is not None
    body: Response = {
        "Configuration": configuration.render(version, qualified=qualified),
        "Code": _code_location(ctx, version),
    }
    if function.tags:
        body["Tags"] = dict(function.tags)
    if function.reserved_concurrency is not None:
        body["Concurrency"] = {"ReservedConcurrentExecutions": function.reserved_concurrency}
    return body


async def get_function_configuration(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_GetFunctionConfiguration.html"""
    _, version = lookup.version(ctx, request)
    qualified = lookup.name_of(ctx, request).qualifier is not None
    return configuration.render(version, qualified=qualified)


async def list_functions(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctions.html"""
    functions = ctx.services.registry.functions(ctx.account, ctx.region)
    names, marker = page(sorted(functions), request)
    return {
        "Functions": [configuration.render(functions[name].latest) for name in names],
        "NextMarker": marker,
    }


async def update_function_code(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionCode.html"""
    function = lookup.function(ctx, request)
    _check_revision(function.latest, request)
    _check_idle(function)
    kept = await code.from_request(ctx, request)
    architecture = (request.get("Architectures") or [function.latest.architecture])[0]
    changed = replace(function.latest, code=kept, architecture=architecture)
    if request.get("DryRun"):
        return configuration.render(changed)
    return _change(ctx, function, changed, "code updated")


async def update_function_configuration(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_UpdateFunctionConfiguration.html"""
    function = lookup.function(ctx, request)
    _check_revision(function.latest, request)
    _check_idle(function)
    _check_runtime(ctx, request)
    changed = configuration.apply(function.latest, request, ctx.clock.now())
    return _change(ctx, function, changed, "configuration updated")


async def delete_function(ctx: Context, request: Request) -> Response:
    """https://docs.aws.amazon.com/lambda/latest/api/API_DeleteFunction.html"""
    function = lookup.function(ctx, request)
    qualifier = lookup.name_of(ctx, request).qualifier
    if qualifier is None:
        ctx.services.registry.remove(function)
    elif qualifier == LATEST:
        raise AwsError(
            "InvalidParameterValueException",
            "$LATEST version cannot be deleted without deleting the function.",
            Type="User",
        )
    else:
        ctx.services.registry.remove_version(function, qualifier)
    return {}


def _change(ctx: Context, function: Function, changed: FunctionVersion, reason: str) -> Response:
    changed = replace(
        changed,
        generation=function.latest.generation + 1,
        last_modified=configuration.timestamp(ctx.clock.now()),
        revision_id=configuration.new_revision(),
        last_update_status="InProgress",
        last_update_status_reason="The function is being created.",
        last_update_status_reason_code="Creating",
    )
    ctx.services.registry.update(function, changed, reason)
    _soon(lambda: _activate(ctx, function))
    return configuration.render(changed)


def _activate(ctx: Context, function: Function) -> None:
    """Let the function leave Pending and InProgress; runs after the answer has been made."""
    active = replace(
        function.latest,
        state="Active",
        state_reason="",
        state_reason_code="",
        last_update_status="Successful",
        last_update_status_reason="",
        last_update_status_reason_code="",
        revision_id=configuration.new_revision(),
    )
    ctx.services.registry.update(function, active, "active")


def _soon(call: Any) -> None:
    asyncio.get_running_loop().call_soon(call)


def _check_revision(version: FunctionVersion, request: Request) -> None:
    if request.get("RevisionId") not in (None, version.revision_id):
        raise AwsError(
            "PreconditionFailedException",
            "The RevisionId provided does not match the latest RevisionId. Call the "
            "GetFunction/GetAlias API to retrieve the latest RevisionId",
            Type="User",
        )


def _check_idle(function: Function) -> None:
    latest = function.latest
    if latest.state == "Pending" or latest.last_update_status == "InProgress":
        raise AwsError(
            "ResourceConflictException",
            "The operation cannot be performed at this time. An update is in progress for "
            f"resource: {function.arn}",
            Type="User",
        )


def _check_package(request: Request) -> None:
    image = request.get("PackageType") == "Image"
    if image and not request["Code"].get("ImageUri"):
        raise AwsError(
            "InvalidParameterValueException",
            "Please provide ImageUri when PackageType is Image.",
            Type="User",
        )
    if not image:
        for member in ("Runtime", "Handler"):
            if not request.get(member):
                raise AwsError(
                    "InvalidParameterValueException",
                    f"{member} is mandatory for functions created with deployment packages.",
                    Type="User",
                )


def _check_runtime(ctx: Context, request: Request) -> None:
    runtime = request.get("Runtime")
    if not runtime:
        return
    try:
        ctx.services.driver.check_runtime(runtime)
    except ConfigurationError as error:
        raise AwsError("InvalidParameterValueException", str(error), Type="User") from error


def _code_location(ctx: Context, version: FunctionVersion) -> dict[str, str]:
    kept: Code = version.code
    if kept.image:
        return {"RepositoryType": "ECR", "ImageUri": kept.image, "ResolvedImageUri": kept.image}
    location = f"{ctx.endpoint}/_emulator/code/{version.account}/{version.region}/{version.name}"
    return {"RepositoryType": "S3", "Location": f"{location}/{version.version}"}
