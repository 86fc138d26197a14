"""Capacity providers: where functions on Lambda Managed Instances run.

There are no instances here. Environments start like all others: as many as the provider's vCPUs
allow, each with the vCPUs and the concurrency that its function asks for.
https://docs.aws.amazon.com/lambda/latest/dg/lambda-managed-instances.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.model.function import LATEST, FunctionVersion
from emulator.services.context import Context, Parts, Request, Response
from emulator.services.lambda_ import tags
from emulator.services.lambda_.errors import conflict, invalid, not_found
from emulator.services.lambda_.paging import page
from emulator.services.lambda_.rules import configuration, ignored

Body = dict[str, Any]
_SCALING = {"MaxVCpuCount": 400, "ScalingMode": "Auto"}


async def create_capacity_provider(ctx: Context, request: Request) -> Response:
    """Serve CreateCapacityProvider.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_CreateCapacityProvider.html
    """
    name = _name(request)
    arn = _arn(ctx, name)
    tags.check(request.get("Tags") or {})
    collection = ctx.parts.registry.capacity_providers
    _check(ctx, name, request)
    if collection.find(ctx.account, ctx.region, name) is not None:
        raise conflict(f"Capacity provider already exists: {arn}")
    body: Body = {
        "CapacityProviderArn": arn,
        "State": "Pending",
        "VpcConfig": request["VpcConfig"],
        "PermissionsConfig": request["PermissionsConfig"],
        "InstanceRequirements": {"Architectures": ["x86_64"]}
        | (request.get("InstanceRequirements") or {}),
        "CapacityProviderScalingConfig": _SCALING
        | (request.get("CapacityProviderScalingConfig") or {}),
        "LastModified": configuration.timestamp(ctx.clock.now()),
        "Tags": request.get("Tags") or {},
    }
    for member in ("KmsKeyArn", "PropagateTags", "TelemetryConfig"):
        if request.get(member) is not None:
            body[member] = request[member]
    return await _keep(ctx, name, body)


#: Settings of a capacity provider that are kept but have no effect, and what that means.
_IGNORED = {
    "KmsKeyArn": "nothing is encrypted",
    "PropagateTags": "there are no instances to tag",
    "TelemetryConfig": "there is nothing to tell of",
}


def _check(ctx: Context, name: str, request: Request) -> None:
    """Check the members of a request against each other, and warn of those without effect."""
    scaling = request.get("CapacityProviderScalingConfig") or {}
    if scaling.get("ScalingPolicies") and scaling.get("ScalingMode", "Auto") == "Auto":
        raise invalid("ScalingPolicies can't be specified when the scalingMode is set to Auto")
    unused = {member: why for member, why in _IGNORED.items() if request.get(member)}
    types = request.get("InstanceRequirements") or {}
    if types.get("AllowedInstanceTypes") or types.get("ExcludedInstanceTypes"):
        unused["InstanceRequirements"] = "there are no instances"
    if scaling.get("ScalingPolicies"):
        unused["ScalingPolicies"] = "environments are added when all are busy"
    for member, why in unused.items():
        ignored.refuse(ctx, f"{name}: {member} is not acted on: {why}.")


async def get_capacity_provider(ctx: Context, request: Request) -> Response:
    """Serve GetCapacityProvider.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_GetCapacityProvider.html
    """
    return {"CapacityProvider": _existing(ctx, request)}


async def list_capacity_providers(ctx: Context, request: Request) -> Response:
    """Serve ListCapacityProviders.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListCapacityProviders.html
    """
    collection = ctx.parts.registry.capacity_providers
    names = collection.keys(ctx.account, ctx.region)
    state = request.get("State")
    if state is not None:
        names = [
            n
            for n in names
            if (collection.find(ctx.account, ctx.region, n) or {})["State"] == state
        ]
    chosen, marker = page(names, request)
    found = [collection.find(ctx.account, ctx.region, name) for name in chosen]
    return {"CapacityProviders": found, "NextMarker": marker}


async def update_capacity_provider(ctx: Context, request: Request) -> Response:
    """Serve UpdateCapacityProvider.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_UpdateCapacityProvider.html
    """
    body = dict(_existing(ctx, request))
    _check(ctx, _name(request), request)
    scaling = request.get("CapacityProviderScalingConfig")
    if scaling is not None:
        body["CapacityProviderScalingConfig"] = body["CapacityProviderScalingConfig"] | scaling
    for member in ("PropagateTags", "TelemetryConfig"):
        if request.get(member) is not None:
            body[member] = request[member]
    body["LastModified"] = configuration.timestamp(ctx.clock.now())
    return await _keep(ctx, _name(request), body)


async def delete_capacity_provider(ctx: Context, request: Request) -> Response:
    """Serve DeleteCapacityProvider.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_DeleteCapacityProvider.html
    """
    body = _existing(ctx, request)
    if _versions(ctx, body["CapacityProviderArn"]):
        raise conflict(
            f"The capacity provider {body['CapacityProviderArn']} is used by function versions. "
            "Delete them before you delete it."
        )
    name = _name(request)
    last = {**body, "State": "Deleting"}
    collection = ctx.parts.registry.capacity_providers
    await collection.delete(ctx.account, ctx.region, name, last)
    ctx.parts.pools.capacity.pop(body["CapacityProviderArn"], None)
    asyncio.get_running_loop().call_soon(collection.drop, ctx.account, ctx.region, name)
    return {"CapacityProvider": last}


async def list_function_versions_by_capacity_provider(ctx: Context, request: Request) -> Response:
    """Serve ListFunctionVersionsByCapacityProvider.

    Source: https://docs.aws.amazon.com/lambda/latest/api/API_ListFunctionVersionsByCapacityProvider.html
    """
    arn = _existing(ctx, request)["CapacityProviderArn"]
    versions = _versions(ctx, arn)
    chosen, marker = page(sorted(versions), request)
    return {
        "CapacityProviderArn": arn,
        "FunctionVersions": [{"FunctionArn": k, "State": versions[k].state} for k in chosen],
        "NextMarker": marker,
    }


def bound(parts: Parts, provider: Body) -> None:
    """Keep the environments of a capacity provider within its vCPUs."""
    most = provider["CapacityProviderScalingConfig"]["MaxVCpuCount"]
    parts.pools.capacity[provider["CapacityProviderArn"]] = most


def check(ctx: Context, arn: str) -> None:
    """Check that the capacity provider that a function names exists.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    _, _, _, region, account, _, name = arn.split(":", 6)
    found = ctx.parts.registry.capacity_providers.find(account, region, name)
    if found is None or found["State"] == "Deleting":
        raise not_found(f"Capacity provider not found: {arn}")


