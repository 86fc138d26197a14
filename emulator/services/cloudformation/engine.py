"""Makes stacks what they are to be, and undoes what failed.

One :class:`Operation` runs at a time for a stack. Resources are made in the order of their
dependencies, as many at once as those allow. Each step is kept before and after it is done, so that
an interrupted operation goes on at the next start: what was done is recorded, and what was under
way is done again.

Source: https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/stack-failure-options.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any

from emulator.model.errors import AwsError, LocalfaasError
from emulator.services.cloudformation.kind_table import KindTable
from emulator.services.cloudformation.live import LiveResources
from emulator.services.cloudformation.planning import LookUp, Plan, Planner
from emulator.services.cloudformation.stack import OPERATIONS, Goal, Resource, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack import changes, dynamic
from emulator.stack.errors import TemplateError
from emulator.stack.kinds import Call, Kind, Made, Wanted

_log = logging.getLogger(__name__)

#: Resources of one stack that are worked on at once.
_AT_ONCE = 16
_INITIATED = "User Initiated"
_CANCELLED = "Resource creation cancelled"


class _Failed(LocalfaasError):
    """An operation that can't go on; the text is the reason that the stack shows."""


class Engine:
    """Runs operations on stacks.

    Args:
        call: Returns what calls operations for an account and region.
        exports: Returns the exports of an account and region, by name.
        look_up: Looks up a dynamic reference: (account, region, reference).
    """

    def __init__(
        self,
        store: StackStore,
        planner: Planner,
        kinds: KindTable,
        call: Callable[[str, str], Call],
        look_up: Callable[[Stack], LookUp],
    ) -> None:
        self.store = store
        self.planner = planner
        self.kinds = kinds
        self._call = call
        self._look_up = look_up

    def exports(self, account: str, region: str) -> dict[str, str]:
        """Return the values that may be imported, by name."""
        return {
            name: value
            for stack in self.store.all(account, region)
            if not stack.is_gone
            for name, value in stack.exports.items()
        }

    async def run(self, stack: Stack, operation: str) -> None:
        """Do one operation to its end, whatever comes; what fails shows in the stack.

        Args:
            stack: The stack.
            operation: A key of :data:`emulator.services.cloudformation.stack.OPERATIONS`.
        """
        runner = _Runner(self, stack, self._call(stack.account, stack.region))
        try:
            await runner.run(operation)
        except asyncio.CancelledError:
            raise
        except Exception as error:  # noqa: BLE001 a bug of ours: told in full, and nothing hangs
            _log.exception("stack %s failed", stack.name)
            failed = operation.upper().replace("-", "_") + "_FAILED"
            await self.store.record(stack, failed, f"localfaas failed: {error}")

    async def values(self, stack: Stack, value: Any) -> Any:
        """Return ``value`` with its dynamic references replaced."""
        found = dynamic.find(value)
        if not found:
            return value
        look_up = self._look_up(stack)
        texts = {text: await look_up(reference) for text, reference in found.items()}
        return dynamic.replace(value, texts)


