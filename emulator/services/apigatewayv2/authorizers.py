"""Authorizers: who says whether a caller may call."""

from __future__ import annotations

from emulator.services.apigatewayv2 import parts
from emulator.services.apigatewayv2.errors import bad_request, conflict
from emulator.services.apigatewayv2.parts import Part
from emulator.services.apigatewayv2.state import Api, Body

#: The most seconds for which an answer may stand.
_LONGEST_TTL_S = 3600


def _check(api: Api, before: Body | None, authorizer: Body) -> None:
    """Complete an authorizer, and refuse one that makes no sense."""
    if authorizer["AuthorizerType"] == "JWT":
        _check_jwt(api, authorizer)
    else:
        _check_request(api, authorizer)
    ttl = authorizer.get("AuthorizerResultTtlInSeconds")
    if ttl is not None and not 0 <= ttl <= _LONGEST_TTL_S:
        raise bad_request("Authorizer result TTL should be between 0 and 3600 seconds")
    for other in api.held["authorizers"].values():
        if other["Name"] == authorizer["Name"] and (
            other["AuthorizerId"] != authorizer["AuthorizerId"]
        ):
            raise conflict(f"Authorizer with name {authorizer['Name']} already exists for this API")


def _check_jwt(api: Api, authorizer: Body) -> None:
    if not api.is_http:
        raise bad_request("JWT authorizers are supported only for HTTP APIs")
    sources = authorizer.get("IdentitySource") or []
    if len(sources) != 1:
        raise bad_request("A JWT authorizer has exactly one identity source")
    issuer = (authorizer.get("JwtConfiguration") or {}).get("Issuer", "")
    if not issuer.startswith(("https://", "http://", "file://")):
        raise bad_request(
            "Invalid issuer: it must be an https URL. Hint: it has no .well-known in it"
        )


def _check_request(api: Api, authorizer: Body) -> None:
    if not authorizer.get("AuthorizerUri"):
        raise bad_request("AuthorizerUri is a required field for REQUEST authorizers")
    if not api.is_http:
        return
    version = authorizer.get("AuthorizerPayloadFormatVersion")
    if version not in ("1.0", "2.0"):
        raise bad_request(
            "AuthorizerPayloadFormatVersion is a required field for REQUEST authorizers of HTTP "
            "APIs: 1.0 or 2.0"
        )
    if version == "1.0" and authorizer.get("EnableSimpleResponses"):
        raise bad_request("Simple responses are supported only for the payload format version 2.0")
    ttl = authorizer.setdefault("AuthorizerResultTtlInSeconds", 0)
    if ttl and not authorizer.get("IdentitySource"):
        raise bad_request(
            "Identity source must be set if authorizer caching is enabled (TTL is greater than 0)"
        )
    authorizer.setdefault("EnableSimpleResponses", False)


def _check_deletion(api: Api, authorizer: Body) -> None:
    for route in api.held["routes"].values():
        if route.get("AuthorizerId") == authorizer["AuthorizerId"]:
            raise conflict(
                f"Cannot delete Authorizer '{authorizer['AuthorizerId']}', it is referenced by "
                f"Route '{route['RouteKey']}'"
            )


AUTHORIZER = Part(
    kind="authorizers",
    title="Authorizer",
    id_member="AuthorizerId",
    id_length=6,
    check=_check,
    check_deletion=_check_deletion,
)

OPERATIONS = parts.operations(AUTHORIZER)
