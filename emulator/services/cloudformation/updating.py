"""Changing one resource in an operation on a stack, and making it again what it was.

A type updates a resource, or says that another one takes its place. Where an update was
interrupted, nobody knows how far it came: its steps are done one by one, and what has been done
before is no failure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

from emulator.model.errors import AwsError, LocalfaasError
from emulator.model.lazy import LazyModule
from emulator.services.cloudformation import stack_tags
from emulator.services.cloudformation.stack import Resource
from emulator.services.cloudformation.store import as_json
from emulator.services.cloudformation.work import IS_TAKEN, Properties, Work, find_existing
from emulator.stack import changes
from emulator.stack.kinds import Call, Kind, Made, Reading, Wanted, is_gone

if TYPE_CHECKING:
    from emulator.services.cloudformation import reasons, watched
    from emulator.stack import drift
else:
    drift = LazyModule("emulator.stack.drift")
    reasons = LazyModule("emulator.services.cloudformation.reasons")
    watched = LazyModule("emulator.services.cloudformation.watched")


class UpdatingWork(Work):
    """An operation that may find resources there, and changes them."""

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
        elif details or old.attempted is not None or stack_tags.differ(self.stack, old):
            await self._allow("Update:Modify", old)
            await self._update(old, new, properties)
        elif old.status == "UPDATE_FAILED":
            # What failed is not wanted any more.
            old.shown = properties.shown
            await self.store.record(self.stack, "UPDATE_COMPLETE", "", old)

    async def _update(self, resource: Resource, new: Resource, properties: Properties) -> None:
        before, cut_off = _known(resource, properties.values), _is_cut_off(resource)
        untouched = resource.change in ("", "refused") and resource.attempted is None
        if not resource.change:
            resource.before = resource.copy()
        if resource.change in ("", "refused"):
            resource.change = "updated"
        resource.attempted, resource.shown = properties.values, properties.shown
        resource.deletion_policy, resource.replace_policy = new.deletion_policy, new.replace_policy
        resource.metadata, resource.needs = new.metadata, new.needs
        await self.store.record(self.stack, "UPDATE_IN_PROGRESS", "", resource)
        if (invalid := self._invalid(resource, properties)) is not None:
            await self._refused(resource, invalid, untouched)
        kind = self.kinds.find(resource.kind)
        wanted, call = self.wanted(resource, properties.values), watched.Watched(self.call)
        try:
            had = stack_tags.among(resource.kind, before, resource.stack_tags)
            made = await self._make_so(call, kind, resource, had, wanted, cut_off=cut_off)
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
            # What waits asks others than services, too: nobody knows what those have done.
            untouched = untouched and not call.changes and not getattr(kind, "waits", False)
            await self._refused(resource, error, untouched)
        old, back = self._take(resource, made)
        resource.have(properties.values, properties.written, properties.shown)
        resource.attempted, resource.stack_tags = None, stack_tags.of_stack(self.stack)
        await self.store.record(
            self.stack, "UPDATE_COMPLETE", self.note(resource), resource, saving=old, dropping=back
        )

    async def _refused(self, resource: Resource, error: Exception, untouched: bool) -> NoReturn:
        """Record that an update failed; where it has done nothing, nothing is to be undone.

        Raises:
            Failed: Always.
        """
        if untouched:
            # Events show what was wanted, all the same.
            resource.shown = resource.shown or as_json(resource.attempted or {})
            resource.change, resource.attempted = "refused", None
        await self.failed("UPDATE_FAILED", resource, error)

    async def _make_so(
        self,
        call: Call,
        kind: Kind,
        resource: Resource,
        before: Mapping[str, Any],
        wanted: Wanted,
        *,
        cut_off: bool,
    ) -> Made:
        """Have a type update a resource.

        Args:
            call: Does operations of services.
            kind: The type.
            resource: The resource.
            before: What it has.
            wanted: What it is to have.
            cut_off: An update was begun before; some of its steps may have been done.

        Raises:
            AwsError: Its service refused it, and what is there is not what is wanted.
        """
        try:
            return await self._attempt(kind, kind.update(call, resource.made, before, wanted))
        except AwsError as error:
            if not cut_off or not _is_done(error):
                raise
        # A step that can't be done twice keeps those after it from being done: each by itself.
        made, steps = resource.made, dict(_one_by_one(before, wanted.properties))
        gone, refused = 0, dict[str, AwsError]()
        for name, known in steps.items():
            try:
                made = await self._attempt(kind, kind.update(call, made, known, wanted))
            except AwsError as error:
                gone += is_gone(error)
                if not _is_done(error) or gone == len(steps):
                    raise  # where nothing is there for any step, the resource itself is gone
                refused[name] = error
        # Somebody else may have come in the way meanwhile. Parts of a resource have no owner to
        # tell one from the other by, but what the service tells of them.
        for name in await self._differing(kind, made, wanted) if refused else ():
            if name in refused:
                raise refused[name]
        return made

    async def _differing(self, kind: Kind, made: Made, wanted: Wanted) -> list[str]:
        """Return the properties that are other than wanted, as far as the type can be read.

        What no service tells (a role's own policies) counts as wanted.
        """
        reading = getattr(kind, "reading", None)
        if not isinstance(reading, Reading):
            return []
        told = await reading.one(self.call, made.physical)
        if told is None:
            return [*wanted.properties]
        found = drift.compare(wanted.kind, wanted.properties, told).differences
        return [each.path.split("/")[1] for each in found]

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
            there = await find_existing(kind, self.call, self.wanted(new, properties.values))
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
        if resource.before is None or resource.change not in ("updated", "refused", "replaced"):
            return True
        before = Resource.from_document(resource.before)
        if resource.change != "replaced":
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
        wanted = self.wanted(resource, before.properties, before.stack_tags)
        undo = getattr(kind, "undo", None)
        try:
            try:
                if resource.change == "refused":
                    made = resource.made
                elif undo is None:
                    raise NotImplementedError
                else:
                    made = await undo(self.call, resource.made, before.made, wanted)
            except NotImplementedError:
                tags = {**stack_tags.of_stack(stack), **resource.stack_tags}
                had = stack_tags.among(resource.kind, now, tags)
                made = await self._make_so(self.call, kind, resource, had, wanted, cut_off=cut_off)
        except (LocalfaasError, NotImplementedError, TimeoutError) as error:
            why = reasons.of(error, resource.kind)
            await self.store.record(stack, "UPDATE_FAILED", why, resource)
            return False
        old, back = self._take(resource, made)
        resource.have(before.properties, before.compared, before.shown)
        resource.deletion_policy = before.deletion_policy
        resource.replace_policy, resource.metadata = before.replace_policy, before.metadata
        resource.needs, resource.stack_tags = before.needs, before.stack_tags
        resource.attempted, resource.change, resource.before = None, "", None
        await self.store.record(stack, "UPDATE_COMPLETE", "", resource, saving=old, dropping=back)
        return True


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


def _one_by_one(
    before: Mapping[str, Any], wanted: Mapping[str, Any]
) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each property that changes, and what a resource has if all but that is as wanted."""
    for name in dict.fromkeys((*wanted, *before)):
        if before.get(name) != wanted.get(name):
            found = dict(wanted)
            found.pop(name, None)
            yield name, found | ({name: before[name]} if name in before else {})


def _is_done(error: AwsError) -> bool:
    """Say whether an error may mean that a step has been done before."""
    is_there = IS_TAKEN.search(error.code) is not None or "already" in error.message
    return is_there or is_gone(error)


def _is(resource: Resource, logical: str, physical: str) -> bool:
    return (resource.logical, resource.physical) == (logical, physical)
