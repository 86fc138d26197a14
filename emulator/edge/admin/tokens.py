"""The admin API's way to tokens for tests, which the JWT authorizers of APIs believe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi import FastAPI, HTTPException
from pydantic import BaseModel, FiniteFloat

from emulator.edge.admin.views import PREFIX
from emulator.edge.http_fronts.authorizers.token_issuer import TokenIssuer
from emulator.services.context import Parts

#: The issuer of tokens that no authorizer asks for.
_ISSUER = "https://localfaas.test"


class TokenWanted(BaseModel):
    """What a token is to say."""

    #: The API whose authorizer it is for: its name or its id; "" where there is but one.
    api: str = ""
    #: The name of the authorizer, where the API has more than one.
    authorizer: str = ""
    #: In place of the authorizer's.
    issuer: str = ""
    audience: str = ""
    scopes: list[str] = []
    claims: dict[str, Any] = {}
    expires_s: FiniteFloat = 3600.0


class TokenView(BaseModel):
    """A token, and what it says."""

    token: str
    claims: dict[str, Any]


def add(app: FastAPI, parts: Parts, issuer: TokenIssuer) -> None:
    """Add the routes."""

    @app.post(f"{PREFIX}/tokens", summary="A token for tests", responses={400: {}, 404: {}})
    async def token(wanted: TokenWanted) -> TokenView:
        """Return a token signed by the built-in issuer, whom all JWT authorizers believe."""
        configuration = await _configuration(parts, wanted)
        now = int(parts.clock.now())
        claims: dict[str, Any] = {
            "iss": wanted.issuer or configuration.get("Issuer") or _ISSUER,
            "sub": "localfaas",
            "iat": now,
            "exp": now + int(wanted.expires_s),
        }
        audience = wanted.audience or next(iter(configuration.get("Audience") or []), "")
        if audience:
            claims["aud"] = audience
        if wanted.scopes:
            claims["scope"] = " ".join(wanted.scopes)
        claims |= wanted.claims
        return TokenView(token=await issuer.sign(claims), claims=claims)

    @app.get(f"{PREFIX}/tokens/jwks", summary="The key set of the built-in issuer")
    async def jwks() -> dict[str, Any]:
        """Return the key by which those check tokens who are no authorizer."""
        return await issuer.jwks()


async def _configuration(parts: Parts, wanted: TokenWanted) -> Mapping[str, Any]:
    """Return the configuration of the authorizer that a token is for; nothing without one."""
    if wanted.issuer and not wanted.api:
        return {}
    state = await parts.table.state("apigatewayv2")
    apis = [api for api in state.apis.values() if wanted.api in ("", api.id, api.body["Name"])]
    if wanted.api and not apis:
        raise HTTPException(404, f"There is no HTTP API {wanted.api}.")
    found = {
        (api.body["Name"], each["Name"]): each.get("JwtConfiguration") or {}
        for api in apis
        for each in api.held["authorizers"].values()
        if each["AuthorizerType"] == "JWT" and wanted.authorizer in ("", each["Name"])
    }
    if len({(str(each)) for each in found.values()}) > 1:
        names = ", ".join(f"{api}: {name}" for api, name in found)
        raise HTTPException(404, f"There is more than one JWT authorizer ({names}): name one.")
    if wanted.authorizer and not found:
        raise HTTPException(404, f"There is no JWT authorizer {wanted.authorizer}.")
    return next(iter(found.values()), {})
