"""Secrets Manager's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SecretsManager.html
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.stack.kinds import Call, Kind, Made, ServiceKind, Wanted, forgiving
from emulator.stack.tagging import Tagging, merge_tags

_SERVICE = "secretsmanager"
#: What identifies the targets of attachments in a secret's value, by their type.
_TARGETS = {
    "AWS::RDS::DBInstance": "dbInstanceIdentifier",
    "AWS::RDS::DBCluster": "dbClusterIdentifier",
    "AWS::DocDB::DBInstance": "dbInstanceIdentifier",
    "AWS::DocDB::DBCluster": "dbClusterIdentifier",
    "AWS::Redshift::Cluster": "dbClusterIdentifier",
}


_TAGGING = Tagging(service=_SERVICE, member="SecretId")


class Secret(ServiceKind):
    """AWS::SecretsManager::Secret."""

    noted = ("ReplicaRegions",)

    async def create(self, call: Call, wanted: Wanted) -> Made:
        values = {**wanted.properties, "Name": wanted.name("Name", longest=256)}
        request = call.fit(_SERVICE, "CreateSecret", values)
        request |= {"Tags": _tags(wanted, wanted.properties), **_token()}
        generated = await _generated(call, wanted.properties)
        if generated is not None:
            request["SecretString"] = generated
        answer = await call(_SERVICE, "CreateSecret", request)
        return Made(physical=answer["ARN"], attributes={"Id": answer["ARN"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        after = wanted.properties
        request = call.fit(_SERVICE, "UpdateSecret", {**after, "SecretId": made.physical})
        request = {"Description": "", **request, **_token()}
        if before.get("SecretString") == after.get("SecretString"):
            request.pop("SecretString", None)
        if before.get("GenerateSecretString") != after.get("GenerateSecretString"):
            generated = await _generated(call, after)
            if generated is not None:
                request["SecretString"] = generated
        await call(_SERVICE, "UpdateSecret", request)
        await _TAGGING.change(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"SecretId": made.physical, "ForceDeleteWithoutRecovery": True}
        await call(_SERVICE, "DeleteSecret", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"SecretId": wanted.name("Name", longest=256)}
        found = await forgiving(call, _SERVICE, "DescribeSecret", request)
        return [] if found is None else [Made(physical=found["ARN"])]


def _token() -> dict[str, str]:
    return {"ClientRequestToken": new_request_id()}


def _tags(wanted: Wanted, properties: Mapping[str, Any]) -> list[dict[str, str]]:
    return merge_tags(wanted.tags, properties.get("Tags"))


async def _generated(call: Call, properties: Mapping[str, Any]) -> str | None:
    """Return the value that GenerateSecretString asks for; None without it."""
    wanted = properties.get("GenerateSecretString")
    if wanted is None:
        return None
    request = call.fit(_SERVICE, "GetRandomPassword", wanted)
    password = str((await call(_SERVICE, "GetRandomPassword", request))["RandomPassword"])
    key, template = wanted.get("GenerateStringKey"), wanted.get("SecretStringTemplate")
    if not key and not template:
        return password
    try:
        value = json.loads(template or "")
    except ValueError:
        value = None
    if not key or not isinstance(value, dict):
        raise AwsError(
            "InvalidRequestException",
            "GenerateStringKey and SecretStringTemplate, an object in JSON, belong together.",
        )
    return json.dumps({**value, key: password})


class RotationSchedule(ServiceKind):
    """AWS::SecretsManager::RotationSchedule."""

    noted = ("ExternalSecretRotationMetadata", "ExternalSecretRotationRoleArn")

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        if properties.get("HostedRotationLambda"):
            raise AwsError(
                "InvalidRequestException",
                "localfaas has no HostedRotationLambda: give a RotationLambdaARN of your own.",
            )
        request = {**call.fit(_SERVICE, "RotateSecret", properties), **_token()}
        immediately = str(properties.get("RotateImmediatelyOnUpdate", True)).lower() != "false"
        request["RotateImmediately"] = immediately
        try:
            answer = await call(_SERVICE, "RotateSecret", request)
        except AwsError as error:
            # The schedule is made all the same; the earlier rotation goes on.
            if "previous rotation isn't complete" not in error.message:
                raise
            named = {"SecretId": str(properties["SecretId"])}
            answer = await call(_SERVICE, "DescribeSecret", named)
        return Made(physical=answer["ARN"], attributes={"Id": answer["ARN"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "CancelRotateSecret", {"SecretId": made.physical})


class ResourcePolicy(ServiceKind):
    """AWS::SecretsManager::ResourcePolicy."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        policy = wanted.properties.get("ResourcePolicy")
        text = policy if isinstance(policy, str) else json.dumps(policy)
        values = {**wanted.properties, "ResourcePolicy": text}
        request = call.fit(_SERVICE, "PutResourcePolicy", values)
        answer = await call(_SERVICE, "PutResourcePolicy", request)
        return Made(physical=answer["ARN"], attributes={"Id": answer["ARN"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self.create(call, wanted)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteResourcePolicy", {"SecretId": made.physical})


class SecretTargetAttachment(ServiceKind):
    """AWS::SecretsManager::SecretTargetAttachment: the secret learns which database it is for.

    Databases are not here; so it learns the database's identifier, and no host and no port.
    """

    async def create(self, call: Call, wanted: Wanted) -> Made:
        return await self._learn(call, {}, wanted.properties)

    async def _learn(
        self, call: Call, before: Mapping[str, Any], properties: Mapping[str, Any]
    ) -> Made:
        """Tell the secret of a database, in place of the one before."""
        kind, secret = str(properties["TargetType"]), str(properties["SecretId"])
        if kind not in _TARGETS:
            raise AwsError("InvalidRequestException", f"{kind} is no TargetType of secrets.")
        held = await call(_SERVICE, "GetSecretValue", {"SecretId": secret})
        try:
            value = json.loads(held.get("SecretString") or "{}")
        except ValueError:
            value = None
        if not isinstance(value, dict):
            raise AwsError("InvalidRequestException", "The secret's value is no object in JSON.")
        value.pop(_TARGETS.get(str(before.get("TargetType")), ""), None)
        text = json.dumps({**value, _TARGETS[kind]: str(properties["TargetId"])})
        changed = {"SecretId": secret, "SecretString": text, **_token()}
        await call(_SERVICE, "UpdateSecret", changed)
        return Made(physical=held["ARN"], attributes={"Id": held["ARN"]})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        return await self._learn(call, before, wanted.properties)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """Leave the secret with what it has learned."""


KINDS: dict[str, Kind] = {
    "AWS::SecretsManager::ResourcePolicy": ResourcePolicy(),
    "AWS::SecretsManager::RotationSchedule": RotationSchedule(),
    "AWS::SecretsManager::Secret": Secret(),
    "AWS::SecretsManager::SecretTargetAttachment": SecretTargetAttachment(),
}
