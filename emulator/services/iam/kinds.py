"""IAM's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    TableKind,
    Wanted,
    forgiving,
    merge_tags,
)


class Principal(ServiceKind):
    """AWS::IAM::Role, User and Group: an entity with policies of both kinds.

    Args:
        kind: "Role", "User" or "Group".
    """

    def __init__(self, kind: str) -> None:
        self._kind, self._member = kind, f"{kind}Name"
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
            values["AssumeRolePolicyDocument"] = _text(values["AssumeRolePolicyDocument"])
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
        trust = after.get("AssumeRolePolicyDocument")
        if trust is not None and trust != before.get("AssumeRolePolicyDocument"):
            request = {"RoleName": name, "PolicyDocument": _text(trust)}
            await call("iam", "UpdateAssumeRolePolicy", request)
        if self._kind == "Role":
            request = {"RoleName": name, "Description": str(after.get("Description") or "")}
            if after.get("MaxSessionDuration"):
                request["MaxSessionDuration"] = int(after["MaxSessionDuration"])  # type: ignore[assignment]
            await call("iam", "UpdateRole", request)
        await self._apply(call, name, before, after)
        return made

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


def _inline(properties: Mapping[str, Any]) -> dict[str, str]:
    return {
        str(each["PolicyName"]): _text(each.get("PolicyDocument"))
        for each in properties.get("Policies") or []
    }


def _text(document: Any) -> str:
    return document if isinstance(document, str) else json.dumps(document)


#: Where policies of their own are put, by the property that names the entities.
_HOLDERS = {"Roles": "Role", "Users": "User", "Groups": "Group"}


class InlinePolicy(ServiceKind):
    """AWS::IAM::Policy: one inline policy for several entities."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        name = str(properties["PolicyName"])
        document = _text(properties.get("PolicyDocument"))
        for kind, holder in _holders(properties):
            request = {f"{kind}Name": holder, "PolicyName": name, "PolicyDocument": document}
            await call("iam", f"Put{kind}Policy", request)
        return Made(physical=wanted.name(""), attributes={"Id": name})

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
        for kind, holder in set(_holders(before)) - set(_holders(wanted.properties)):
            await self._remove(call, kind, holder, str(before["PolicyName"]))
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        for kind, holder in _holders(properties):
            await self._remove(call, kind, holder, str(properties["PolicyName"]))

    async def _remove(self, call: Call, kind: str, holder: str, name: str) -> None:
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
            "PolicyDocument": _text(properties.get("PolicyDocument")),
        }
        for name in ("Path", "Description"):
            if properties.get(name):
                request[name] = str(properties[name])
        arn = (await call("iam", "CreatePolicy", request))["Policy"]["Arn"]
        for kind, holder in _holders(properties):
            attach = {f"{kind}Name": holder, "PolicyArn": arn}
            await call("iam", f"Attach{kind}Policy", attach)
        return Made(physical=arn, attributes={"PolicyArn": arn})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        path = str(wanted.properties.get("Path") or "/")
        name = wanted.name("ManagedPolicyName", longest=128)
        arn = f"arn:aws:iam::{call.account}:policy{path}{name}"
        found = await forgiving(call, "iam", "GetPolicy", {"PolicyArn": arn})
        return [] if found is None else [Made(physical=arn)]

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        arn = made.physical
        if before.get("PolicyDocument") != wanted.properties.get("PolicyDocument"):
            await self._prune(call, arn)
            request = {
                "PolicyArn": arn,
                "PolicyDocument": _text(wanted.properties.get("PolicyDocument")),
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
        return made

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


class InstanceProfile(ServiceKind):
    """AWS::IAM::InstanceProfile."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("InstanceProfileName", longest=128)
        made = await call("iam", "CreateInstanceProfile", {"InstanceProfileName": name})
        for role in wanted.properties.get("Roles") or []:
            request = {"InstanceProfileName": name, "RoleName": role}
            await call("iam", "AddRoleToInstanceProfile", request)
        return Made(physical=name, attributes={"Arn": made["InstanceProfile"]["Arn"]})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("InstanceProfileName", longest=128)
        request = {"InstanceProfileName": name}
        found = await forgiving(call, "iam", "GetInstanceProfile", request)
        return [] if found is None else [Made(physical=name)]

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        named = {"InstanceProfileName": made.physical}
        for role in properties.get("Roles") or []:
            await forgiving(
                call, "iam", "RemoveRoleFromInstanceProfile", {**named, "RoleName": role}
            )
        await forgiving(call, "iam", "DeleteInstanceProfile", named)


KINDS: dict[str, Kind] = {
    "AWS::IAM::AccessKey": TableKind(
        service="iam",
        create_operation="CreateAccessKey",
        list_operation="ListAccessKeys",
        listed="AccessKeyMetadata",
        delete_operation="DeleteAccessKey",
        ref="{AccessKeyId}",
        identifier={"AccessKeyId": "{AccessKeyId}", "UserName": "{UserName}"},
        attributes={"SecretAccessKey": "{SecretAccessKey}"},
    ),
    "AWS::IAM::Group": Principal("Group"),
    "AWS::IAM::InstanceProfile": InstanceProfile(),
    "AWS::IAM::ManagedPolicy": ManagedPolicy(),
    "AWS::IAM::OIDCProvider": TableKind(
        service="iam",
        create_operation="CreateOpenIDConnectProvider",
        delete_operation="DeleteOpenIDConnectProvider",
        ref="{OpenIDConnectProviderArn}",
        identifier={"OpenIDConnectProviderArn": "{OpenIDConnectProviderArn}"},
        attributes={"Arn": "{OpenIDConnectProviderArn}"},
        renamed={"ClientIdList": "ClientIDList"},
    ),
    "AWS::IAM::Policy": InlinePolicy(),
    "AWS::IAM::Role": Principal("Role"),
    "AWS::IAM::ServiceLinkedRole": TableKind(
        service="iam",
        create_operation="CreateServiceLinkedRole",
        delete_operation="DeleteServiceLinkedRole",
        ref="{RoleName}",
        identifier={"RoleName": "{RoleName}"},
        attributes={"RoleName": "{RoleName}"},
    ),
    "AWS::IAM::User": Principal("User"),
}
