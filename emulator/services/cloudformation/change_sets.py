"""Change sets: what an update would do, kept until somebody executes it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation import planning
from emulator.services.cloudformation.lookup import (
    from_template,
    page,
    refused,
    stack_of,
    template_of,
)
from emulator.services.cloudformation.stack import Goal, Stack
from emulator.services.cloudformation.stacks import (
    anything_changes,
    begin,
    differing,
    new_stack,
    next_goal,
    refuse_unless_updatable,
    start_update,
)
from emulator.services.cloudformation.state import of
from emulator.services.context import Context, Request, Response
from emulator.stack import changes, document
from emulator.stack.errors import TemplateError

_NOTHING = (
    "The submitted information didn't contain changes. Submit different information to create a"
    " change set."
)


@dataclass(slots=True, kw_only=True)
class ChangeSet:
    """One change set."""

    change_set_id: str
    name: str
    stack: Stack
    #: CREATE or UPDATE.
    kind: str
    goal: Goal
    description: str
    created_at: float
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    on_failure: str = ""
    parameters: dict[str, str] = field(default_factory=dict)
    found: list[changes.Change] = field(default_factory=list)


async def create_change_set(ctx: Context, request: Request) -> Response:
    """Handle CreateChangeSet. What can't be had shows in its status, as on AWS."""
    state = of(ctx)
    kind = request.get("ChangeSetType") or "UPDATE"
    if kind == "IMPORT":
        raise refused("localfaas does not import resources into stacks.")
    stack = await _stack_for(ctx, request, kind)
    name = str(request["ChangeSetName"])
    if _find(ctx, name, stack) is not None:
        raise AwsError(
            "AlreadyExistsException", f"ChangeSet {name} already exists for stack {stack.name}"
        )
    template = await template_of(ctx, request, stack)
    made = ChangeSet(
        change_set_id=f"arn:aws:cloudformation:{ctx.region}:{ctx.account}:changeSet/{name}/"
        f"{uuid.uuid4()}",
        name=name,
        stack=stack,
        kind=kind,
        goal=next_goal(stack, template, request),
        description=request.get("Description") or "",
        created_at=ctx.clock.now(),
        on_failure=request.get("OnStackFailure") or "",
    )
    try:
        plan = await state.planner.plan(stack, made.goal)
        needed = planning.wanted_capabilities(document.parse(template).body)
        planning.refuse_without_capabilities(needed, made.goal.capabilities)
    except TemplateError as error:
        if not error.message.startswith("Transform"):
            raise from_template(error) from error
        made.status, made.reason, made.execution = "FAILED", error.message, "UNAVAILABLE"
    else:
        made.parameters = {n: plan.parameters.shown(n) for n in plan.parameters.texts}
        made.found = differing(ctx, stack, plan)
        if kind == "UPDATE" and not anything_changes(stack, made.goal, made.found, plan):
            made.status, made.reason, made.execution = "FAILED", _NOTHING, "UNAVAILABLE"
    if kind == "CREATE" and stack.status != "REVIEW_IN_PROGRESS":
        await state.store.add(stack)
        await state.store.record(stack, "REVIEW_IN_PROGRESS", "User Initiated")
    state.change_sets[made.change_set_id] = made
    return {"Id": made.change_set_id, "StackId": stack.stack_id}


async def _stack_for(ctx: Context, request: Request, kind: str) -> Stack:
    if kind == "CREATE":
        return new_stack(ctx, request)
    stack = stack_of(ctx, str(request["StackName"]))
    refuse_unless_updatable(stack)
    return stack


def _find(ctx: Context, name: str, stack: Stack | None) -> ChangeSet | None:
    sets: dict[str, ChangeSet] = of(ctx).change_sets
    if name.startswith("arn:"):
        return sets.get(name)
    return next((s for s in sets.values() if s.name == name and s.stack is stack), None)


