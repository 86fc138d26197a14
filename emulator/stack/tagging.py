"""How the resources of a type get other tags."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from emulator.stack.wanted import Call, Wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Tagging:
    """The operations that give and take the tags of a service's resources."""

    service: str
    add: str = "TagResource"
    remove: str = "UntagResource"
    #: The member that names the resource, in any case.
    member: str = "ResourceArn"
    #: Members that are always sent with it.
    fixed: Mapping[str, Any] = field(default_factory=dict)

    async def change(
        self, call: Call, resource: str, before: Mapping[str, Any], wanted: Wanted
    ) -> None:
        """Give a resource the tags it is to have, and take those that it is not to have any more.

        Args:
            call: Does operations of services.
            resource: What its service calls it.
            before: The properties it has; the tags of its stack are among its tags.
            wanted: The resource as it is to be.
        """
        old, new = tags_of(before.get("Tags")), tags_of_wanted(wanted)
        named = {**self.fixed, self.member: resource}
        if gone := sorted(old.keys() - new.keys()):
            request = call.fit(self.service, self.remove, {**named, "TagKeys": gone})
            await call(self.service, self.remove, request)
        if new:
            request = {**named, "Tags": merge_tags({}, new)}
            await call(self.service, self.add, call.fit(self.service, self.add, request))


def tags_of(given: Any) -> dict[str, str]:
    """Return the tags that a property has, in either form, by their keys."""
    return {each["Key"]: each["Value"] for each in merge_tags({}, given)}


def tags_of_wanted(wanted: Wanted) -> dict[str, str]:
    """Return the tags of a resource and of its stack, by their keys."""
    return tags_of(merge_tags(wanted.tags, wanted.properties.get("Tags")))


def merge_tags(stack: Mapping[str, str], own: Any) -> list[dict[str, str]]:
    """Return the stack's tags and a resource's own (in either form); its own take precedence."""
    if isinstance(own, list):
        own = {str(tag["Key"]): tag.get("Value", "") for tag in own if isinstance(tag, Mapping)}
    merged = {**stack, **(own if isinstance(own, Mapping) else {})}
    return [{"Key": key, "Value": str(value)} for key, value in merged.items()]
