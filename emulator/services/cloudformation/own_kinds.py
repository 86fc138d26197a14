"""CloudFormation's own resource types."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation.answers import HANDLE, Answers
from emulator.services.cloudformation.custom_resources import CustomResource
from emulator.services.cloudformation.macros import MACRO, Macros
from emulator.services.cloudformation.nested_stacks import NestedStack, Restore
from emulator.services.cloudformation.store import StackStore
from emulator.services.cloudformation.wait_conditions import WaitCondition, WaitConditionHandle
from emulator.stack.kinds import Call, Kind, Made, ServiceKind, Wanted

if TYPE_CHECKING:
    from emulator.services.context import Parts

CUSTOM = "AWS::CloudFormation::CustomResource"


class Macro(ServiceKind):
    """AWS::CloudFormation::Macro: the name of a function that changes templates."""

    def __init__(self, macros: Macros) -> None:
        self._macros = macros

    async def create(self, call: Call, wanted: Wanted) -> Made:
        name = str(wanted.properties.get("Name") or "")
        if not name:
            raise AwsError("ValidationError", "Property Name cannot be empty.")
        there = self._macros.find(call.account, call.region, name)
        if there is not None and there.stack_id != wanted.stack_id:
            raise AwsError("ValidationError", f"{name} already exists in stack {there.stack_id}")
        return Made(physical=name)

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        if wanted.properties.get("Name") != made.physical:
            raise NotImplementedError  # another macro takes its place
        return made

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        """It was the resource of a stack, no more."""


def own_kinds(
    parts: Parts, store: StackStore, answers: Answers, macros: Macros, restore: Restore
) -> dict[str, Kind]:
    """Return CloudFormation's own types, by name.

    Args:
        parts: What they use of the emulator.
        store: All stacks.
        answers: Takes what custom resources and signals say.
        macros: Finds macros.
        restore: Makes a nested stack again what it was.
    """
    return {
        CUSTOM: CustomResource(parts, answers),
        MACRO: Macro(macros),
        "AWS::CloudFormation::Stack": NestedStack(store, restore),
        "AWS::CloudFormation::WaitCondition": WaitCondition(parts, store, answers),
        HANDLE: WaitConditionHandle(parts, store),
    }
