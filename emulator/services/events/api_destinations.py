"""API destinations: HTTP endpoints that rules send events to.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-api-destinations.html
"""

from __future__ import annotations

import uuid
from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import arn_of, parse
from emulator.services.events.errors import exists, not_found
from emulator.services.events.listing import page
from emulator.services.events.rule import Body
from emulator.services.events.state import of

#: Requests a second where a destination says nothing.
DEFAULT_RATE = 300
_MEMBERS = {
    "Description": "description",
    "ConnectionArn": "connection",
    "InvocationEndpoint": "endpoint",
    "HttpMethod": "method",
    "InvocationRateLimitPerSecond": "rate",
}


def _found(ctx: Context, name: str) -> Body:
    body = of(ctx).destinations.find(ctx.account, ctx.region, name)
    if body is None:
        text = "Failed to describe the api-destination(s). "
        raise not_found(f"{text}An api-destination '{name}' does not exist.")
    return body


def _state(ctx: Context, body: Body) -> str:
    connection = of(ctx).connection(body["connection"])
    is_active = connection is not None and connection["state"] == "AUTHORIZED"
    return "ACTIVE" if is_active else "INACTIVE"


def _check_connection(ctx: Context, arn: str) -> None:
    if of(ctx).connection(arn) is None:
        parsed = parse(arn)
        name = parsed.resource.split("/")[1] if parsed else arn
        raise not_found(f"Connection '{name}' does not exist.")


async def create_api_destination(ctx: Context, request: Request) -> Response:
    """Handle CreateApiDestination."""
    name, destinations = request["Name"], of(ctx).destinations
    if destinations.find(ctx.account, ctx.region, name) is not None:
        raise exists(f"An api-destination '{name}'")
    _check_connection(ctx, request["ConnectionArn"])
    now = ctx.clock.now()
    body: Body = {
        "name": name,
        "arn": arn_of(ctx, f"api-destination/{name}/{uuid.uuid4()}"),
        "created": now,
        "modified": now,
        **{kept: request.get(member) for member, kept in _MEMBERS.items()},
    }
    await destinations.put(ctx.account, ctx.region, name, body)
    return _brief(ctx, body)


async def update_api_destination(ctx: Context, request: Request) -> Response:
    """Handle UpdateApiDestination."""
    body = _found(ctx, request["Name"])
    if request.get("ConnectionArn"):
        _check_connection(ctx, request["ConnectionArn"])
    changed = {kept: request[member] for member, kept in _MEMBERS.items() if member in request}
    body = {**body, **changed, "modified": ctx.clock.now()}
    await of(ctx).destinations.put(ctx.account, ctx.region, body["name"], body)
    return _brief(ctx, body)


async def delete_api_destination(ctx: Context, request: Request) -> Response:
    """Handle DeleteApiDestination."""
    body = _found(ctx, request["Name"])
    await of(ctx).destinations.delete(ctx.account, ctx.region, body["name"])
    return {}


def _brief(ctx: Context, body: Body) -> dict[str, Any]:
    return {
        "ApiDestinationArn": body["arn"],
        "ApiDestinationState": _state(ctx, body),
        "CreationTime": body["created"],
        "LastModifiedTime": body["modified"],
    }


def _listed(ctx: Context, body: Body) -> dict[str, Any]:
    return {
        **_brief(ctx, body),
        "Name": body["name"],
        "ConnectionArn": body["connection"],
        "InvocationEndpoint": body["endpoint"],
        "HttpMethod": body["method"],
        "InvocationRateLimitPerSecond": body["rate"] or DEFAULT_RATE,
    }


async def describe_api_destination(ctx: Context, request: Request) -> Response:
    """Handle DescribeApiDestination."""
    body = _found(ctx, request["Name"])
    return {**_listed(ctx, body), "Description": body["description"]}


async def list_api_destinations(ctx: Context, request: Request) -> Response:
    """Handle ListApiDestinations."""
    destinations, prefix = of(ctx).destinations, request.get("NamePrefix") or ""
    every = [
        _listed(ctx, body)
        for key in destinations.keys(ctx.account, ctx.region)
        if key.startswith(prefix)
        and (body := destinations.find(ctx.account, ctx.region, key))
        and request.get("ConnectionArn") in (None, body["connection"])
    ]
    return page(every, request, "ApiDestinations")
