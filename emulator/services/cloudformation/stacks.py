"""Operations on stacks: create, update, delete, look at.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from typing import Any

from emulator.model.errors import AwsError
from emulator.services.cloudformation import planning, views
from emulator.services.cloudformation.lookup import (
    from_template,
    page,
    parameters_of,
    refused,
    stack_of,
    tags_of,
    template_of,
)
from emulator.services.cloudformation.planning import Plan
from emulator.services.cloudformation.stack import UPDATABLE, Goal, Stack
from emulator.services.cloudformation.state import of
from emulator.services.context import Context, Request, Response
from emulator.stack import changes
from emulator.stack.errors import NotYetKnown, TemplateError
from emulator.stack.intrinsics import Evaluator

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
#: Seconds that DescribeStacks waits for a stack that is under way: who asks, asks again.
_HELD_S = 3.0
#: Statuses of stacks that DeleteStack takes.
_CREATING = ("CREATE_IN_PROGRESS", "ROLLBACK_IN_PROGRESS")


async def create_stack(ctx: Context, request: Request) -> Response:
    """Handle CreateStack."""
    state = of(ctx)
    stack = new_stack(ctx, request)
    goal = Goal(
        template=await template_of(ctx, request),
        given=parameters_of(request, {}),
        tags=tags_of(request),
        capabilities=list(request.get("Capabilities") or []),
        notification_arns=list(request.get("NotificationARNs") or []),
        role_arn=request.get("RoleARN") or "",
    )
    stack.goal = goal
    stack.on_failure = request.get("OnFailure") or "ROLLBACK"
    stack.disable_rollback = bool(request.get("DisableRollback"))
    plan = await plan_of(ctx, stack, goal)
    planning.refuse_without_capabilities(_needed(goal), goal.capabilities)
    begin(stack, plan, request)
    await state.store.add(stack)
    await state.store.record(stack, "CREATE_IN_PROGRESS", "User Initiated")
    state.start(stack, "create")
    return {"StackId": stack.stack_id}


def new_stack(ctx: Context, request: Request) -> Stack:
    """Return a stack that is not kept yet, by the name in a request.

    Raises:
        AwsError: The name is none, or AlreadyExistsException.
    """
    name = str(request["StackName"])
    if not _NAME.fullmatch(name):
        raise refused(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy"
            " constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*"
        )
    existing = of(ctx).store.find(ctx.account, ctx.region, name)
    if existing is not None and existing.status != "REVIEW_IN_PROGRESS":
        raise AwsError("AlreadyExistsException", f"Stack [{name}] already exists")
    if existing is not None:
        return existing
    identity = f"stack/{name}/{uuid.uuid4()}"
    return Stack(
        stack_id=f"arn:aws:cloudformation:{ctx.region}:{ctx.account}:{identity}",
        name=name,
        account=ctx.account,
        region=ctx.region,
        created_at=ctx.clock.now(),
    )


def begin(stack: Stack, plan: Plan, request: Request) -> None:
    """Take what is known of a stack before its first resource is made."""
    stack.description = str(plan.template.get("Description") or "")
    stack.parameters = {n: plan.parameters.shown(n) for n in plan.parameters.texts}
    stack.values = dict(plan.parameters.texts)
    stack.token = request.get("ClientRequestToken") or ""
    stack.timeout_minutes = request.get("TimeoutInMinutes")
    if "EnableTerminationProtection" in request:
        stack.termination_protection = bool(request["EnableTerminationProtection"])
    stack.policy = request.get("StackPolicyBody") or stack.policy


def _needed(goal: Goal) -> list[str]:
    from emulator.stack import document

    return planning.wanted_capabilities(document.parse(goal.template).body)


async def plan_of(ctx: Context, stack: Stack, goal: Goal) -> Plan:
    """Return the plan of a template.

    Raises:
        AwsError: ValidationError: the template is wrong.
    """
    try:
        return await of(ctx).planner.plan(stack, goal)
    except TemplateError as error:
        raise from_template(error) from error


def next_goal(stack: Stack, template: str, request: Request) -> Goal:
    """Return what an update makes of a stack."""
    current = stack.current or Goal(template=template)
    given = parameters_of(request, stack.values)
    return Goal(
        template=template,
        given=given,
        tags=tags_of(request) if "Tags" in request else dict(current.tags),
        capabilities=list(request.get("Capabilities") or []),
        notification_arns=list(request.get("NotificationARNs", current.notification_arns)),
        role_arn=request.get("RoleARN") or current.role_arn,
    )


async def update_stack(ctx: Context, request: Request) -> Response:
    """Handle UpdateStack."""
    stack = stack_of(ctx, str(request["StackName"]))
    refuse_unless_updatable(stack)
    template = await template_of(ctx, request, stack)
    goal = next_goal(stack, template, request)
    plan = await plan_of(ctx, stack, goal)
    planning.refuse_without_capabilities(_needed(goal), goal.capabilities)
    if not anything_changes(stack, goal, differing(ctx, stack, plan), plan):
        raise refused("No updates are to be performed.")
    stack.disable_rollback = bool(request.get("DisableRollback"))
    stack.on_failure = "ROLLBACK"
    stack.token = request.get("ClientRequestToken") or ""
    await start_update(ctx, stack, goal)
    return {"StackId": stack.stack_id}


async def start_update(ctx: Context, stack: Stack, goal: Goal) -> None:
    """Begin to make a stack what ``goal`` says."""
    state = of(ctx)
    stack.goal = goal
    stack.updated_at = ctx.clock.now()
    await state.store.save(stack, goals=True)
    await state.store.record(stack, "UPDATE_IN_PROGRESS", "User Initiated")
    state.start(stack, "update")


def refuse_unless_updatable(stack: Stack) -> None:
    """Refuse to change a stack that is under way, or that failed to be created.

    Raises:
        AwsError: ValidationError.
    """
    if stack.status not in UPDATABLE and stack.status != "UPDATE_FAILED":
        raise refused(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


def differing(ctx: Context, stack: Stack, plan: Plan) -> list[changes.Change]:
    """Return what making a stack what ``plan`` says changes, as a change set shows it."""
    known = _Known(stack)
    evaluator = plan.evaluator(known, of(ctx).engine.exports(stack.account, stack.region))
    found = []
    for logical, body in plan.resources.items():
        existing = stack.resources.get(logical)
        kind = str(body["Type"])
        if existing is None or not existing.physical:
            found.append(changes.Change(action="Add", logical=logical, kind=kind))
            known.unknown.add(logical)
            continue
        properties = _known_properties(evaluator, body.get("Properties") or {})
        details = changes.differences(kind, existing.properties, properties)
        if kind != existing.kind:
            replaces: changes.Replacement = "True"
        elif details:
            replaces = changes.replacement(details)
        else:
            continue
        if replaces == "True":
            known.unknown.add(logical)
        found.append(
            changes.Change(
                action="Modify",
                logical=logical,
                kind=kind,
                physical=existing.physical,
                replacement=replaces,
                details=details,
            )
        )
    found += [
        changes.Change(
            action="Remove", logical=name, kind=resource.kind, physical=resource.physical
        )
        for name, resource in stack.resources.items()
        if name not in plan.resources
    ]
    return found


class _Known:
    """The resources of a stack as they are, without those that an update replaces."""

    def __init__(self, stack: Stack) -> None:
        self._stack = stack
        #: Those whose new values can't be known yet.
        self.unknown: set[str] = set()

    def __contains__(self, logical: str) -> bool:
        return True

    def ref(self, logical: str) -> Any:
        """See :class:`emulator.stack.intrinsics.Resources`."""
        resource = self._stack.resources.get(logical)
        if resource is None or logical in self.unknown:
            raise NotYetKnown(logical)
        return resource.ref or resource.physical

    def attribute(self, logical: str, name: str) -> Any:
        """See :class:`emulator.stack.intrinsics.Resources`."""
        resource = self._stack.resources.get(logical)
        if resource is None or logical in self.unknown:
            raise NotYetKnown(logical, name)
        found: Any = resource.attributes.get(name)
        for part in name.split(".") if found is None else ():
            found = (found or resource.attributes).get(part)
        return resource.properties.get(name) if found is None else found


def _known_properties(evaluator: Evaluator, properties: Mapping[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in properties.items():
        try:
            resolved = evaluator.resolve(value)
            if resolved is not None:
                found[name] = resolved
        except NotYetKnown:
            found[name] = changes.UNKNOWN
    return found


def anything_changes(stack: Stack, goal: Goal, found: list[changes.Change], plan: Plan) -> bool:
    """Say whether an update has something to do."""
    current = stack.current
    outputs = plan.template.get("Outputs") or {}
    return (
        bool(found)
        or current is None
        or goal.tags != current.tags
        or {o["OutputKey"] for o in stack.outputs} != set(outputs)
        or any(
            stack.resources[name].metadata != (body.get("Metadata") or {})
            for name, body in plan.resources.items()
        )
    )


async def delete_stack(ctx: Context, request: Request) -> Response:
    """Handle DeleteStack. A stack that is not there is deleted."""
    state = of(ctx)
    stack = state.store.find(ctx.account, ctx.region, str(request["StackName"]))
    if stack is None or stack.is_gone or stack.status == "DELETE_IN_PROGRESS":
        return {}
    if stack.termination_protection:
        raise refused(
            f"Stack [{stack.name}] cannot be deleted while TerminationProtection is enabled"
        )
    for name in stack.exports:
        users = [s.name for s in state.store.all(ctx.account, ctx.region)
                 if name in s.imports and not s.is_gone]  # fmt: skip
        if users:
            raise refused(f"Export {name} cannot be deleted as it is in use by {', '.join(users)}")
    retained = list(request.get("RetainResources") or [])
    if retained and stack.status != "DELETE_FAILED":
        raise refused(
            f"Invalid operation on stack [{stack.stack_id}]. To perform this operation, the stack"
            " must be in DELETE_FAILED state: RetainResources"
        )
    await state.stop(stack)
    stack.skipped = retained
    stack.token = request.get("ClientRequestToken") or ""
    await state.store.record(stack, "DELETE_IN_PROGRESS", "User Initiated")
    state.start(stack, "delete")
    return {}


async def describe_stacks(ctx: Context, request: Request) -> Response:
    """Handle DescribeStacks. By name it waits a while for a stack that is under way."""
    state = of(ctx)
    name = request.get("StackName")
    if name:
        stack = stack_of(ctx, str(name))
        await state.store.settled(stack, _HELD_S)
        # One that was asked for by name and is gone by now, is not there.
        if stack.is_gone and not str(name).startswith("arn:"):
            stack = stack_of(ctx, str(name))
        return {"Stacks": [views.of_stack(stack)]}
    there = [each for each in state.store.all(ctx.account, ctx.region) if not each.is_gone]
    stacks, following = page(there, request.get("NextToken"))
    return {"Stacks": [views.of_stack(each) for each in stacks], "NextToken": following}


async def list_stacks(ctx: Context, request: Request) -> Response:
    """Handle ListStacks."""
    wanted = set(request.get("StackStatusFilter") or [])
    found = [
        each
        for each in of(ctx).store.all(ctx.account, ctx.region)
        if not wanted or each.status in wanted
    ]
    stacks, following = page(found, request.get("NextToken"))
    return {
        "StackSummaries": [views.of_summary(each) for each in stacks],
        "NextToken": following,
    }


async def cancel_update_stack(ctx: Context, request: Request) -> Response:
    """Handle CancelUpdateStack."""
    state = of(ctx)
    stack = stack_of(ctx, str(request["StackName"]))
    if stack.status != "UPDATE_IN_PROGRESS":
        raise refused("CancelUpdateStack cannot be called from current stack status")
    await state.stop(stack)
    await state.store.record(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
    state.start(stack, "update-rollback")
    return {}


async def continue_update_rollback(ctx: Context, request: Request) -> Response:
    """Handle ContinueUpdateRollback."""
    state = of(ctx)
    stack = stack_of(ctx, str(request["StackName"]))
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise refused(
            f"Stack:{stack.stack_id} is in {stack.status} state and can not continue rollback."
        )
    stack.skipped = list(request.get("ResourcesToSkip") or [])
    await state.store.record(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
    state.start(stack, "update-rollback")
    return {}


async def rollback_stack(ctx: Context, request: Request) -> Response:
    """Handle RollbackStack."""
    state = of(ctx)
    stack = stack_of(ctx, str(request["StackName"]))
    operation = {"CREATE_FAILED": "rollback", "UPDATE_FAILED": "update-rollback"}.get(stack.status)
    if operation is None:
        raise refused(f"Stack:{stack.stack_id} is in {stack.status} state and can not roll back.")
    status = "ROLLBACK_IN_PROGRESS" if operation == "rollback" else "UPDATE_ROLLBACK_IN_PROGRESS"
    await state.store.record(stack, status, "User Initiated")
    state.start(stack, operation)
    return {"StackId": stack.stack_id}


async def update_termination_protection(ctx: Context, request: Request) -> Response:
    """Handle UpdateTerminationProtection."""
    stack = stack_of(ctx, str(request["StackName"]))
    stack.termination_protection = bool(request["EnableTerminationProtection"])
    await of(ctx).store.save(stack)
    return {"StackId": stack.stack_id}


async def set_stack_policy(ctx: Context, request: Request) -> Response:
    """Handle SetStackPolicy."""
    stack = stack_of(ctx, str(request["StackName"]))
    stack.policy = request.get("StackPolicyBody") or ""
    await of(ctx).store.save(stack)
    return {}


async def get_stack_policy(ctx: Context, request: Request) -> Response:
    """Handle GetStackPolicy."""
    return {"StackPolicyBody": stack_of(ctx, str(request["StackName"])).policy or None}
