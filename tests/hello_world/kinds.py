"""The resource types of Hello World in templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.kinds import Call, Kind, Resource


async def _create(call: Call, properties: Mapping[str, Any]) -> Resource:
    made = await call("hello-world", "PutGreeting", properties)
    return Resource(made["Name"], {"Arn": made["Arn"]})


async def _update(call: Call, resource: Resource, properties: Mapping[str, Any]) -> Resource:
    return await _create(call, properties)


async def _delete(call: Call, resource: Resource) -> None:
    await call("hello-world", "DeleteGreeting", {"Name": resource.id})


KINDS = {
    "AWS::HelloWorld::Greeting": Kind(
        create=_create, update=_update, delete=_delete, replaced_by=frozenset({"Name"})
    ),
}
