"""Deployments: an API as it was at a moment.

https://docs.aws.amazon.com/apigateway/latest/api/API_Deployment.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.apigateway.documents import Document, drop, new_id, put
from emulator.services.apigateway.errors import bad_request, found
from emulator.services.apigateway.paging import page
from emulator.services.apigateway.patch import Field, apply
from emulator.services.apigateway.resources import all_methods
from emulator.services.apigateway.stages import check, check_name, new_stage
from emulator.services.apigateway.state import DEPLOYED, api_of, keep_api, of
from emulator.services.context import Context, Request, Response

FIELDS = (Field("/description"),)


def snapshot(api: Mapping[str, Any]) -> Document:
    """Return what a deployment keeps of an API; nothing is copied."""
    kept = {name: api[name] for name in DEPLOYED if name in api}
    return {**kept, "api": api["api"]}


def _check_methods(api: Mapping[str, Any]) -> None:
    methods = all_methods(api)
    if not methods:
        raise bad_request("The REST API doesn't contain any methods")
    if any("methodIntegration" not in method for _, _, method in methods):
        raise bad_request("No integration defined for method")


async def create_deployment(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_CreateDeployment.html."""
    api = api_of(ctx, request["restApiId"])
    _check_methods(api)
    stage_name, canary = request.get("stageName"), request.get("canarySettings")
    if canary is not None and not stage_name:
        raise bad_request(
            "Invalid deployment content specified.Non null and non empty stageName must be "
            "provided for canary deployment. Provided value is "
            f"{'null' if stage_name is None else stage_name}"
        )
    deployment: Document = {"id": new_id(), "createdDate": int(ctx.clock.now())}
    if request.get("description"):
        deployment["description"] = request["description"]
    if stage_name:
        check_name(stage_name)
        _staged(
            put(api, ["deployments", deployment["id"]], deployment), request, deployment["id"], 0
        )
    key = f"{api['api']['id']}/{deployment['id']}"
    await of(ctx).snapshots.put(ctx.account, ctx.region, key, snapshot(api))
    # Others may have changed the API meanwhile.
    changed = put(api_of(ctx, request["restApiId"]), ["deployments", deployment["id"]], deployment)
    if stage_name:
        stage = _staged(changed, request, deployment["id"], ctx.clock.now())
        changed = put(changed, ["stages", stage_name], stage)
    await keep_api(ctx, changed)
    return deployment


def _staged(api: Document, request: Request, deployment_id: str, now: float) -> Document:
    """Return the stage that a new deployment goes to, made if there is none."""
    held = (api.get("stages") or {}).get(request["stageName"])
    canary = request.get("canarySettings")
    if held is None:
        if canary is not None:
            raise bad_request(
                "Invalid deployment content specified.Stage non-existing must already be created "
                "before making a canary release deployment".replace(
                    "non-existing", request["stageName"]
                )
            )
        described = {**request, "deploymentId": deployment_id}
        described["description"] = request.get("stageDescription")
        return new_stage(api, described, now)
    if canary is None:
        stage = {**held, "deploymentId": deployment_id}
        if request.get("variables"):
            stage["variables"] = dict(request["variables"])
    else:
        settings = {
            "deploymentId": deployment_id,
            "percentTraffic": float(canary.get("percentTraffic") or 0.0),
            "useStageCache": bool(canary.get("useStageCache")),
        }
        if canary.get("stageVariableOverrides"):
            settings["stageVariableOverrides"] = dict(canary["stageVariableOverrides"])
        stage = {**held, "canarySettings": settings}
    if request.get("stageDescription"):
        stage["description"] = request["stageDescription"]
    if request.get("tracingEnabled") is not None:
        stage["tracingEnabled"] = request["tracingEnabled"]
    check(api, stage)
    return {**stage, "lastUpdatedDate": int(now)}


def _shown(ctx: Context, request: Request, deployment: Document) -> Response:
    if "apisummary" not in (request.get("embed") or ()):
        return deployment
    key = f"{request['restApiId']}/{deployment['id']}"
    kept = of(ctx).snapshots.find(ctx.account, ctx.region, key) or {"resources": {}}
    summary: dict[str, Any] = {}
    for path, name, method in all_methods(kept):
        summary.setdefault(path, {})[name] = {
            "authorizationType": method["authorizationType"],
            "apiKeyRequired": method["apiKeyRequired"],
        }
    return {**deployment, "apiSummary": summary}


def _deployment_of(api: Document, deployment_id: str) -> Document:
    return found(api.get("deployments") or {}, deployment_id, "deployment")


async def get_deployment(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDeployment.html."""
    api = api_of(ctx, request["restApiId"])
    return _shown(ctx, request, _deployment_of(api, request["deploymentId"]))


async def get_deployments(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_GetDeployments.html."""
    api = api_of(ctx, request["restApiId"])
    return page(list((api.get("deployments") or {}).values()), request)


async def delete_deployment(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_DeleteDeployment.html."""
    api = api_of(ctx, request["restApiId"])
    deployment = _deployment_of(api, request["deploymentId"])
    for stage in (api.get("stages") or {}).values():
        used = (stage["deploymentId"], (stage.get("canarySettings") or {}).get("deploymentId"))
        if deployment["id"] in used:
            raise bad_request("Active stages pointing to this deployment must be moved or deleted")
    await keep_api(ctx, drop(api, ["deployments", deployment["id"]]))
    key = f"{api['api']['id']}/{deployment['id']}"
    await of(ctx).snapshots.delete(ctx.account, ctx.region, key)
    return {}


async def update_deployment(ctx: Context, request: Request) -> Response:
    """See https://docs.aws.amazon.com/apigateway/latest/api/API_UpdateDeployment.html."""
    api = api_of(ctx, request["restApiId"])
    deployment = apply(
        _deployment_of(api, request["deploymentId"]), request.get("patchOperations") or (), FIELDS
    )
    await keep_api(ctx, put(api, ["deployments", deployment["id"]], deployment))
    return deployment
