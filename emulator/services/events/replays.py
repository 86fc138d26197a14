"""Replays: archived events once more, for some or all rules of their bus.

https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-replay-archived-event.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.events.archives import bus_at
from emulator.services.events.arns import arn_of, parse
from emulator.services.events.errors import exists, invalid, no_bus, not_found, too_many
from emulator.services.events.listing import page
from emulator.services.events.replaying import ACTIVE, moment_of
from emulator.services.events.rule import Body
from emulator.services.events.state import of

_MOST_ACTIVE = 10


def _found(ctx: Context, name: str) -> Body:
    body = of(ctx).replays.find(ctx.account, ctx.region, name)
    if body is None:
        raise not_found(f"Replay {name} does not exist.")
    return body


async def start_replay(ctx: Context, request: Request) -> Response:
    """Handle StartReplay."""
    name, events = request["ReplayName"], of(ctx)
    source, destination = request["EventSourceArn"], request["Destination"]
    bus = bus_at(destination["Arn"], "Destination.Arn")
    if events.bus(bus) is None:
        raise no_bus(bus.name)
    parsed = parse(source)
    kind, _, archive_name = parsed.resource.partition("/") if parsed else ("", "", "")
    if kind != "archive":
        text = "Parameter EventSourceArn is not valid. Reason: Must contain an archive ARN."
        raise invalid(text)
    archive = events.archives.find(ctx.account, ctx.region, archive_name)
    if archive is None:
        raise invalid(
            f"Parameter EventSourceArn is not valid. Reason: Archive {archive_name} does not exist."
        )
    if archive["bus"] != bus.arn:
        raise invalid(
            "Parameter Destination.Arn is not valid. Reason: Cross event bus replay is not "
            "permitted."
        )
    begins, ends = moment_of(request["EventStartTime"]), moment_of(request["EventEndTime"])
    if begins >= ends:
        raise invalid(
            "Parameter EventEndTime is not valid. Reason: EventStartTime must be before "
            "EventEndTime."
        )
    if events.replays.find(ctx.account, ctx.region, name) is not None:
        raise exists(f"Replay {name}")
    keys = events.replays.keys(ctx.account, ctx.region)
    every = [events.replays.find(ctx.account, ctx.region, each) for each in keys]
    if sum(each is not None and each["state"] in ACTIVE for each in every) >= _MOST_ACTIVE:
        raise too_many()
    now = ctx.clock.now()
    body: Body = {
        "name": name,
        "arn": arn_of(ctx, f"replay/{name}"),
        "archive": archive["arn"],
        "bus": bus.arn,
        "rules": destination.get("FilterArns"),
        "description": request.get("Description"),
        "begins": begins,
        "ends": ends,
        "state": "STARTING",
        "started": now,
    }
    await events.start_replay(ctx.account, ctx.region, body)
    return {"ReplayArn": body["arn"], "State": "STARTING", "ReplayStartTime": now}


async def cancel_replay(ctx: Context, request: Request) -> Response:
    """Handle CancelReplay."""
    name = request["ReplayName"]
    body = _found(ctx, name)
    if body["state"] not in ("STARTING", "RUNNING"):
        text = f"Replay {name} is not in a valid state for this operation."
        raise AwsError("IllegalStatusException", text)
    await of(ctx).replays.put(ctx.account, ctx.region, name, {**body, "state": "CANCELLING"})
    return {"ReplayArn": body["arn"], "State": "CANCELLING"}


def _shown(body: Body) -> dict[str, Any]:
    return {
        "ReplayName": body["name"],
        "EventSourceArn": body["archive"],
        "State": body["state"],
        "StateReason": body.get("reason"),
        "EventStartTime": body["begins"],
        "EventEndTime": body["ends"],
        "EventLastReplayedTime": body.get("last"),
        "ReplayStartTime": body["started"],
        "ReplayEndTime": body.get("ended"),
    }


async def describe_replay(ctx: Context, request: Request) -> Response:
    """Handle DescribeReplay."""
    body = _found(ctx, request["ReplayName"])
    return {
        **_shown(body),
        "ReplayArn": body["arn"],
        "Description": body["description"],
        "Destination": {"Arn": body["bus"], "FilterArns": body["rules"]},
    }


async def list_replays(ctx: Context, request: Request) -> Response:
    """Handle ListReplays."""
    given = [each for each in ("NamePrefix", "EventSourceArn", "State") if request.get(each)]
    if len(given) > 1:
        raise invalid(
            "At most one filter is allowed for ListReplays. Use either : State, EventSourceArn, "
            "or NamePrefix."
        )
    replays, prefix = of(ctx).replays, request.get("NamePrefix") or ""
    every = [
        _shown(body)
        for key in replays.keys(ctx.account, ctx.region)
        if key.startswith(prefix)
        and (body := replays.find(ctx.account, ctx.region, key))
        and request.get("EventSourceArn") in (None, body["archive"])
        and request.get("State") in (None, body["state"])
    ]
    return page(every, request, "Replays")
