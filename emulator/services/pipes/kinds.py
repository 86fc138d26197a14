"""Pipes' resource type in templates.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-pipes-pipe.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.stack.kinds import Call, Kind, Made, Reading, ServiceKind, Wanted, forgiving
from emulator.stack.tagging import Tagging

_CLEARED: dict[str, Any] = {
    "Description": "",
    "DesiredState": "RUNNING",
    "Enrichment": "",
    "EnrichmentParameters": {},
    "KmsKeyIdentifier": "",
    "TargetParameters": {},
}


class Pipe(ServiceKind):
    """AWS::Pipes::Pipe."""

    reading = Reading(
        service="pipes", get="DescribePipe", member="Name", lists="ListPipes", listed="Pipes",
        item="Name",
    )  # fmt: skip

    async def create(self, call: Call, wanted: Wanted) -> Made:
        return _made(await call("pipes", "CreatePipe", _request(call, "CreatePipe", wanted)))

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        request = _request(call, "UpdatePipe", wanted)
        # What the template has no more is asked to be as it was at first.
        for name, nothing in _CLEARED.items():
            if name in before:
                request.setdefault(name, nothing)
        request["Name"] = made.physical
        await call("pipes", "UpdatePipe", request)
        await Tagging(service="pipes").change(call, made.attributes["Arn"], before, wanted)
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        await forgiving(call, "pipes", "DeletePipe", {"Name": made.physical})

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        found = await forgiving(call, "pipes", "DescribePipe", {"Name": wanted.name("Name")})
        return [] if found is None else [_made(found)]


def _request(call: Call, operation: str, wanted: Wanted) -> dict[str, Any]:
    values = {**wanted.properties, "Name": wanted.name("Name")}
    tags = {**wanted.tags, **(wanted.properties.get("Tags") or {})}
    if tags:
        values["Tags"] = tags
    return call.fit("pipes", operation, values)


def _made(answer: Mapping[str, Any]) -> Made:
    names = ("Arn", "CurrentState", "CreationTime", "LastModifiedTime", "StateReason")
    return Made(
        physical=answer["Name"], attributes={name: answer.get(name) or "" for name in names}
    )


KINDS: dict[str, Kind] = {"AWS::Pipes::Pipe": Pipe()}
