"""Routes and their responses: which requests, and messages, go to which integration."""

from __future__ import annotations

import re
from typing import Any

from emulator.services.apigatewayv2 import parts, state
from emulator.services.apigatewayv2.errors import bad_request, conflict, not_found
from emulator.services.apigatewayv2.parts import Part, find_api
from emulator.services.apigatewayv2.state import Api, Body
from emulator.services.context import Context, Request, Response

DEFAULT = "$default"
_METHODS = "ANY|DELETE|GET|HEAD|OPTIONS|PATCH|POST|PUT"
_HTTP_KEY = re.compile(rf"(?:{_METHODS}) /\S*")
_PARAMETER = re.compile(r"\{([^{}]*)\}")
_NAME = re.compile(r"[A-Za-z0-9._:-]+\+?")
#: How requests are authorized, by protocol.
_TYPES = {True: ("NONE", "JWT", "AWS_IAM", "CUSTOM"), False: ("NONE", "AWS_IAM", "CUSTOM")}


def _check(api: Api, before: Body | None, route: Body) -> None:
    """Complete a route, and refuse one that makes no sense."""
    key = route.get("RouteKey")
    if not key:
        raise bad_request("RouteKey is a required field")
    _check_key(api, key)
    if api.route_id(key) not in (None, route["RouteId"]):
        raise conflict(f"Route with key {key} already exists for this API")
    kind = route.setdefault("AuthorizationType", "NONE")
    route.setdefault("ApiKeyRequired", False)
    if kind not in _TYPES[api.is_http]:
        raise bad_request(f"Invalid authorization type {kind} specified")
    if not api.is_http and key != "$connect" and kind != "NONE":
        raise bad_request(
            "Currently, authorization is only supported for the $connect route of WebSocket APIs"
        )
    if kind in ("JWT", "CUSTOM"):
        authorizer = api.held["authorizers"].get(route.get("AuthorizerId", ""))
        wanted = "JWT" if kind == "JWT" else "REQUEST"
        if authorizer is None or authorizer["AuthorizerType"] != wanted:
            raise bad_request(
                f"Invalid authorizer ID specified. Setting the authorization type to {kind} "
                f"requires a valid {wanted} authorizer."
            )
    else:
        route.pop("AuthorizerId", None)
    if not route.get("AuthorizationScopes"):
        route.pop("AuthorizationScopes", None)
    elif kind != "JWT" and before is not None:
        route.pop("AuthorizationScopes")
    elif kind != "JWT":
        raise bad_request("AuthorizationScopes are supported only for JWT authorization")
    target = route.get("Target")
    if target is not None:
        folder, _, integration = str(target).partition("/")
        if folder != "integrations" or not integration:
            raise bad_request("Invalid target specified: it must be integrations/<integration id>")
        if integration not in api.held["integrations"]:
            raise not_found("Integration")


def _check_key(api: Api, key: str) -> None:
    if not api.is_http:
        if not key or len(key) > 128:
            raise bad_request("The provided route key is not valid")
        return
    if key == DEFAULT:
        return
    if not _HTTP_KEY.fullmatch(key):
        raise bad_request(
            "The provided route key is not formatted properly for HTTP protocol. Format should "
            'be "<HTTP METHOD> /<RESOURCE PATH>" or "$default"'
        )
    _check_path(key.partition(" ")[2])


def _check_path(path: str) -> None:
    names = set()
    segments = path.strip("/").split("/")
    for number, segment in enumerate(segments):
        found = _PARAMETER.findall(segment)
        if "{" not in segment and "}" not in segment:
            continue
        if len(found) != 1 or segment != f"{{{found[0]}}}" or not _NAME.fullmatch(found[0]):
            raise bad_request(f"Invalid path parameter in the route path {path}")
        if found[0].endswith("+") and number != len(segments) - 1:
            raise bad_request("A greedy path variable must be at the end of the route path")
        name = found[0].rstrip("+")
        if name in names:
            raise bad_request(f"The path parameter {name} occurs more than once in {path}")
        names.add(name)


ROUTE = Part(
    kind="routes",
    title="Route",
    id_member="RouteId",
    check=_check,
    merged=frozenset({"RequestModels", "RequestParameters"}),
)


def _check_response(api: Api, before: Body | None, response: Body) -> None:
    if api.is_http:
        raise bad_request("Route responses are not supported for HTTP APIs")
    key = response["RouteResponseKey"]
    if key != DEFAULT:
        raise bad_request("Currently, only $default is supported as a route response key")
    for other in api.held["routeresponses"].values():
        same = (other["RouteId"], other["RouteResponseKey"]) == (response["RouteId"], key)
        if same and other["RouteResponseId"] != response["RouteResponseId"]:
            raise conflict(f"Route response with key {key} already exists for this route")


RESPONSE = Part(
    kind="routeresponses",
    title="RouteResponse",
    id_member="RouteResponseId",
    parent=("RouteId", "routes", "Route"),
    check=_check_response,
    merged=frozenset({"ResponseModels", "ResponseParameters"}),
)


async def delete_route_request_parameter(ctx: Context, request: Request) -> Response:
    """Serve DeleteRouteRequestParameter.

    Source: https://docs.aws.amazon.com/apigatewayv2/latest/api-reference/apis-apiid-routes-routeid-requestparameters-requestparameterkey.html
    """
    api = find_api(ctx, request)
    route = ROUTE.find(api, request)
    held: dict[str, Any] = dict(route.get("RequestParameters") or {})
    if held.pop(request["RequestParameterKey"], None) is None:
        raise not_found("RequestParameter")
    after = {**route, "RequestParameters": held}
    await state.of(ctx).put(api, "routes", route["RouteId"], after)
    return {}


OPERATIONS = {
    **parts.operations(ROUTE),
    **parts.operations(RESPONSE),
    "DeleteRouteRequestParameter": delete_route_request_parameter,
}