def _of(ctx: Context, request: Request) -> ChangeSet:
    """Return the change set of a request.

    Raises:
        AwsError: ChangeSetNotFound, or ValidationError: there is no such stack.
    """
    name = str(request["ChangeSetName"])
    stack_name = request.get("StackName")
    stack = None
    if not name.startswith("arn:"):
        if not stack_name:
            raise refused(
                "StackName must be specified if ChangeSetName is not specified as an ARN."
            )
        stack = of(ctx).store.find(ctx.account, ctx.region, str(stack_name))
        if stack is None:
            raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)
    found = _find(ctx, name, stack)
    if found is None:
        raise AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)
    return found


async def describe_change_set(ctx: Context, request: Request) -> Response:
    """Handle DescribeChangeSet."""
    made = _of(ctx, request)
    shown, following = page(made.found, request.get("NextToken"))
    return {
        **_summary(made),
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": value}
            for name, value in made.parameters.items()
        ],
        "NotificationARNs": made.goal.notification_arns,
        "RollbackConfiguration": {},
        "Capabilities": made.goal.capabilities,
        "Tags": [{"Key": k, "Value": v} for k, v in made.goal.tags.items()],
        "Changes": [{"Type": "Resource", "ResourceChange": _view(change)} for change in shown],
        "NextToken": following,
        "OnStackFailure": made.on_failure or None,
    }


def _summary(made: ChangeSet) -> dict[str, Any]:
    return {
        "ChangeSetName": made.name,
        "ChangeSetId": made.change_set_id,
        "StackId": made.stack.stack_id,
        "StackName": made.stack.name,
        "Description": made.description or None,
        "CreationTime": made.created_at,
        "ExecutionStatus": made.execution,
        "Status": made.status,
        "StatusReason": made.reason or None,
        "IncludeNestedStacks": False,
    }


def _view(change: changes.Change) -> dict[str, Any]:
    return {
        "Action": change.action,
        "LogicalResourceId": change.logical,
        "PhysicalResourceId": change.physical or None,
        "ResourceType": change.kind,
        "Replacement": change.replacement,
        "Scope": sorted({each.attribute for each in change.details}),
        "Details": [
            {
                "Target": {
                    "Attribute": each.attribute,
                    "Name": each.name or None,
                    "RequiresRecreation": each.recreation,
                },
                "Evaluation": each.evaluation,
                "ChangeSource": "DirectModification",
            }
            for each in change.details
        ],
    }


async def execute_change_set(ctx: Context, request: Request) -> Response:
    """Handle ExecuteChangeSet."""
    state = of(ctx)
    made = _of(ctx, request)
    stack = made.stack
    if made.execution != "AVAILABLE":
        raise AwsError(
            "InvalidChangeSetStatus",
            f"ChangeSet [{made.change_set_id}] cannot be executed in its current status of"
            f" [{made.status}]",
        )
    made.execution = "EXECUTE_COMPLETE"
    # An executed change set, and those made for the same state of the stack, are used up.
    for key in [k for k, s in state.change_sets.items() if s.stack is stack]:
        del state.change_sets[key]
    stack.disable_rollback = bool(request.get("DisableRollback"))
    stack.on_failure = made.on_failure or "ROLLBACK"
    stack.token = request.get("ClientRequestToken") or ""
    if made.kind == "CREATE":
        plan = await state.planner.plan(stack, made.goal)
        stack.goal = made.goal
        begin(stack, plan, request)
        await state.store.save(stack, goals=True)
        await state.store.record(stack, "CREATE_IN_PROGRESS", "User Initiated")
        state.start(stack, "create")
    else:
        refuse_unless_updatable(stack)
        await start_update(ctx, stack, made.goal)
    return {}


async def delete_change_set(ctx: Context, request: Request) -> Response:
    """Handle DeleteChangeSet. By its ARN, one that is not there is deleted."""
    try:
        made = _of(ctx, request)
    except AwsError as error:
        if error.code == "ChangeSetNotFound" and str(request["ChangeSetName"]).startswith("arn:"):
            return {}
        raise
    del of(ctx).change_sets[made.change_set_id]
    return {}


async def list_change_sets(ctx: Context, request: Request) -> Response:
    """Handle ListChangeSets."""
    stack = stack_of(ctx, str(request["StackName"]))
    found = [s for s in of(ctx).change_sets.values() if s.stack is stack]
    shown, following = page(found, request.get("NextToken"))
    return {"Summaries": [_summary(each) for each in shown], "NextToken": following}
