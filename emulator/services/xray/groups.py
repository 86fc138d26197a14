"""Groups: filter expressions with a name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from emulator.model.arn import PARTITION
from emulator.services.context import Context, Request, Response
from emulator.services.xray import filters, state, tagging
from emulator.services.xray.errors import invalid
from emulator.services.xray.paging import page

#: The group that every account has.
_DEFAULT = "Default"
_NAME = re.compile(r"[A-Za-z0-9_\-]{1,32}")
#: Groups of an account and region.
_MOST = 25


async def create_group(ctx: Context, request: Request) -> Response:
    """Make a group.

    https://docs.aws.amazon.com/xray/latest/api/API_CreateGroup.html
    """
    name = request["GroupName"]
    if not _NAME.fullmatch(name):
        raise invalid("Group name contains invalid characters.")
    table = state.of(ctx).groups
    if name == _DEFAULT or table.find(ctx.account, ctx.region, name) is not None:
        raise invalid("Group already exists.")
    if len(table.keys(ctx.account, ctx.region)) >= _MOST:
        raise invalid("Group limit exceeded.")
    expression = request.get("FilterExpression") or ""
    filters.read(expression)
    body = {
        "arn": f"arn:{PARTITION}:xray:{ctx.region}:{ctx.account}:group/{name}/{_suffix(ctx)}",
        "filter": expression,
        "insights": _insights(request.get("InsightsConfiguration"), {}),
        "tags": tagging.read(request.get("Tags"), {}),
    }
    await table.put(ctx.account, ctx.region, name, body)
    return {"Group": _shown(name, body)}


def _suffix(ctx: Context) -> str:
    return ctx.request_id.replace("-", "").upper()[:26]


def _insights(given: Mapping[str, Any] | None, before: Mapping[str, Any]) -> dict[str, bool]:
    enabled = (given or {}).get("InsightsEnabled")
    notifies = (given or {}).get("NotificationsEnabled")
    made = {
        "InsightsEnabled": before.get("InsightsEnabled", False) if enabled is None else enabled,
        "NotificationsEnabled": before.get("NotificationsEnabled", False)
        if notifies is None
        else notifies,
    }
    if made["NotificationsEnabled"] and not made["InsightsEnabled"]:
        raise invalid("Notifications can only be enabled when insights are enabled.")
    return made


async def get_group(ctx: Context, request: Request) -> Response:
    """Return a group.

    https://docs.aws.amazon.com/xray/latest/api/API_GetGroup.html
    """
    name, body = _find(ctx, request)
    return {"Group": _shown(name, body)}


async def get_groups(ctx: Context, request: Request) -> Response:
    """List the groups of an account.

    https://docs.aws.amazon.com/xray/latest/api/API_GetGroups.html
    """
    table = state.of(ctx).groups
    names = table.keys(ctx.account, ctx.region)
    every = [_shown(_DEFAULT, _default(ctx))]
    every += [_shown(each, table.find(ctx.account, ctx.region, each) or {}) for each in names]
    shown, token = page(every, request)
    return {"Groups": shown, "NextToken": token}


async def update_group(ctx: Context, request: Request) -> Response:
    """Change a group.

    https://docs.aws.amazon.com/xray/latest/api/API_UpdateGroup.html
    """
    name, body = _find(ctx, request)
    if name == _DEFAULT:
        raise invalid("The default group cannot be updated.")
    changed = dict(body)
    if request.get("FilterExpression") is not None:
        filters.read(request["FilterExpression"])
        changed["filter"] = request["FilterExpression"]
    changed["insights"] = _insights(request.get("InsightsConfiguration"), body["insights"])
    await state.of(ctx).groups.put(ctx.account, ctx.region, name, changed)
    return {"Group": _shown(name, changed)}


async def delete_group(ctx: Context, request: Request) -> Response:
    """Remove a group.

    https://docs.aws.amazon.com/xray/latest/api/API_DeleteGroup.html
    """
    name, _ = _find(ctx, request)
    if name == _DEFAULT:
        raise invalid("The default group cannot be deleted.")
    await state.of(ctx).groups.delete(ctx.account, ctx.region, name)
    return {}


def expression(ctx: Context, request: Mapping[str, Any]) -> str:
    """Return the filter expression of the group that a request names; "" without one."""
    if not request.get("GroupName") and not request.get("GroupARN"):
        return ""
    return str(_find(ctx, request)[1].get("filter") or "")


def _find(ctx: Context, request: Mapping[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the group that a request names, and its name.

    Raises:
        AwsError: It names none, or there is none.
    """
    name, arn = request.get("GroupName"), request.get("GroupARN")
    if not name and not arn:
        raise invalid("Either GroupName or GroupARN must be specified.")
    if name == _DEFAULT or (arn and f":group/{_DEFAULT}" in arn):
        return _DEFAULT, _default(ctx)
    table = state.of(ctx).groups
    for each in table.keys(ctx.account, ctx.region):
        body = table.find(ctx.account, ctx.region, each) or {}
        if each == name or (arn and body.get("arn") == arn):
            return each, body
    raise invalid("Group not found.")


def _default(ctx: Context) -> dict[str, Any]:
    return {
        "arn": f"arn:{PARTITION}:xray:{ctx.region}:{ctx.account}:group/{_DEFAULT}",
        "insights": {"InsightsEnabled": False, "NotificationsEnabled": False},
    }


def _shown(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    shown = {
        "GroupName": name,
        "GroupARN": body["arn"],
        "InsightsConfiguration": body["insights"],
    }
    return shown | ({"FilterExpression": body["filter"]} if body.get("filter") else {})