class _Runner:
    """One operation on one stack."""

    def __init__(self, engine: Engine, stack: Stack, call: Call) -> None:
        self._engine, self._stack, self._call = engine, stack, call
        self._store, self._kinds = engine.store, engine.kinds

    async def run(self, operation: str) -> None:
        under_way, _ = OPERATIONS[operation]
        if self._stack.status != under_way:
            await self._store.record(self._stack, under_way, _INITIATED)
        match operation:
            case "create" | "update":
                await self._reach(operation)
            case "rollback" | "update-rollback":
                await self._roll_back(operation, self._stack.reason)
            case "delete":
                await self._delete_all("delete")

    # -- creating and updating ------------------------------------------------------------------

    async def _reach(self, operation: str) -> None:
        """Make the stack what its goal says."""
        stack = self._stack
        assert stack.goal is not None
        try:
            plan = await self._engine.planner.plan(stack, stack.goal)
            finished: set[str] = set()
            live = LiveResources(stack, set(plan.resources), finished)
            evaluator = plan.evaluator(live, self._engine.exports(stack.account, stack.region))

            async def step(logical: str) -> None:
                body = plan.resources[logical]
                try:
                    value = evaluator.resolve(
                        body.get("Properties") or {}, ("Resources", logical, "Properties")
                    )
                    properties = await self._engine.values(stack, value)
                except (TemplateError, AwsError) as error:
                    await self._refused(logical, str(body["Type"]), error)
                await self._make(logical, body, properties, plan.needs[logical])
                finished.add(logical)

            await self._in_order(plan.needs, step)
            outputs = _outputs(plan, evaluator.resolve)
            self._refuse_taken_exports(outputs)
        except (TemplateError, _Failed, AwsError) as error:
            await self._failed(operation, getattr(error, "message", None) or str(error))
            return
        stack.outputs = outputs
        stack.imports = sorted(evaluator.imported)
        stack.description = str(plan.template.get("Description") or "")
        stack.parameters = {n: plan.parameters.shown(n) for n in plan.parameters.texts}
        stack.values = dict(plan.parameters.texts)
        await self._clean_up(operation, set(plan.resources))
        await self._finish(operation, stack.goal)

    async def _make(
        self, logical: str, body: Mapping[str, Any], properties: dict[str, Any], needs: set[str]
    ) -> None:
        """Make one resource what the template wants."""
        resource = self._stack.resources.get(logical)
        if resource is None or not resource.physical:
            resource = self._new(logical, str(body["Type"]), 0 if resource is None else
                                 resource.generation)  # fmt: skip
            self._stack.resources[logical] = resource
            self._describe(resource, body, needs)
            await self._create(resource, properties)
            return
        self._describe(resource, body, needs)
        details = changes.differences(resource.kind, resource.properties, properties)
        if resource.kind != body["Type"] or changes.replacement(details) == "True":
            await self._replace(resource, body, properties, needs)
        elif details or resource.status not in ("CREATE_COMPLETE", "UPDATE_COMPLETE"):
            await self._update(resource, body, properties, needs)

    async def _refused(self, logical: str, kind: str, error: TemplateError | AwsError) -> None:
        """Show at a resource that its properties can't be worked out.

        Raises:
            _Failed: Always.
        """
        resource = self._stack.resources.setdefault(logical, self._new(logical, kind, 0))
        status = "UPDATE_FAILED" if resource.physical else "CREATE_FAILED"
        await self._resource_failed(status, resource, error)

    def _new(self, logical: str, kind: str, generation: int) -> Resource:
        return Resource(logical=logical, kind=kind, generation=generation, change="created")

    def _describe(self, resource: Resource, body: Mapping[str, Any], needs: set[str]) -> None:
        resource.deletion_policy = str(body.get("DeletionPolicy") or "Delete")
        resource.replace_policy = str(body.get("UpdateReplacePolicy") or "Delete")
        resource.metadata = dict(body.get("Metadata") or {})
        resource.needs = sorted(needs)

    async def _create(self, resource: Resource, properties: dict[str, Any]) -> None:
        resource.properties = properties
        await self._store.record(self._stack, "CREATE_IN_PROGRESS", "", resource)
        wanted = self._wanted(resource, properties)
        kind = self._kinds.find(resource.kind)
        try:
            resource.take(await kind.create(self._call, wanted))
        except (LocalfaasError, TimeoutError) as error:
            await self._resource_failed("CREATE_FAILED", resource, error)
        await self._store.record(self._stack, "CREATE_COMPLETE", self._note(resource), resource)

    async def _update(
        self,
        resource: Resource,
        body: Mapping[str, Any],
        properties: dict[str, Any],
        needs: set[str],
    ) -> None:
        before = resource.properties
        if not resource.change:
            resource.change, resource.before = "updated", resource.copy()
        await self._store.record(self._stack, "UPDATE_IN_PROGRESS", "", resource)
        kind = self._kinds.find(resource.kind)
        wanted = self._wanted(resource, properties)
        try:
            resource.take(await kind.update(self._call, resource.made, before, wanted))
        except NotImplementedError:
            resource.change, resource.before = "", None
            await self._replace(resource, body, properties, needs)
            return
        except (LocalfaasError, TimeoutError) as error:
            await self._resource_failed("UPDATE_FAILED", resource, error)
        resource.properties = properties
        await self._store.record(self._stack, "UPDATE_COMPLETE", self._note(resource), resource)

    async def _replace(
        self,
        old: Resource,
        body: Mapping[str, Any],
        properties: dict[str, Any],
        needs: set[str],
    ) -> None:
        """Make a new resource in the place of ``old``, which goes when all else has been done."""
        new = self._new(old.logical, str(body["Type"]), old.generation + 1)
        new.change, new.before = "replaced", old.copy()
        self._describe(new, body, needs)
        self._stack.leftovers.append(old)
        self._stack.resources[old.logical] = new
        await self._store.save_resources(self._stack, old, new)
        reason = "Requested update requires the creation of a new physical resource; hence" \
            " creating one."  # fmt: skip
        new.physical = old.physical
        new.properties = properties
        await self._store.record(self._stack, "UPDATE_IN_PROGRESS", reason, new)
        new.physical = ""
        kind = self._kinds.find(new.kind)
        try:
            new.take(await kind.create(self._call, self._wanted(new, properties)))
        except (LocalfaasError, TimeoutError) as error:
            await self._resource_failed("UPDATE_FAILED", new, error)
        await self._store.record(self._stack, "UPDATE_COMPLETE", self._note(new), new)

    def _wanted(self, resource: Resource, properties: Mapping[str, Any]) -> Wanted:
        stack = self._stack
        goal = stack.goal or stack.current
        return Wanted(
            kind=resource.kind,
            logical=resource.logical,
            properties=properties,
            stack_name=stack.name,
            stack_id=stack.stack_id,
            seed=f"{stack.stack_id}/{resource.generation}",
            tags=dict(goal.tags) if goal is not None else {},
        )

    def _note(self, resource: Resource) -> str:
        """Return what is to be said of a resource that is not really made."""
        return "" if self._kinds.serves(resource.kind) else self._kinds.not_served(resource.kind)

    async def _resource_failed(self, status: str, resource: Resource, error: Exception) -> None:
        """Record that a resource failed, and end the operation.

        Raises:
            _Failed: Always.
        """
        reason = error.message if isinstance(error, (AwsError, TemplateError)) else str(error)
        await self._store.record(self._stack, status, reason, resource)
        raise _Failed(resource.logical) from error

    # -- the order ------------------------------------------------------------------------------

    async def _in_order(
        self, needs: Mapping[str, Iterable[str]], step: Callable[[str], Awaitable[None]]
    ) -> None:
        """Do ``step`` for each name, after the names that it needs; several at once.

        Once one has failed, no other begins; those under way come to their end.

        Raises:
            _Failed: Some failed; the text names them.
        """
        open_needs = {name: set(each) for name, each in needs.items()}
        running: dict[asyncio.Task[None], str] = {}
        failed: list[str] = []
        errors: list[BaseException] = []
        while open_needs or running:
            ready = [] if failed else sorted(n for n, each in open_needs.items() if not each)
            for name in ready[: _AT_ONCE - len(running)]:
                del open_needs[name]
                running[asyncio.ensure_future(step(name))] = name
            if not running:
                break
            try:
                done, _ = await asyncio.wait(running, return_when=asyncio.FIRST_COMPLETED)
            except asyncio.CancelledError:
                for task in running:
                    task.cancel()
                await asyncio.gather(*running, return_exceptions=True)
                raise
            for task in done:
                name = running.pop(task)
                error = task.exception()
                if error is None:
                    for each in open_needs.values():
                        each.discard(name)
                else:
                    failed.append(name)
                    errors.append(error)
        if errors:
            unexpected = [each for each in errors if not isinstance(each, _Failed)]
            if unexpected:
                raise unexpected[0]
            raise _Failed(f"The following resource(s) failed to {{verb}}: [{', '.join(failed)}]. ")

    # -- ends -----------------------------------------------------------------------------------

    async def _finish(self, operation: str, goal: Goal) -> None:
        stack = self._stack
        stack.current, stack.goal = goal, None
        stack.skipped = []
        for resource in stack.resources.values():
            resource.change, resource.before = "", None
        await self._store.save_resources(stack, *stack.resources.values())
        if operation == "update":
            stack.updated_at = stack.updated_at or stack.created_at
        await self._store.record(stack, OPERATIONS[operation][1])

    async def _failed(self, operation: str, reason: str) -> None:
        stack = self._stack
        verb = "create" if operation == "create" else "update"
        text = reason.replace("{verb}", verb)
        policy = "DO_NOTHING" if stack.disable_rollback else stack.on_failure
        if operation == "create" and policy == "DELETE":
            await self._store.record(stack, "DELETE_IN_PROGRESS", text)
            await self._delete_all("delete")
        elif policy == "DO_NOTHING" or (operation == "update" and stack.disable_rollback):
            stack.goal = None if stack.current else stack.goal
            await self._store.record(stack, f"{verb.upper()}_FAILED", text)
        else:
            following = "rollback" if operation == "create" else "update-rollback"
            asked = f"{text}Rollback requested by user." if text.endswith(". ") else text
            await self._store.record(stack, OPERATIONS[following][0], asked)
            await self._roll_back(following, asked)

    async def _clean_up(self, operation: str, wanted: set[str]) -> None:
        """Remove what the template has no more, and what others took the place of."""
        stack = self._stack
        gone = [each for name, each in stack.resources.items() if name not in wanted]
        for resource in gone:
            del stack.resources[resource.logical]
            stack.leftovers.append(resource)
        if not stack.leftovers:
            return
        await self._store.save_resources(stack, *gone)
        if operation in ("update", "update-rollback"):
            status = OPERATIONS[operation][1] + "_CLEANUP_IN_PROGRESS"
            await self._store.record(stack, status)
        # What is newest was made last, and may need what was made before it.
        for resource in _reversed_by_needs(stack.leftovers):
            policy = (
                resource.replace_policy
                if resource.logical in stack.resources
                else resource.deletion_policy
            )
            await self._remove(resource, policy, tolerant=True)
            stack.leftovers = [each for each in stack.leftovers if each is not resource]
            await self._store.drop_resource(stack, resource)

    # -- undoing --------------------------------------------------------------------------------

    async def _roll_back(self, operation: str, reason: str) -> None:
        if operation == "rollback":
            await self._delete_all("rollback")
            return
        stack = self._stack
        stack.resources = dict(stack.resources)
        failed: list[str] = []
        for resource in _reversed_by_needs(stack.resources.values()):
            if resource.logical in stack.skipped:
                resource.change, resource.before = "", None
            elif not await self._undo(resource):
                failed.append(resource.logical)
        if failed:
            text = f"The following resource(s) failed to update: [{', '.join(failed)}]. "
            await self._store.record(stack, "UPDATE_ROLLBACK_FAILED", text)
            return
        created = {r.logical for r in stack.resources.values() if r.change == "created"}
        await self._clean_up(operation, stack.resources.keys() - created)
        stack.goal, stack.skipped = None, []
        await self._store.save_resources(stack, *stack.resources.values())
        await self._store.record(stack, OPERATIONS[operation][1])

    async def _undo(self, resource: Resource) -> bool:
        """Make a resource what it was before the operation; returns whether that went well."""
        stack = self._stack
        if resource.change == "updated" and resource.before is not None:
            before = Resource.from_document(resource.before)
            if resource.status == "UPDATE_COMPLETE" or resource.properties != before.properties:
                return await self._undo_update(resource, before)
            resource.properties, resource.change, resource.before = before.properties, "", None
            return await self._undo_update(resource, before)
        if resource.change == "replaced" and resource.before is not None:
            before = Resource.from_document(resource.before)
            stack.leftovers = [
                each
                for each in stack.leftovers
                if (each.logical, each.generation) != (before.logical, before.generation)
            ]
            stack.resources[resource.logical] = before
            stack.leftovers.append(resource)
            await self._store.record(stack, "UPDATE_COMPLETE", "", before)
        return True

    async def _undo_update(self, resource: Resource, before: Resource) -> bool:
        stack = self._stack
        await self._store.record(stack, "UPDATE_IN_PROGRESS", "", resource)
        kind = self._kinds.find(resource.kind)
        wanted = self._wanted(resource, before.properties)
        try:
            made = await kind.update(self._call, resource.made, resource.properties, wanted)
        except (LocalfaasError, NotImplementedError, TimeoutError) as error:
            reason = error.message if isinstance(error, AwsError) else str(error)
            await self._store.record(stack, "UPDATE_FAILED", reason, resource)
            return False
        resource.take(made)
        resource.properties, resource.change, resource.before = before.properties, "", None
        await self._store.record(stack, "UPDATE_COMPLETE", "", resource)
        return True

    # -- removing -------------------------------------------------------------------------------

    async def _delete_all(self, operation: str) -> None:
        """Remove every resource, those first that others do not need."""
        stack = self._stack
        everything = {each.logical: each for each in stack.resources.values()}
        needed_by: dict[str, set[str]] = {name: set() for name in everything}
        for resource in everything.values():
            for name in resource.needs:
                if name in needed_by:
                    needed_by[name].add(resource.logical)

        async def step(logical: str) -> None:
            resource = everything[logical]
            policy = resource.deletion_policy
            if operation == "rollback" and policy == "RetainExceptOnCreate":
                policy = "Delete"
            if logical in stack.skipped:
                policy = "Retain"
            await self._remove(resource, policy)

        try:
            for leftover in list(stack.leftovers):
                await self._remove(leftover, leftover.replace_policy, tolerant=True)
                stack.leftovers.remove(leftover)
            await self._in_order(needed_by, step)
        except _Failed as error:
            text = str(error).replace("{verb}", "delete")
            failed = "DELETE_FAILED" if operation == "delete" else "ROLLBACK_FAILED"
            await self._store.record(stack, failed, text)
            return
        stack.outputs, stack.imports, stack.skipped = [], [], []
        if operation == "delete":
            stack.deleted_at = self._store.now
        await self._store.record(stack, OPERATIONS[operation][1])

    async def _remove(self, resource: Resource, policy: str, *, tolerant: bool = False) -> None:
        stack = self._stack
        if resource.status == "DELETE_COMPLETE":
            return
        if policy in ("Retain", "RetainExceptOnCreate") and resource.status != "CREATE_FAILED":
            await self._store.record(stack, "DELETE_SKIPPED", "", resource)
            return
        if not resource.physical and resource.status == "CREATE_FAILED":
            await self._store.record(stack, "DELETE_COMPLETE", "", resource)
            return
        await self._store.record(stack, "DELETE_IN_PROGRESS", "", resource)
        kind = self._kinds.find(resource.kind)
        try:
            await self._delete(kind, resource)
        except (LocalfaasError, TimeoutError) as error:
            reason = error.message if isinstance(error, AwsError) else str(error)
            await self._store.record(stack, "DELETE_FAILED", reason, resource)
            if not tolerant:
                raise _Failed(resource.logical) from error
            return
        await self._store.record(stack, "DELETE_COMPLETE", "", resource)

    async def _delete(self, kind: Kind, resource: Resource) -> None:
        made: Made | None = resource.made
        if not resource.physical:
            # Its creation was interrupted: what it has made, if anything, goes.
            find = getattr(kind, "find", None)
            wanted = self._wanted(resource, resource.properties)
            made = await find(self._call, wanted) if find is not None else None
        if made is not None:
            await kind.delete(self._call, made, resource.properties)

    def _refuse_taken_exports(self, outputs: list[dict[str, str]]) -> None:
        stack = self._stack
        for other in self._store.all(stack.account, stack.region):
            if other is stack or other.is_gone:
                continue
            taken = other.exports.keys() & {o.get("ExportName", "") for o in outputs}
            if taken:
                name = sorted(taken)[0]
                raise _Failed(f"Export with name {name} is already exported by stack {other.name}")


