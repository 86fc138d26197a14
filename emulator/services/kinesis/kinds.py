"""Kinesis's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_Kinesis.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.stack.kinds import Call, Kind, Made, Reading, ServiceKind, Wanted, forgiving

_SERVICE = "kinesis"


class Stream(ServiceKind):
    """AWS::Kinesis::Stream."""

    noted = ("RecordDistributionStrategy",)
    reading = Reading(
        service=_SERVICE, get="DescribeStreamSummary", member="StreamName",
        lists="ListStreams", listed="StreamNames",
    )  # fmt: skip

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("Name", longest=128)
        properties = wanted.properties
        values = {
            "StreamName": name,
            "ShardCount": properties.get("ShardCount"),
            "StreamModeDetails": properties.get("StreamModeDetails"),
            "MaxRecordSizeInKiB": properties.get("MaxRecordSizeInKiB"),
            "WarmThroughputMiBps": properties.get("WarmThroughputMiBps"),
            "Tags": _tags(wanted),
        }
        if values["ShardCount"] is None and not values["StreamModeDetails"]:
            values["ShardCount"] = 1
        given = {k: v for k, v in values.items() if v not in (None, {})}
        await call(_SERVICE, "CreateStream", call.fit(_SERVICE, "CreateStream", given))
        made = _made(call, name)
        await self._configure(call, name, {}, properties)
        return made

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        name, after = made.physical, wanted.properties
        arn = made.attributes["Arn"]
        mode = (after.get("StreamModeDetails") or {}).get("StreamMode")
        if mode and mode != (before.get("StreamModeDetails") or {}).get("StreamMode"):
            details = {"StreamARN": arn, "StreamModeDetails": {"StreamMode": mode}}
            await call(_SERVICE, "UpdateStreamMode", details)
        if after.get("ShardCount") and after.get("ShardCount") != before.get("ShardCount"):
            request = {
                "StreamName": name,
                "ScalingType": "UNIFORM_SCALING",
                "TargetShardCount": int(after["ShardCount"]),
            }
            await call(_SERVICE, "UpdateShardCount", request)
        if after.get("MaxRecordSizeInKiB") and (
            after.get("MaxRecordSizeInKiB") != before.get("MaxRecordSizeInKiB")
        ):
            size = {"StreamARN": arn, "MaxRecordSizeInKiB": int(after["MaxRecordSizeInKiB"])}
            await call(_SERVICE, "UpdateMaxRecordSize", size)
        throughput = after.get("WarmThroughputMiBps")
        if throughput and throughput != before.get("WarmThroughputMiBps"):
            warm = {"StreamARN": arn, "WarmThroughputMiBps": int(throughput)}
            await call(_SERVICE, "UpdateStreamWarmThroughput", warm)
        await self._configure(call, name, before, after)
        await self._tag(call, name, wanted)
        return made

    async def _configure(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Set retention, encryption and metrics."""
        named = {"StreamName": name}
        old, new = (int(each.get("RetentionPeriodHours") or 24) for each in (before, after))
        if old != new:
            way = "IncreaseStreamRetentionPeriod" if new > old else "DecreaseStreamRetentionPeriod"
            await call(_SERVICE, way, {**named, "RetentionPeriodHours": new})
        encryption = after.get("StreamEncryption") or {}
        if encryption != (before.get("StreamEncryption") or {}):
            if encryption:
                await call(_SERVICE, "StartStreamEncryption", {**named, **encryption})
            else:
                stop = {**named, "EncryptionType": "KMS"}
                stop["KeyId"] = before["StreamEncryption"]["KeyId"]
                await call(_SERVICE, "StopStreamEncryption", stop)
        metrics, was = (set(each.get("DesiredShardLevelMetrics") or ()) for each in (after, before))
        for operation, names in (
            ("EnableEnhancedMonitoring", metrics - was),
            ("DisableEnhancedMonitoring", was - metrics),
        ):
            if names:
                await call(_SERVICE, operation, {**named, "ShardLevelMetrics": sorted(names)})

    async def _tag(self, call: Call, name: str, wanted: Wanted) -> None:
        named = {"StreamName": name}
        tags = _tags(wanted)
        there = (await call(_SERVICE, "ListTagsForStream", named))["Tags"]
        gone = [each["Key"] for each in there if each["Key"] not in tags]
        if gone:
            await call(_SERVICE, "RemoveTagsFromStream", {**named, "TagKeys": gone})
        if tags:
            await call(_SERVICE, "AddTagsToStream", {**named, "Tags": tags})

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"StreamName": made.physical, "EnforceConsumerDeletion": True}
        await forgiving(call, _SERVICE, "DeleteStream", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("Name", longest=128)
        found = await forgiving(call, _SERVICE, "DescribeStreamSummary", {"StreamName": name})
        return [] if found is None else [_made(call, name)]


def _made(call: Call, name: str) -> Made:
    arn = f"arn:aws:kinesis:{call.region}:{call.account}:stream/{name}"
    return Made(physical=name, attributes={"Arn": arn})


def _tags(wanted: Wanted) -> dict[str, str]:
    own = wanted.properties.get("Tags") or []
    return {**wanted.tags, **{str(tag["Key"]): str(tag["Value"]) for tag in own}}


class Consumer(ServiceKind):
    """AWS::Kinesis::StreamConsumer."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = call.fit(_SERVICE, "RegisterStreamConsumer", wanted.properties)
        request.pop("Tags", None)
        tags = _tags(wanted)
        if tags:
            request["Tags"] = tags
        made = (await call(_SERVICE, "RegisterStreamConsumer", request))["Consumer"]
        return _consumer(made, str(wanted.properties["StreamARN"]))

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"ConsumerARN": made.physical}
        await forgiving(call, _SERVICE, "DeregisterStreamConsumer", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        stream = str(wanted.properties.get("StreamARN", ""))
        request = {"StreamARN": stream, "ConsumerName": wanted.properties.get("ConsumerName", "")}
        found = await forgiving(call, _SERVICE, "DescribeStreamConsumer", request)
        return [] if found is None else [_consumer(found["ConsumerDescription"], stream)]


def _consumer(shown: Mapping[str, Any], stream: str) -> Made:
    attributes = {
        "ConsumerARN": shown["ConsumerARN"],
        "ConsumerName": shown["ConsumerName"],
        "ConsumerStatus": "ACTIVE",
        "StreamARN": stream,
        "ConsumerCreationTimestamp": str(int(shown["ConsumerCreationTimestamp"])),
    }
    return Made(physical=shown["ConsumerARN"], attributes=attributes)


class ResourcePolicy(ServiceKind):
    """AWS::Kinesis::ResourcePolicy."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        arn, policy = str(wanted.properties["ResourceArn"]), wanted.properties["ResourcePolicy"]
        text = policy if isinstance(policy, str) else json.dumps(policy)
        await call(_SERVICE, "PutResourcePolicy", {"ResourceARN": arn, "Policy": text})
        return Made(physical=arn)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteResourcePolicy", {"ResourceARN": made.physical})


KINDS: dict[str, Kind] = {
    "AWS::Kinesis::ResourcePolicy": ResourcePolicy(),
    "AWS::Kinesis::Stream": Stream(),
    "AWS::Kinesis::StreamConsumer": Consumer(),
}
