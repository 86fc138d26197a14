"""Who may call a route of an HTTP API.

https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-access-control.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.edge.http_fronts import payload_v1, payload_v2
from emulator.edge.http_fronts.apis.base import Room
from emulator.edge.http_fronts.apis.signed import check_signed
from emulator.edge.http_fronts.authorizers.base import Grant, Refused
from emulator.edge.http_fronts.authorizers.iam import signer_of
from emulator.edge.http_fronts.authorizers.jwt_tokens import InvalidToken
from emulator.edge.http_fronts.authorizers.lambda_functions import grant_of_policy
from emulator.edge.http_fronts.http_apis.context import Exchange
from emulator.edge.http_fronts.http_apis.routing import Route
from emulator.edge.http_fronts.invoking import parse_function_uri
from emulator.services.apigatewayv2.state import Body


class Challenged(Refused):
    """The caller may not call, and is told why by a header.

    Args:
        status: 401 or 403.
        reason: Why.
        challenge: The header ``WWW-Authenticate``.
    """

    def __init__(self, status: int, reason: str, challenge: str) -> None:
        super().__init__(status, reason)
        self.challenge = challenge


async def authorize(room: Room, exchange: Exchange, route: Route) -> Grant:
    """Return the caller of a route, if the caller may call it.

    Raises:
        Refused: The caller may not.
    """
    kind = route.get("AuthorizationType", "NONE")
    if kind == "AWS_IAM":
        grant, api = _signed(exchange), exchange.live.api
        await check_signed(room.parts, exchange.request, api.account, api.region, _arn(exchange))
        return grant
    authorizer = exchange.live.authorizers.get(route.get("AuthorizerId", ""))
    if authorizer is None:
        raise Refused(500, "the route's authorizer does not exist")
    if kind == "JWT":
        return await _token(room, exchange, route, authorizer)
    return await _asked(room, exchange, authorizer)


def _signed(exchange: Exchange) -> Grant:
    request = exchange.request
    signer = signer_of(request.header("authorization"), request.query, exchange.live.api.account)
    if signer is None:
        raise Refused(403, "the request is not signed")
    return Grant(authorizer={"iam": signer.identity}, account=signer.account)


# --- tokens ------------------------------------------------------------------------------------


async def _token(room: Room, exchange: Exchange, route: Route, authorizer: Body) -> Grant:
    sources = authorizer.get("IdentitySource") or ["$request.header.Authorization"]
    found = exchange.value(sources[0].lstrip("$"))
    scheme, _, token = (found or "").partition(" ")
    if not found:
        raise Challenged(401, "there is no token", "Bearer")
    if scheme.lower() != "bearer" or not token:
        token = found
    given: Mapping[str, Any] = authorizer.get("JwtConfiguration") or {}
    try:
        claims = await room.jwt.verify(
            token.strip(), issuers=[given.get("Issuer", "")], audiences=given.get("Audience") or ()
        )
    except InvalidToken as error:
        text = f'Bearer scope="" error="invalid_token" error_description="{error}"'
        raise Challenged(401, str(error), text) from error
    wanted = route.get("AuthorizationScopes") or []
    held = _scopes(claims)
    scopes = [each for each in held if each in wanted]
    if wanted and not scopes:
        text = f'Bearer scope="{" ".join(wanted)}" error="insufficient_scope"'
        raise Challenged(403, "the token has none of the route's scopes", text)
    shown = {name: _shown(value) for name, value in claims.items()}
    jwt = {"claims": shown, "scopes": scopes if wanted else None}
    return Grant(authorizer={"jwt": jwt}, principal=str(claims.get("sub", "")))


def _scopes(claims: Mapping[str, Any]) -> list[str]:
    found = claims.get("scope", claims.get("scp", ""))
    return [str(each) for each in found] if isinstance(found, list) else str(found).split()


def _shown(value: Any) -> str:
    """Return a claim as functions see it: a text."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return f"[{' '.join(_shown(each) for each in value)}]"
    return str(value)


