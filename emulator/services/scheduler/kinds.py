"""Scheduler's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Scheduler.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from emulator.stack.kinds import Call, Kind, Made, Reading, TableKind, Wanted, merge_tags


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group(TableKind):
    """A group of schedules: only its tags change in place."""

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        named = {"ResourceArn": made.attributes["Arn"]}
        new = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        old = {tag["Key"] for tag in merge_tags({}, before.get("Tags"))}
        gone = sorted(old - {tag["Key"] for tag in new})
        if gone:
            await call("scheduler", "UntagResource", {**named, "TagKeys": gone})
        await call("scheduler", "TagResource", {**named, "Tags": new})
        return made


KINDS: dict[str, Kind] = {
    "AWS::Scheduler::Schedule": TableKind(
        service="scheduler",
        create_operation="CreateSchedule",
        update_operation="UpdateSchedule",
        delete_operation="DeleteSchedule",
        read_operation="GetSchedule",
        name="Name",
        ref="{Name}",
        identifier={"Name": "{Name}", "GroupName": "{GroupName}"},
        fixed={"GroupName": "default"},
        attributes={"Arn": "arn:aws:scheduler:{region}:{account}:schedule/{GroupName}/{Name}"},
        reading=Reading(
            service="scheduler",
            get="GetSchedule",
            member="Name",
            lists="ListSchedules",
            listed="Schedules",
            item="Name",
        ),
    ),
    "AWS::Scheduler::ScheduleGroup": _Group(
        service="scheduler",
        create_operation="CreateScheduleGroup",
        delete_operation="DeleteScheduleGroup",
        read_operation="GetScheduleGroup",
        name="Name",
        tags="Tags",
        ref="{Name}",
        identifier={"Name": "{Name}"},
        attributes={"Arn": "arn:aws:scheduler:{region}:{account}:schedule-group/{Name}"},
        reading=Reading(
            service="scheduler",
            get="GetScheduleGroup",
            member="Name",
            lists="ListScheduleGroups",
            listed="ScheduleGroups",
            item="Name",
        ),
    ),
}
