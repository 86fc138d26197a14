"""Step Functions' resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_StepFunctions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import (
    Call,
    Kind,
    Made,
    Reading,
    ServiceKind,
    Wanted,
    forgiving,
    merge_tags,
)

_SERVICE = "stepfunctions"
_SUBSTITUTION = re.compile(r"\$\{([a-zA-Z0-9_.:-]+)\}")
_SAME = ("RoleArn", "LoggingConfiguration", "TracingConfiguration", "EncryptionConfiguration")


def _tags(wanted: Wanted) -> list[dict[str, str]]:
    tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
    return [{"key": each["Key"], "value": each["Value"]} for each in tags]


async def _retag(call: Call, arn: str, before: Mapping[str, Any], wanted: Wanted) -> None:
    """Give a resource the tags of a changed template."""
    old = {each["Key"] for each in merge_tags({}, before.get("Tags"))}
    new = _tags(wanted)
    gone = old - {each["key"] for each in new}
    if gone:
        await call(_SERVICE, "UntagResource", {"resourceArn": arn, "tagKeys": sorted(gone)})
    if new:
        await call(_SERVICE, "TagResource", {"resourceArn": arn, "tags": new})


class StateMachine(ServiceKind):
    """AWS::StepFunctions::StateMachine, with its definition from text, an object or S3."""

    reading = Reading(
        service=_SERVICE,
        get="DescribeStateMachine",
        member="stateMachineArn",
        lists="ListStateMachines",
        listed="stateMachines",
        item="stateMachineArn",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        request = {
            "name": wanted.name("StateMachineName", longest=80),
            "definition": await _definition(call, properties),
            "type": properties.get("StateMachineType") or "STANDARD",
            "tags": _tags(wanted),
            **_configuration(call, "CreateStateMachine", properties),
        }
        answer = await call(_SERVICE, "CreateStateMachine", request)
        return await self._made(call, answer["stateMachineArn"])

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        request = {
            "stateMachineArn": made.physical,
            "definition": await _definition(call, wanted.properties),
            **_configuration(call, "UpdateStateMachine", wanted.properties),
        }
        # What is no longer there is as in a new machine.
        request.setdefault("loggingConfiguration", {"level": "OFF"})
        request.setdefault("tracingConfiguration", {"enabled": False})
        await call(_SERVICE, "UpdateStateMachine", request)
        await _retag(call, made.physical, before, wanted)
        return await self._made(call, made.physical)

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteStateMachine", {"stateMachineArn": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("StateMachineName", longest=80)
        arn = f"arn:aws:states:{call.region}:{call.account}:stateMachine:{name}"
        found = await forgiving(call, _SERVICE, "DescribeStateMachine", {"stateMachineArn": arn})
        return [] if found is None else [await self._made(call, arn)]

    async def _made(self, call: Call, arn: str) -> Made:
        found = await call(_SERVICE, "DescribeStateMachine", {"stateMachineArn": arn})
        attributes = {
            "Arn": arn,
            "Name": found["name"],
            "StateMachineRevisionId": found.get("revisionId") or "INITIAL",
        }
        return Made(physical=arn, attributes=attributes)


def _configuration(call: Call, operation: str, properties: Mapping[str, Any]) -> dict[str, Any]:
    values = {name: properties[name] for name in _SAME if properties.get(name) is not None}
    return call.fit(_SERVICE, operation, values)


async def _definition(call: Call, properties: Mapping[str, Any]) -> str:
    """Return a machine's definition with its substitutions made.

    Raises:
        AwsError: There is none, or its object can't be read.
    """
    place = properties.get("DefinitionS3Location")
    if properties.get("DefinitionString") is not None:
        text = str(properties["DefinitionString"])
    elif properties.get("Definition") is not None:
        text = json.dumps(properties["Definition"])
    elif isinstance(place, Mapping):
        request = {"Bucket": place.get("Bucket"), "Key": place.get("Key")}
        if place.get("Version"):
            request["VersionId"] = place["Version"]
        answer = await call("s3", "GetObject", request)
        body = answer["Body"]
        if not isinstance(body, bytes):
            body = b"".join([bytes(each) async for each in body])
        text = _as_json(body.decode())
    else:
        text = (
            "Property validation failure: one of Definition, DefinitionString and "
            "DefinitionS3Location is required."
        )
        raise AwsError("ValidationException", text)
    return _substituted(text, properties.get("DefinitionSubstitutions") or {})


def _as_json(text: str) -> str:
    """Return a definition that may be YAML as JSON."""
    if text.lstrip().startswith("{"):
        return text
    import yaml

    return json.dumps(yaml.safe_load(text))


def _substituted(text: str, values: Mapping[str, Any]) -> str:
    def value(match: re.Match[str]) -> str:
        if match[1] not in values:
            return match[0]
        found = values[match[1]]
        if isinstance(found, bool) or not isinstance(found, str):
            return json.dumps(found)
        # Within a text of JSON.
        return json.dumps(found)[1:-1]

    return _SUBSTITUTION.sub(value, text) if values else text


class Activity(ServiceKind):
    """AWS::StepFunctions::Activity."""

    reading = Reading(
        service=_SERVICE,
        get="DescribeActivity",
        member="activityArn",
        lists="ListActivities",
        listed="activities",
        item="activityArn",
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = wanted.name("Name", longest=80)
        properties = {"EncryptionConfiguration": wanted.properties.get("EncryptionConfiguration")}
        request = {
            "name": name,
            "tags": _tags(wanted),
            **call.fit(_SERVICE, "CreateActivity", properties),
        }
        arn = (await call(_SERVICE, "CreateActivity", request))["activityArn"]
        return Made(physical=arn, attributes={"Arn": arn, "Name": name})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        await _retag(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteActivity", {"activityArn": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("Name", longest=80)
        arn = f"arn:aws:states:{call.region}:{call.account}:activity:{name}"
        found = await forgiving(call, _SERVICE, "DescribeActivity", {"activityArn": arn})
        return [] if found is None else [Made(physical=arn, attributes={"Arn": arn, "Name": name})]


class Version(ServiceKind):
    """AWS::StepFunctions::StateMachineVersion."""

    appends = True
    reading = Reading(service=_SERVICE, get="DescribeStateMachine", member="stateMachineArn")

    async def create(self, call: Call, wanted: Wanted) -> Made:
        properties = wanted.properties
        request = {
            "stateMachineArn": properties["StateMachineArn"],
            "revisionId": properties.get("StateMachineRevisionId"),
            "description": properties.get("Description"),
        }
        request = {key: value for key, value in request.items() if value is not None}
        answer = await call(_SERVICE, "PublishStateMachineVersion", request)
        arn = answer["stateMachineVersionArn"]
        return Made(physical=arn, attributes={"Arn": arn})

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"stateMachineVersionArn": made.physical}
        await forgiving(call, _SERVICE, "DeleteStateMachineVersion", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        request = {"stateMachineArn": wanted.properties.get("StateMachineArn", "")}
        found = await forgiving(call, _SERVICE, "ListStateMachineVersions", request) or {}
        arns = [each["stateMachineVersionArn"] for each in found.get("stateMachineVersions") or []]
        return [Made(physical=arn, attributes={"Arn": arn}) for arn in arns]


class Alias(ServiceKind):
    """AWS::StepFunctions::StateMachineAlias; a deployment is done at once."""

    reading = Reading(
        service=_SERVICE, get="DescribeStateMachineAlias", member="stateMachineAliasArn"
    )

    async def create(self, call: Call, wanted: Wanted) -> Made:
        request = {
            "name": wanted.name("Name", longest=80),
            "description": wanted.properties.get("Description"),
            "routingConfiguration": _routes(wanted.properties),
        }
        request = {key: value for key, value in request.items() if value is not None}
        answer = await call(_SERVICE, "CreateStateMachineAlias", request)
        arn = answer["stateMachineAliasArn"]
        return Made(physical=arn, attributes={"Arn": arn})

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        request = {
            "stateMachineAliasArn": made.physical,
            "description": wanted.properties.get("Description") or "",
            "routingConfiguration": _routes(wanted.properties),
        }
        await call(_SERVICE, "UpdateStateMachineAlias", request)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        request = {"stateMachineAliasArn": made.physical}
        await forgiving(call, _SERVICE, "DeleteStateMachineAlias", request)

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        routes = _routes(wanted.properties)
        if not routes:
            return []
        machine = str(routes[0]["stateMachineVersionArn"]).rpartition(":")[0]
        arn = f"{machine}:{wanted.name('Name', longest=80)}"
        request = {"stateMachineAliasArn": arn}
        found = await forgiving(call, _SERVICE, "DescribeStateMachineAlias", request)
        return [] if found is None else [Made(physical=arn, attributes={"Arn": arn})]


def _routes(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return where an alias leads; a deployment preference leads to its version alone."""
    preference = properties.get("DeploymentPreference")
    if isinstance(preference, Mapping):
        version = preference.get("StateMachineVersionArn")
        return [{"stateMachineVersionArn": version, "weight": 100}]
    return [
        {
            "stateMachineVersionArn": each.get("StateMachineVersionArn"),
            "weight": int(each["Weight"]),
        }
        for each in properties.get("RoutingConfiguration") or []
    ]


KINDS: dict[str, Kind] = {
    "AWS::StepFunctions::Activity": Activity(),
    "AWS::StepFunctions::StateMachine": StateMachine(),
    "AWS::StepFunctions::StateMachineAlias": Alias(),
    "AWS::StepFunctions::StateMachineVersion": Version(),
}
