"""Deployments: what of an API its stages serve; made by hand, or by themselves as it changes."""

from __future__ import annotations

from emulator.services.apigatewayv2 import parts, state
from emulator.services.apigatewayv2.errors import bad_request, not_found
from emulator.services.apigatewayv2.parts import Part, find_api, page
from emulator.services.apigatewayv2.state import SNAPSHOT, Api, ApiGateway, Body, new_id
from emulator.services.context import Context, Request, Response

#: Deployments made by themselves that are kept.
_KEPT = 25


def _check(api: Api, before: Body | None, deployment: Body) -> None:
    """Let every deployment be; only descriptions change."""


def _check_deletion(api: Api, deployment: Body) -> None:
    for stage in api.held["stages"].values():
        if stage.get("DeploymentId") == deployment["DeploymentId"]:
            raise bad_request("Active stages pointing to this deployment must be moved or deleted")


DEPLOYMENT = Part(
    kind="deployments",
    title="Deployment",
    id_member="DeploymentId",
    id_length=6,
    check=_check,
    check_deletion=_check_deletion,
)


async def create_deployment(ctx: Context, request: Request) -> Response:
    """Serve CreateDeployment.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-deployments.html
    """
    api, kept = find_api(ctx, request), state.of(ctx)
    name = request.get("StageName")
    if name and api.stage(name) is None:
        raise not_found("stage")
    if not api.held["routes"]:
        raise bad_request("At least one route is required before deploying the Api.")
    made = await deploy(kept, api, request.get("Description"), now=ctx.clock.now())
    if name:
        await point(kept, api, name, made, now=ctx.clock.now())
    return made


async def get_deployment(ctx: Context, request: Request) -> Response:
    """Serve GetDeployment.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-deployments-deploymentid.html
    """
    api = find_api(ctx, request)
    await settle(state.of(ctx), api, ctx.clock.now())
    return DEPLOYMENT.find(api, request)


async def get_deployments(ctx: Context, request: Request) -> Response:
    """Serve GetDeployments.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-deployments.html
    """
    api = find_api(ctx, request)
    await settle(state.of(ctx), api, ctx.clock.now())
    return page(list(reversed(api.held["deployments"].values())), request)


async def deploy(
    kept: ApiGateway, api: Api, description: str | None, *, now: float, by_itself: bool = False
) -> Body:
    """Make a deployment of an API as it is now.

    Raises:
        AwsError: The disk did not take it.
    """
    made: Body = {
        "AutoDeployed": by_itself,
        "CreatedDate": now,
        "DeploymentId": new_id(6, api.held["deployments"]),
        "DeploymentStatus": "DEPLOYED",
        SNAPSHOT: api.snapshot(),
    }
    if description:
        made["Description"] = description
    await kept.put(api, "deployments", made["DeploymentId"], made)
    return made


async def point(kept: ApiGateway, api: Api, stage: str, deployment: Body, *, now: float) -> None:
    """Let a stage serve a deployment.

    Raises:
        AwsError: The disk did not take it.
    """
    text = f"Successfully deployed stage with deployment ID '{deployment['DeploymentId']}'"
    body = {
        **api.held["stages"][stage],
        "DeploymentId": deployment["DeploymentId"],
        "LastUpdatedDate": now,
    }
    if body.get("AutoDeploy"):
        body["LastDeploymentStatusMessage"] = text
    await kept.put(api, "stages", stage, body)


async def settle(kept: ApiGateway, api: Api, now: float) -> None:
    """Make the deployment of an API's changes for the stages that are deployed by themselves.

    It is made when somebody looks, not with each change: a stack changes an API a hundred times.

    Raises:
        AwsError: The disk did not take it.
    """
    async with api.settling:
        await _settle(kept, api, now)


async def _settle(kept: ApiGateway, api: Api, now: float) -> None:
    stages = [name for name, each in api.held["stages"].items() if each.get("AutoDeploy")]
    pending = [
        name
        for name in stages
        if api.deployed != api.changes or not api.held["stages"][name].get("DeploymentId")
    ]
    if not pending or not api.held["routes"]:
        return
    changes = api.changes
    text = "Automatic deployment triggered by changes to the Api configuration"
    made = await deploy(kept, api, text, now=now, by_itself=True)
    for name in pending:
        if api.stage(name) is not None:
            await point(kept, api, name, made, now=now)
    api.deployed = changes
    used = {each.get("DeploymentId") for each in api.held["stages"].values()}
    by_itself = [k for k, each in api.held["deployments"].items() if each["AutoDeployed"]]
    for each in by_itself[:-_KEPT]:
        if each not in used:
            await kept.drop(api, "deployments", each)


OPERATIONS = {
    **parts.operations(DEPLOYMENT),
    "CreateDeployment": create_deployment,
    "GetDeployment": get_deployment,
    "GetDeployments": get_deployments,
}
