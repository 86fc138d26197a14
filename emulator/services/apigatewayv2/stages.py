"""Stages: the addresses of an API, each with a deployment and settings of its own."""

from __future__ import annotations

import re

from emulator.model.errors import AwsError
from emulator.services.apigatewayv2 import state
from emulator.services.apigatewayv2.deployments import settle
from emulator.services.apigatewayv2.errors import bad_request, conflict, not_found
from emulator.services.apigatewayv2.parts import find_api, merge, page
from emulator.services.apigatewayv2.state import Api, Body
from emulator.services.context import Context, Request, Response

_NAME = re.compile(r"[A-Za-z0-9_-]{1,128}")
_VARIABLE = re.compile(r"[A-Za-z0-9_]+")
_VARIABLE_VALUE = re.compile(r"[A-Za-z0-9\-._~:/?#&=,]*")
_LOG_GROUP = re.compile(r"arn:[^:]+:(logs|firehose):.+")


async def create_stage(ctx: Context, request: Request) -> Response:
    """Serve CreateStage.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html
    """
    api, name, now = find_api(ctx, request), request["StageName"], ctx.clock.now()
    if not _NAME.fullmatch(name) and not (api.is_http and name == "$default"):
        raise bad_request("Stage name only allows a-zA-Z0-9-_, and $default for HTTP APIs")
    if api.stage(name) is not None:
        raise conflict("Stage already exists")
    made = merge({}, {k: v for k, v in request.items() if k != "ApiId"})
    made |= {"CreatedDate": now, "LastUpdatedDate": now}
    made.setdefault("Tags", {})
    _check(api, made, made)
    await state.of(ctx).put(api, "stages", name, made)
    await settle(state.of(ctx), api, now)
    return api.held["stages"][name]


async def get_stage(ctx: Context, request: Request) -> Response:
    """Serve GetStage.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html
    """
    api = find_api(ctx, request)
    await settle(state.of(ctx), api, ctx.clock.now())
    return _find(api, request)


async def get_stages(ctx: Context, request: Request) -> Response:
    """Serve GetStages.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages.html
    """
    api = find_api(ctx, request)
    await settle(state.of(ctx), api, ctx.clock.now())
    return page(list(api.held["stages"].values()), request)


async def update_stage(ctx: Context, request: Request) -> Response:
    """Serve UpdateStage.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html
    """
    api = find_api(ctx, request)
    before = _find(api, request)
    changes = {k: v for k, v in request.items() if k not in ("ApiId", "StageName")}
    after = merge(before, changes, frozenset({"StageVariables", "RouteSettings"}))
    after["LastUpdatedDate"] = ctx.clock.now()
    if after.get("AutoDeploy") and changes.get("DeploymentId"):
        raise bad_request("Deployment ID cannot be set on stages with AutoDeploy enabled")
    _check(api, after, changes)
    await state.of(ctx).put(api, "stages", after["StageName"], after)
    await settle(state.of(ctx), api, ctx.clock.now())
    return api.held["stages"][after["StageName"]]


async def delete_stage(ctx: Context, request: Request) -> Response:
    """Serve DeleteStage.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename.html
    """
    api = find_api(ctx, request)
    _find(api, request)
    for *_, mapping in state.of(ctx).mappings.all():
        if (mapping["ApiId"], mapping["Stage"]) == (api.id, request["StageName"]):
            raise bad_request("Deleting stages which are mapped to a domain name is not supported")
    await state.of(ctx).drop(api, "stages", request["StageName"])
    return {}


async def delete_access_log_settings(ctx: Context, request: Request) -> Response:
    """Serve DeleteAccessLogSettings.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename-accesslogsettings.html
    """
    api = find_api(ctx, request)
    after = {k: v for k, v in _find(api, request).items() if k != "AccessLogSettings"}
    await state.of(ctx).put(api, "stages", request["StageName"], after)
    return {}


async def delete_route_settings(ctx: Context, request: Request) -> Response:
    """Serve DeleteRouteSettings.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename-routesettings-routekey.html
    """
    api = find_api(ctx, request)
    stage = _find(api, request)
    held = dict(stage.get("RouteSettings") or {})
    if held.pop(request["RouteKey"], None) is None:
        raise not_found("RouteSettings")
    await state.of(ctx).put(api, "stages", request["StageName"], {**stage, "RouteSettings": held})
    return {}


async def reset_authorizers_cache(ctx: Context, request: Request) -> Response:
    """Serve ResetAuthorizersCache.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-stages-stagename-cache-authorizers.html
    """
    api = find_api(ctx, request)
    stage = _find(api, request)
    # Answers are remembered for a stage as it is: one that has changed is asked anew.
    after = {**stage, ".cache": int(stage.get(".cache", 0)) + 1}
    await state.of(ctx).put(api, "stages", request["StageName"], after)
    return {}


def _find(api: Api, request: Request) -> Body:
    stage = api.stage(request["StageName"])
    if stage is None:
        raise not_found("stage")
    return stage


def _check(api: Api, stage: Body, given: Body) -> None:
    """Complete a stage, and refuse one that makes no sense."""
    settings = {"DetailedMetricsEnabled": False, **(stage.get("DefaultRouteSettings") or {})}
    if not api.is_http:
        settings = {"DataTraceEnabled": False, "LoggingLevel": "OFF", **settings}
    stage["DefaultRouteSettings"] = settings
    stage.setdefault("RouteSettings", {})
    keys = {route["RouteKey"] for route in api.held["routes"].values()}
    for key in given.get("RouteSettings") or {}:
        if key not in keys:
            text = f"Unable to find Route by key {key} within the provided RouteSettings"
            raise AwsError("NotFoundException", text)
    deployment = stage.get("DeploymentId")
    if deployment and deployment not in api.held["deployments"]:
        raise bad_request(f"Deployment with id {deployment} does not exist")
    for name, value in stage.setdefault("StageVariables", {}).items():
        if not _VARIABLE.fullmatch(name) or not _VARIABLE_VALUE.fullmatch(value):
            raise bad_request(
                "Stage variable names and values may have only alphanumeric characters, and values "
                "also -._~:/?#&=,"
            )
    logs = stage.get("AccessLogSettings") or {}
    if not logs:
        stage.pop("AccessLogSettings", None)
    elif logs.get("DestinationArn") and not _LOG_GROUP.fullmatch(logs["DestinationArn"]):
        raise bad_request("Invalid ARN specified in the request: no log group or delivery stream")


OPERATIONS = {
    "CreateStage": create_stage,
    "DeleteAccessLogSettings": delete_access_log_settings,
    "DeleteRouteSettings": delete_route_settings,
    "DeleteStage": delete_stage,
    "GetStage": get_stage,
    "GetStages": get_stages,
    "ResetAuthorizersCache": reset_authorizers_cache,
    "UpdateStage": update_stage,
}
