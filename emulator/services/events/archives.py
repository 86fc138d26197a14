"""Archives: what keeps the events of a bus, to be replayed.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-archive.html
"""

from __future__ import annotations

from typing import Any

from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import BusPlace, arn_of, parse
from emulator.services.events.errors import exists, invalid, no_bus, not_found
from emulator.services.events.listing import page
from emulator.services.events.rule import Body
from emulator.services.events.rules import compiled
from emulator.services.events.state import of


def bus_at(arn: str, member: str) -> BusPlace:
    """Return the bus that an ARN means.

    Raises:
        AwsError: It is no bus's ARN.
    """
    parsed = parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed else ("", "", "")
    if parsed is None or parsed.service != "events" or kind != "event-bus":
        raise invalid(f"Parameter {member} is not valid. Reason: Must contain an event bus ARN.")
    return BusPlace(parsed.account, parsed.region, name)


def found(ctx: Context, name: str) -> Body:
    """Return an archive.

    Raises:
        AwsError: ResourceNotFoundException.
    """
    body = of(ctx).archives.find(ctx.account, ctx.region, name)
    if body is None:
        raise not_found(f"Archive {name} does not exist.")
    return body


async def create_archive(ctx: Context, request: Request) -> Response:
    """Handle CreateArchive."""
    name, events = request["ArchiveName"], of(ctx)
    if events.archives.find(ctx.account, ctx.region, name) is not None:
        raise exists(f"Archive {name}")
    bus = bus_at(request["EventSourceArn"], "EventSourceArn")
    if events.bus(bus) is None:
        raise no_bus(bus.name)
    pattern = request.get("EventPattern")
    if pattern:
        compiled(pattern)
    body: Body = {
        "name": name,
        "arn": arn_of(ctx, f"archive/{name}"),
        "bus": bus.arn,
        "description": request.get("Description"),
        "pattern": pattern,
        "days": request.get("RetentionDays") or 0,
        "key": request.get("KmsKeyIdentifier"),
        "created": ctx.clock.now(),
    }
    await events.put_archive(ctx.account, ctx.region, body)
    return _made(body)


def _made(body: Body) -> Response:
    return {"ArchiveArn": body["arn"], "State": "ENABLED", "CreationTime": body["created"]}


async def update_archive(ctx: Context, request: Request) -> Response:
    """Handle UpdateArchive."""
    body = found(ctx, request["ArchiveName"])
    if request.get("EventPattern"):
        compiled(request["EventPattern"])
    members = {
        "Description": "description",
        "EventPattern": "pattern",
        "RetentionDays": "days",
        "KmsKeyIdentifier": "key",
    }
    changed = {name: request[member] for member, name in members.items() if member in request}
    await of(ctx).put_archive(ctx.account, ctx.region, {**body, **changed})
    return _made(body)


async def delete_archive(ctx: Context, request: Request) -> Response:
    """Handle DeleteArchive."""
    body = found(ctx, request["ArchiveName"])
    await of(ctx).drop_archive(ctx.account, ctx.region, body)
    return {}


async def _shown(ctx: Context, body: Body) -> dict[str, Any]:
    count, size = await of(ctx).archive_store.counts(body["arn"], body["days"])
    return {
        "ArchiveName": body["name"],
        "EventSourceArn": body["bus"],
        "State": "ENABLED",
        "RetentionDays": body["days"],
        "SizeBytes": size,
        "EventCount": count,
        "CreationTime": body["created"],
    }


async def describe_archive(ctx: Context, request: Request) -> Response:
    """Handle DescribeArchive."""
    body = found(ctx, request["ArchiveName"])
    return {
        **await _shown(ctx, body),
        "ArchiveArn": body["arn"],
        "Description": body["description"],
        "EventPattern": body["pattern"],
        "KmsKeyIdentifier": body["key"],
    }


async def list_archives(ctx: Context, request: Request) -> Response:
    """Handle ListArchives."""
    given = [each for each in ("NamePrefix", "EventSourceArn", "State") if request.get(each)]
    if len(given) > 1:
        raise invalid(
            "At most one filter is allowed for ListArchives. Use either : State, EventSourceArn, "
            "or NamePrefix."
        )
    events, prefix = of(ctx), request.get("NamePrefix") or ""
    if request.get("EventSourceArn"):
        bus = bus_at(request["EventSourceArn"], "EventSourceArn")
        if events.bus(bus) is None:
            raise no_bus(bus.name)
    if request.get("State") not in (None, "ENABLED"):
        return page([], request, "Archives")
    bodies = [
        body
        for key in events.archives.keys(ctx.account, ctx.region)
        if key.startswith(prefix)
        and (body := events.archives.find(ctx.account, ctx.region, key))
        and request.get("EventSourceArn") in (None, body["bus"])
    ]
    answer = page(bodies, request, "Archives")
    return {**answer, "Archives": [await _shown(ctx, each) for each in answer["Archives"]]}
