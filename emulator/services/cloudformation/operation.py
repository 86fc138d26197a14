"""The course of one operation on a stack: to its goal, back to where it was, or to its end.

Each point of it can be the last one before the emulator ends; at the next start the stack's status
says what goes on, and what has been done already is found done.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from emulator.model.clock import Timer
from emulator.model.errors import AwsError
from emulator.services.cloudformation import outputs, refusals
from emulator.services.cloudformation.live import LiveResources
from emulator.services.cloudformation.order import Failed, StepsFailed, in_order, order_of_removal
from emulator.services.cloudformation.planning import Plan
from emulator.services.cloudformation.stack import OPERATIONS, Resource
from emulator.services.cloudformation.store import as_json
from emulator.services.cloudformation.toolbox import Toolbox
from emulator.services.cloudformation.updating import UpdatingWork
from emulator.services.cloudformation.work import Properties
from emulator.stack.errors import TemplateError, TransformError

_INITIATED = "User Initiated"
_ASKED = "Rollback requested by user."
_LATE = f"Stack creation time exceeded the specified timeout. {_ASKED}"

_CLEANING = "_CLEANUP_IN_PROGRESS"


class _Stopped(Exception):
    """Somebody ended the operation; who did says what follows."""


class Operation:
    """One operation on one stack.

    Args:
        tools: What it is done with.
        work: Does its steps.
        name: A key of :data:`emulator.services.cloudformation.stack.OPERATIONS`.
        refusal: Why the stack can't be had as its goal says, where that is known before.
    """

    def __init__(
        self, tools: Toolbox, work: UpdatingWork, name: str, refusal: TransformError | None = None
    ) -> None:
        self._tools, self._work, self._name, self._refusal = tools, work, name, refusal
        self._stack, self._store = work.stack, work.store

    async def run(self) -> None:
        """Do it to its end, whatever that is: it shows in the stack's status."""
        stack = self._stack
        under_way, _ = OPERATIONS[self._name]
        try:
            if stack.status.endswith(_CLEANING):
                # All else was done before an interruption.
                await self._clean_up(set())
                await self._finish()
                return
            if stack.status != under_way:
                await self._store.record(stack, under_way, _INITIATED)
            match self._name:
                case "create" | "update":
                    await self._reach()
                case "rollback":
                    await self._delete_all()
                case "update-rollback":
                    await self._roll_back()
                case "delete":
                    await self._delete_all()
        except _Stopped:
            return

    # -- creating and updating ------------------------------------------------------------------

    async def _reach(self) -> None:
        """Make the stack what its goal says."""
        stack = self._stack
        assert stack.goal is not None
        timer = self._begin_timeout()
        try:
            if self._refusal is not None:
                raise self._refusal
            plan = await self._tools.planner.plan(stack, stack.goal)
            found, imports = await self._make_all(plan)
        except (TemplateError, Failed, AwsError) as error:
            if self._work.stopped:
                raise _Stopped from error
            await self._failed(self._work.overdue or _reason(error, self._verb))
            return
        finally:
            if timer is not None:
                timer.cancel()
        stack.outputs, stack.imports = found, sorted(imports)
        plan.tell(stack)
        for logical, body in plan.resources.items():
            # Also of what is otherwise as it was: these changes are none of the resource's own.
            _describe(stack.resources[logical], body, plan.needs[logical])
        await self._clean_up(stack.resources.keys() - plan.resources.keys())
        await self._finish()

    def _begin_timeout(self) -> Timer | None:
        """Fail a creation that takes longer than it may; returns what ends that."""
        stack = self._stack
        if self._name != "create" or not stack.timeout_minutes:
            return None
        left = stack.created_at + 60 * stack.timeout_minutes - self._store.now
        return self._tools.clock.call_later(max(0.0, left), self._work.be_overdue, _LATE)

    async def _make_all(self, plan: Plan) -> tuple[list[dict[str, str]], set[str]]:
        """Make all resources; return the stack's outputs, and the exports that it uses."""
        stack, work = self._stack, self._work
        finished: set[str] = set()
        names = set(plan.resources)
        exports = self._tools.exports(stack.account, stack.region)
        evaluator = plan.evaluator(LiveResources(stack, names, finished), exports)
        if not stack.tolerant:
            refusals.refuse_missing_imports(plan, evaluator, exports)
        masked = plan.evaluator(
            LiveResources(stack, names, finished, masked=True), exports, masked=True
        )

        async def make(logical: str) -> None:
            body = plan.resources[logical]
            written = body.get("Properties") or {}
            new = _new(logical, body, plan.needs[logical])
            try:
                path = ("Resources", logical, "Properties")
                found = evaluator.resolve(written, path) or {}
                if not isinstance(found, dict):
                    raise TemplateError(
                        f"Template format error: [/Resources/{logical}/Properties] must be an"
                        " object",
                        path,
                    )
                value = self._tools.localised(found)
                shown = masked.resolve(written, path) or {}
                properties = Properties(
                    values=await self._tools.values(stack, value),
                    written=value,
                    shown="" if shown == value else as_json(shown),
                )
            except (TemplateError, AwsError) as error:
                there = stack.resources.setdefault(logical, new)
                status = "UPDATE_FAILED" if there.physical else "CREATE_FAILED"
                await work.failed(status, there, error)
            old = stack.resources.get(logical)
            if old is not None and old.physical:
                await work.change(old, new, properties)
            else:
                if old is not None:
                    # An earlier attempt did not come to its end.
                    new.generation, new.begun, new.there = old.generation, old.begun, old.there
                    if old.change:
                        new.change, new.before = old.change, old.before
                stack.resources[logical] = new
                await work.create(new, properties)

        async def step(logical: str) -> None:
            try:
                await make(logical)
            except Failed:
                if not stack.tolerant or work.stopping.is_set():
                    raise
                await work.stand_in(logical)
            finished.add(logical)

        await in_order(plan.needs, step, work.stopping)
        self._go_on_unless_stopped()
        for logical in sorted(stack.resources.keys() - names):
            await work.allow_removal(stack.resources[logical])
        found = outputs.work_out(
            plan.template,
            evaluator.resolve,
            self._tools.local_address,
            tolerant=stack.tolerant,
        )
        outputs.check_exports(stack, found, self._store.all(stack.account, stack.region))
        return found, evaluator.imported

    @property
    def _verb(self) -> str:
        return {"create": "create", "update": "update", "delete": "delete"}.get(
            self._name, "delete" if self._name == "rollback" else "update"
        )

    def _go_on_unless_stopped(self) -> None:
        """End here if somebody ended the operation.

        Raises:
            _Stopped: Somebody did.
            Failed: It took too long.
        """
        if self._work.stopped:
            raise _Stopped
        if self._work.overdue and self._name == "create":
            raise Failed(self._work.overdue)

    # -- ends -----------------------------------------------------------------------------------

    async def _finish(self) -> None:
        """Say that the stack is what its goal says, or again what it was."""
        stack = self._stack
        if self._name in ("create", "update"):
            stack.current, stack.goal = stack.goal, None
        else:
            stack.goal = None
        stack.skipped, stack.policy_during = [], ""
        for resource in stack.resources.values():
            resource.change, resource.before, resource.there = "", None, []
        status, reason = OPERATIONS[self._name][1], ""
        failed = [name for name, each in stack.resources.items() if _has_failed(each)]
        if stack.tolerant and failed and self._name in ("create", "update"):
            status = f"{self._verb.upper()}_FAILED"
            reason = f"The following resource(s) failed to {self._verb}: [{', '.join(failed)}]. "
        await self._store.record(stack, status, reason, saving=stack.resources.values(), goals=True)

    async def _failed(self, reason: str) -> None:
        """Do what is to be done where the stack can't be had as its goal says."""
        stack, creates = self._stack, self._name == "create"
        self._work.stopping.clear()
        policy = "DO_NOTHING" if stack.disable_rollback else stack.on_failure
        if creates and policy == "DELETE":
            self._name = "delete"
            await self._store.record(stack, "DELETE_IN_PROGRESS", reason)
            await self._delete_all()
        elif policy == "DO_NOTHING":
            failed = f"{self._verb.upper()}_FAILED"
            stack.goal = None if stack.current else stack.goal
            await self._store.record(stack, failed, reason, goals=True)
        else:
            self._name = "rollback" if creates else "update-rollback"
            asked = reason + _ASKED if reason.endswith(". ") else reason
            await self._store.record(stack, OPERATIONS[self._name][0], asked)
            await (self._delete_all() if creates else self._roll_back())

    async def _clean_up(self, gone: set[str]) -> None:
        """Remove what the template has no more, and what others took the place of."""
        stack = self._stack
        moved = [each for name, each in stack.resources.items() if name in gone]
        for resource in moved:
            del stack.resources[resource.logical]
        stack.leftovers = stack.leftovers + moved
        status = stack.status
        if self._name in ("update", "update-rollback") and not status.endswith(_CLEANING):
            status = OPERATIONS[self._name][1] + _CLEANING
            everything = (*moved, *stack.resources.values())
            await self._store.record(stack, status, saving=everything, goals=True)
        for resource in _for_removal(stack.leftovers):
            self._go_on_unless_stopped()
            replaced = resource.logical in stack.resources
            policy = resource.replace_policy if replaced else resource.deletion_policy
            if policy == "RetainExceptOnCreate":
                policy = "Delete" if resource.change in ("created", "replaced") else "Retain"
            await self._work.remove(resource, policy, tolerant=True)
            stack.leftovers = [each for each in stack.leftovers if each is not resource]
            await self._store.drop(stack, resource)

    # -- undoing --------------------------------------------------------------------------------

    async def _roll_back(self) -> None:
        """Make the stack what it was before an update."""
        stack = self._stack
        failed: list[str] = []
        for resource in _for_removal(stack.resources.values()):
            self._go_on_unless_stopped()
            if resource.logical in stack.skipped:
                resource.change, resource.before, resource.attempted = "", None, None
            elif not await self._work.undo(resource):
                failed.append(resource.logical)
        if failed:
            text = f"The following resource(s) failed to update: [{', '.join(failed)}]. "
            await self._store.record(stack, "UPDATE_ROLLBACK_FAILED", text)
            return
        await self._clean_up(
            {name for name, each in stack.resources.items() if each.change == "created"}
        )
        await self._finish()

    # -- removing -------------------------------------------------------------------------------

    async def _delete_all(self) -> None:
        """Remove every resource, those first that others do not need."""
        stack, work = self._stack, self._work
        everything = {each.logical: each for each in stack.resources.values()}
        needed_by: dict[str, set[str]] = {name: set() for name in everything}
        for resource in everything.values():
            for name in resource.needs:
                if name in needed_by:
                    needed_by[name].add(resource.logical)

        async def step(logical: str) -> None:
            resource = everything[logical]
            policy = resource.deletion_policy
            if policy == "RetainExceptOnCreate":
                policy = "Delete" if self._name == "rollback" else "Retain"
            policy = "Retain" if logical in stack.skipped else policy
            await work.remove(resource, policy, tolerant=stack.forced)

        try:
            for leftover in _for_removal(stack.leftovers):
                self._go_on_unless_stopped()
                await work.remove(leftover, leftover.replace_policy, tolerant=True)
                stack.leftovers = [each for each in stack.leftovers if each is not leftover]
                await self._store.drop(stack, leftover)
            await in_order(needed_by, step, work.stopping)
            self._go_on_unless_stopped()
        except StepsFailed as error:
            if self._work.stopped:
                raise _Stopped from error
            status = "DELETE_FAILED" if self._name == "delete" else "ROLLBACK_FAILED"
            await self._store.record(stack, status, _reason(error, "delete"))
            return
        stack.imports, stack.skipped = [], []
        if self._name == "delete":
            stack.deleted_at = self._store.now
        await self._store.record(stack, OPERATIONS[self._name][1], goals=True)


