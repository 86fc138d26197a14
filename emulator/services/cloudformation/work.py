"""What the steps of one operation on a stack share: making, changing and removing one resource.

What is about to be done is kept before it is done, and what was done after it, so that what an
interrupted operation has left can be told from what was there before.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from emulator.model.errors import AwsError, LocalfaasError
from emulator.services.cloudformation.order import Failed
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.toolbox import Toolbox
from emulator.stack import changes, policies, schemas
from emulator.stack.errors import TemplateError
from emulator.stack.kinds import Call, Kind, Made, Wanted, is_gone

_log = logging.getLogger(__name__)

T = TypeVar("T")
#: How the codes of errors say that a name is taken.
_IS_TAKEN = re.compile("Exist|InUse|Owned|Conflict")
_CANCELLED = {
    "CREATE_FAILED": "Resource creation cancelled",
    "UPDATE_FAILED": "Resource update cancelled",
    "DELETE_FAILED": "Resource deletion cancelled",
}
_REPLACING = (
    "Requested update requires the creation of a new physical resource; hence creating one."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Properties:
    """The properties of a resource, worked out."""

    values: dict[str, Any]
    #: With dynamic references as they are written: those tell whether a template has changed.
    written: dict[str, Any]
    #: As events show them, JSON; "" where that is as they are.
    shown: str = ""


class _GivenUp(LocalfaasError):
    """What has only been waited for is not waited for any more."""


class Work:
    """One operation on one stack.

    Attributes:
        stopping: Nothing more begins, and nothing is waited for that waits for others.
        stopped: Somebody ended the operation: another one follows.
        overdue: Why the operation took too long; "" while it has not.
    """

    def __init__(self, tools: Toolbox, stack: Stack) -> None:
        self.stack = stack
        self.call = tools.call(stack.account, stack.region)
        self.store, self.kinds = tools.store, tools.kinds
        self.stopping = asyncio.Event()
        self.stopped = False
        self.overdue = ""

    def stop(self) -> None:
        """End the operation as soon as what is under way has been done."""
        self.stopped = True
        self.stopping.set()

    def be_overdue(self, why: str) -> None:
        """Fail the operation: it took too long."""
        self.overdue = why
        self.stopping.set()

    def wanted(self, resource: Resource, properties: Mapping[str, Any]) -> Wanted:
        """Return a resource as its type is told of it."""
        stack = self.stack
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

    # -- creating -------------------------------------------------------------------------------

    async def create(self, resource: Resource, properties: Properties) -> None:
        """Create a resource.

        Raises:
            Failed: Its service refused it.
        """
        kind = self.kinds.find(resource.kind)
        wanted = self.wanted(resource, properties.values)
        replaces = resource.change == "replaced"
        verb = "UPDATE" if replaces else "CREATE"
        try:
            if resource.begun:
                await self._clear(kind, resource, wanted)
            else:
                there = await _found(kind, self.call, wanted)
                resource.there = [each.physical for each in there]
        except (LocalfaasError, TimeoutError) as error:
            await self.failed(f"{verb}_FAILED", resource, error)
        resource.have(properties.values, properties.written, properties.shown)
        taken = resource.there and not getattr(kind, "appends", False)
        resource.begun = not taken
        reason = _REPLACING if replaces else ""
        before = resource.before["physical"] if replaces and resource.before else ""
        await self.store.record(
            self.stack, f"{verb}_IN_PROGRESS", reason, resource, physical=before
        )
        if taken:
            await self.failed(f"{verb}_FAILED", resource, _taken(resource))
        await self._refuse_missing(f"{verb}_FAILED", resource, properties)
        try:
            resource.take(await self._attempt(kind, kind.create(self.call, wanted)))
        except (LocalfaasError, TimeoutError) as error:
            made = getattr(error, "made", None)
            if isinstance(made, Made):
                resource.take(made)
            elif not isinstance(error, _GivenUp):
                await self._leave_nothing(kind, resource, wanted, error)
            if not isinstance(error, _GivenUp):
                resource.begun = False
            await self.failed(f"{verb}_FAILED", resource, error)
        resource.begun = False
        await self.store.record(
            self.stack, f"{verb}_COMPLETE", self.note(resource), resource, initiated=True
        )

    async def _leave_nothing(
        self, kind: Kind, resource: Resource, wanted: Wanted, error: Exception
    ) -> None:
        """Remove what a creation has made before it failed: types make some things in steps."""
        if isinstance(error, AwsError) and _IS_TAKEN.search(error.code):
            # What is there is somebody else's, who was quicker.
            return
        try:
            await self._clear(kind, resource, wanted)
        except (LocalfaasError, TimeoutError) as left:
            _log.warning("%s stays although it failed: %s", resource.logical, _text(left))

    async def _clear(self, kind: Kind, resource: Resource, wanted: Wanted) -> None:
        """Remove what an interrupted creation has made, if it has made anything."""
        for made in await _found(kind, self.call, wanted):
            if made.physical not in resource.there:
                await self._attempt(kind, kind.delete(self.call, made, wanted.properties))
        resource.begun = False

    # -- updating -------------------------------------------------------------------------------

    async def change(self, old: Resource, new: Resource, properties: Properties) -> None:
        """Make an existing resource what a template wants.

        Args:
            old: The resource.
            new: What takes its place if it has to be replaced, with the type the template has.
            properties: What it is to have.

        Raises:
            Failed: Its service refused it.
        """
        details = changes.differences(old.kind, old.compared, properties.written)
        if old.attempted is not None:
            # An update of it failed, or was interrupted: nobody knows how far it came.
            details = details or changes.differences(old.kind, old.attempted, properties.values)
        if old.kind != new.kind or changes.replacement(details) == "True":
            await self._allow("Update:Replace", old)
            await self._replace(old, new, properties)
        elif details or old.attempted is not None:
            await self._allow("Update:Modify", old)
            await self._update(old, new, properties)
        elif old.status == "UPDATE_FAILED":
            # What failed is not wanted any more.
            await self.store.record(self.stack, "UPDATE_COMPLETE", "", old)

    async def _update(self, resource: Resource, new: Resource, properties: Properties) -> None:
        before, cut_off = _known(resource, properties.values), _is_cut_off(resource)
        if not resource.change:
            resource.change, resource.before = "updated", resource.copy()
        resource.attempted, resource.shown = properties.values, properties.shown
        resource.deletion_policy, resource.replace_policy = new.deletion_policy, new.replace_policy
        resource.metadata, resource.needs = new.metadata, new.needs
        await self.store.record(self.stack, "UPDATE_IN_PROGRESS", "", resource)
        await self._refuse_missing("UPDATE_FAILED", resource, properties)
        kind = self.kinds.find(resource.kind)
        wanted = self.wanted(resource, properties.values)
        try:
            made = await self._make_so(kind, resource, before, wanted, cut_off=cut_off)
        except NotImplementedError:
            resource.attempted = None
            if resource.change == "updated":
                resource.change, resource.before = "", None
            await self._replace(resource, new, properties)
            return
        except (LocalfaasError, TimeoutError) as error:
            if self.stack.tolerant and isinstance(error, AwsError) and is_gone(error):
                # Somebody removed it meanwhile: who keeps a template expects it to be there.
                new.change = "created"
                self.stack.resources[resource.logical] = new
                await self.create(new, properties)
                return
            await self.failed("UPDATE_FAILED", resource, error)
        old, back = self._take(resource, made)
        resource.have(properties.values, properties.written, properties.shown)
        resource.attempted = None
        await self.store.record(
            self.stack, "UPDATE_COMPLETE", self.note(resource), resource, saving=old, dropping=back
        )

    async def _make_so(
        self,
        kind: Kind,
        resource: Resource,
        before: Mapping[str, Any],
        wanted: Wanted,
        *,
        cut_off: bool,
    ) -> Made:
        """Have a type update a resource.

        Args:
            kind: The type.
            resource: The resource.
            before: What it has.
            wanted: What it is to have.
            cut_off: An update was begun before; some of its steps may have been done.
        """
        try:
            return await self._attempt(kind, kind.update(self.call, resource.made, before, wanted))
        except AwsError as error:
            if not cut_off or not _is_done(error):
                raise
        # A step that can't be done twice keeps those after it from being done: each by itself.
        made, steps = resource.made, list(_one_by_one(before, wanted.properties))
        gone = 0
        for known in steps:
            try:
                made = await self._attempt(kind, kind.update(self.call, made, known, wanted))
            except AwsError as error:
                gone += is_gone(error)
                if not _is_done(error) or gone == len(steps):
                    raise  # where nothing is there for any step, the resource itself is gone
        return made

    def _take(self, resource: Resource, made: Made) -> tuple[list[Resource], list[Resource]]:
        """Take what an update has made: a type (a custom resource) may answer with another one.

        Returns:
            What it left behind, to be removed later; and what was left behind and is back.
        """
        if made.physical == resource.physical:
            resource.take(made)
            return [], []
        old = Resource.from_document(resource.copy())
        resource.generation += 1
        resource.take(made)
        stack = self.stack
        back = [each for each in stack.leftovers if _is(each, resource.logical, made.physical)]
        stack.leftovers = [each for each in stack.leftovers if each not in back] + [old]
        return [old], back

    async def _replace(self, old: Resource, new: Resource, properties: Properties) -> None:
        """Make a new resource in the place of ``old``, which goes when all else has been done."""
        stack = self.stack
        new.generation = old.generation + 1
        kind = self.kinds.find(new.kind)
        if new.kind == old.kind and not getattr(kind, "appends", False):
            there = await _found(kind, self.call, self.wanted(new, properties.values))
            if any(each.physical == old.physical for each in there):
                text = (
                    "CloudFormation cannot update a stack when a custom-named resource requires"
                    f" replacing. Rename {old.physical} and update the stack again."
                )
                await self.failed("UPDATE_FAILED", old, AwsError("ValidationError", text))
        # What was created in this same operation is nothing to go back to.
        new.change = "created" if old.change == "created" else "replaced"
        new.before = (old.before or old.copy()) if new.change == "replaced" else None
        stack.leftovers.append(old)
        stack.resources[old.logical] = new
        await self.store.save_resources(stack, old, new)
        await self.create(new, properties)

    async def stand_in(self, logical: str) -> None:
        """Let the rest go on without a resource that failed: it is what it was, or seems to be."""
        resource = self.stack.resources[logical]
        status, reason = resource.status, resource.reason
        if resource.change == "replaced":
            await self.undo(resource)
            resource = self.stack.resources[logical]
            resource.status, resource.reason = "UPDATE_FAILED", reason
        elif not resource.physical:
            wanted = self.wanted(resource, resource.properties)
            made = await self.kinds.stand_in(self.call, wanted)
            resource.ref, resource.attributes = made.physical, dict(made.attributes)
            resource.status = status
        await self.store.save_resources(self.stack, resource)

    async def undo(self, resource: Resource) -> bool:
        """Make a resource what it was before the operation; returns whether that went well."""
        stack = self.stack
        if resource.before is None or resource.change not in ("updated", "replaced"):
            return True
        before = Resource.from_document(resource.before)
        if resource.change == "updated":
            return await self._undo_update(resource, before)
        kept = [each for each in stack.leftovers if not _is(each, before.logical, before.physical)]
        stack.leftovers = [*kept, resource]
        before.status = "UPDATE_COMPLETE"
        stack.resources[resource.logical] = before
        await self.store.record(stack, "UPDATE_COMPLETE", "", before, saving=[resource])
        return True

    async def _undo_update(self, resource: Resource, before: Resource) -> bool:
        stack = self.stack
        now, cut_off = _known(resource, before.properties), _is_cut_off(resource)
        await self.store.record(stack, "UPDATE_IN_PROGRESS", "", resource)
        kind = self.kinds.find(resource.kind)
        wanted = self.wanted(resource, before.properties)
        undo = getattr(kind, "undo", None)
        try:
            try:
                if undo is None:
                    raise NotImplementedError
                made = await undo(self.call, resource.made, before.made, wanted)
            except NotImplementedError:
                made = await self._make_so(kind, resource, now, wanted, cut_off=cut_off)
        except (LocalfaasError, NotImplementedError, TimeoutError) as error:
            await self.store.record(stack, "UPDATE_FAILED", _text(error), resource)
            return False
        old, back = self._take(resource, made)
        resource.have(before.properties, before.compared, before.shown)
        resource.deletion_policy = before.deletion_policy
        resource.replace_policy, resource.metadata = before.replace_policy, before.metadata
        resource.needs = before.needs
        resource.attempted, resource.change, resource.before = None, "", None
        await self.store.record(stack, "UPDATE_COMPLETE", "", resource, saving=old, dropping=back)
        return True

    # -- removing -------------------------------------------------------------------------------

    async def remove(self, resource: Resource, policy: str, *, tolerant: bool = False) -> None:
        """Remove a resource, as its policy says.

        Args:
            resource: The resource.
            policy: "Delete", or "Retain".
            tolerant: What can't be removed shows so, and is no failure.

        Raises:
            Failed: Its service refused it.
        """
        stack = self.stack
        if resource.status in ("DELETE_COMPLETE", "DELETE_SKIPPED"):
            return
        if policy == "Retain" and resource.status != "CREATE_FAILED" and resource.physical:
            await self.store.record(stack, "DELETE_SKIPPED", "", resource)
            return
        if not resource.physical and not resource.begun:
            await self.store.record(stack, "DELETE_COMPLETE", "", resource)
            return
        await self.store.record(stack, "DELETE_IN_PROGRESS", "", resource)
        kind = self.kinds.find(resource.kind)
        try:
            if resource.physical:
                removal = kind.delete(self.call, resource.made, resource.properties)
                await self._attempt(kind, removal)
            else:
                await self._clear(kind, resource, self.wanted(resource, resource.properties))
        except (LocalfaasError, TimeoutError) as error:
            if not tolerant:
                await self.failed("DELETE_FAILED", resource, error)
            await self.store.record(stack, "DELETE_FAILED", _text(error), resource)
            return
        await self.store.record(stack, "DELETE_COMPLETE", "", resource)

    # -- all of them ----------------------------------------------------------------------------

    async def _attempt(self, kind: Kind, work: Coroutine[Any, Any, T]) -> T:
        """Do a call of a type; of one that waits, only until the operation stops."""
        if not getattr(kind, "waits", False):
            try:
                return await work
            except (AttributeError, LookupError, TypeError, ValueError) as error:
                # A type reads what a template has written, which may be anything.
                _log.debug("properties that a type can't read", exc_info=error)
                raise AwsError(
                    "ValidationError",
                    f"Properties validation failed: {type(error).__name__}: {error}",
                ) from error
        task = asyncio.ensure_future(work)
        stop = asyncio.ensure_future(self.stopping.wait())
        try:
            await asyncio.wait((task, stop), return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise _GivenUp
        finally:
            for each in (task, stop):
                each.cancel()
            await asyncio.gather(task, stop, return_exceptions=True)

    async def _allow(self, action: policies.Action, resource: Resource) -> None:
        """Refuse what the stack policy does not allow.

        Raises:
            Failed: It does not.
        """
        text = self.stack.policy_during or self.stack.policy
        if not text:
            return
        denial = policies.denial(policies.read(text), action, resource.logical, resource.kind)
        if denial is not None:
            await self.failed("UPDATE_FAILED", resource, AwsError("ValidationError", denial))

    async def allow_removal(self, resource: Resource) -> None:
        """Refuse to remove what the stack policy protects.

        Raises:
            Failed: It does.
        """
        await self._allow("Update:Delete", resource)

    async def failed(self, status: str, resource: Resource, error: Exception) -> NoReturn:
        """Record that a resource failed, and end its step.

        Raises:
            Failed: Always.
        """
        text = _CANCELLED[status] if isinstance(error, _GivenUp) else _text(error)
        await self.store.record(self.stack, status, text, resource)
        raise Failed(resource.logical) from error

    async def _refuse_missing(
        self, status: str, resource: Resource, properties: Properties
    ) -> None:
        """Refuse properties without one that the type needs.

        ``localfaas up`` takes templates that lack what only AWS needs, such as a role.

        Raises:
            Failed: There is one missing.
        """
        missing = None if self.stack.tolerant else _missing(resource.kind, properties.values)
        if missing is not None:
            await self.failed(status, resource, missing)

    def note(self, resource: Resource) -> str:
        """Return what is to be said of a resource that is not really made."""
        return "" if self.kinds.serves(resource.kind) else self.kinds.not_served(resource.kind)


async def _found(kind: Kind, call: Call, wanted: Wanted) -> list[Made]:
    """Return what there is that creating a resource would make, or has made."""
    find = getattr(kind, "find", None)
    if find is None:
        return []
    try:
        found: list[Made] = await find(call, wanted)
    except (AwsError, AttributeError, LookupError, TypeError, ValueError):
        # Its properties are wrong; creating it says so in the service's own words.
        return []
    return found


def _missing(kind: str, properties: Mapping[str, Any]) -> AwsError | None:
    """Return the error of a resource that lacks properties which its type needs."""
    schema = schemas.find(kind)
    if schema is None:
        return None
    named = [
        f"The property {{/{name}}} is required"
        for name in schema.required
        if name not in properties
    ]
    if not named:
        return None
    return AwsError("ValidationError", f"Property validation failure: [{', '.join(named)}]")


def _taken(resource: Resource) -> AwsError:
    return AwsError(
        "AlreadyExists",
        f"Resource of type '{resource.kind}' with identifier '{resource.there[0]}' already exists.",
    )


def _known(resource: Resource, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a resource has, as its type compares it with what it is to have.

    After an attempt that failed or was cut off nobody knows which of two values a property has: it
    counts as the one that is not wanted, so that it is made.
    """
    had, attempted = resource.properties, resource.attempted
    if attempted is None:
        return had
    found = {}
    for name in [*had, *(each for each in attempted if each not in had)]:
        of = had if attempted.get(name) == wanted.get(name) else attempted
        if name in of:
            found[name] = of[name]
    return found


def _is_cut_off(resource: Resource) -> bool:
    """Say whether an update was begun whose end nobody has seen."""
    return resource.attempted is not None and resource.status == "UPDATE_IN_PROGRESS"


def _one_by_one(before: Mapping[str, Any], wanted: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield what a resource has if all is as wanted but for one property, for each of those."""
    for name in dict.fromkeys((*wanted, *before)):
        if before.get(name) != wanted.get(name):
            found = dict(wanted)
            found.pop(name, None)
            yield found | ({name: before[name]} if name in before else {})


def _is_done(error: AwsError) -> bool:
    """Say whether an error may mean that a step has been done before."""
    is_there = _IS_TAKEN.search(error.code) is not None or "already" in error.message
    return is_there or is_gone(error)


def _is(resource: Resource, logical: str, physical: str) -> bool:
    return (resource.logical, resource.physical) == (logical, physical)


def _text(error: Exception) -> str:
    return error.message if isinstance(error, (AwsError, TemplateError)) else str(error)
