"""Policies as resources of their own: managed ones, and inline ones of one entity or of several."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from emulator.services.iam.resource_types.principals import path_of, text_of
from emulator.stack.kinds import (
    Call,
    Made,
    ServiceKind,
    Wanted,
    forgiving,
)

#: Where policies of their own are put, by the property that names the entities.
_HOLDERS = {"Roles": "Role", "Users": "User", "Groups": "Group"}


class InlinePolicy(ServiceKind):
    """AWS::IAM::Policy: one inline policy for several entities."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        name = str(properties["PolicyName"])
        document = text_of(properties.get("PolicyDocument"))
        for kind, holder in _holders(properties):
            request = {f"{kind}Name": holder, "PolicyName": name, "PolicyDocument": document}
            await call("iam", f"Put{kind}Policy", request)
        return Made(physical=wanted.name(""), attributes={"Id": wanted.name("")})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = str(wanted.properties["PolicyName"])
        for kind, holder in _holders(wanted.properties):
            request = {f"{kind}Name": holder, "PolicyName": name}
            if await forgiving(call, "iam", f"Get{kind}Policy", request) is not None:
                return [Made(physical=wanted.name(""))]
        return []

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self.create(call, wanted)
        name, now = str(before["PolicyName"]), wanted.properties
        kept = _holders(now) if name == str(now["PolicyName"]) else []
        await self._remove(call, name, [each for each in _holders(before) if each not in kept])
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await self._remove(call, str(properties["PolicyName"]), _holders(properties))

    async def _remove(self, call: Call, name: str, holders: list[tuple[str, str]]) -> None:
        for kind, holder in holders:
            request = {f"{kind}Name": holder, "PolicyName": name}
            await forgiving(call, "iam", f"Delete{kind}Policy", request)


def _holders(properties: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [
        (kind, str(holder)) for name, kind in _HOLDERS.items()
        for holder in properties.get(name) or []
    ]  # fmt: skip


class ManagedPolicy(ServiceKind):
    """AWS::IAM::ManagedPolicy."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        request: dict[str, Any] = {
            "PolicyName": wanted.name("ManagedPolicyName", longest=128),
            "PolicyDocument": text_of(properties.get("PolicyDocument")),
        }
        for name in ("Path", "Description"):
            if properties.get(name):
                request[name] = str(properties[name])
        arn = (await call("iam", "CreatePolicy", request))["Policy"]["Arn"]
        for kind, holder in _holders(properties):
            attach = {f"{kind}Name": holder, "PolicyArn": arn}
            await call("iam", f"Attach{kind}Policy", attach)
        return await self._made(call, arn)

    async def _made(self, call: Call, arn: str) -> Made:
        found = (await call("iam", "GetPolicy", {"PolicyArn": arn}))["Policy"]
        attributes: dict[str, Any] = {"PolicyArn": arn}
        for name in ("AttachmentCount", "IsAttachable", "PermissionsBoundaryUsageCount"):
            attributes[name] = found.get(name)
        for name in ("CreateDate", "UpdateDate"):
            attributes[name] = _moment(found[name])
        for name in ("DefaultVersionId", "PolicyId"):
            attributes[name] = found[name]
        return Made(physical=arn, attributes=attributes)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        path = path_of(wanted.properties)
        name = wanted.name("ManagedPolicyName", longest=128)
        arn = f"arn:aws:iam::{call.account}:policy{path}{name}"
        found = await forgiving(call, "iam", "GetPolicy", {"PolicyArn": arn})
        return [] if found is None else [await self._made(call, arn)]

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        arn = made.physical
        if before.get("PolicyDocument") != wanted.properties.get("PolicyDocument"):
            await self._prune(call, arn)
            request = {
                "PolicyArn": arn,
                "PolicyDocument": text_of(wanted.properties.get("PolicyDocument")),
                "SetAsDefault": True,
            }
            await call("iam", "CreatePolicyVersion", request)
        old, new = set(_holders(before)), set(_holders(wanted.properties))
        for kind, holder in new - old:
            attach = {f"{kind}Name": holder, "PolicyArn": arn}
            await call("iam", f"Attach{kind}Policy", attach)
        for kind, holder in old - new:
            detach = {f"{kind}Name": holder, "PolicyArn": arn}
            await forgiving(call, "iam", f"Detach{kind}Policy", detach)
        return await self._made(call, arn)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        for kind, holder in _holders(properties):
            detach = {f"{kind}Name": holder, "PolicyArn": made.physical}
            await forgiving(call, "iam", f"Detach{kind}Policy", detach)
        await self._prune(call, made.physical)
        await forgiving(call, "iam", "DeletePolicy", {"PolicyArn": made.physical})

    async def _prune(self, call: Call, arn: str) -> None:
        """Remove the versions that are not the default one."""
        answer = await forgiving(call, "iam", "ListPolicyVersions", {"PolicyArn": arn})
        for version in (answer or {}).get("Versions") or []:
            if not version["IsDefaultVersion"]:
                request = {"PolicyArn": arn, "VersionId": version["VersionId"]}
                await forgiving(call, "iam", "DeletePolicyVersion", request)


def _moment(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat().replace("+00:00", "Z")


class OnePolicy(ServiceKind):
    """AWS::IAM::RolePolicy, UserPolicy and GroupPolicy: an inline policy of one entity.

    Args:
        kind: "Role", "User" or "Group".
    """

    def __init__(self, kind: str) -> None:
        self._kind, self._member = kind, f"{kind}Name"

    def _named(self, properties: Mapping[str, Any]) -> dict[str, str]:
        return {name: str(properties.get(name)) for name in (self._member, "PolicyName")}

    async def create(self, call: Call, wanted: Wanted) -> Made:
        named = self._named(wanted.properties)
        document = text_of(wanted.properties.get("PolicyDocument"))
        await call("iam", f"Put{self._kind}Policy", {**named, "PolicyDocument": document})
        return Made(physical=f"{named['PolicyName']}|{named[self._member]}")

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "iam", f"Delete{self._kind}Policy", self._named(properties))

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        named = self._named(wanted.properties)
        found = await forgiving(call, "iam", f"Get{self._kind}Policy", named)
        return [] if found is None else [Made(physical="|".join(reversed(named.values())))]
