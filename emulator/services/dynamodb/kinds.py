"""DynamoDB's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_DynamoDB.html
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
    Wanted,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

#: Properties that UpdateTable takes as they are.
_UPDATED = (
    "BillingMode",
    "DeletionProtectionEnabled",
    "ProvisionedThroughput",
    "TableClass",
    "WarmThroughput",
)


#: What a table has whose template says nothing of it.
_USUAL = {
    "BillingMode": "PROVISIONED",
    "DeletionProtectionEnabled": False,
    "TableClass": "STANDARD",
}
#: A table that may take as much as comes.
_UNLIMITED = {"MaxReadRequestUnits": -1, "MaxWriteRequestUnits": -1}
_TAGGING = Tagging(service="dynamodb")


class Table(ServiceKind):
    """AWS::DynamoDB::Table."""

    noted: tuple[str, ...] = ("ImportSourceSpecification", "VectorIndexes")

    reading = Reading(
        service="dynamodb",
        get="DescribeTable",
        member="TableName",
        lists="ListTables",
        listed="TableNames",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("TableName", longest=255)
        request = {**_creation(wanted.properties), "TableName": name}
        tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        if tags:
            request["Tags"] = tags
        fitting = call.fit("dynamodb", "CreateTable", request)
        made = _made((await call("dynamodb", "CreateTable", fitting))["TableDescription"])
        await _settle(call, name, {}, wanted.properties)
        await _set_policies(call, made, {}, wanted.properties)
        return made

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        name = made.physical
        for request in _updates(before, wanted.properties):
            fitting = call.fit("dynamodb", "UpdateTable", {**request, "TableName": name})
            await call("dynamodb", "UpdateTable", fitting)
        await _settle(call, name, before, wanted.properties)
        await _TAGGING.change(call, made.attributes["Arn"], before, wanted)
        shown = (await call("dynamodb", "DescribeTable", {"TableName": name}))["Table"]
        made = _made(shown)
        await _set_policies(call, made, before, wanted.properties)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "dynamodb", "DeleteTable", {"TableName": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("TableName", longest=255)
        found = await forgiving(call, "dynamodb", "DescribeTable", {"TableName": name})
        return [] if found is None else [_made(found["Table"])]


class GlobalTable(Table):
    """AWS::DynamoDB::GlobalTable: a table with replicas in other regions."""

    noted = (
        "GlobalTableSourceArn",
        "GlobalTableWitnesses",
        "MultiRegionConsistency",
        "TableType",
        "VectorIndexes",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        made = await super().create(call, _as_table(call, wanted))
        await _replicate(call, made.physical, [], _regions(call, wanted.properties))
        return made

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        plain = _plain(call, before)
        new = await super().update(call, made, plain, _as_table(call, wanted))
        regions = _regions(call, before), _regions(call, wanted.properties)
        await _replicate(call, made.physical, *regions)
        return new


def _made(shown: Mapping[str, Any]) -> Made:
    attributes = {"Arn": shown["TableArn"], "TableId": shown["TableId"]}
    if shown.get("LatestStreamArn"):
        attributes["StreamArn"] = shown["LatestStreamArn"]
    return Made(physical=shown["TableName"], attributes=attributes)


def _stream(properties: Mapping[str, Any]) -> dict[str, Any] | None:
    given = properties.get("StreamSpecification")
    if not given:
        return None
    return {"StreamEnabled": True, "StreamViewType": given["StreamViewType"]}


def _encryption(properties: Mapping[str, Any]) -> dict[str, Any] | None:
    given = properties.get("SSESpecification")
    if not given:
        return None
    found = {**given, "Enabled": given.get("SSEEnabled", True)}
    return {key: value for key, value in found.items() if key != "SSEEnabled"}


def _creation(properties: Mapping[str, Any]) -> dict[str, Any]:
    request = {k: v for k, v in properties.items() if k not in ("Tags", "ResourcePolicy")}
    for member, value in (
        ("StreamSpecification", _stream(properties)),
        ("SSESpecification", _encryption(properties)),
    ):
        request.pop(member, None)
        if value is not None:
            request[member] = value
    return request


def _updates(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the requests that change a table; each does one thing, as AWS wants it."""
    found: list[dict[str, Any]] = []
    changed = {k: after[k] for k in _UPDATED if k in after and after[k] != before.get(k)}
    for name, usual in _USUAL.items():
        if name in before and name not in after:
            changed[name] = usual
    limits = [each.get("OnDemandThroughput") or {} for each in (before, after)]
    if limits[0] != limits[1]:
        changed["OnDemandThroughput"] = {**_UNLIMITED, **limits[1]}
    if changed:
        found.append(changed)
    if _encryption(after) != _encryption(before):
        found.append({"SSESpecification": _encryption(after) or {"Enabled": False}})
    if _stream(after) != _stream(before):
        if _stream(before):
            found.append({"StreamSpecification": {"StreamEnabled": False}})
        if _stream(after):
            found.append({"StreamSpecification": _stream(after)})
    return found + _index_updates(before, after)


