"""Systems Manager's resource types in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/AWS_SSM.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.stack.kinds import Call, Kind, Made, ServiceKind, Wanted, forgiving
from emulator.stack.names import physical_name
from emulator.stack.tagging import merge_tags


def _name(wanted: Wanted) -> str:
    """Return the name of a parameter; one that is made up does not begin with the stack's."""
    given = wanted.properties.get("Name")
    return str(given) if given else physical_name("CFN", wanted.logical, wanted.seed, longest=1011)


class Parameter(ServiceKind):
    """AWS::SSM::Parameter. SecureString is refused in templates, as on AWS."""

    async def create(self, call: Call, wanted: Wanted) -> Made:
        return await self._put(call, wanted, _name(wanted), overwrite=False)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        changed = await self._put(call, wanted, made.physical, overwrite=True)
        old, new = _tags(before, wanted), _tags(wanted.properties, wanted)
        named = {"ResourceType": "Parameter", "ResourceId": made.physical}
        if old.keys() - new.keys():
            gone = {**named, "TagKeys": sorted(old.keys() - new.keys())}
            await call("ssm", "RemoveTagsFromResource", gone)
        if new:
            await call("ssm", "AddTagsToResource", {**named, "Tags": merge_tags({}, new)})
        return changed

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "ssm", "DeleteParameter", {"Name": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        name = _name(wanted)
        found = await forgiving(call, "ssm", "GetParameter", {"Name": name})
        return [] if found is None else [Made(physical=name)]

    async def _put(self, call: Call, wanted: Wanted, name: str, *, overwrite: bool) -> Made:
        properties = wanted.properties
        if properties.get("Type") == "SecureString":
            raise AwsError(
                "ValidationException",
                "SecureString is not a supported parameter type in AWS CloudFormation templates.",
            )
        values = {key: value for key, value in properties.items() if key != "Tags"}
        request = call.fit("ssm", "PutParameter", {**values, "Name": name})
        request["Overwrite"] = overwrite
        tags = _tags(properties, wanted)
        if tags and not overwrite:
            request["Tags"] = merge_tags({}, tags)
        await call("ssm", "PutParameter", request)
        attributes = {
            "Arn": _arn(call, name),
            "Type": str(properties.get("Type")),
            "Value": str(properties.get("Value")),
        }
        return Made(physical=name, attributes=attributes)


def _arn(call: Call, name: str) -> str:
    return f"arn:aws:ssm:{call.region}:{call.account}:parameter/{name.lstrip('/')}"


def _tags(properties: Mapping[str, Any], wanted: Wanted) -> dict[str, str]:
    """Return a parameter's tags by key."""
    return {each["Key"]: each["Value"] for each in merge_tags(wanted.tags, properties.get("Tags"))}


KINDS: dict[str, Kind] = {"AWS::SSM::Parameter": Parameter()}
