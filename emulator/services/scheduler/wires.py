"""What schedules are wired to: their targets."""

from __future__ import annotations

from emulator.services.context import Parts
from emulator.services.scheduler.keys import Key
from emulator.services.scheduler.state import Scheduler
from emulator.services.wiring import Wire


def title(resource: str) -> tuple[str, str]:
    """Return what a resource is called, and its name, by the end of its ARN."""
    if resource.startswith("aws-sdk:"):
        return "operation", resource.removeprefix("aws-sdk:")
    return "schedule", resource.removeprefix("schedule/").removeprefix("default/")


async def wires(parts: Parts, scheduler: Scheduler) -> list[Wire]:
    """Return the wires of all schedules."""
    lanes = await scheduler.outbox.by_lane()
    found = []
    for account, region, row, body in scheduler.schedules.all():
        group, _, name = row.partition("/")
        key, fields = Key(account, region, group, name), body["fields"]
        target = fields["Target"]
        waiting, retrying = lanes.get(key.arn, (0, 0))
        zone = fields["ScheduleExpressionTimezone"]
        note = fields["ScheduleExpression"] + ("" if zone == "UTC" else f" {zone}")
        found.append(
            Wire(
                source=key.arn,
                target=target["Arn"],
                by="schedule",
                note=note,
                is_on=fields["State"] == "ENABLED",
                waiting=waiting,
                retrying=retrying,
                dead_letters=(target.get("DeadLetterConfig") or {}).get("Arn") or "",
            )
        )
    return found