def _index_updates(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[dict[str, Any]]:
    old, new = (
        {each["IndexName"]: each for each in given.get("GlobalSecondaryIndexes") or ()}
        for given in (before, after)
    )
    found = []
    for name, each in old.items():
        kept = new.get(name)
        if kept is None or any(
            kept.get(member) != each.get(member) for member in ("KeySchema", "Projection")
        ):
            found.append({"Delete": {"IndexName": name}})
        elif kept.get("ProvisionedThroughput") != each.get("ProvisionedThroughput"):
            throughput = kept.get("ProvisionedThroughput")
            if throughput:
                update = {"IndexName": name, "ProvisionedThroughput": throughput}
                found.append({"Update": update})
    deleted = {each["Delete"]["IndexName"] for each in found if "Delete" in each}
    found += [{"Create": each} for name, each in new.items() if name not in old or name in deleted]
    definitions = after.get("AttributeDefinitions") or []
    return [
        {"GlobalSecondaryIndexUpdates": [each], "AttributeDefinitions": definitions}
        for each in found
    ]


async def _settle(
    call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Set what has operations of its own: expiry, recovery, streams of Kinesis, insights."""
    expiry, old = (each.get("TimeToLiveSpecification") or {} for each in (after, before))
    if expiry != old:
        if _is_on(old.get("Enabled")):
            off = {"AttributeName": old["AttributeName"], "Enabled": False}
            request = {"TableName": name, "TimeToLiveSpecification": off}
            await call("dynamodb", "UpdateTimeToLive", request)
        if _is_on(expiry.get("Enabled")):
            on = {"AttributeName": expiry["AttributeName"], "Enabled": True}
            request = {"TableName": name, "TimeToLiveSpecification": on}
            await call("dynamodb", "UpdateTimeToLive", request)
    member = "PointInTimeRecoverySpecification"
    if (after.get(member) or {}) != (before.get(member) or {}):
        wanted = {"PointInTimeRecoveryEnabled": False, **(after.get(member) or {})}
        request = call.fit(
            "dynamodb", "UpdateContinuousBackups", {"TableName": name, member: wanted}
        )
        await call("dynamodb", "UpdateContinuousBackups", request)
    new, gone = (
        (each.get("KinesisStreamSpecification") or {}).get("StreamArn") for each in (after, before)
    )
    if new != gone:
        if gone:
            request = {"TableName": name, "StreamArn": gone}
            await call("dynamodb", "DisableKinesisStreamingDestination", request)
        if new:
            request = {"TableName": name, "StreamArn": new}
            await call("dynamodb", "EnableKinesisStreamingDestination", request)
    insights, was = (
        _is_on((each.get("ContributorInsightsSpecification") or {}).get("Enabled"))
        for each in (after, before)
    )
    if insights != was:
        action = "ENABLE" if insights else "DISABLE"
        request = {"TableName": name, "ContributorInsightsAction": action}
        await call("dynamodb", "UpdateContributorInsights", request)


async def _set_policies(
    call: Call, made: Made, before: Mapping[str, Any], after: Mapping[str, Any]
) -> None:
    """Give a table and its stream their policies."""
    for arn, path in (("Arn", ()), ("StreamArn", ("StreamSpecification",))):
        old, new = (_policy(each, path) for each in (before, after))
        if old == new or arn not in made.attributes:
            continue
        named = {"ResourceArn": made.attributes[arn]}
        if new is None:
            await forgiving(call, "dynamodb", "DeleteResourcePolicy", named)
        else:
            text = new if isinstance(new, str) else json.dumps(new)
            await call("dynamodb", "PutResourcePolicy", {**named, "Policy": text})


def _policy(properties: Mapping[str, Any], path: tuple[str, ...]) -> Any:
    for name in (*path, "ResourcePolicy"):
        properties = properties.get(name) or {}
    return properties.get("PolicyDocument")


def _is_on(value: Any) -> bool:
    return value is True or str(value).lower() == "true"


def _regions(call: Call, properties: Mapping[str, Any]) -> list[str]:
    found = [each["Region"] for each in properties.get("Replicas") or ()]
    return [each for each in found if each != call.region]


async def _replicate(call: Call, name: str, before: list[str], after: list[str]) -> None:
    updates = [{"Delete": {"RegionName": each}} for each in before if each not in after]
    updates += [{"Create": {"RegionName": each}} for each in after if each not in before]
    for each in updates:
        request = {"TableName": name, "ReplicaUpdates": [each]}
        await call("dynamodb", "UpdateTable", request)


def _as_table(call: Call, wanted: Wanted) -> Wanted:
    return Wanted(
        kind=wanted.kind,
        logical=wanted.logical,
        properties=_plain(call, wanted.properties),
        stack_name=wanted.stack_name,
        stack_id=wanted.stack_id,
        seed=wanted.seed,
        tags=wanted.tags,
    )


def _plain(call: Call, properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the properties of a global table as those of a table in the stack's region."""
    replicas = properties.get("Replicas") or []
    own: Mapping[str, Any] = next(
        (each for each in replicas if each.get("Region") == call.region), {}
    )
    taken = (
        "ContributorInsightsSpecification",
        "DeletionProtectionEnabled",
        "KinesisStreamSpecification",
        "PointInTimeRecoverySpecification",
        "TableClass",
        "Tags",
    )
    found = {k: v for k, v in properties.items() if k not in ("Replicas", *_SCALED)}
    found |= {member: own[member] for member in taken if member in own}
    if on_demand := _on_demand(properties, own):
        found["OnDemandThroughput"] = on_demand
    if properties.get("BillingMode", "PAY_PER_REQUEST") == "PROVISIONED":
        throughput = _throughput(properties, own)
        found["BillingMode"] = "PROVISIONED"
        found["ProvisionedThroughput"] = throughput
        found["GlobalSecondaryIndexes"] = [
            {
                "ProvisionedThroughput": throughput,
                **{k: v for k, v in e.items() if k not in _SCALED},
            }
            for e in properties.get("GlobalSecondaryIndexes") or ()
        ]
    else:
        found["BillingMode"] = "PAY_PER_REQUEST"
    if not found.get("GlobalSecondaryIndexes"):
        found.pop("GlobalSecondaryIndexes", None)
    return found


_SCALED = (
    "ReadOnDemandThroughputSettings",
    "ReadProvisionedThroughputSettings",
    "WriteOnDemandThroughputSettings",
    "WriteProvisionedThroughputSettings",
)


def _on_demand(properties: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, Any]:
    """Return the most that a table may take; a replica says by itself what it is read."""
    settings = {**properties, **own}
    return {
        unit: settings[name][unit]
        for name, unit in (
            ("ReadOnDemandThroughputSettings", "MaxReadRequestUnits"),
            ("WriteOnDemandThroughputSettings", "MaxWriteRequestUnits"),
        )
        if unit in (settings.get(name) or {})
    }


def _throughput(properties: Mapping[str, Any], own: Mapping[str, Any]) -> dict[str, int]:
    found = {}
    for kind, where in (("Read", own), ("Write", properties)):
        given = where.get(f"{kind}ProvisionedThroughputSettings") or {}
        scaling = given.get(f"{kind}CapacityAutoScalingSettings") or {}
        units = given.get(f"{kind}CapacityUnits") or scaling.get("MinCapacity") or 1
        found[f"{kind}CapacityUnits"] = int(units)
    return found


KINDS: dict[str, Kind] = {
    "AWS::DynamoDB::GlobalTable": GlobalTable(),
    "AWS::DynamoDB::Table": Table(),
}
