"""APIs themselves."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlsplit

from emulator.services.apigatewayv2 import state
from emulator.services.apigatewayv2.deployments import settle
from emulator.services.apigatewayv2.errors import bad_request
from emulator.services.apigatewayv2.integrations import INTEGRATION
from emulator.services.apigatewayv2.parts import find_api, merge, page
from emulator.services.apigatewayv2.routes import ROUTE
from emulator.services.apigatewayv2.state import HTTP, WEBSOCKET, Api, ApiGateway, Body, new_id
from emulator.services.context import Context, Request, Response

_HTTP_SELECTION = "$request.method $request.path"
_API_KEY = "$request.header.x-api-key"
_LONGEST_NAME = 128
#: Members of CreateApi that make parts, and are not kept with the API.
_QUICK = ("CredentialsArn", "RouteKey", "Target")


async def create_api(ctx: Context, request: Request) -> Response:
    """Serve CreateApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html
    """
    kept = state.of(ctx)
    api = await make(ctx, {k: v for k, v in request.items() if k not in _QUICK})
    if request.get("Target"):
        try:
            await _make_quickly(kept, api, request, ctx.clock.now())
        except Exception:
            await kept.drop_api(api)
            raise
    elif request.get("RouteKey") or request.get("CredentialsArn"):
        await kept.drop_api(api)
        raise bad_request("Target is required for RouteKey and CredentialsArn")
    return api.body


async def make(ctx: Context, wanted: Body) -> Api:
    """Make an API without parts.

    Raises:
        AwsError: BadRequestException.
    """
    body = merge({}, wanted)
    _check_name(body)
    tags = body.setdefault("Tags", {})
    api_id = ctx.parts.hosts.new_api_id(ctx.account, ctx.region, body["Name"], tags)
    is_http = body["ProtocolType"] == HTTP
    body |= {
        "ApiEndpoint": address(ctx.endpoint, ctx.region, api_id, secure=False, is_http=is_http),
        "ApiId": api_id,
        "CreatedDate": ctx.clock.now(),
    }
    _check(body)
    return await state.of(ctx).put_api(ctx.account, ctx.region, body)


async def get_api(ctx: Context, request: Request) -> Response:
    """Serve GetApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html
    """
    return find_api(ctx, request).body


async def get_apis(ctx: Context, request: Request) -> Response:
    """Serve GetApis.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis.html
    """
    found = [api.body for api in state.of(ctx).apis_of(ctx.account, ctx.region)]
    return page(found, request)


async def update_api(ctx: Context, request: Request) -> Response:
    """Serve UpdateApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html
    """
    api, kept = find_api(ctx, request), state.of(ctx)
    changes = {k: v for k, v in request.items() if k not in ("ApiId", *_QUICK)}
    after = merge(api.body, changes)
    _check_name(after)
    _check(after)
    await _update_quickly(kept, api, request)
    await kept.put_api(ctx.account, ctx.region, after)
    await settle(kept, api, ctx.clock.now())
    return api.body


async def delete_api(ctx: Context, request: Request) -> Response:
    """Serve DeleteApi.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid.html
    """
    api, kept = find_api(ctx, request), state.of(ctx)
    if any(mapping["ApiId"] == api.id for *_, mapping in kept.mappings.all()):
        raise bad_request("Deleting an API that is mapped to a domain name is not supported")
    await kept.drop_api(api)
    return {}


async def delete_cors_configuration(ctx: Context, request: Request) -> Response:
    """Serve DeleteCorsConfiguration.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-cors.html
    """
    api = find_api(ctx, request)
    after = {k: v for k, v in api.body.items() if k != "CorsConfiguration"}
    await state.of(ctx).put_api(ctx.account, ctx.region, after)
    return {}


def address(
    endpoint: str, region: str, api_id: str, *, secure: bool = False, is_http: bool = True
) -> str:
    """Return the address of an API, as it is reached from this machine."""
    host = urlsplit(endpoint).netloc
    _, colon, port = host.rpartition(":")
    port = colon + port if port.isdigit() else ""
    scheme = ("http" if is_http else "ws") + ("s" if secure else "")
    return f"{scheme}://{api_id}.execute-api.{region}.localhost{port}"


def _check_name(body: Body) -> None:
    if not 1 <= len(body.get("Name") or "") <= _LONGEST_NAME:
        raise bad_request("Invalid API name specified")
    if body.get("ProtocolType") not in (HTTP, WEBSOCKET):
        raise bad_request("Invalid protocol specified. Must be one of [HTTP, WEBSOCKET]")


def _check(body: Body) -> None:
    """Complete an API, and refuse one that makes no sense."""
    body.setdefault("ApiKeySelectionExpression", _API_KEY)
    body.setdefault("DisableExecuteApiEndpoint", False)
    body.setdefault("IpAddressType", "ipv4")
    if body["ProtocolType"] == HTTP:
        given = body.setdefault("RouteSelectionExpression", _HTTP_SELECTION)
        if re.sub(r"[{}]", "", given) != _HTTP_SELECTION:
            raise bad_request(
                f"Invalid route selection expression: for HTTP APIs it is {_HTTP_SELECTION}"
            )
        _check_cors(body.get("CorsConfiguration") or {})
        return
    expression = body.get("RouteSelectionExpression", "")
    if not expression:
        raise bad_request("RouteSelectionExpression is a required field for WebSocket APIs")
    if not expression.lstrip("${").startswith("request."):
        raise bad_request(f"Invalid route selection expression {expression} specified")
    if body.get("CorsConfiguration"):
        raise bad_request("CORS configuration is supported only for HTTP APIs")


def _check_cors(cors: dict[str, Any]) -> None:
    if cors.get("AllowCredentials"):
        for member in ("AllowOrigins", "AllowHeaders", "AllowMethods"):
            if "*" in (cors.get(member) or []):
                name = member[0].lower() + member[1:]
                raise bad_request(
                    f"{name} can not contain '*' wildcard when allowCredentials is true"
                )
    if not -1 <= cors.get("MaxAge", 0) <= 86400:
        raise bad_request("maxAge should be between -1 and 86400")


async def _make_quickly(kept: ApiGateway, api: Api, request: Request, now: float) -> None:
    """Make the integration, the route and the stage of an API that names a target.

    Raises:
        AwsError: BadRequestException.
    """
    if not api.is_http:
        raise bad_request("Target is supported only for HTTP APIs")
    integration: Body = {
        "ApiGatewayManaged": True,
        "IntegrationId": new_id(7),
        **_target(request),
    }
    INTEGRATION.check(api, None, integration)
    await kept.put(api, "integrations", integration["IntegrationId"], integration)
    route: Body = {
        "ApiGatewayManaged": True,
        "RouteId": new_id(7),
        "RouteKey": request.get("RouteKey") or "$default",
        "Target": f"integrations/{integration['IntegrationId']}",
    }
    ROUTE.check(api, None, route)
    await kept.put(api, "routes", route["RouteId"], route)
    stage: Body = {
        "ApiGatewayManaged": True,
        "AutoDeploy": True,
        "CreatedDate": now,
        "DefaultRouteSettings": {"DetailedMetricsEnabled": False},
        "LastUpdatedDate": now,
        "RouteSettings": {},
        "StageName": "$default",
        "StageVariables": {},
        "Tags": {},
    }
    await kept.put(api, "stages", "$default", stage)
    await settle(kept, api, now)


def _target(request: Request) -> Body:
    target: str = request["Target"]
    is_function = not target.startswith(("http://", "https://"))
    found: Body = {
        "IntegrationType": "AWS_PROXY" if is_function else "HTTP_PROXY",
        "IntegrationUri": target,
        "IntegrationMethod": "POST" if is_function else "ANY",
        "PayloadFormatVersion": "2.0" if is_function else "1.0",
    }
    if request.get("CredentialsArn"):
        found["CredentialsArn"] = request["CredentialsArn"]
    return found


async def _update_quickly(kept: ApiGateway, api: Api, request: Request) -> None:
    """Change what an API has that was made with a target.

    Raises:
        AwsError: BadRequestException.
    """
    if not any(request.get(name) for name in _QUICK):
        return
    managed = {
        kind: next(
            (each for each in api.held[kind].values() if each.get("ApiGatewayManaged")), None
        )
        for kind in ("integrations", "routes")
    }
    integration, route = managed["integrations"], managed["routes"]
    if integration is None or route is None:
        raise bad_request("Target, RouteKey and CredentialsArn are for APIs made by quick create")
    if request.get("Target"):
        after = {**integration, **_target(request)}
        await kept.put(api, "integrations", integration["IntegrationId"], after)
    if request.get("RouteKey"):
        changed = {**route, "RouteKey": request["RouteKey"]}
        ROUTE.check(api, route, changed)
        await kept.put(api, "routes", route["RouteId"], changed)


OPERATIONS = {
    "CreateApi": create_api,
    "DeleteApi": delete_api,
    "DeleteCorsConfiguration": delete_cors_configuration,
    "GetApi": get_api,
    "GetApis": get_apis,
    "UpdateApi": update_api,
}
