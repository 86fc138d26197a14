"""Change sets: what an update would do, kept until somebody executes it.

https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-updating-stacks-changesets.html
"""

from __future__ import annotations

import re
import uuid
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation import capabilities, planning, refusals
from emulator.services.cloudformation.change_set import ChangeSet
from emulator.services.cloudformation.comparing import anything_changes, differing
from emulator.services.cloudformation.lookup import (
    from_template,
    page,
    refused,
    stack_of,
    template_of,
)
from emulator.services.cloudformation.roles import refuse_distrustful
from emulator.services.cloudformation.stack import Stack
from emulator.services.cloudformation.stacks import (
    begin,
    new_stack,
    next_goal,
    refuse_unless_updatable,
    start_update,
)
from emulator.services.cloudformation.state import of
from emulator.services.cloudformation.views import of_parameters
from emulator.services.context import Context, Request, Response
from emulator.stack import changes, document, sections
from emulator.stack.errors import TemplateError, TransformError

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_NOTHING = (
    "The submitted information didn't contain changes. Submit different information to create a"
    " change set."
)


async def create_change_set(ctx: Context, request: Request) -> Response:
    """Handle CreateChangeSet. What can't be had shows in its status, as on AWS."""
    state = of(ctx)
    kind = request.get("ChangeSetType") or "UPDATE"
    if kind == "IMPORT" or request.get("ResourcesToImport"):
        raise refused("localfaas does not import resources into stacks.")
    name = str(request["ChangeSetName"])
    if not _NAME.fullmatch(name):
        raise refused(
            f"1 validation error detected: Value '{name}' at 'changeSetName' failed to satisfy"
            " constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    stack = _stack_for(ctx, request, kind)
    await refuse_distrustful(ctx, request)
    template = await template_of(ctx, request, stack)
    made = ChangeSet(
        change_set_id=f"arn:aws:cloudformation:{ctx.region}:{ctx.account}:changeSet/{name}/"
        f"{uuid.uuid4()}",
        name=name,
        stack_id=stack.stack_id,
        kind=kind,
        goal=next_goal(stack, template, request),
        description=request.get("Description") or "",
        created_at=ctx.clock.now(),
        on_failure=request.get("OnStackFailure") or "",
        include_nested=bool(request.get("IncludeNestedStacks")),
    )
    await _work_out(ctx, stack, made)
    # Somebody else may have been quicker: nothing is awaited between this check and the change.
    stack = _stack_for(ctx, request, kind, stack)
    if state.change_sets.named(stack, name) is not None:
        raise AwsError(
            "AlreadyExistsException", f"ChangeSet {name} already exists for stack {stack.name}"
        )
    if kind == "CREATE" and not stack.status:
        await state.store.add(stack, "REVIEW_IN_PROGRESS", "User Initiated")
    made.stack_id = stack.stack_id
    await state.change_sets.add(made, stack)
    return {"Id": made.change_set_id, "StackId": stack.stack_id}


async def _work_out(ctx: Context, stack: Stack, made: ChangeSet) -> None:
    """Fill in what a change set changes, or why it can't be had.

    Raises:
        AwsError: ValidationError, InsufficientCapabilitiesException.
    """
    try:
        before = document.parse(made.goal.template).body
        sections.check(before)
        # Who reviews a change set sees what macros make: they need no capability.
        capabilities.refuse_without(_of_roles(before), made.goal.capabilities)
        plan = await of(ctx).planner.plan(stack, made.goal)
        with planning.late(made.goal.processed is not None):
            refusals.refuse_unknown_attributes(plan)
            await of(ctx).tools.refuse_missing(stack, plan)
    except TransformError as error:
        made.status, made.reason, made.execution = "FAILED", error.message, "UNAVAILABLE"
        return
    except TemplateError as error:
        raise from_template(error) from error
    try:
        refusals.refuse_other_types(stack, plan)
        capabilities.refuse_without(_of_roles(plan.template), made.goal.capabilities)
    except (AwsError, TemplateError) as error:
        made.status, made.reason, made.execution = "FAILED", error.message, "UNAVAILABLE"
        return
    made.parameters, made.resolved = plan.shown, dict(plan.resolved)
    made.found = differing(of(ctx).tools, stack, plan)
    if made.kind == "UPDATE" and not anything_changes(stack, made.goal, made.found, plan):
        made.status, made.reason, made.execution = "FAILED", _NOTHING, "UNAVAILABLE"


def _of_roles(template: dict[str, Any]) -> list[str]:
    needed = capabilities.wanted(template)
    return [each for each in needed if each != "CAPABILITY_AUTO_EXPAND"]


def _stack_for(ctx: Context, request: Request, kind: str, made: Stack | None = None) -> Stack:
    """Return the stack of a request for a change set.

    Args:
        ctx: The request's context.
        request: The request.
        kind: CREATE or UPDATE.
        made: A new stack that is not kept yet.

    Raises:
        AwsError: It is there where it must not be, or not there, or under way.
    """
    if kind == "CREATE":
        found = new_stack(ctx, request)
        return made if made is not None and not found.status else found
    stack = stack_of(ctx, str(request["StackName"]))
    refuse_unless_updatable(stack)
    return stack


def find_change_set(ctx: Context, request: Request) -> tuple[ChangeSet, Stack]:
    """Return the change set of a request, and its stack.

    Raises:
        AwsError: ChangeSetNotFound, or ValidationError: there is no such stack.
    """
    state = of(ctx)
    name = str(request["ChangeSetName"])
    missing = AwsError("ChangeSetNotFound", f"ChangeSet [{name}] does not exist", status=404)
    if name.startswith("arn:"):
        found = state.change_sets.find(name)
        stack = None if found is None else state.store.by_id(found.stack_id)
        if stack is None or (stack.account, stack.region) != (ctx.account, ctx.region):
            raise missing
    else:
        stack_name = request.get("StackName")
        if not stack_name:
            raise refused(
                "StackName must be specified if ChangeSetName is not specified as an ARN."
            )
        stack = state.store.find(ctx.account, ctx.region, str(stack_name))
        found = None if stack is None else state.change_sets.named(stack, name)
    if found is None or stack is None:
        raise missing
    return found, stack


async def describe_change_set(ctx: Context, request: Request) -> Response:
    """Handle DescribeChangeSet."""
    made, stack = find_change_set(ctx, request)
    shown, following = page(made.found, request.get("NextToken"))
    with_values = bool(request.get("IncludePropertyValues"))
    return {
        **_summary(made, stack),
        "Parameters": of_parameters(made.parameters, made.resolved),
        "NotificationARNs": made.goal.notification_arns,
        "RollbackConfiguration": {},
        "Capabilities": made.goal.capabilities,
        "Tags": [{"Key": k, "Value": v} for k, v in made.goal.tags.items()] or None,
        "Changes": [
            {"Type": "Resource", "ResourceChange": _view(change, with_values)}
            for change in shown
            if change.is_certain or not with_values
        ],
        "NextToken": following,
        "OnStackFailure": made.on_failure or None,
    }


def _summary(made: ChangeSet, stack: Stack) -> dict[str, Any]:
    return {
        "ChangeSetName": made.name,
        "ChangeSetId": made.change_set_id,
        "StackId": made.stack_id,
        "StackName": stack.name,
        "Description": made.description or None,
        "CreationTime": made.created_at,
        "ExecutionStatus": made.execution,
        "Status": made.status,
        "StatusReason": made.reason or None,
        "IncludeNestedStacks": made.include_nested,
    }


def _view(change: changes.Change, with_values: bool) -> dict[str, Any]:
    return {
        "Action": change.action,
        "LogicalResourceId": change.logical,
        "PhysicalResourceId": change.physical or None,
        "ResourceType": change.kind,
        "Replacement": change.replacement,
        "PolicyAction": change.policy or None,
        "Scope": sorted({each.attribute for each in change.details}),
        "BeforeContext": change.before_context or None if with_values else None,
        "AfterContext": change.after_context or None if with_values else None,
        "Details": [
            {
                "Target": {
                    "Attribute": each.attribute,
                    "Name": each.name or None,
                    "RequiresRecreation": each.recreation,
                    **(_values(each) if with_values and each.attribute != "Metadata" else {}),
                },
                "Evaluation": each.evaluation,
                "ChangeSource": each.source,
                "CausingEntity": each.cause or None,
            }
            for each in change.details
            if each.with_values in (None, with_values)
        ],
    }


def _values(detail: changes.Detail) -> dict[str, Any]:
    return {
        "Path": f"/Properties/{detail.name or 'Tags'}",
        "BeforeValue": detail.before or None,
        "AfterValue": detail.after or None,
        "AttributeChangeType": "Add"
        if not detail.before
        else "Modify"
        if detail.after
        else "Remove",
    }


async def execute_change_set(ctx: Context, request: Request) -> Response:
    """Handle ExecuteChangeSet."""
    state = of(ctx)
    made, stack = find_change_set(ctx, request)
    if made.status != "CREATE_COMPLETE" or (
        made.kind == "CREATE" and stack.status != "REVIEW_IN_PROGRESS"
    ):
        raise _not_executed(made, f"status of [{made.status}]")
    plan = None
    if made.kind == "CREATE" and made.execution == "AVAILABLE":
        try:
            plan = await state.planner.plan(stack, made.goal)
        except TemplateError as error:
            # What was there when it was made (a parameter in SSM) may be gone.
            raise from_template(error) from error
    if made.execution != "AVAILABLE":
        raise _not_executed(made, f"execution status of [{made.execution}]")
    if plan is None:
        refuse_unless_updatable(stack)
    made.execution = "EXECUTE_IN_PROGRESS"
    try:
        with stack.unless_refused():
            stack.disable_rollback = bool(request.get("DisableRollback"))
            stack.on_failure = made.on_failure or "ROLLBACK"
            stack.token = request.get("ClientRequestToken") or ""
            stack.change_set_id = made.change_set_id
            if plan is None:
                await start_update(ctx, stack, made.goal)
            else:
                stack.goal = made.goal
                begin(stack, plan, request)
                stack.updated_at = ctx.clock.now()
                await state.store.record(stack, "CREATE_IN_PROGRESS", "User Initiated", goals=True)
                state.engine.start(stack, "create")
    except AwsError:  # the disk did not take it: it may be tried again
        made.execution = "AVAILABLE"
        raise
    # An executed change set, and those made for the same state of the stack, are used up.
    await state.change_sets.remove(stack, *list(state.change_sets.of(stack)))
    return {}


def _not_executed(made: ChangeSet, why: str) -> AwsError:
    text = f"ChangeSet [{made.change_set_id}] cannot be executed in its current {why}"
    return AwsError("InvalidChangeSetStatus", text)


async def delete_change_set(ctx: Context, request: Request) -> Response:
    """Handle DeleteChangeSet. One that is not there is deleted, but its stack must be there."""
    name, stack_name = str(request["ChangeSetName"]), str(request.get("StackName"))
    try:
        made, stack = find_change_set(ctx, request)
    except AwsError as error:
        if error.code != "ChangeSetNotFound":
            raise
        if name.startswith("arn:") or of(ctx).store.find(ctx.account, ctx.region, stack_name):
            return {}
        raise
    await of(ctx).change_sets.remove(stack, made)
    return {}


async def list_change_sets(ctx: Context, request: Request) -> Response:
    """Handle ListChangeSets."""
    stack = stack_of(ctx, str(request["StackName"]))
    found = list(of(ctx).change_sets.of(stack))
    shown, following = page(found, request.get("NextToken"))
    return {"Summaries": [_summary(each, stack) for each in shown], "NextToken": following}
