"""Activities: tasks that workers outside ask for.

https://docs.aws.amazon.com/step-functions/latest/dg/concepts-activities.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.context import Context, Request, Response
from emulator.services.stepfunctions import arns, configuration, errors, tags
from emulator.services.stepfunctions.arns import Arn
from emulator.services.stepfunctions.engine.events import event, text_of
from emulator.services.stepfunctions.engine.execution import ACTIVITY, TOKEN, Execution, Thread
from emulator.services.stepfunctions.paging import page
from emulator.services.stepfunctions.state import of
from emulator.services.stepfunctions.workers import Offer

#: Seconds for which GetActivityTask waits for a task.
_POLL_S = 60.0


def _arn(ctx: Context, name: str) -> str:
    return arns.make(ctx.account, ctx.region, "activity", name)


def _found(ctx: Context, given: str) -> tuple[Arn, dict[str, Any]]:
    arn = arns.split(given, "activity")
    activity = of(ctx).activities.find(arn.account, arn.region, arn.name)
    if activity is None or (arn.account, arn.region) != (ctx.account, ctx.region):
        raise errors.no_activity(given)
    return arn, activity


async def create_activity(ctx: Context, request: Request) -> Response:
    """Handle CreateActivity; one that is there is returned.

    Raises:
        AwsError: InvalidName, ActivityAlreadyExists (with another encryption), TooManyTags.
    """
    name = request["name"]
    arns.check_name(name)
    encryption = configuration.encryption(request.get("encryptionConfiguration"))
    activity = of(ctx).activities.find(ctx.account, ctx.region, name)
    if activity is None:
        activity = {
            "created": ctx.clock.now(),
            "encryption": encryption,
            "tags": tags.checked({}, request.get("tags"), _arn(ctx, name)),
        }
        await of(ctx).activities.put(ctx.account, ctx.region, name, activity)
    elif activity["encryption"] != encryption:
        text = f"Activity Already Exists: '{_arn(ctx, name)}'"
        raise AwsError("ActivityAlreadyExists", text)
    return {"activityArn": _arn(ctx, name), "creationDate": activity["created"]}


async def describe_activity(ctx: Context, request: Request) -> Response:
    """Handle DescribeActivity.

    Raises:
        AwsError: There is no such activity.
    """
    arn, activity = _found(ctx, request["activityArn"])
    return {
        "activityArn": arn.text,
        "name": arn.name,
        "creationDate": activity["created"],
        "encryptionConfiguration": activity["encryption"],
    }


async def delete_activity(ctx: Context, request: Request) -> Response:
    """Handle DeleteActivity; one that is not there is no error.

    Raises:
        AwsError: InvalidArn.
    """
    arn = arns.split(request["activityArn"], "activity")
    if of(ctx).activities.find(ctx.account, ctx.region, arn.name) is not None:
        await of(ctx).activities.delete(ctx.account, ctx.region, arn.name)
    return {}


async def list_activities(ctx: Context, request: Request) -> Response:
    """Handle ListActivities."""
    table = of(ctx).activities
    found = []
    for name in table.keys(ctx.account, ctx.region):
        activity = table.find(ctx.account, ctx.region, name)
        if activity is not None:
            shown = {"activityArn": _arn(ctx, name), "name": name}
            found.append({**shown, "creationDate": activity["created"]})
    return page(found, request, "activities", "activities")


async def get_activity_task(ctx: Context, request: Request) -> Response:
    """Handle GetActivityTask: wait up to a minute for a task; the answer may have none.

    Raises:
        AwsError: There is no such activity.
    """
    arn, _ = _found(ctx, request["activityArn"])
    state = of(ctx)
    until_s = ctx.clock.monotonic() + _POLL_S
    while True:
        while (offer := state.workers.take(arn.text)) is not None:
            taken = await _taken(ctx, offer, request.get("workerName"))
            if taken is not None:
                return taken
        left_s = until_s - ctx.clock.monotonic()
        if left_s <= 0:
            return {}
        future = state.workers.wait(arn.text)
        timer = ctx.clock.call_later(left_s, future.cancel)
        try:
            await asyncio.wait((future,))
        finally:
            timer.cancel()
            state.workers.give_up(arn.text, future)


async def _taken(ctx: Context, offer: Offer, worker: str | None) -> Response | None:
    """Begin a task for a worker; None if it is no longer wanted."""
    id, name, turn = offer
    engine = of(ctx).engine
    execution = await engine.load(id)
    thread = None if execution is None else execution.threads.get(name)
    if execution is None or thread is None or execution.is_over:
        return None
    if thread.turn != turn or thread.kind != ACTIVITY:
        return None
    set_heartbeat(ctx, execution, thread)
    details = {"workerName": worker} if worker else None
    engine.rest(execution, thread, TOKEN, event("ActivityStarted", details))
    return {"taskToken": thread.token, "input": text_of(thread.task.arguments)}


def set_heartbeat(ctx: Context, execution: Execution, thread: Thread) -> None:
    """Let a task's heartbeat be due again."""
    beat_s = thread.task.heartbeat_s
    if beat_s is None:
        return
    engine = of(ctx).engine
    due_ms = int((ctx.clock.now() + beat_s / engine.scale_of(execution)) * 1000)
    limit_ms = thread.deadline_ms
    thread.due_ms = due_ms if limit_ms is None else min(due_ms, limit_ms)
    execution.changed.add(thread.id)