def _name(request: Request) -> str:
    return str(request["CapacityProviderName"]).rpartition(":")[2]


def _arn(ctx: Context, name: str) -> str:
    return f"arn:aws:lambda:{ctx.region}:{ctx.account}:capacity-provider:{name}"


def _existing(ctx: Context, request: Request) -> Body:
    name = _name(request)
    body = ctx.parts.registry.capacity_providers.find(ctx.account, ctx.region, name)
    if body is None:
        raise not_found(f"Capacity provider not found: {_arn(ctx, name)}")
    return body


async def _keep(ctx: Context, name: str, body: Body) -> Response:
    settled = {**body, "State": "Active"}
    bound(ctx.parts, body)
    collection = ctx.parts.registry.capacity_providers
    await collection.put(ctx.account, ctx.region, name, body, settled=settled)

    def show() -> None:
        # It may have got other tags meanwhile.
        now = collection.find(ctx.account, ctx.region, name) or {}
        collection.settle(ctx.account, ctx.region, name, {**now, "State": "Active"})

    asyncio.get_running_loop().call_soon(show)
    return {"CapacityProvider": body}


def _versions(ctx: Context, arn: str) -> dict[str, FunctionVersion]:
    """Return the function versions of a capacity provider, by their qualified ARN."""
    functions = ctx.parts.registry.functions(ctx.account, ctx.region).values()
    return {
        version.function_arn if version.version == LATEST else version.qualified_arn: version
        for function in functions
        for version in (function.latest, *function.versions.values())
        if version.managed is not None and version.managed.capacity_provider == arn
    }