# --- functions ---------------------------------------------------------------------------------


async def _asked(room: Room, exchange: Exchange, authorizer: Body) -> Grant:
    live = exchange.live
    sources: list[str] = authorizer.get("IdentitySource") or []
    identity = [exchange.value(each.lstrip("$")) for each in sources]
    if any(not each for each in identity):
        raise Refused(401, "an identity source is missing")
    function = parse_function_uri(authorizer["AuthorizerUri"], live.api.account, live.api.region)
    if function is None:
        raise Refused(500, "the authorizer's URI names no function")
    version = authorizer.get("AuthorizerPayloadFormatVersion") or "1.0"
    arn = _arn(exchange)
    event = (_event_v2 if version == "2.0" else _event_v1)(exchange, arn, sources, identity)
    owner = (live.api.id, live.name, live.stage.get(".cache", 0), authorizer["AuthorizerId"])
    answer = await room.lambda_authorizers.ask(
        function,
        event,
        key=(owner, tuple(identity)),
        ttl_s=float(authorizer.get("AuthorizerResultTtlInSeconds") or 0),
        trace_id=exchange.request.trace_id,
    )
    if not authorizer.get("EnableSimpleResponses"):
        context = {"aws:sourceip": exchange.request.source_ip}
        grant = grant_of_policy(answer, arn, context)
        if version == "2.0":
            return Grant(authorizer={"lambda": grant.authorizer}, principal=grant.principal)
        held = {**grant.authorizer, "principalId": grant.principal}
        return Grant(authorizer={"lambda": held}, principal=grant.principal)
    allowed = answer.get("isAuthorized")
    if not isinstance(allowed, bool):
        raise Refused(500, "the authorizer returned no isAuthorized")
    if not allowed:
        raise Refused(403, "the authorizer does not allow it", policy_denied=True)
    found = answer.get("context")
    return Grant(authorizer={"lambda": found if isinstance(found, Mapping) else None})


def _arn(exchange: Exchange) -> str:
    api, request = exchange.live.api, exchange.request
    return (
        f"arn:aws:execute-api:{api.region}:{api.account}:{api.id}/{exchange.live.name}/"
        f"{request.method}{payload_v2.decoded(exchange.path)}"
    )


def _route(exchange: Exchange) -> payload_v2.Route:
    live, match = exchange.live, exchange.match
    stage = "" if live.name == "$default" else f"/{live.name}"
    return payload_v2.Route(
        path=payload_v2.decoded(f"{stage}{exchange.path}"),
        key=exchange.route_key,
        stage=live.name,
        request_id=exchange.id,
        parameters=match.parameters if match is not None else {},
        variables=live.variables,
        has_cookie_header=False,
    )


def _event_v2(
    exchange: Exchange, arn: str, sources: list[str], identity: list[str | None]
) -> dict[str, Any]:
    event = payload_v2.event_of(
        exchange.request, _route(exchange), account=exchange.live.api.account
    )
    event.pop("body", None)
    event.pop("isBase64Encoded")
    return {
        "version": "2.0",
        "type": "REQUEST",
        "routeArn": arn,
        "identitySource": identity or None,
        **{name: value for name, value in event.items() if name != "version"},
    }


def _event_v1(
    exchange: Exchange, arn: str, sources: list[str], identity: list[str | None]
) -> dict[str, Any]:
    event = payload_v1.event_of(
        exchange.request, _route(exchange), account=exchange.live.api.account
    )
    event.pop("body", None)
    event.pop("isBase64Encoded")
    value = ",".join(each or "" for each in identity)
    return {
        "version": "1.0",
        "type": "REQUEST",
        "methodArn": arn,
        "identitySource": value,
        "authorizationToken": value,
        **{name: each for name, each in event.items() if name != "version"},
    }