def _outputs(plan: Plan, resolve: Callable[[Any, tuple[str | int, ...]], Any]) -> list[
    dict[str, str]
]:  # fmt: skip
    """Return the outputs whose conditions hold."""
    found = []
    for name, body in (plan.template.get("Outputs") or {}).items():
        path = ("Outputs", str(name))
        if not isinstance(body, dict) or "Value" not in body:
            raise TemplateError(
                f"Template format error: Output {name} is malformed. Every Outputs member must"
                " contain a Value object",
                path,
            )
        if "Condition" in body and not resolve({"Fn::If": [body["Condition"], True, False]}, path):
            continue
        value = resolve(body["Value"], (*path, "Value"))
        if isinstance(value, (dict, list)):
            raise TemplateError(
                f"Template format error: The Value field of every Outputs member must evaluate to"
                f" a String, and output {name} does not.",
                path,
            )
        output = {"OutputKey": str(name), "OutputValue": _as_text(value)}
        if body.get("Description"):
            output["Description"] = str(body["Description"])
        if body.get("Export"):
            output["ExportName"] = str(resolve(body["Export"]["Name"], (*path, "Export")))
        found.append(output)
    return found


def _as_text(value: Any) -> str:
    return {True: "true", False: "false"}[value] if isinstance(value, bool) else str(value)


def _reversed_by_needs(resources: Iterable[Resource]) -> list[Resource]:
    """Return resources such that each comes before those it needs."""
    left = list(resources)
    by_name = {each.logical: each for each in left}
    order: list[Resource] = []
    seen: set[int] = set()

    def visit(resource: Resource) -> None:
        if id(resource) in seen:
            return
        seen.add(id(resource))
        for name in resource.needs:
            if name in by_name:
                visit(by_name[name])
        order.append(resource)

    for resource in left:
        visit(resource)
    return order[::-1]
