"""Step Functions' resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_StepFunctions.html
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from emulator.model import plain_yaml
from emulator.model.errors import AwsError
from emulator.services.whole_objects import whole
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

_SERVICE = "stepfunctions"
_SUBSTITUTION = re.compile(r"\$\{([a-zA-Z0-9_.:-]+)\}")
#: Bytes of a definition.
_LARGEST = 1_048_576
_SAME = ("RoleArn", "LoggingConfiguration", "TracingConfiguration", "EncryptionConfiguration")


def _tags(wanted: Wanted) -> list[dict[str, str]]:
    tags = merge_tags(wanted.tags, wanted.properties.get("Tags"))
    return [{"key": each["Key"], "value": each["Value"]} for each in tags]


_TAGGING = Tagging(service=_SERVICE)


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
        if "EncryptionConfiguration" in before:
            request.setdefault("encryptionConfiguration", {"type": "AWS_OWNED_KEY"})
        await call(_SERVICE, "UpdateStateMachine", request)
        await _TAGGING.change(call, made.physical, before, wanted)
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
        text = await _as_json(answer)
    else:
        text = (
            "Property validation failure: one of Definition, DefinitionString and "
            "DefinitionS3Location is required."
        )
        raise AwsError("ValidationException", text)
    return _substituted(text, properties.get("DefinitionSubstitutions") or {})


async def _as_json(answer: Mapping[str, Any]) -> str:
    """Return a definition that may be YAML as JSON.

    Raises:
        AwsError: It is neither.
    """
    try:
        text = (await whole(answer, _LARGEST)).decode()
        return text if text.lstrip().startswith("{") else json.dumps(await plain_yaml.read(text))
    except (ValueError, TypeError, RecursionError) as error:
        said = f"The definition can't be read as JSON or YAML: {error}"
        raise AwsError("ValidationException", said) from None


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
        await _TAGGING.change(call, made.physical, before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, _SERVICE, "DeleteActivity", {"activityArn": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = wanted.name("Name", longest=80)
        arn = f"arn:aws:states:{call.region}:{call.account}:activity:{name}"
        found = await forgiving(call, _SERVICE, "DescribeActivity", {"activityArn": arn})
        return [] if found is None else [Made(physical=arn, attributes={"Arn": arn, "Name": name})]


class _VersionReading(Reading):
    """Tells the machine of a version, where the service tells the version."""

    async def one(self, call: Call, identifier: str) -> dict[str, Any] | None:
        found = await super().one(call, identifier)
        machine = identifier.rpartition(":")[0]
        return None if found is None else {**found, "stateMachineArn": machine}


class Version(ServiceKind):
    """AWS::StepFunctions::StateMachineVersion."""

    appends = True
    reading = _VersionReading(
        service=_SERVICE, get="DescribeStateMachine", member="stateMachineArn"
    )

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
