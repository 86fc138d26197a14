"""CloudWatch's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_CloudWatch.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudwatch.dashboards import arn as dashboard_arn
from emulator.stack.kinds import Call, Kind, Made, ServiceKind, Wanted, forgiving
from emulator.stack.tagging import Tagging, merge_tags

_TAGGING = Tagging(service="cloudwatch")


class AlarmKind(ServiceKind):
    """AWS::CloudWatch::Alarm and AWS::CloudWatch::CompositeAlarm.

    Args:
        operation: What makes one.
        type: As DescribeAlarms calls it.
    """

    def __init__(self, operation: str, type: str) -> None:
        self._operation, self._type = operation, type

    async def create(self, call: Call, wanted: Wanted) -> Made:
        return await self._put(call, self._name(wanted), wanted)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self._put(call, made.physical, wanted)
        await _TAGGING.change(call, made.attributes["Arn"], before, wanted)
        return made

    async def _put(self, call: Call, name: str, wanted: Wanted) -> Made:
        request = call.fit("cloudwatch", self._operation, {**wanted.properties, "AlarmName": name})
        tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        request |= {"Tags": tags} if tags else {}
        await call("cloudwatch", self._operation, request)
        return _alarm(call, name)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"AlarmNames": [made.physical]}
        await forgiving(call, "cloudwatch", "DeleteAlarms", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = self._name(wanted)
        request = {"AlarmNames": [name], "AlarmTypes": [self._type]}
        answer = await call("cloudwatch", "DescribeAlarms", request)
        return [_alarm(call, name)] if answer.get(f"{self._type}s") else []

    def _name(self, wanted: Wanted) -> str:
        return wanted.name("AlarmName", longest=255)


def _alarm(call: Call, name: str) -> Made:
    arn = f"arn:aws:cloudwatch:{call.region}:{call.account}:alarm:{name}"
    return Made(physical=name, attributes={"Arn": arn})


class DashboardKind(ServiceKind):
    """AWS::CloudWatch::Dashboard."""

    noted = ("Tags",)

    async def create(self, call: Call, wanted: Wanted) -> Made:
        return await self._put(call, wanted.name("DashboardName", longest=255), wanted)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self._put(call, made.physical, wanted)

    async def _put(self, call: Call, name: str, wanted: Wanted) -> Made:
        body = wanted.properties.get("DashboardBody")
        await call("cloudwatch", "PutDashboard", {"DashboardName": name, "DashboardBody": body})
        return Made(physical=name, attributes={"Arn": dashboard_arn(call.account, name)})

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"DashboardNames": [made.physical]}
        await forgiving(call, "cloudwatch", "DeleteDashboards", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("DashboardName", longest=255)
        try:
            await call("cloudwatch", "GetDashboard", {"DashboardName": name})
        except AwsError:
            return []
        return [Made(physical=name, attributes={"Arn": dashboard_arn(call.account, name)})]


KINDS: dict[str, Kind] = {
    "AWS::CloudWatch::Alarm": AlarmKind("PutMetricAlarm", "MetricAlarm"),
    "AWS::CloudWatch::CompositeAlarm": AlarmKind("PutCompositeAlarm", "CompositeAlarm"),
    "AWS::CloudWatch::Dashboard": DashboardKind(),
}
