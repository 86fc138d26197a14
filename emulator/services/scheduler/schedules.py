"""Schedules: create, find, change, delete.

https://docs.aws.amazon.com/scheduler/latest/APIReference/API_CreateSchedule.html
"""

from __future__ import annotations

from typing import Any

from emulator.model.errors import AwsError
from emulator.schedules.expressions import Rate, parse_schedule_expression
from emulator.services.context import Context, Request, Response
from emulator.services.scheduler.checks import check
from emulator.services.scheduler.errors import no_group, no_schedule, page
from emulator.services.scheduler.keys import DEFAULT_GROUP, Key
from emulator.services.scheduler.state import of
from emulator.services.scheduler.timing import MAXIMUM_AGE_S, MOST_RETRIES

_FIELDS = (
    "ActionAfterCompletion",
    "Description",
    "EndDate",
    "FlexibleTimeWindow",
    "KmsKeyArn",
    "ScheduleExpression",
    "ScheduleExpressionTimezone",
    "StartDate",
    "State",
    "Target",
)


async def create_schedule(ctx: Context, request: Request) -> Response:
    """Handle CreateSchedule; the same request with the same token is answered again."""
    key = _key(ctx, request)
    fields = _fields(request)
    now = ctx.clock.now()
    check(ctx.parts, fields, now)
    _check_group(ctx, key.group)
    token = request.get("ClientToken")
    there = of(ctx).find(key)
    if there is not None:
        if token and there.get("token") == token and there["given"] == fields:
            return {"ScheduleArn": key.arn}
        raise AwsError("ConflictException", f"Schedule {key.name} already exists.")
    body = {"created": now, "token": token, "given": fields}
    await of(ctx).put(key, _changed(body, fields, now))
    return {"ScheduleArn": key.arn}


async def update_schedule(ctx: Context, request: Request) -> Response:
    """Handle UpdateSchedule: what is not given has its default again."""
    key = _key(ctx, request)
    fields = _fields(request)
    now = ctx.clock.now()
    check(ctx.parts, fields, now)
    await of(ctx).put(key, _changed(_found(ctx, key), fields, now))
    return {"ScheduleArn": key.arn}


async def get_schedule(ctx: Context, request: Request) -> Response:
    """Handle GetSchedule."""
    key = _key(ctx, request)
    body = _found(ctx, key)
    return {
        **body["fields"],
        "Arn": key.arn,
        "GroupName": key.group,
        "Name": key.name,
        "CreationDate": body["created"],
        "LastModificationDate": body["modified"],
    }


async def delete_schedule(ctx: Context, request: Request) -> Response:
    """Handle DeleteSchedule."""
    key = _key(ctx, request)
    _found(ctx, key)
    await of(ctx).drop(key)
    return {}


async def list_schedules(ctx: Context, request: Request) -> Response:
    """Handle ListSchedules, by group and name."""
    state = of(ctx)
    group, prefix = request.get("GroupName"), request.get("NamePrefix") or ""
    wanted = request.get("State")
    if group:
        _check_group(ctx, group)
    rows = []
    for row in state.schedules.keys(ctx.account, ctx.region):
        of_group, _, name = row.partition("/")
        if (group and of_group != group) or not name.startswith(prefix):
            continue
        body = state.schedules.find(ctx.account, ctx.region, row)
        if body is not None and wanted in (None, body["fields"]["State"]):
            rows.append(row)

    def show(row: str) -> dict[str, Any]:
        of_group, _, name = row.partition("/")
        key = Key(ctx.account, ctx.region, of_group, name)
        body = state.schedules.find(*key.row) or {}
        return {
            "Arn": key.arn,
            "CreationDate": body["created"],
            "GroupName": of_group,
            "LastModificationDate": body["modified"],
            "Name": name,
            "State": body["fields"]["State"],
            "Target": {"Arn": body["fields"]["Target"]["Arn"]},
        }

    return page(rows, request, "Schedules", show)


def _key(ctx: Context, request: Request) -> Key:
    group = request.get("GroupName") or DEFAULT_GROUP
    return Key(ctx.account, ctx.region, group, request["Name"])


def _found(ctx: Context, key: Key) -> dict[str, Any]:
    _check_group(ctx, key.group)
    body = of(ctx).find(key)
    if body is None:
        raise no_schedule(key.name)
    return body


def _check_group(ctx: Context, name: str) -> None:
    if of(ctx).group(ctx.account, ctx.region, name) is None:
        raise no_group(name)


def _fields(request: Request) -> dict[str, Any]:
    """Return what GetSchedule shows of a request, with AWS's defaults."""
    given = {name: request[name] for name in _FIELDS if request.get(name) is not None}
    target = dict(given["Target"])
    target["RetryPolicy"] = {
        "MaximumEventAgeInSeconds": MAXIMUM_AGE_S,
        "MaximumRetryAttempts": MOST_RETRIES,
        **(target.get("RetryPolicy") or {}),
    }
    return {
        "ActionAfterCompletion": "NONE",
        "ScheduleExpressionTimezone": "UTC",
        "State": "ENABLED",
        **given,
        "Target": target,
    }


#: What says when a schedule is due: if it changes, it begins anew.
_TIMING = ("ScheduleExpression", "ScheduleExpressionTimezone", "StartDate")


def _changed(body: dict[str, Any], fields: dict[str, Any], now: float) -> dict[str, Any]:
    """Return the document of a schedule with new fields."""
    before = body.get("fields") or {}
    changed = {**body, "fields": fields, "modified": now}
    is_same = all(before.get(name) == fields.get(name) for name in _TIMING)
    was_on = before.get("State") == "ENABLED"
    if not is_same:
        changed.pop("fired", None)
        changed["anchor"] = fields.get("StartDate") or now
        changed["since"] = now
    elif not was_on and fields["State"] == "ENABLED":
        # What was due while it was disabled is not made up for.
        changed["since"] = now
        changed.pop("fired", None)
        if isinstance(parse_schedule_expression(fields["ScheduleExpression"]), Rate):
            changed["fired"] = max(now, body["anchor"] - 1)
    return changed
