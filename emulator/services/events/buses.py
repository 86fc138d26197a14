"""Event buses and their policies.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-event-bus.html
"""

from __future__ import annotations

import json
from typing import Any

from emulator.access.policy import statements_of
from emulator.model.nesting import read_json
from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import DEFAULT, BusPlace, bus_of
from emulator.services.events.errors import exists, invalid, no_bus, not_found
from emulator.services.events.listing import page
from emulator.services.events.rule import Body
from emulator.services.events.state import of
from emulator.services.events.tags import tags_of

#: Members of requests that are kept and shown as they are.
_KEPT = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")
_MOST_POLICY = 10_240


def found(ctx: Context, given: str | None) -> tuple[BusPlace, Body]:
    """Return the bus that a request names.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    place = bus_of(ctx, given)
    body = of(ctx).bus(place)
    if body is None:
        raise no_bus(place.name)
    return place, body


async def create_event_bus(ctx: Context, request: Request) -> Response:
    """Handle CreateEventBus."""
    name = request["Name"]
    place = BusPlace(ctx.account, ctx.region, name)
    if request.get("EventSourceName"):
        raise not_found(f"Event source {request['EventSourceName']} does not exist.")
    if of(ctx).bus(place) is not None:
        raise exists(f"Event bus {name}")
    if "/" in name:
        raise invalid("Event bus name must not contain '/'.")
    now = ctx.clock.now()
    kept = {member: request[member] for member in _KEPT if request.get(member)}
    body = {"name": name, "created": now, "modified": now, "tags": tags_of(request), **kept}
    await of(ctx).put_bus(place, body)
    return {"EventBusArn": place.arn, **kept}


async def update_event_bus(ctx: Context, request: Request) -> Response:
    """Handle UpdateEventBus."""
    place, body = found(ctx, request.get("Name"))
    kept = {member: request[member] for member in _KEPT if member in request}
    body = {**body, **kept, "modified": ctx.clock.now()}
    await of(ctx).put_bus(place, body)
    shown = {member: body.get(member) for member in _KEPT}
    return {"Arn": place.arn, "Name": place.name, **shown}


async def delete_event_bus(ctx: Context, request: Request) -> Response:
    """Handle DeleteEventBus; one that is not there is no error."""
    place = bus_of(ctx, request["Name"])
    if place.name == DEFAULT:
        raise invalid("Cannot delete event bus default.")
    if any(of(ctx).rules_of(place)):
        raise invalid("Event bus can't be deleted since it has rules.")
    await of(ctx).buses.delete(*place)
    return {}


def _shown(place: BusPlace, body: Body) -> dict[str, Any]:
    policy = body.get("policy")
    return {
        "Name": place.name,
        "Arn": place.arn,
        "Description": body.get("Description"),
        "Policy": json.dumps(policy, separators=(",", ":")) if policy else None,
        "CreationTime": body["created"],
        "LastModifiedTime": body["modified"],
    }


async def describe_event_bus(ctx: Context, request: Request) -> Response:
    """Handle DescribeEventBus."""
    place, body = found(ctx, request.get("Name"))
    return {**_shown(place, body), **{member: body.get(member) for member in _KEPT}}


async def list_event_buses(ctx: Context, request: Request) -> Response:
    """Handle ListEventBuses."""
    names = sorted({DEFAULT, *of(ctx).buses.keys(ctx.account, ctx.region)})
    prefix = request.get("NamePrefix") or ""
    places = [BusPlace(ctx.account, ctx.region, each) for each in names if each.startswith(prefix)]
    every = [_shown(place, body) for place in places if (body := of(ctx).bus(place))]
    return page(every, request, "EventBuses")


# -- policies -------------------------------------------------------------------------------------


async def put_permission(ctx: Context, request: Request) -> Response:
    """Handle PutPermission: a whole policy, or one statement of it."""
    place, body = found(ctx, request.get("EventBusName"))
    text = request.get("Policy")
    policy = _parsed(text) if text else _with_statement(body.get("policy"), place, request)
    if len(json.dumps(policy)) > _MOST_POLICY:
        raise invalid("The policy is longer than 10240 characters.")
    await of(ctx).put_bus(place, {**body, "policy": policy, "modified": ctx.clock.now()})
    return {}


def _parsed(text: str) -> dict[str, Any]:
    try:
        policy = read_json(text)
        is_policy = isinstance(policy, dict) and bool(statements_of(policy))
    except ValueError:
        is_policy = False
    if not is_policy:
        raise invalid("Parameter Policy is not valid. Reason: it is no policy document.")
    kept: dict[str, Any] = policy
    return kept


def _with_statement(
    policy: dict[str, Any] | None, place: BusPlace, request: Request
) -> dict[str, Any]:
    missing = [name for name in ("Action", "Principal", "StatementId") if request.get(name) is None]
    if missing:
        raise invalid(f"Parameter(s) {', '.join(missing)} must be specified.")
    if request["Action"] != "events:PutEvents":
        raise invalid("Provided value in parameter 'action' is not supported.")
    principal = request["Principal"]
    statement: dict[str, Any] = {
        "Sid": request["StatementId"],
        "Effect": "Allow",
        "Principal": "*" if principal == "*" else {"AWS": f"arn:aws:iam::{principal}:root"},
        "Action": request["Action"],
        "Resource": place.arn,
    }
    condition = request.get("Condition")
    if condition:
        statement["Condition"] = {condition["Type"]: {condition["Key"]: condition["Value"]}}
    policy = policy or {"Version": "2012-10-17", "Statement": []}
    others = [each for each in statements_of(policy) if each.get("Sid") != statement["Sid"]]
    return {**policy, "Statement": [*others, statement]}


async def remove_permission(ctx: Context, request: Request) -> Response:
    """Handle RemovePermission."""
    place, body = found(ctx, request.get("EventBusName"))
    policy = body.get("policy")
    if request.get("RemoveAllPermissions"):
        left = None
    elif policy is None:
        raise not_found("EventBus does not have a policy.")
    else:
        statements = statements_of(policy)
        kept = [each for each in statements if each.get("Sid") != request.get("StatementId")]
        if len(kept) == len(statements):
            raise not_found("Statement with the provided id does not exist.")
        left = {**policy, "Statement": kept} if kept else None
    await of(ctx).put_bus(place, {**body, "policy": left, "modified": ctx.clock.now()})
    return {}
