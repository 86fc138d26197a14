"""KMS's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/AWS_KMS.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import Call, Kind, Made, Reading, ServiceKind, Wanted, forgiving

_SERVICE = "kms"


#: What a key has for ever, and what it is where nothing is said.
_FIXED = {
    "KeySpec": "SYMMETRIC_DEFAULT",
    "KeyUsage": "ENCRYPT_DECRYPT",
    "MultiRegion": False,
    "Origin": "AWS_KMS",
}
#: Days between rotations where a key says nothing.
_ROTATION_DAYS = 365


def _flag(value: Any) -> bool:
    return str(value).lower() == "true"


class Key(ServiceKind):
    """AWS::KMS::Key."""

    appends = True
    reading = Reading(
        service=_SERVICE, get="DescribeKey", member="KeyId", lists="ListKeys", listed="Keys",
        item="KeyId",
    )  # fmt: skip

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        tags = {**wanted.tags, **_tags(properties)}
        values = {
            **call.fit(_SERVICE, "CreateKey", {**properties, "Tags": None, "KeyPolicy": None}),
            "Tags": [{"TagKey": key, "TagValue": value} for key, value in tags.items()],
        }
        policy = _policy(properties)
        if policy:
            values["Policy"] = policy
        given = {name: value for name, value in values.items() if value is not None}
        made = (await call(_SERVICE, "CreateKey", given))["KeyMetadata"]
        named = {"KeyId": made["KeyId"]}
        await self._switch(call, named, {}, properties)
        return Made(physical=made["KeyId"], attributes={"Arn": made["Arn"], "KeyId": made["KeyId"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        after, named = wanted.properties, {"KeyId": made.physical}
        # What it is counts, not what was said before: that may have been refused.
        key = (await call(_SERVICE, "DescribeKey", named))["KeyMetadata"]
        for name, usual in _FIXED.items():
            # A template may say true as a text.
            if str(after.get(name) or usual).lower() != str(key[name]).lower():
                raise AwsError("ValidationException", f"You cannot change the {name} of a key.")
        if before.get("Description") != after.get("Description"):
            text = {**named, "Description": after.get("Description") or ""}
            await call(_SERVICE, "UpdateKeyDescription", text)
        policy = _policy(after)
        if policy and policy != _policy(before):
            await call(_SERVICE, "PutKeyPolicy", {**named, "Policy": policy})
        await self._switch(call, named, before, after)
        tags = {**wanted.tags, **_tags(after)}
        gone = [key for key in _tags(before) if key not in tags]
        if gone:
            await call(_SERVICE, "UntagResource", {**named, "TagKeys": gone})
        if tags:
            shown = [{"TagKey": key, "TagValue": value} for key, value in tags.items()]
            await call(_SERVICE, "TagResource", {**named, "Tags": shown})
        return made

    async def _switch(
        self,
        call: Call,
        named: Mapping[str, Any],
        before: Mapping[str, Any],
        after: Mapping[str, Any],
    ) -> None:
        """Enable or disable the key and its rotation, which only an enabled key changes."""
        enabled, was = (_flag(each.get("Enabled", True)) for each in (after, before))
        if enabled and not was:
            await call(_SERVICE, "EnableKey", named)
        rotates, did = (_flag(each.get("EnableKeyRotation", False)) for each in (after, before))
        period, was_period = (each.get("RotationPeriodInDays") for each in (after, before))
        if rotates and (not did or period != was_period):
            days = {"RotationPeriodInDays": int(period or _ROTATION_DAYS)}
            await call(_SERVICE, "EnableKeyRotation", {**named, **days})
        elif did and not rotates:
            await call(_SERVICE, "DisableKeyRotation", named)
        if was and not enabled:
            await call(_SERVICE, "DisableKey", named)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        found = await forgiving(call, _SERVICE, "DescribeKey", {"KeyId": made.physical})
        if found is None or found["KeyMetadata"]["KeyState"] == "PendingDeletion":
            return
        days = int(properties.get("PendingWindowInDays") or 30)
        request = {"KeyId": made.physical, "PendingWindowInDays": days}
        await call(_SERVICE, "ScheduleKeyDeletion", request)


def _policy(properties: Mapping[str, Any]) -> str:
    policy = properties.get("KeyPolicy")
    if not policy:
        return ""
    return policy if isinstance(policy, str) else json.dumps(policy)


def _tags(properties: Mapping[str, Any]) -> dict[str, str]:
    return {str(tag["Key"]): str(tag["Value"]) for tag in properties.get("Tags") or ()}


class Alias(ServiceKind):
    """AWS::KMS::Alias."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = call.fit(_SERVICE, "CreateAlias", wanted.properties)
        await call(_SERVICE, "CreateAlias", request)
        return Made(physical=str(request["AliasName"]))

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        request = {"AliasName": made.physical, "TargetKeyId": wanted.properties["TargetKeyId"]}
        await call(_SERVICE, "UpdateAlias", request)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteAlias", {"AliasName": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = str(wanted.properties.get("AliasName", ""))
        found = await forgiving(call, _SERVICE, "ListAliases", {}) or {}
        there = any(each["AliasName"] == name for each in found.get("Aliases") or ())
        return [Made(physical=name)] if there else []


KINDS: dict[str, Kind] = {
    "AWS::KMS::Alias": Alias(),
    "AWS::KMS::Key": Key(),
}
