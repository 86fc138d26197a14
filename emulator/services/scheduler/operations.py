"""Every operation of EventBridge Scheduler."""

from __future__ import annotations

from emulator.services.scheduler import groups, schedules
from emulator.services.service import Operation

OPERATIONS: dict[str, Operation] = {
    "CreateSchedule": schedules.create_schedule,
    "CreateScheduleGroup": groups.create_schedule_group,
    "DeleteSchedule": schedules.delete_schedule,
    "DeleteScheduleGroup": groups.delete_schedule_group,
    "GetSchedule": schedules.get_schedule,
    "GetScheduleGroup": groups.get_schedule_group,
    "ListScheduleGroups": groups.list_schedule_groups,
    "ListSchedules": schedules.list_schedules,
    "ListTagsForResource": groups.list_tags_for_resource,
    "TagResource": groups.tag_resource,
    "UntagResource": groups.untag_resource,
    "UpdateSchedule": schedules.update_schedule,
}

UNSUPPORTED: dict[str, str] = {}
