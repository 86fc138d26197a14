"""IAM's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_IAM.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.iam.resource_types.policies import InlinePolicy, ManagedPolicy, OnePolicy
from emulator.services.iam.resource_types.principals import Principal, path_of
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    ServiceKind,
    TableKind,
    Wanted,
    every,
    forgiving,
)
from emulator.stack.tagging import Tagging


class InstanceProfile(ServiceKind):
    """AWS::IAM::InstanceProfile."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("InstanceProfileName", longest=128)
        path = path_of(wanted.properties)
        request = {"InstanceProfileName": name, "Path": path}
        made = await call("iam", "CreateInstanceProfile", request)
        for role in wanted.properties.get("Roles") or []:
            request = {"InstanceProfileName": name, "RoleName": role}
            await call("iam", "AddRoleToInstanceProfile", request)
        return Made(physical=name, attributes={"Arn": made["InstanceProfile"]["Arn"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        old, new = (list(each.get("Roles") or []) for each in (before, wanted.properties))
        named = {"InstanceProfileName": made.physical}
        # It has one role at most: the old one goes first.
        for role in (each for each in old if each not in new):
            request = {**named, "RoleName": role}
            await forgiving(call, "iam", "RemoveRoleFromInstanceProfile", request)
        for role in (each for each in new if each not in old):
            await call("iam", "AddRoleToInstanceProfile", {**named, "RoleName": role})
        return made

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


class AccessKey(ServiceKind):
    """AWS::IAM::AccessKey: its secret is known once it is there."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        user = str(wanted.properties.get("UserName"))
        made = (await call("iam", "CreateAccessKey", {"UserName": user}))["AccessKey"]
        key = made["AccessKeyId"]
        await self._switch(call, key, {}, wanted.properties)
        attributes = {"Id": key, "SecretAccessKey": made["SecretAccessKey"]}
        return Made(physical=key, attributes=attributes)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await self._switch(call, made.physical, before, wanted.properties)
        return made

    async def _switch(
        self, call: Call, key: str, before: Mapping[str, Any], after: Mapping[str, Any]
    ) -> None:
        status = str(after.get("Status") or "Active")
        if status != str(before.get("Status") or "Active"):
            named = {"UserName": str(after.get("UserName")), "AccessKeyId": key}
            await call("iam", "UpdateAccessKey", {**named, "Status": status})

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"UserName": str(properties.get("UserName")), "AccessKeyId": made.physical}
        await forgiving(call, "iam", "DeleteAccessKey", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"UserName": str(wanted.properties.get("UserName"))}
        there = await every(call, "iam", "ListAccessKeys", request, "AccessKeyMetadata")
        return [Made(physical=each["AccessKeyId"]) for each in there]


class OidcProvider(TableKind):
    """AWS::IAM::OIDCProvider: its clients are added and removed one by one."""

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        named, after = {"OpenIDConnectProviderArn": made.physical}, wanted.properties
        old, new = (list(each.get("ClientIdList") or []) for each in (before, after))
        for verb, clients in (
            ("RemoveClientIDFrom", [each for each in old if each not in new]),
            ("AddClientIDTo", [each for each in new if each not in old]),
        ):
            for client in clients:
                operation = f"{verb}OpenIDConnectProvider"
                await call("iam", operation, {**named, "ClientID": client})
        prints = after.get("ThumbprintList")
        if prints and prints != before.get("ThumbprintList"):
            request = {**named, "ThumbprintList": prints}
            await call("iam", "UpdateOpenIDConnectProviderThumbprint", request)
        tagging = Tagging(
            service="iam",
            add="TagOpenIDConnectProvider",
            remove="UntagOpenIDConnectProvider",
            member="OpenIDConnectProviderArn",
        )
        await tagging.change(call, made.physical, before, wanted)
        return made


class UserToGroupAddition(ServiceKind):
    """AWS::IAM::UserToGroupAddition: users who are in a group."""

    appends = True

    async def create(self, call: Call, wanted: Wanted) -> Made:
        await self._each(call, "AddUserToGroup", wanted.properties, _users(wanted.properties))
        return Made(physical=wanted.name(""), attributes={"Id": wanted.name("")})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        after, same = wanted.properties, before.get("GroupName") == wanted.properties["GroupName"]
        gone = [each for each in _users(before) if not same or each not in _users(after)]
        await self._each(call, "RemoveUserFromGroup", before, gone)
        await self._each(call, "AddUserToGroup", after, _users(after))
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await self._each(call, "RemoveUserFromGroup", properties, _users(properties))

    async def _each(
        self, call: Call, operation: str, properties: Mapping[str, Any], users: list[str]
    ) -> None:
        for user in users:
            request = {"GroupName": str(properties["GroupName"]), "UserName": user}
            if operation == "AddUserToGroup":
                await call("iam", operation, request)
            else:
                await forgiving(call, "iam", operation, request)


def _users(properties: Mapping[str, Any]) -> list[str]:
    return [str(each) for each in properties.get("Users") or []]


KINDS: dict[str, Kind] = {
    "AWS::IAM::AccessKey": AccessKey(),
    "AWS::IAM::Group": Principal("Group"),
    "AWS::IAM::GroupPolicy": OnePolicy("Group"),
    "AWS::IAM::InstanceProfile": InstanceProfile(),
    "AWS::IAM::ManagedPolicy": ManagedPolicy(),
    "AWS::IAM::OIDCProvider": OidcProvider(
        service="iam",
        create_operation="CreateOpenIDConnectProvider",
        delete_operation="DeleteOpenIDConnectProvider",
        ref="{OpenIDConnectProviderArn}",
        identifier={"OpenIDConnectProviderArn": "{OpenIDConnectProviderArn}"},
        attributes={"Arn": "{OpenIDConnectProviderArn}"},
        renamed={"ClientIdList": "ClientIDList"},
        tags="Tags",
    ),
    "AWS::IAM::Policy": InlinePolicy(),
    "AWS::IAM::Role": Principal("Role"),
    "AWS::IAM::RolePolicy": OnePolicy("Role"),
    "AWS::IAM::ServiceLinkedRole": TableKind(
        service="iam",
        create_operation="CreateServiceLinkedRole",
        update_operation="UpdateRole",
        cleared={"Description": ""},
        delete_operation="DeleteServiceLinkedRole",
        ref="{RoleName}",
        identifier={"RoleName": "{RoleName}"},
        attributes={"RoleName": "{RoleName}"},
    ),
    "AWS::IAM::User": Principal("User"),
    "AWS::IAM::UserPolicy": OnePolicy("User"),
    "AWS::IAM::UserToGroupAddition": UserToGroupAddition(),
}
