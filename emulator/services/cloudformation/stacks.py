"""Operations on stacks: create, update, delete, look at.

https://docs.aws.amazon.com/AWSCloudFormation/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

import re
import uuid

from emulator.model.errors import AwsError
from emulator.services.cloudformation import capabilities, outputs, planning, refusals, views
from emulator.services.cloudformation.buckets import read_from_bucket
from emulator.services.cloudformation.comparing import anything_changes, differing
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
from emulator.services.cloudformation.roles import refuse_distrustful
from emulator.services.cloudformation.stack import UPDATABLE, Goal, Stack
from emulator.services.cloudformation.state import of
from emulator.services.context import Context, Request, Response
from emulator.stack import document, policies, sections
from emulator.stack.errors import TemplateError, TransformError

_NAME = re.compile(r"[a-zA-Z][-a-zA-Z0-9]{0,127}")
_PATTERN = r"[a-zA-Z][-a-zA-Z0-9]*|arn:[-a-zA-Z0-9:/._+]*"
#: Seconds that DescribeStacks waits for a stack that is under way: a waiter would sleep longer.
_HELD_S = 4.0


async def create_stack(ctx: Context, request: Request) -> Response:
    """Handle CreateStack."""
    state = of(ctx)
    token = request.get("ClientRequestToken")
    there = state.store.find(ctx.account, ctx.region, str(request["StackName"]))
    if there is not None and token and there.token == token:
        # Its client has not seen the answer.
        return {"StackId": there.stack_id}
    stack = new_stack(ctx, request)
    if stack.status:
        raise already_exists(stack.name)
    await refuse_distrustful(ctx, request)
    goal = Goal(
        template=await template_of(ctx, request),
        given=parameters_of(request, {}),
        tags=tags_of(request),
        capabilities=list(request.get("Capabilities") or []),
        notification_arns=list(request.get("NotificationARNs") or []),
        role_arn=request.get("RoleARN") or "",
    )
    policy = await policy_of(ctx, request)
    stack.on_failure = request.get("OnFailure") or "ROLLBACK"
    stack.disable_rollback = bool(request.get("DisableRollback"))
    if stack.disable_rollback and request.get("OnFailure"):
        raise refused("You can specify only one of OnFailure and DisableRollback")
    stack.goal = goal
    plan = refusal = None
    try:
        plan = await plan_of(ctx, stack, goal)
    except TransformError as error:
        refusal = error
    # Somebody else may have been quicker: nothing is awaited between this check and the change.
    if new_stack(ctx, request).status:
        raise already_exists(stack.name)
    begin(stack, plan, request)
    stack.policy = policy
    await state.store.add(stack, "CREATE_IN_PROGRESS", "User Initiated")
    state.engine.start(stack, "create", refusal)
    return {"StackId": stack.stack_id}


def already_exists(name: str) -> AwsError:
    """Return the error for a name that is taken."""
    return AwsError("AlreadyExistsException", f"Stack [{name}] already exists")


def new_stack(ctx: Context, request: Request) -> Stack:
    """Return a stack that is not kept yet, by the name in a request; or one that has no template.

    Raises:
        AwsError: The name is none, or AlreadyExistsException.
    """
    name = str(request["StackName"])
    if not _NAME.fullmatch(name):
        raise refused(
            f"1 validation error detected: Value '{name}' at 'stackName' failed to satisfy"
            f" constraint: Member must satisfy regular expression pattern: {_PATTERN}"
        )
    existing = of(ctx).store.find(ctx.account, ctx.region, name)
    if existing is not None and existing.status != "REVIEW_IN_PROGRESS":
        raise already_exists(name)
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


def begin(stack: Stack, plan: Plan | None, request: Request) -> None:
    """Take what is known of a stack before its first resource is made."""
    if plan is not None:
        plan.tell(stack)
    stack.token = request.get("ClientRequestToken") or ""
    stack.timeout_minutes = request.get("TimeoutInMinutes")
    if "EnableTerminationProtection" in request:
        stack.termination_protection = bool(request["EnableTerminationProtection"])


async def policy_of(ctx: Context, request: Request, name: str = "StackPolicy") -> str:
    """Return the stack policy of a request; "" without one.

    Args:
        ctx: The request's context.
        request: The request.
        name: What the members that hold it begin with.

    Raises:
        AwsError: ValidationError: it is none.
    """
    body, url = request.get(f"{name}Body"), request.get(f"{name}URL")
    if body and url:
        raise refused(f"You cannot specify both a {name}URL and a {name}Body")
    if url:
        body = await read_from_bucket(ctx.parts.table, ctx.account, ctx.region, str(url))
    if body:
        try:
            policies.read(body)
        except TemplateError as error:
            raise from_template(error) from error
    return body or ""


async def plan_of(ctx: Context, stack: Stack, goal: Goal) -> Plan:
    """Return the plan of a template that its user has the capabilities for.

    Raises:
        AwsError: ValidationError: the template is wrong; InsufficientCapabilitiesException.
        TransformError: What transforms make of it is wrong.
    """
    try:
        before = document.parse(goal.template).body
        sections.check(before)
        needed = capabilities.wanted(before)
        capabilities.refuse_without(needed, goal.capabilities)
        plan = await of(ctx).planner.plan(stack, goal)
        with planning.late(goal.processed is not None):
            refusals.refuse_other_types(stack, plan)
            refusals.refuse_unknown_attributes(plan)
            await of(ctx).tools.refuse_missing(stack, plan)
    except TransformError:
        raise
    except TemplateError as error:
        raise from_template(error) from error
    made = capabilities.wanted(plan.template)
    capabilities.refuse_without(made, goal.capabilities)
    if stack.current is None:
        _refuse_wrong_functions(ctx, stack, plan)
    return plan


def _refuse_wrong_functions(ctx: Context, stack: Stack, plan: Plan) -> None:
    """Refuse functions that are not written as they should be before anything is made.

    What refers to something that is not there (an export) shows when it is needed.

    Raises:
        AwsError: ValidationError.
    """
    try:
        differing(of(ctx).tools, stack, plan)
    except AwsError as error:
        if "Template error" in error.message:
            raise


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
    token = request.get("ClientRequestToken")
    if token and stack.token == token and stack.status.startswith("UPDATE"):
        return {"StackId": stack.stack_id}
    refuse_unless_updatable(stack)
    await refuse_distrustful(ctx, request)
    template = await template_of(ctx, request, stack)
    goal = next_goal(stack, template, request)
    policy = await policy_of(ctx, request)
    during = await policy_of(ctx, request, "StackPolicyDuringUpdate")
    refusal = None
    try:
        plan = await plan_of(ctx, stack, goal)
        if not anything_changes(stack, goal, differing(of(ctx).tools, stack, plan), plan):
            raise refused("No updates are to be performed.")
    except TransformError as error:
        refusal = error
    # Somebody else may have been quicker: nothing is awaited between this check and the change.
    refuse_unless_updatable(stack)
    with stack.unless_refused():
        stack.policy = policy or stack.policy
        stack.policy_during = during
        stack.disable_rollback = bool(request.get("DisableRollback"))
        stack.on_failure = "ROLLBACK"
        stack.token = token or ""
        await start_update(ctx, stack, goal, refusal)
    await of(ctx).change_sets.outdate(stack)
    return {"StackId": stack.stack_id}


async def start_update(
    ctx: Context, stack: Stack, goal: Goal, refusal: TransformError | None = None
) -> None:
    """Begin to make a stack what ``goal`` says, unless its transforms failed."""
    state = of(ctx)
    stack.goal = goal
    stack.updated_at = ctx.clock.now()
    stack.updates += 1
    if stack.parent_id:
        stack.previous = stack.current
    await state.store.record(stack, "UPDATE_IN_PROGRESS", "User Initiated", goals=True)
    state.engine.start(stack, "update", refusal)


def refuse_unless_updatable(stack: Stack) -> None:
    """Refuse to change a stack that is under way, or that failed to be created.

    Raises:
        AwsError: ValidationError.
    """
    if stack.status not in UPDATABLE and stack.status != "UPDATE_FAILED":
        raise refused(f"Stack:{stack.stack_id} is in {stack.status} state and can not be updated.")


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
    await refuse_distrustful(ctx, request)
    others = list(state.store.all(ctx.account, ctx.region))
    for name in stack.exports:
        users = outputs.users_of(name, others)
        if users:
            raise refused(f"Export {name} cannot be deleted as it is in use by {', '.join(users)}")
    retained = list(request.get("RetainResources") or [])
    _check_retained(stack, retained)
    forced = request.get("DeletionMode") == "FORCE_DELETE_STACK"
    if forced and stack.status != "DELETE_FAILED":
        raise refused(
            f"Invalid operation on stack [{stack.stack_id}]. To perform this operation, the stack"
            " must be in DELETE_FAILED state: FORCE_DELETE_STACK"
        )
    await state.engine.stop(stack)
    if stack.is_gone or stack.status == "DELETE_IN_PROGRESS":
        return {}
    gone = list(state.change_sets.of(stack))
    with stack.unless_refused():
        stack.skipped, stack.forced = retained, forced
        stack.token = request.get("ClientRequestToken") or ""
        await state.store.record(stack, "DELETE_IN_PROGRESS", "User Initiated")
    state.engine.start(stack, "delete")
    await state.change_sets.remove(stack, *gone)
    return {}


def _check_retained(stack: Stack, retained: list[str]) -> None:
    """Refuse to retain what can be deleted, or is not there.

    Raises:
        AwsError: ValidationError.
    """
    if retained and stack.status != "DELETE_FAILED":
        raise refused(
            f"Invalid operation on stack [{stack.stack_id}]. To perform this operation, the stack"
            " must be in DELETE_FAILED state: RetainResources"
        )
    unknown = sorted(set(retained) - stack.resources.keys())
    if unknown:
        raise refused(
            f"The following resources to retain do not exist in the stack: [{', '.join(unknown)}]"
        )


async def describe_stacks(ctx: Context, request: Request) -> Response:
    """Handle DescribeStacks. By name it waits a while for a stack that is under way."""
    state = of(ctx)
    name = request.get("StackName")
    if name:
        stack = stack_of(ctx, str(name))
        await state.store.settled(stack, _patience(ctx, stack))
        # It may be there no more: it was deleted and asked for by name, or never came to be.
        stack = stack_of(ctx, str(name))
        return {"Stacks": [views.of_stack(stack)]}
    there = [each for each in state.store.all(ctx.account, ctx.region) if not each.is_gone]
    stacks, following = page(there, request.get("NextToken"))
    return {"Stacks": [views.of_stack(each) for each in stacks], "NextToken": following}


def _patience(ctx: Context, stack: Stack) -> float:
    """Return how many seconds it is worth holding who asks for a stack that is under way.

    An SDK's waiter sleeps for 30 s after an answer. Others sleep for seconds: most operations end
    within that time; who asks later than that wants to see how far it is.
    """
    if ctx.waits:
        return _HELD_S
    return max(0.0, stack.moved_at + _HELD_S - ctx.clock.now())


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
    await state.engine.stop(stack)
    if stack.status != "UPDATE_IN_PROGRESS":
        # It came to its end meanwhile.
        return {}
    await state.store.record(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
    state.engine.start(stack, "update-rollback")
    return {}


async def continue_update_rollback(ctx: Context, request: Request) -> Response:
    """Handle ContinueUpdateRollback."""
    state = of(ctx)
    stack = stack_of(ctx, str(request["StackName"]))
    if stack.status != "UPDATE_ROLLBACK_FAILED":
        raise refused(
            f"Stack:{stack.stack_id} is in {stack.status} state and can not continue rollback."
        )
    skipped = list(request.get("ResourcesToSkip") or [])
    for name in skipped:
        found = stack.resources.get(name)
        if found is None or found.status != "UPDATE_FAILED":
            raise refused(f"Resource [{name}] can not be skipped: it is not in UPDATE_FAILED state")
    with stack.unless_refused():
        stack.skipped = skipped
        await state.store.record(stack, "UPDATE_ROLLBACK_IN_PROGRESS", "User Initiated")
    state.engine.start(stack, "update-rollback")
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
    state.engine.start(stack, operation)
    return {"StackId": stack.stack_id}


async def update_termination_protection(ctx: Context, request: Request) -> Response:
    """Handle UpdateTerminationProtection."""
    stack = stack_of(ctx, str(request["StackName"]))
    if stack.parent_id:
        raise refused(f"Termination Protection cannot be updated on nested stack: {stack.stack_id}")
    stack.termination_protection = bool(request["EnableTerminationProtection"])
    await of(ctx).store.save(stack)
    return {"StackId": stack.stack_id}


async def set_stack_policy(ctx: Context, request: Request) -> Response:
    """Handle SetStackPolicy."""
    stack = stack_of(ctx, str(request["StackName"]))
    stack.policy = await policy_of(ctx, request)
    await of(ctx).store.save(stack)
    return {}


async def get_stack_policy(ctx: Context, request: Request) -> Response:
    """Handle GetStackPolicy."""
    return {"StackPolicyBody": stack_of(ctx, str(request["StackName"])).policy or None}
