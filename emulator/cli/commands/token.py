"""The command ``token``: prints tokens for tests."""

from __future__ import annotations

import json as json_text
from typing import Annotated, Any

import typer

from emulator.cli.client import DEFAULT_ENDPOINT, Client, Endpoint, Json
from emulator.cli.terminal import CommandError, show_json


def token(
    api: Annotated[
        str,
        typer.Argument(
            metavar="[API]", help="The HTTP API's name or id; may be left out if one has JWTs."
        ),
    ] = "",
    authorizer: Annotated[
        str, typer.Option(metavar="NAME", help="The API's authorizer, if it has several.")
    ] = "",
    claim: Annotated[
        list[str] | None,
        typer.Option("--claim", metavar="NAME=VALUE", help="A claim; JSON, or text."),
    ] = None,
    scope: Annotated[
        list[str] | None, typer.Option("--scope", metavar="SCOPE", help="A scope it grants.")
    ] = None,
    audience: Annotated[str, typer.Option(metavar="NAME", help="In place of the API's.")] = "",
    issuer: Annotated[str, typer.Option(metavar="URL", help="In place of the API's.")] = "",
    expires: Annotated[
        float, typer.Option(metavar="SECONDS", help="For how long it is valid.")
    ] = 3600.0,
    json: Json = False,
    endpoint: Endpoint = DEFAULT_ENDPOINT,
) -> None:
    """Print a token that the JWT authorizers of APIs believe.

    It names the issuer and the audience that the API's authorizer asks for, and is signed by the
    emulator itself: no user pool has to be there.

    Example: curl -H "Authorization: Bearer $(localfaas token --scope read)" $API/orders
    """
    wanted = {
        "api": api,
        "authorizer": authorizer,
        "issuer": issuer,
        "audience": audience,
        "scopes": scope or [],
        "claims": dict(_claim(text) for text in claim or []),
        "expires_s": expires,
    }
    found = Client(endpoint).post("tokens", wanted)
    if json:
        show_json(found)
    else:
        print(found["token"])


def _claim(text: str) -> tuple[str, Any]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise CommandError(f"{text!r} is no claim: it is NAME=VALUE")
    try:
        return name, json_text.loads(value)
    except ValueError:
        return name, value
