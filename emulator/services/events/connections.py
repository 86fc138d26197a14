"""Connections: how API destinations are told who calls.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-target-connection.html
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import arn_of
from emulator.services.events.errors import exists, invalid, not_found
from emulator.services.events.listing import page
from emulator.services.events.rule import Body
from emulator.services.events.state import of

OAUTH = "OAUTH_CLIENT_CREDENTIALS"
#: The parameters that a type of authorization needs.
_MEMBERS = {
    "BASIC": "BasicAuthParameters",
    "API_KEY": "ApiKeyAuthParameters",
    OAUTH: "OAuthParameters",
}
_HTTP = ("HeaderParameters", "QueryStringParameters", "BodyParameters")


def _found(ctx: Context, name: str) -> Body:
    body = of(ctx).connections.find(ctx.account, ctx.region, name)
    if body is None:
        text = f"Failed to describe the connection(s). Connection '{name}' does not exist."
        raise not_found(text)
    return body


async def create_connection(ctx: Context, request: Request) -> Response:
    """Handle CreateConnection: what is secret of it goes to Secrets Manager."""
    name, connections = request["Name"], of(ctx).connections
    if connections.find(ctx.account, ctx.region, name) is not None:
        raise exists(f"Connection {name}")
    kind, parameters = request["AuthorizationType"], request["AuthParameters"]
    secret = _secret(kind, parameters)
    made = await ctx.parts.table.call(
        "secretsmanager",
        "CreateSecret",
        {
            "Name": f"events!connection/{name}/{uuid.uuid4()}",
            "SecretString": json.dumps(secret),
            "ClientRequestToken": str(uuid.uuid4()),
        },
        account=ctx.account,
        region=ctx.region,
    )
    now = ctx.clock.now()
    body: Body = {
        "name": name,
        "arn": arn_of(ctx, f"connection/{name}/{uuid.uuid4()}"),
        "type": kind,
        "parameters": _public(parameters),
        "description": request.get("Description"),
        "key": request.get("KmsKeyIdentifier"),
        "secret": made["ARN"],
        "state": "AUTHORIZING" if kind == OAUTH else "AUTHORIZED",
        "created": now,
        "modified": now,
        "authorized": now,
    }
    await connections.put(ctx.account, ctx.region, name, body)
    of(ctx).authorizer.begin(ctx.account, ctx.region, body)
    return _brief(body, authorized=False)


async def update_connection(ctx: Context, request: Request) -> Response:
    """Handle UpdateConnection: what is not given stays, secrets too."""
    body = _found(ctx, request["Name"])
    kind = request.get("AuthorizationType") or body["type"]
    parameters = request.get("AuthParameters") or {}
    now = ctx.clock.now()
    changes: Body = {"type": kind, "modified": now, "reason": None}
    for member, name in (("Description", "description"), ("KmsKeyIdentifier", "key")):
        if member in request:
            changes[name] = request[member]
    if parameters or kind != body["type"]:
        kept = await of(ctx).authorizer.secret_of(body) if kind == body["type"] else {}
        public = _merged(body["parameters"] if kind == body["type"] else {}, _public(parameters))
        secret = {**kept, **_secret(kind, parameters, kept)}
        changes["parameters"] = public
        await ctx.parts.table.call(
            "secretsmanager",
            "PutSecretValue",
            {
                "SecretId": body["secret"],
                "SecretString": json.dumps(secret),
                "ClientRequestToken": str(uuid.uuid4()),
            },
            account=ctx.account,
            region=ctx.region,
        )
    changes["state"] = "AUTHORIZING" if kind == OAUTH else "AUTHORIZED"
    changes["authorized"] = now
    body = {**body, **changes}
    await of(ctx).connections.put(ctx.account, ctx.region, body["name"], body)
    of(ctx).authorizer.begin(ctx.account, ctx.region, body)
    return _brief(body)


async def deauthorize_connection(ctx: Context, request: Request) -> Response:
    """Handle DeauthorizeConnection: its secrets are forgotten."""
    body = _found(ctx, request["Name"])
    await of(ctx).authorizer.forget(body)
    body = {**body, "state": "DEAUTHORIZED", "modified": ctx.clock.now()}
    await of(ctx).connections.put(ctx.account, ctx.region, body["name"], body)
    return _brief({**body, "state": "DEAUTHORIZING"})


async def delete_connection(ctx: Context, request: Request) -> Response:
    """Handle DeleteConnection."""
    body = _found(ctx, request["Name"])
    await of(ctx).authorizer.forget(body)
    await of(ctx).connections.delete(ctx.account, ctx.region, body["name"])
    return _brief({**body, "state": "DELETING"})


async def describe_connection(ctx: Context, request: Request) -> Response:
    """Handle DescribeConnection: without what is secret."""
    body = _found(ctx, request["Name"])
    return {
        **_listed(body),
        "Description": body["description"],
        "KmsKeyIdentifier": body["key"],
        "SecretArn": body["secret"],
        "AuthParameters": body["parameters"],
    }


async def list_connections(ctx: Context, request: Request) -> Response:
    """Handle ListConnections."""
    connections, prefix = of(ctx).connections, request.get("NamePrefix") or ""
    every = [
        _listed(body)
        for key in connections.keys(ctx.account, ctx.region)
        if key.startswith(prefix)
        and (body := connections.find(ctx.account, ctx.region, key))
        and request.get("ConnectionState") in (None, body["state"])
    ]
    return page(every, request, "Connections")


def _brief(body: Body, *, authorized: bool = True) -> dict[str, Any]:
    return {
        "ConnectionArn": body["arn"],
        "ConnectionState": body["state"],
        "CreationTime": body["created"],
        "LastModifiedTime": body["modified"],
        "LastAuthorizedTime": body["authorized"] if authorized else None,
    }


def _listed(body: Body) -> dict[str, Any]:
    return {
        **_brief(body),
        "Name": body["name"],
        "AuthorizationType": body["type"],
        "StateReason": body.get("reason"),
    }


# -- what is public of it, and what is secret -----------------------------------------------------


def _secret(
    kind: str, parameters: Mapping[str, Any], kept: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """Return what Secrets Manager keeps of a connection, under AWS's names.

    Args:
        kind: The type of its authorization.
        parameters: Those of the request.
        kept: What is kept already; it may stand for parameters that are not given.

    Raises:
        AwsError: The parameters that the type needs are not there.
    """
    given = parameters.get(_MEMBERS[kind])
    others = parameters.keys() & set(_MEMBERS.values())
    if given is None and (others or not kept):
        raise invalid(f"{_MEMBERS[kind]} must be specified for AuthorizationType {kind}.")
    given = given or {}
    client = given.get("ClientParameters") or {}
    found = {
        "username": given.get("Username"),
        "password": given.get("Password"),
        "api_key_name": given.get("ApiKeyName"),
        "api_key_value": given.get("ApiKeyValue"),
        "client_id": client.get("ClientID"),
        "client_secret": client.get("ClientSecret"),
        "authorization_endpoint": given.get("AuthorizationEndpoint"),
        "http_method": given.get("HttpMethod"),
        "oauth_http_parameters": _http_secret(given.get("OAuthHttpParameters")),
        "invocation_http_parameters": _http_secret(parameters.get("InvocationHttpParameters")),
    }
    return {name: value for name, value in found.items() if value is not None}


def _http_secret(parameters: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not parameters:
        return None
    names = ("header_parameters", "query_string_parameters", "body_parameters")
    return {
        name: [
            {
                "key": each.get("Key"),
                "value": each.get("Value"),
                "is_value_secret": bool(each.get("IsValueSecret")),
            }
            for each in parameters.get(member) or []
        ]
        for member, name in zip(_HTTP, names, strict=True)
        if parameters.get(member)
    }


#: Members that are secret.
_HIDDEN = ("Password", "ApiKeyValue", "ClientSecret")


def _public(value: Any) -> Any:
    """Return parameters without what is secret."""
    if isinstance(value, list):
        return [_public(each) for each in value]
    if not isinstance(value, Mapping):
        return value
    hidden = (*_HIDDEN, "Value") if value.get("IsValueSecret") else _HIDDEN
    return {name: _public(each) for name, each in value.items() if name not in hidden}


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    both = {
        name: _merged(old[name], value)
        if isinstance(value, Mapping) and isinstance(old.get(name), Mapping)
        else value
        for name, value in new.items()
    }
    return {**old, **both}
