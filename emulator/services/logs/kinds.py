"""CloudWatch Logs' resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Logs.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    TableKind,
    Wanted,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

_TAGGING = Tagging(service="logs")


class LogGroup(ServiceKind):
    """AWS::Logs::LogGroup."""

    reading = Reading(
        service="logs", lists="DescribeLogGroups", listed="logGroups", item="logGroupName"
    )

    noted = (
        "BearerTokenAuthenticationEnabled",
        "DataProtectionPolicy",
        "DeletionProtectionEnabled",
        "FieldIndexPolicies",
        "KmsKeyId",
        "ResourcePolicyDocument",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("LogGroupName", longest=512)
        tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        request: dict[str, Any] = {"logGroupName": name}
        if wanted.properties.get("LogGroupClass"):
            request["logGroupClass"] = str(wanted.properties["LogGroupClass"])
        if tags:
            request["tags"] = {tag["Key"]: tag["Value"] for tag in tags}
        await call("logs", "CreateLogGroup", request)
        await self._retain(call, name, {}, wanted.properties)
        arn = f"arn:aws:logs:{call.region}:{call.account}:log-group:{name}:*"
        return Made(physical=name, attributes={"Arn": arn})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self._retain(call, made.physical, before, wanted.properties)
        await _TAGGING.change(call, str(made.attributes["Arn"]).removesuffix(":*"), before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "logs", "DeleteLogGroup", {"logGroupName": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("LogGroupName", longest=512)
        answer = await call("logs", "DescribeLogGroups", {"logGroupNamePrefix": name})
        there = [each["logGroupName"] for each in answer.get("logGroups") or []]
        return [Made(physical=name)] if name in there else []

    async def _retain(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        days = after.get("RetentionInDays")
        if days:
            request = {"logGroupName": name, "retentionInDays": int(days)}
            await call("logs", "PutRetentionPolicy", request)
        elif before.get("RetentionInDays"):
            await call("logs", "DeleteRetentionPolicy", {"logGroupName": name})


class MetricFilterKind(ServiceKind):
    """AWS::Logs::MetricFilter: its dimensions are a list in templates, and a map in the API."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        return await self._put(call, wanted.name("FilterName", longest=512), wanted)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self._put(call, made.physical, wanted)

    async def _put(self, call: Call, name: str, wanted: Wanted) -> Made:
        given = wanted.properties
        transformations = [dict(each) for each in given.get("MetricTransformations") or ()]
        for each in transformations:
            if each.get("Dimensions"):
                each["Dimensions"] = {pair["Key"]: pair["Value"] for pair in each["Dimensions"]}
        properties = {
            **given,
            "logGroupName": given.get("LogGroupName"),
            "filterName": name,
            "filterPattern": given.get("FilterPattern"),
            "metricTransformations": [
                {key[0].lower() + key[1:]: value for key, value in each.items()}
                for each in transformations
            ],
        }
        await call("logs", "PutMetricFilter", call.fit("logs", "PutMetricFilter", properties))
        return Made(physical=name)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"logGroupName": properties["LogGroupName"], "filterName": made.physical}
        await forgiving(call, "logs", "DeleteMetricFilter", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("FilterName", longest=512)
        request = {
            "logGroupName": wanted.properties.get("LogGroupName"),
            "filterNamePrefix": name,
        }
        answer = await forgiving(call, "logs", "DescribeMetricFilters", request) or {}
        there = [each["filterName"] for each in answer.get("metricFilters") or []]
        return [Made(physical=name)] if name in there else []


KINDS: dict[str, Kind] = {
    "AWS::Logs::LogGroup": LogGroup(),
    "AWS::Logs::LogStream": TableKind(
        service="logs",
        create_operation="CreateLogStream",
        delete_operation="DeleteLogStream",
        name="LogStreamName",
        name_length=512,
        ref="{logStreamName}",
        identifier={"logGroupName": "{logGroupName}", "logStreamName": "{logStreamName}"},
    ),
    "AWS::Logs::SubscriptionFilter": TableKind(
        service="logs",
        create_operation="PutSubscriptionFilter",
        update_operation="PutSubscriptionFilter",
        delete_operation="DeleteSubscriptionFilter",
        name="FilterName",
        name_length=512,
        ref="{filterName}",
        renamed={"FilterName": "filterName"},
        identifier={"logGroupName": "{logGroupName}", "filterName": "{filterName}"},
    ),
    "AWS::Logs::MetricFilter": MetricFilterKind(),
}
