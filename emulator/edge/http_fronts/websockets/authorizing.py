"""Who may connect to a WebSocket API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-lambda-auth.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.apis.signed import check_signed
from emulator.edge.http_fronts.authorizers.base import Refused
from emulator.edge.http_fronts.authorizers.iam import signer_of
from emulator.edge.http_fronts.authorizers.lambda_functions import grant_of_policy
from emulator.edge.http_fronts.invoking import parse_function_uri
from emulator.edge.http_fronts.websockets.events import Caller, connect_event
from emulator.edge.http_fronts.websockets.live import LiveStage


async def authorize(
    room: Room, live: LiveStage, caller: Caller, route: Mapping[str, Any]
) -> Caller:
    """Return a client that may connect, with what the authorizer of ``$connect`` has found of it.

    Raises:
        Refused: The client may not.
    """
    request, api = caller.request, live.api
    arn = f"arn:aws:execute-api:{api.region}:{api.account}:{api.id}/{live.name}/$connect"
    if route["AuthorizationType"] == "AWS_IAM":
        signer = signer_of(request.header("authorization"), request.query, live.api.account)
        if signer is None:
            raise Refused(403, "the request is not signed")
        await check_signed(room.parts, request, api.account, api.region, arn)
        return caller._replace(authorizer={"principalId": signer.access_key})
    authorizer = live.authorizers.get(route.get("AuthorizerId", ""))
    if authorizer is None:
        raise Refused(500, "the route's authorizer does not exist")
    function = parse_function_uri(authorizer["AuthorizerUri"], live.api.account, live.api.region)
    if function is None:
        raise Refused(500, "the authorizer's URI names no function")
    identity = [
        _identity(source, live, caller) for source in authorizer.get("IdentitySource") or []
    ]
    if any(not each for each in identity):
        raise Refused(401, "an identity source is missing")
    event = connect_event(caller, room.parts.clock.now())
    asked = {"type": "REQUEST", "methodArn": arn, **event}
    del asked["isBase64Encoded"]
    for name in ("queryStringParameters", "multiValueQueryStringParameters", "stageVariables"):
        asked.setdefault(name, {})
    answer = await room.lambda_authorizers.ask(
        function, asked, key=None, ttl_s=0, trace_id=request.trace_id
    )
    grant = grant_of_policy(answer, arn, {"aws:sourceip": request.source_ip})
    shown = {name: _text(value) for name, value in grant.authorizer.items()}
    found = {**shown, "principalId": grant.principal, "integrationLatency": 0}
    return caller._replace(authorizer=found, usage_key=grant.usage_key)


def _identity(source: str, live: LiveStage, caller: Caller) -> str:
    """Return what an identity source means: "route.request.header.Auth", "stageVariables.a", …."""
    name = source.removeprefix("route.").removeprefix("$")
    scope, _, rest = name.partition(".")
    if scope == "stageVariables":
        return live.variables.get(rest, "")
    if scope == "context":
        return {"stage": live.name, "apiId": live.api.id}.get(rest, "")
    place, _, key = rest.partition(".")
    if place == "header":
        return caller.request.header(key.lower())
    if place == "querystring":
        return dict(parse_qsl(caller.request.query, keep_blank_values=True)).get(key, "")
    return ""


def _text(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
