"""Making and removing one resource, in an operation on a stack; ``updating`` changes one.

What is about to be done is kept before it is done, and what was done after it, so that what an
interrupted operation has left can be told from what was there before.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

from emulator.model.errors import AwsError, LocalfaasError
from emulator.model.lazy import LazyModule
from emulator.services.cloudformation import stack_tags
from emulator.services.cloudformation.order import Failed
from emulator.services.cloudformation.stack import Resource, Stack
from emulator.services.cloudformation.toolbox import Toolbox
from emulator.stack import schemas
from emulator.stack.kinds import Call, Kind, Made, Wanted

if TYPE_CHECKING:
    from emulator.services.cloudformation import reasons
    from emulator.stack import policies
else:
    policies = LazyModule("emulator.stack.policies")
    reasons = LazyModule("emulator.services.cloudformation.reasons")

_log = logging.getLogger(__name__)

T = TypeVar("T")
#: How the codes of errors say that a name is taken.
IS_TAKEN = re.compile("Exist|InUse|Owned|Conflict")
_CANCELLED = {
    "CREATE_FAILED": "Resource creation cancelled",
    "UPDATE_FAILED": "Resource update cancelled",
    "DELETE_FAILED": "Resource deletion cancelled",
}
#: The one type whose properties are its maker's.
_CUSTOM = "AWS::CloudFormation::CustomResource"
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

    def wanted(
        self,
        resource: Resource,
        properties: Mapping[str, Any],
        tags: Mapping[str, str] | None = None,
    ) -> Wanted:
        """Return a resource as its type is told of it.

        Args:
            resource: The resource.
            properties: What it is to have.
            tags: Those of its stack; None: what the stack is to have.
        """
        stack = self.stack
        return Wanted(
            kind=resource.kind,
            logical=resource.logical,
            properties=properties,
            stack_name=stack.name,
            stack_id=stack.stack_id,
            seed=f"{stack.stack_id}/{resource.generation}",
            tags={
                **stack_tags.of_system(stack, resource),
                **(stack_tags.of_stack(stack) if tags is None else tags),
            },
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
                there = await find_existing(kind, self.call, wanted)
                resource.there = [each.physical for each in there]
        except (LocalfaasError, TimeoutError) as error:
            await self.failed(f"{verb}_FAILED", resource, error)
        resource.have(properties.values, properties.written, properties.shown)
        resource.stack_tags = stack_tags.of_stack(self.stack)
        taken = resource.there and not getattr(kind, "appends", False)
        resource.begun = not taken
        reason = _REPLACING if replaces else ""
        before = resource.before["physical"] if replaces and resource.before else ""
        await self.store.record(
            self.stack, f"{verb}_IN_PROGRESS", reason, resource, physical=before
        )
        if taken:
            await self.failed(f"{verb}_FAILED", resource, self._taken(resource))
        if (invalid := self._invalid(resource, properties)) is not None:
            await self.failed(f"{verb}_FAILED", resource, invalid)
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
        if isinstance(error, AwsError) and IS_TAKEN.search(error.code):
            # What is there is somebody else's, who was quicker.
            return
        try:
            await self._clear(kind, resource, wanted)
        except (LocalfaasError, TimeoutError) as left:
            _log.warning("%s stays although it failed: %s", resource.logical, left)

    async def _clear(self, kind: Kind, resource: Resource, wanted: Wanted) -> None:
        """Remove what an interrupted creation has made, if it has made anything."""
        for made in await find_existing(kind, self.call, wanted):
            if made.physical not in resource.there:
                await self._attempt(kind, kind.delete(self.call, made, wanted.properties))
        resource.begun = False

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
            why = reasons.of(error, resource.kind)
            await self.store.record(stack, "DELETE_FAILED", why, resource)
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
        given_up = isinstance(error, _GivenUp)
        why = _CANCELLED[status] if given_up else reasons.of(error, resource.kind)
        await self.store.record(self.stack, status, why, resource)
        raise Failed(resource.logical) from error

    def _taken(self, resource: Resource) -> AwsError:
        """Return the error of a resource whose name is another one's."""
        kind, name = resource.kind, resource.there[0]
        for stack in self.store.all(self.stack.account, self.stack.region):
            for each in () if stack.is_gone else stack.resources.values():
                if (each.kind, each.physical) == (kind, name):
                    return AwsError(
                        "ValidationError", f"{name} already exists in stack {stack.stack_id}"
                    )
        text = f"Resource of type '{kind}' with identifier '{name}' already exists."
        return AwsError("AlreadyExists", text)

    def _invalid(self, resource: Resource, properties: Properties) -> AwsError | None:
        """Return the error of properties that the type does not have, or lacks.

        ``localfaas up`` takes templates that lack what only AWS needs, such as a role.
        """
        return None if self.stack.tolerant else _invalid(resource.kind, properties.values)

    def note(self, resource: Resource) -> str:
        """Return what is to be said of a resource that is not made, or not wholly."""
        if not self.kinds.serves(resource.kind):
            return self.kinds.not_served(resource.kind)
        noted: tuple[str, ...] = getattr(self.kinds.find(resource.kind), "noted", ())
        names = [name for name in noted if name in resource.properties]
        of = f"of {resource.kind}: {'it is' if len(names) == 1 else 'they are'} noted, no more."
        return f"localfaas does not act on {', '.join(names)} {of}" if names else ""


async def find_existing(kind: Kind, call: Call, wanted: Wanted) -> list[Made]:
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


def _invalid(kind: str, properties: Mapping[str, Any]) -> AwsError | None:
    """Return the error of properties that a type does not have, or that lack what it needs."""
    schema = schemas.find(kind)
    if schema is None:
        return None
    named = [
        f"The property {{/{name}}} is required"
        for name in schema.required
        if name not in properties
    ]
    unknown = [name for name in properties if name not in schema.properties]
    if unknown and kind != _CUSTOM:
        named.insert(0, f"Encountered unsupported properties in {{/}}: [{', '.join(unknown)}]")
    if not named:
        return None
    return AwsError("ValidationError", f"Property validation failure: [{', '.join(named)}]")
