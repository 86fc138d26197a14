"""Groups of schedules, and their tags.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateScheduleGroup.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.scheduler.errors import invalid, no_group, page
from emulator.services.scheduler.keys import DEFAULT_GROUP
from emulator.services.scheduler.state import of

_MOST_TAGS = 50


async def create_schedule_group(ctx: Context, request: Request) -> Response:
    """Handle CreateScheduleGroup; the same request with the same token is answered again."""
    name, token = request["Name"], request.get("ClientToken")
    tags = _tags(request.get("Tags") or [])
    there = of(ctx).group(ctx.account, ctx.region, name)
    if there is not None:
        if not token or there.get("token") != token or there["tags"] != tags:
            raise AwsError("ConflictException", f"Schedule group {name} already exists.")
        return {"ScheduleGroupArn": _arn(ctx, name)}
    now = ctx.clock.now()
    body = {"created": now, "modified": now, "tags": tags, "token": token}
    await of(ctx).groups.put(ctx.account, ctx.region, name, body)
    return {"ScheduleGroupArn": _arn(ctx, name)}


async def delete_schedule_group(ctx: Context, request: Request) -> Response:
    """Handle DeleteScheduleGroup: its schedules go with it."""
    name = request["Name"]
    if name == DEFAULT_GROUP:
        raise invalid("The default schedule group can't be deleted.")
    _found(ctx, name)
    state = of(ctx)
    for key in state.in_group(ctx.account, ctx.region, name):
        await state.drop(key)
    await state.groups.delete(ctx.account, ctx.region, name)
    return {}


async def get_schedule_group(ctx: Context, request: Request) -> Response:
    """Handle GetScheduleGroup."""
    _found(ctx, request["Name"])
    return _shown(ctx, request["Name"])


async def list_schedule_groups(ctx: Context, request: Request) -> Response:
    """Handle ListScheduleGroups; the default group is one of them."""
    prefix = request.get("NamePrefix") or ""
    names = {DEFAULT_GROUP, *of(ctx).groups.keys(ctx.account, ctx.region)}
    matching = sorted(name for name in names if name.startswith(prefix))
    return page(matching, request, "ScheduleGroups", lambda name: _shown(ctx, name))


async def list_tags_for_resource(ctx: Context, request: Request) -> Response:
    """Handle ListTagsForResource."""
    body = _found(ctx, _named(ctx, request))
    return {"Tags": [{"Key": key, "Value": value} for key, value in body["tags"].items()]}


async def tag_resource(ctx: Context, request: Request) -> Response:
    """Handle TagResource."""
    name = _named(ctx, request)
    body = _found(ctx, name)
    tags = {**body["tags"], **_tags(request["Tags"])}
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A resource has at most {_MOST_TAGS} tags.")
    await of(ctx).groups.put(ctx.account, ctx.region, name, {**body, "tags": tags})
    return {}


async def untag_resource(ctx: Context, request: Request) -> Response:
    """Handle UntagResource."""
    name = _named(ctx, request)
    body = _found(ctx, name)
    gone = set(request["TagKeys"])
    tags = {key: value for key, value in body["tags"].items() if key not in gone}
    await of(ctx).groups.put(ctx.account, ctx.region, name, {**body, "tags": tags})
    return {}


def _tags(given: list[dict[str, str]]) -> dict[str, str]:
    tags = {tag["Key"]: tag["Value"] for tag in given}
    if len(tags) > _MOST_TAGS:
        raise invalid(f"A resource has at most {_MOST_TAGS} tags.")
    return tags


def _arn(ctx: Context, name: str) -> str:
    return f"arn:aws:scheduler:{ctx.region}:{ctx.account}:schedule-group/{name}"


def _named(ctx: Context, request: Request) -> str:
    """Return the name of the group that an ARN means: the caller's, here."""
    arn: str = request["ResourceArn"]
    name = arn.rpartition("/")[2]
    if arn != _arn(ctx, name):
        raise no_group(name)
    return name


def _found(ctx: Context, name: str) -> dict[str, Any]:
    body = of(ctx).group(ctx.account, ctx.region, name)
    if body is None:
        raise no_group(name)
    return body


def _shown(ctx: Context, name: str) -> dict[str, Any]:
    body = _found(ctx, name)
    return {
        "Arn": _arn(ctx, name),
        "CreationDate": body["created"],
        "LastModificationDate": body["modified"],
        "Name": name,
        "State": "ACTIVE",
    }
