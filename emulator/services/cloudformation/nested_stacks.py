"""AWS::CloudFormation::Stack: a stack that belongs to another one.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-nested-stacks.html
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation.custom_resources import CreateFailed
from emulator.services.cloudformation.stack import Goal, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack.kinds import Call, Made, ServiceKind, Wanted
from emulator.stack.tagging import merge_tags

#: Begins an update of a stack to a goal: (stack, goal).
Restore = Callable[[Stack, Goal], Awaitable[None]]
#: How often the stack was updated, hidden from ``Fn::GetAtt``.
_UPDATES = ".updates"
#: Where another stack has to take a stack's place.
_NEVER_MADE = ("CREATE_FAILED", "ROLLBACK_COMPLETE", "ROLLBACK_FAILED")


class NestedStack(ServiceKind):
    """A stack as a resource.

    Args:
        store: All stacks.
        restore: Makes a stack again what it was, for a rollback.
    """

    waits = True

    def __init__(self, store: StackStore, restore: Restore) -> None:
        self._store, self._restore = store, restore

    async def create(self, call: Call, wanted: Wanted) -> Made:
        parent = self._store.by_id(wanted.stack_id)
        # "OnFailure" would leave nothing whose events say why.
        request = {**self._request(wanted, parent), "StackName": wanted.name("", longest=128)}
        answer = await call("cloudformation", "CreateStack", request)
        stack = self._store.by_id(answer["StackId"])
        assert stack is not None
        if parent is not None:
            stack.parent_id, stack.root_id = parent.stack_id, parent.root_id or parent.stack_id
            await self._store.save(stack)
        try:
            return await self._ended(stack, "CREATE_COMPLETE")
        except AwsError as error:
            # It is there, so that its events can be read, and goes with the one it is part of.
            raise CreateFailed(error.message, Made(physical=stack.stack_id)) from error

    async def update(
        self, call: Call, made: Made, before: Mapping[str, Any], wanted: Wanted
    ) -> Made:
        stack = self._find(made)
        if stack.status in _NEVER_MADE:
            raise NotImplementedError
        request = self._request(wanted, self._store.by_id(wanted.stack_id))
        try:
            await call("cloudformation", "UpdateStack", {**request, "StackName": made.physical})
        except AwsError as error:
            if "No updates are to be performed" not in error.message:
                raise
        return await self._ended(stack, "UPDATE_COMPLETE", "CREATE_COMPLETE")

    async def undo(self, call: Call, made: Made, before: Made, wanted: Wanted) -> Made:
        # What lies at the template's address may have changed: the stack gets what it had.
        stack = self._find(made)
        if stack.updates != before.attributes.get(_UPDATES, 0) and stack.previous is not None:
            await self._restore(stack, stack.previous)
        return await self._ended(
            stack, "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE", "CREATE_COMPLETE"
        )

    async def delete(self, call: Call, made: Made, properties: Mapping[str, Any]) -> None:
        stack = self._store.by_id(made.physical)
        if stack is None or stack.is_gone:
            return
        stack.termination_protection = False
        await call("cloudformation", "DeleteStack", {"StackName": made.physical})
        await self._ended(stack, "DELETE_COMPLETE")

    async def find(self, call: Call, wanted: Wanted) -> list[Made]:
        stack = self._store.find(call.account, call.region, wanted.name("", longest=128))
        return [] if stack is None else [Made(physical=stack.stack_id)]

    def _find(self, made: Made) -> Stack:
        stack = self._store.by_id(made.physical)
        if stack is None or stack.is_gone:
            raise AwsError("ValidationError", f"Stack with id {made.physical} does not exist")
        return stack

    def _request(self, wanted: Wanted, parent: Stack | None) -> dict[str, Any]:
        given = wanted.properties
        goal = None if parent is None else parent.goal or parent.current
        return {
            "TemplateURL": given.get("TemplateURL"),
            "Parameters": [
                {"ParameterKey": key, "ParameterValue": _text(value)}
                for key, value in (given.get("Parameters") or {}).items()
            ],
            "Tags": merge_tags(wanted.tags, given.get("Tags")),
            "Capabilities": [] if goal is None else goal.capabilities,
            "NotificationARNs": given.get("NotificationARNs"),
        }

    async def _ended(self, stack: Stack, *good: str) -> Made:
        """Return the stack once nothing is done to it any more.

        Raises:
            AwsError: It is not in one of the statuses ``good``.
        """
        while stack.is_moving:
            await self._store.settled(stack, 60.0)
        if stack.status not in good:
            verb = {"DELETE_COMPLETE": "deleted", "CREATE_COMPLETE": "created"}.get(
                good[0], "updated"
            )
            raise AwsError(
                "ValidationError",
                f"Embedded stack {stack.stack_id} was not successfully {verb}: {_why(stack)}",
            )
        outputs = {each["OutputKey"]: each["OutputValue"] for each in stack.outputs}
        return Made(
            physical=stack.stack_id, attributes={"Outputs": outputs, _UPDATES: stack.updates}
        )


#: What the reason of a failed operation says, whatever it failed at.
_FAILURE = re.compile(r"^The following resource\(s\)|Rollback requested by user\.$")


def _why(stack: Stack) -> str:
    """Return the reason that a stack's last failure gave."""
    for event in reversed(stack.events):
        if event.logical == stack.name and _FAILURE.search(event.reason):
            return event.reason
    return stack.reason or stack.status


def _text(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(_text(each) for each in value)
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
