"""Scheduler's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Scheduler.html
"""

from __future__ import annotations

from datetime import UTC, datetime

from emulator.stack.kinds import Call, Kind, Made, Reading, TableKind, Wanted
from emulator.stack.tagging import Tagging


class _Group(TableKind):
    """AWS::Scheduler::ScheduleGroup: what the service says of it is known once it is there."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        made = await super().create(call, wanted)
        found = await call("scheduler", "GetScheduleGroup", {"Name": made.physical})
        dates = {
            name: datetime.fromtimestamp(found[name], UTC).isoformat().replace("+00:00", "Z")
            for name in ("CreationDate", "LastModificationDate")
        }
        attributes = {**made.attributes, **dates, "State": found["State"]}
        return Made(physical=made.physical, attributes=attributes)


KINDS: dict[str, Kind] = {
    "AWS::Scheduler::Schedule": TableKind(
        service="scheduler",
        create_operation="CreateSchedule",
        update_operation="UpdateSchedule",
        whole=True,
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
        tagging=Tagging(service="scheduler"),
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
