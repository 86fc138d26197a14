"""Tags of buses and rules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from emulator.services.context import Context, Request, Response
from emulator.services.events.arns import BusPlace, parse
from emulator.services.events.errors import invalid, no_bus, no_rule
from emulator.services.events.rule import Body
from emulator.services.events.state import of

_MOST = 50


def tags_of(request: Request) -> dict[str, str]:
    """Return the tags of a request."""
    return {each["Key"]: each["Value"] for each in request.get("Tags") or ()}


class _Tagged(NamedTuple):
    body: Body
    put: Callable[[Body], Awaitable[None]]


def _find(ctx: Context, arn: str) -> _Tagged:
    parsed = parse(arn)
    kind, _, name = parsed.resource.partition("/") if parsed else ("", "", "")
    if parsed is None or parsed.service != "events" or kind not in ("event-bus", "rule"):
        raise invalid(f"Parameter ResourceARN is not valid. Reason: {arn} is no bus and no rule.")
    events = of(ctx)
    if kind == "event-bus":
        place = BusPlace(parsed.account, parsed.region, name)
        bus = events.bus(place)
        if bus is None:
            raise no_bus(name)
        return _Tagged(bus, lambda body: events.put_bus(place, body))
    bus_name, _, rule_name = name.rpartition("/")
    place = BusPlace(parsed.account, parsed.region, bus_name or "default")
    rule = events.rule(place, rule_name)
    if rule is None:
        raise no_rule(rule_name, place.name)
    return _Tagged(rule.body, lambda body: events.put_rule(place, body))


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Handle ListTagsForResource."""
    tags = _find(ctx, request["ResourceARN"]).body.get("tags") or {}
    return {"Tags": [{"Key": key, "Value": value} for key, value in tags.items()]}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Handle TagResource."""
    tagged = _find(ctx, request["ResourceARN"])
    tags = {**(tagged.body.get("tags") or {}), **tags_of(request)}
    if len(tags) > _MOST:
        raise invalid(f"A resource has {_MOST} tags at most.")
    await tagged.put({**tagged.body, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Handle UntagResource; a tag that is not there is no error."""
    tagged = _find(ctx, request["ResourceARN"])
    tags = tagged.body.get("tags") or {}
    left = {key: value for key, value in tags.items() if key not in request["TagKeys"]}
    await tagged.put({**tagged.body, "tags": left})
    return {}
