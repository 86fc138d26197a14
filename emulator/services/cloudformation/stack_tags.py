"""The tags that resources have of their stack, and those that CloudFormation itself gives them.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/
aws-properties-resource-tags.html
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.services.cloudformation.stack import Resource, Stack
from emulator.stack import schemas
from emulator.stack.tagging import merge_tags

_NESTED = "AWS::CloudFormation::Stack"


def of_stack(stack: Stack) -> dict[str, str]:
    """Return the tags that a stack is to have."""
    goal = stack.goal or stack.current
    return {} if goal is None else dict(goal.tags)


def of_system(stack: Stack, resource: Resource) -> dict[str, str]:
    """Return the tags that CloudFormation gives a resource, where its type takes them."""
    schema = schemas.find(resource.kind)
    if schema is None or not schema.has_system_tags or resource.kind == _NESTED:
        return {}
    return {
        "aws:cloudformation:stack-name": stack.name,
        "aws:cloudformation:logical-id": resource.logical,
        "aws:cloudformation:stack-id": stack.stack_id,
    }


def differ(stack: Stack, resource: Resource) -> bool:
    """Say whether a resource has other tags of its stack than it is to have."""
    takes = _takes_tags(resource.kind, later=True)
    return takes and resource.stack_tags != of_stack(stack)


def among(kind: str, properties: Mapping[str, Any], tags: Mapping[str, str]) -> Mapping[str, Any]:
    """Return properties with the tags of the stack among their own, as their service has them."""
    if not tags or not _takes_tags(kind):
        return properties
    return {**properties, "Tags": merge_tags(tags, properties.get("Tags"))}


def _takes_tags(kind: str, *, later: bool = False) -> bool:
    """Say whether a type takes tags; ``later``: also once its resource is made."""
    schema = schemas.find(kind)
    if schema is None:
        return False
    return "Tags" in (schema.properties - schema.create_only if later else schema.properties)
