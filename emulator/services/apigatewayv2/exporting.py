"""APIs as OpenAPI documents."""

from __future__ import annotations

import json

from emulator.services.apigatewayv2 import openapi, state
from emulator.services.apigatewayv2.deployments import settle
from emulator.services.apigatewayv2.errors import bad_request, not_found
from emulator.services.apigatewayv2.parts import find_api
from emulator.services.apigatewayv2.state import SNAPSHOT
from emulator.services.context import Context, Request, Response


async def export_api(ctx: Context, request: Request) -> Response:
    """Serve ExportApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-exports-specification.html
    """
    api = find_api(ctx, request)
    if request["Specification"] != "OAS30":
        raise bad_request("Invalid specification: only OAS30 is supported")
    if request["OutputType"] not in ("JSON", "YAML"):
        raise bad_request("Invalid output type: JSON or YAML")
    if not api.is_http:
        raise bad_request("Only HTTP APIs can be exported")
    held = api.held
    name = request.get("StageName")
    if name:
        await settle(state.of(ctx), api, ctx.clock.now())
        stage = api.stage(name)
        if stage is None:
            raise not_found("stage")
        deployment = api.held["deployments"].get(stage.get("DeploymentId", ""))
        if deployment is None:
            raise bad_request(f"The stage {name} has no deployment")
        held = deployment[SNAPSHOT]
    extensions = request.get("IncludeExtensions")
    document = openapi.write(api.body, held, extensions=extensions is not False)
    if request["OutputType"] == "JSON":
        return {"body": json.dumps(document).encode()}
    import yaml

    return {"body": yaml.safe_dump(document, sort_keys=False).encode()}


OPERATIONS = {"ExportApi": export_api}
