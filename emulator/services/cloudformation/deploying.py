"""What ``localfaas up`` does with a template: a stack, made or updated, and waited for."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from emulator.services.cloudformation.comparing import anything_changes, differing
from emulator.services.cloudformation.stack import Event, Goal, Stack
from emulator.services.cloudformation.state import CloudFormation
from emulator.services.context import Parts

#: Seconds between two looks at a stack that somebody else is changing.
_LONGEST_WAIT_S = 60.0
#: What a user knows to have granted by starting it.
CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What came of a deployment."""

    stack: Stack
    #: Whether there was anything to do.
    changed: bool
    #: Why resources could not be had, by their names; without those that only need such ones.
    failures: Mapping[str, str] = field(default_factory=dict)
    #: Resources of types that are not served, with their types.
    not_made: Mapping[str, str] = field(default_factory=dict)


async def deploy(
    parts: Parts,
    name: str,
    goal: Goal,
    *,
    tolerant: bool,
    account: str,
    region: str,
    on_event: Callable[[Event], None] = lambda event: None,
    on_planned: Callable[[], object] = lambda: None,
) -> Outcome:
    """Make or update a stack, and return when that has been done.

    Args:
        parts: The parts of the emulator.
        name: The stack's.
        goal: What it is to be.
        account: Whose stack it is.
        region: Its region.
        tolerant: What can't be had costs itself alone, and nothing is rolled back.
        on_event: Called with each event of the stack.
        on_planned: Called once what is to do is known, or waits for somebody else's change.

    Raises:
        TemplateError: AWS would refuse the template; nothing was done.
        AwsError: A parameter in SSM can't be read.
    """
    state: CloudFormation = await parts.table.state("cloudformation")
    stack = state.store.find(account, region, name)
    while stack is not None and stack.is_moving:
        on_planned()
        await state.store.settled(stack, _LONGEST_WAIT_S)
    new = stack is None or stack.is_gone
    if stack is None or new:
        identity = f"stack/{name}/{uuid.uuid4()}"
        stack = Stack(
            stack_id=f"arn:aws:cloudformation:{region}:{account}:{identity}",
            name=name,
            account=account,
            region=region,
            created_at=parts.clock.now(),
        )
    stack.tolerant, stack.disable_rollback = tolerant, tolerant
    plan = await state.planner.plan(stack, goal)
    on_planned()
    retried = any(r.status.endswith("_FAILED") for r in stack.resources.values())
    changed = (
        new or retried or anything_changes(stack, goal, differing(state.tools, stack, plan), plan)
    )

    undone: dict[str, str] = {}

    def listen(of: Stack, event: Event) -> None:
        if of is stack:
            on_event(event)
            if event.status.endswith("_FAILED") and event.physical != stack.stack_id:
                undone.setdefault(event.logical, _plain(event.reason))

    if changed:
        stack.token, stack.on_failure = "", "ROLLBACK"
        state.store.listeners.append(listen)
        try:
            await _operate(state, stack, goal, "create" if new else "update")
            if tolerant and _failures(stack):
                # What names another resource without a reference needs it all the same: by now
                # it is there.
                await _operate(state, stack, goal, "update")
        finally:
            state.store.listeners.remove(listen)
    return Outcome(
        stack=stack,
        changed=changed,
        failures=_failures(stack) if tolerant else undone,
        not_made={
            logical: resource.kind
            for logical, resource in stack.resources.items()
            if not state.tools.kinds.serves(resource.kind)
        },
    )


async def _operate(state: CloudFormation, stack: Stack, goal: Goal, operation: str) -> None:
    with stack.unless_refused():
        stack.goal = goal
        if operation == "create":
            await state.store.add(stack, "CREATE_IN_PROGRESS", "User Initiated")
        else:
            stack.updated_at, stack.updates = state.store.now, stack.updates + 1
            await state.store.record(stack, "UPDATE_IN_PROGRESS", "User Initiated", goals=True)
    await asyncio.shield(state.engine.start(stack, operation))


def _failures(stack: Stack) -> dict[str, str]:
    failed = {n: r for n, r in stack.resources.items() if r.status.endswith("_FAILED")}
    return {n: _plain(r.reason) for n, r in failed.items() if not failed.keys() & set(r.needs)}


def _plain(reason: str) -> str:
    from emulator.services.cloudformation import reasons

    return reasons.plain(reason)