def _new(logical: str, body: Mapping[str, Any], needs: set[str]) -> Resource:
    resource = Resource(logical=logical, kind=str(body["Type"]), change="created")
    _describe(resource, body, needs)
    return resource


def _describe(resource: Resource, body: Mapping[str, Any], needs: set[str]) -> None:
    """Write what a template says of a resource beside its properties."""
    resource.deletion_policy = str(body.get("DeletionPolicy") or "Delete")
    resource.replace_policy = str(body.get("UpdateReplacePolicy") or "Delete")
    resource.metadata = dict(body.get("Metadata") or {})
    resource.needs = sorted(needs)


def _reason(error: Exception, verb: str) -> str:
    if isinstance(error, StepsFailed):
        return f"The following resource(s) failed to {verb}: [{', '.join(error.names)}]. "
    if isinstance(error, TemplateError):
        return f"{error.message}. "
    return getattr(error, "message", None) or str(error)


def _for_removal(resources: Any) -> list[Resource]:
    """Return resources such that each comes before those it needs."""
    left: list[Resource] = list(resources)
    numbers: dict[str, list[int]] = {}
    for number, each in enumerate(left):
        numbers.setdefault(each.logical, []).append(number)
    needs = {
        number: [other for name in each.needs for other in numbers.get(name, ())]
        for number, each in enumerate(left)
    }
    return [left[number] for number in order_of_removal(needs)]


def _has_failed(resource: Resource) -> bool:
    return resource.status in ("CREATE_FAILED", "UPDATE_FAILED")
