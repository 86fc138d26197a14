"""EventBridge's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_Events.html
"""

from __future__ import annotations

import json
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
    every,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

_DEFAULT = "default"
#: Between the name of a bus of one's own and that of a rule or statement, in what Ref means.
_BETWEEN = "|"


def _bus_name(properties: Mapping[str, Any]) -> str:
    """Return the name of a bus that properties name, by name or ARN."""
    return str(properties.get("EventBusName") or _DEFAULT).rpartition("event-bus/")[2]


def _physical(bus: str, name: str) -> str:
    return name if bus == _DEFAULT else f"{bus}{_BETWEEN}{name}"


class Rule(ServiceKind):
    """AWS::Events::Rule, with its targets."""

    reading = Reading(service="events", get="DescribeRule", member="Name", lists="ListRules",
                      listed="Rules", item="Name")  # fmt: skip

    async def create(self, call: Call, wanted: Wanted) -> Made:
        bus, name = _bus_name(wanted.properties), wanted.name("Name")
        tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        arn = await self._put(call, bus, name, wanted.properties, tags)
        targets = wanted.properties.get("Targets") or []
        if targets:
            request = {"Rule": name, "EventBusName": bus, "Targets": targets}
            fitted = call.fit("events", "PutTargets", request)
            try:
                await call("events", "PutTargets", fitted)
            except BaseException:
                await forgiving(call, "events", "DeleteRule", {"Name": name, "EventBusName": bus})
                raise
        return _rule(bus, name, arn)

    async def _put(
        self, call: Call, bus: str, name: str, properties: Mapping[str, Any], tags: Any = None
    ) -> str:
        values = {k: v for k, v in properties.items() if k not in ("Targets", "Tags")}
        if tags:
            values["Tags"] = tags
        values |= {"Name": name, "EventBusName": bus}
        answer = await call("events", "PutRule", call.fit("events", "PutRule", values))
        return str(answer["RuleArn"])

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        bus, name = _split(made.physical)
        await self._put(call, bus, name, wanted.properties)
        targets = wanted.properties.get("Targets") or []
        kept = {str(each["Id"]) for each in targets}
        gone = [str(each["Id"]) for each in before.get("Targets") or [] if each["Id"] not in kept]
        there = {"Rule": name, "EventBusName": bus}
        if gone:
            await call("events", "RemoveTargets", {**there, "Ids": gone})
        if targets:
            request = call.fit("events", "PutTargets", {**there, "Targets": targets})
            await call("events", "PutTargets", request)
        await _TAGGING.change(call, made.attributes["Arn"], before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        bus, name = _split(made.physical)
        there = {"Rule": name, "EventBusName": bus}
        targets = await every(call, "events", "ListTargetsByRule", there, "Targets")
        if targets:
            ids = [each["Id"] for each in targets]
            await forgiving(call, "events", "RemoveTargets", {**there, "Ids": ids})
        await forgiving(call, "events", "DeleteRule", {"Name": name, "EventBusName": bus})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        bus, name = _bus_name(wanted.properties), wanted.name("Name")
        request = {"Name": name, "EventBusName": bus}
        found = await forgiving(call, "events", "DescribeRule", request)
        if found is None:
            return []
        return [_rule(bus, name, found["Arn"])]


def _rule(bus: str, name: str, arn: str) -> Made:
    return Made(physical=_physical(bus, name), attributes={"Arn": arn, "RuleName": name})


def _split(physical: str) -> tuple[str, str]:
    bus, _, name = physical.rpartition(_BETWEEN)
    return bus or _DEFAULT, name


_TAGGING = Tagging(service="events")
#: What an update says of properties that a bus is to have no more.
_CLEARED_BUS: dict[str, Any] = {"Description": "", "DeadLetterConfig": {}}
_BUS = ("Description", "KmsKeyIdentifier", "DeadLetterConfig", "LogConfig")


class EventBus(ServiceKind):
    """AWS::Events::EventBus, with its policy."""

    reading = Reading(service="events", get="DescribeEventBus", member="Name",
                      lists="ListEventBuses", listed="EventBuses", item="Name")  # fmt: skip

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties, name = wanted.properties, wanted.name("Name", longest=256)
        values = {k: v for k, v in properties.items() if k in (*_BUS, "EventSourceName")}
        values |= {"Name": name, "Tags": merge_tags(wanted.tags, properties.get("Tags"))}
        request = call.fit("events", "CreateEventBus", values)
        arn = (await call("events", "CreateEventBus", request))["EventBusArn"]
        await _set_policy(call, name, properties.get("Policy"))
        return self._made(name, arn)

    def _made(self, name: str, arn: str) -> Made:
        return Made(physical=name, attributes={"Arn": arn, "Name": name, "Policy": ""})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        values = {k: wanted.properties[k] for k in _BUS if k in wanted.properties}
        gone = {k: v for k, v in _CLEARED_BUS.items() if k in before and k not in values}
        request = call.fit("events", "UpdateEventBus", {"Name": made.physical, **gone, **values})
        await call("events", "UpdateEventBus", request)
        if wanted.properties.get("Policy") != before.get("Policy"):
            request = {"EventBusName": made.physical, "RemoveAllPermissions": True}
            await forgiving(call, "events", "RemovePermission", request)
            await _set_policy(call, made.physical, wanted.properties.get("Policy"))
        await _TAGGING.change(call, made.attributes["Arn"], before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "events", "DeleteEventBus", {"Name": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("Name", longest=256)
        found = await forgiving(call, "events", "DescribeEventBus", {"Name": name})
        return [] if found is None else [self._made(name, found["Arn"])]


async def _set_policy(call: Call, bus: str, policy: Any) -> None:
    if policy:
        text = policy if isinstance(policy, str) else json.dumps(policy)
        await call("events", "PutPermission", {"EventBusName": bus, "Policy": text})


class EventBusPolicy(ServiceKind):
    """AWS::Events::EventBusPolicy: one statement of a bus's policy."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        bus, sid = _bus_name(wanted.properties), str(wanted.properties["StatementId"])
        await self._put(call, bus, sid, wanted.properties)
        return Made(physical=_physical(bus, sid))

    async def _put(self, call: Call, bus: str, sid: str, properties: Mapping[str, Any]) -> None:
        statement = properties.get("Statement")
        if statement is None:
            values = {**properties, "EventBusName": bus}
            await call("events", "PutPermission", call.fit("events", "PutPermission", values))
            return
        described = await call("events", "DescribeEventBus", {"Name": bus})
        policy = json.loads(described.get("Policy") or '{"Version": "2012-10-17"}')
        others = [each for each in policy.get("Statement") or [] if each.get("Sid") != sid]
        policy["Statement"] = [*others, {"Sid": sid, **statement}]
        await _set_policy(call, bus, policy)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self._put(call, *_split(made.physical), wanted.properties)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        bus, sid = _split(made.physical)
        request = {"EventBusName": bus, "StatementId": sid}
        await forgiving(call, "events", "RemovePermission", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        bus, sid = _bus_name(wanted.properties), str(wanted.properties.get("StatementId"))
        described = await forgiving(call, "events", "DescribeEventBus", {"Name": bus}) or {}
        policy = json.loads(described.get("Policy") or "{}")
        there = any(each.get("Sid") == sid for each in policy.get("Statement") or [])
        return [Made(physical=_physical(bus, sid))] if there else []


class Connection(TableKind):
    """AWS::Events::Connection: its secret's ARN is known once it is there."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        made = await super().create(call, wanted)
        described = await call("events", "DescribeConnection", {"Name": made.physical})
        attributes = {**made.attributes, "SecretArn": described["SecretArn"]}
        return Made(physical=made.physical, attributes=attributes)


_FOR_POLICY = "arn:aws:events:{{region}}:{{account}}:{}/{{Name}}"

KINDS: dict[str, Kind] = {
    "AWS::Events::ApiDestination": TableKind(
        service="events",
        create_operation="CreateApiDestination",
        update_operation="UpdateApiDestination",
        delete_operation="DeleteApiDestination",
        read_operation="DescribeApiDestination",
        ref="{Name}",
        name="Name",
        identifier={"Name": "{Name}"},
        cleared={"Description": "", "InvocationRateLimitPerSecond": 300},
        attributes={
            "Arn": "{ApiDestinationArn}",
            "ArnForPolicy": _FOR_POLICY.format("api-destination"),
        },
        reading=Reading(service="events", get="DescribeApiDestination", member="Name",
                        lists="ListApiDestinations", listed="ApiDestinations", item="Name"),
    ),
    "AWS::Events::Archive": TableKind(
        service="events",
        create_operation="CreateArchive",
        update_operation="UpdateArchive",
        delete_operation="DeleteArchive",
        read_operation="DescribeArchive",
        ref="{ArchiveName}",
        name="ArchiveName",
        name_length=48,
        identifier={"ArchiveName": "{ArchiveName}"},
        renamed={"SourceArn": "EventSourceArn"},
        cleared={"Description": "", "EventPattern": "", "RetentionDays": 0},
        attributes={"Arn": "{ArchiveArn}"},
        reading=Reading(service="events", get="DescribeArchive", member="ArchiveName",
                        lists="ListArchives", listed="Archives", item="ArchiveName"),
    ),
    "AWS::Events::Connection": Connection(
        service="events",
        create_operation="CreateConnection",
        update_operation="UpdateConnection",
        delete_operation="DeleteConnection",
        read_operation="DescribeConnection",
        ref="{Name}",
        name="Name",
        identifier={"Name": "{Name}"},
        # Nothing says that a connection is to be public again.
        cleared={"Description": "", "InvocationConnectivityParameters": None},
        attributes={"Arn": "{ConnectionArn}", "ArnForPolicy": _FOR_POLICY.format("connection")},
        reading=Reading(service="events", get="DescribeConnection", member="Name",
                        lists="ListConnections", listed="Connections", item="Name"),
    ),
    "AWS::Events::EventBus": EventBus(),
    "AWS::Events::EventBusPolicy": EventBusPolicy(),
    "AWS::Events::Rule": Rule(),
}  # fmt: skip
