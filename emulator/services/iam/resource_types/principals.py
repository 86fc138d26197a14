"""Roles, users and groups: entities with policies of both kinds."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import (
    Call,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    forgiving,
)
from emulator.stack.tagging import Tagging, merge_tags

#: Seconds of a role's sessions where a template says nothing.
_SESSION_S = 3600


class Principal(ServiceKind):
    """AWS::IAM::Role, User and Group: an entity with policies of both kinds.

    Args:
        kind: "Role", "User" or "Group".
    """

    def __init__(self, kind: str) -> None:
        self._kind, self._member = kind, f"{kind}Name"
        self.noted = ("LoginProfile",) if kind == "User" else ()
        self.reading = Reading(
            service="iam",
            get=f"Get{kind}",
            member=self._member,
            lists=f"List{kind}s",
            listed=f"{kind}s",
            item=self._member,
        )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name(self._member)
        values = {**wanted.properties, self._member: name}
        if "AssumeRolePolicyDocument" in values:
            values["AssumeRolePolicyDocument"] = text_of(values["AssumeRolePolicyDocument"])
        if self._kind == "Role":
            # Recorded: CloudFormation gives each role a description.
            values.setdefault("Description", "")
        tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
        operation = f"Create{self._kind}"
        request = call.fit("iam", operation, {**values, "Tags": tags})
        made = (await call("iam", operation, request))[self._kind]
        try:
            await self._apply(call, name, {}, wanted.properties)
        except AwsError:
            await self._strip(call, name)
            await call("iam", f"Delete{self._kind}", {self._member: name})
            raise
        identity = {"RoleId": made["RoleId"]} if self._kind == "Role" else {}
        return Made(physical=name, attributes={"Arn": made["Arn"], **identity})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        name, after = made.physical, wanted.properties
        request: dict[str, Any]
        trust = after.get("AssumeRolePolicyDocument")
        if trust is not None and trust != before.get("AssumeRolePolicyDocument"):
            request = {"RoleName": name, "PolicyDocument": text_of(trust)}
            await call("iam", "UpdateAssumeRolePolicy", request)
        if self._kind == "Role":
            request = {
                "RoleName": name,
                "Description": str(after.get("Description") or ""),
                "MaxSessionDuration": int(after.get("MaxSessionDuration") or _SESSION_S),
            }
            await call("iam", "UpdateRole", request)
        if self._kind != "Role" and path_of(before) != path_of(after):
            kind, request = self._kind, {self._member: name}
            await call("iam", f"Update{kind}", {**request, "NewPath": path_of(after)})
            arn = (await call("iam", f"Get{kind}", request))[kind]["Arn"]
            made = replace(made, attributes={**made.attributes, "Arn": arn})
        await self._bound(call, name, before, after)
        await self._apply(call, name, before, after)
        await self._regroup(call, name, before, after)
        if self._kind != "Group":
            kind, member = self._kind, self._member
            tagging = Tagging(service="iam", add=f"Tag{kind}", remove=f"Untag{kind}", member=member)
            await tagging.change(call, name, before, wanted)
        return made

    async def _bound(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Change the boundary of permissions, which groups do not have."""
        boundary, named = after.get("PermissionsBoundary"), {self._member: name}
        if boundary == before.get("PermissionsBoundary"):
            return
        if boundary:
            request = {**named, "PermissionsBoundary": boundary}
            await call("iam", f"Put{self._kind}PermissionsBoundary", request)
        else:
            await forgiving(call, "iam", f"Delete{self._kind}PermissionsBoundary", named)

    async def _regroup(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        """Have a user leave the groups that it is not to be in any more."""
        for group in before.get("Groups") or [] if self._kind == "User" else []:
            if group not in (after.get("Groups") or []):
                request = {"UserName": name, "GroupName": group}
                await forgiving(call, "iam", "RemoveUserFromGroup", request)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await self._strip(call, made.physical)
        await forgiving(call, "iam", f"Delete{self._kind}", {self._member: made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name(self._member)
        found = await forgiving(call, "iam", f"Get{self._kind}", {self._member: name})
        return [] if found is None else [Made(physical=name)]

    async def _apply(
        self, call: Call, name: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        named = {self._member: name}
        old, new = _inline(before), _inline(after)
        for policy, document in new.items():
            request = {**named, "PolicyName": policy, "PolicyDocument": document}
            await call("iam", f"Put{self._kind}Policy", request)
        for policy in old.keys() - new.keys():
            # A change that was cut off may have removed it before.
            request = {**named, "PolicyName": policy}
            await forgiving(call, "iam", f"Delete{self._kind}Policy", request)
        attached = set(after.get("ManagedPolicyArns") or [])
        for arn in sorted(attached):
            await call("iam", f"Attach{self._kind}Policy", {**named, "PolicyArn": arn})
        for arn in sorted(set(before.get("ManagedPolicyArns") or []) - attached):
            request = {**named, "PolicyArn": arn}
            await forgiving(call, "iam", f"Detach{self._kind}Policy", request)
        for group in after.get("Groups") or [] if self._kind == "User" else []:
            await call("iam", "AddUserToGroup", {**named, "GroupName": group})

    async def _strip(self, call: Call, name: str) -> None:
        """Take from an entity what keeps it from being removed, whoever has given it that."""
        kind, named = self._kind, {self._member: name}
        answer = await forgiving(call, "iam", f"List{kind}Policies", named) or {}
        for policy in answer.get("PolicyNames") or []:
            request = {**named, "PolicyName": policy}
            await forgiving(call, "iam", f"Delete{kind}Policy", request)
        answer = await forgiving(call, "iam", f"ListAttached{kind}Policies", named) or {}
        for policy in answer.get("AttachedPolicies") or []:
            request = {**named, "PolicyArn": policy["PolicyArn"]}
            await forgiving(call, "iam", f"Detach{kind}Policy", request)
        if kind != "User":
            return
        answer = await forgiving(call, "iam", "ListGroupsForUser", named) or {}
        for group in answer.get("Groups") or []:
            request = {**named, "GroupName": group["GroupName"]}
            await forgiving(call, "iam", "RemoveUserFromGroup", request)


def path_of(properties: Mapping[str, Any]) -> str:
    """Return the path that properties give an entity."""
    return str(properties.get("Path") or "/")


def _inline(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(each["PolicyName"]): text_of(each.get("PolicyDocument"))
        for each in properties.get("Policies") or []
    }


def text_of(document: Any) -> str:
    """Return a policy document as operations take it: a template may write it as an object."""
    return document if isinstance(document, str) else json.dumps(document)
