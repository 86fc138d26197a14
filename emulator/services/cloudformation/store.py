"""All stacks: in memory, and in the documents of the state folder."""

from __future__ import annotations

import asyncio
import logging
import uuid
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import orjson

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.model.ids import new_request_id
from emulator.registry.document_store import DocumentStore, change
from emulator.services.cloudformation.stack import (
    MOST_DELETED,
    MOST_EVENT_BYTES,
    Event,
    Goal,
    Resource,
    Stack,
)
from emulator.store.documents import Change

_log = logging.getLogger(__name__)

_STACK, _RESOURCE, _EVENT, _GOAL = (
    "cloudformation-stack",
    "cloudformation-resource",
    "cloudformation-event",
    "cloudformation-goal",
)
#: The attributes of a stack that are goals.
_GOALS = ("current", "goal", "previous")
#: A listener; it is called with each event: (stack, event).
Listener = Callable[[Stack, Event], None]


#: The operations that statuses of stacks begin.
_BEGINS = {
    "CREATE_IN_PROGRESS": "CREATE_STACK",
    "UPDATE_IN_PROGRESS": "UPDATE_STACK",
    "DELETE_IN_PROGRESS": "DELETE_STACK",
}


class StackStore:
    """Keeps stacks. Once a method returns, its changes outlive the process.

    Args:
        documents: The store that keeps them.

    Attributes:
        listeners: Told of every event of every stack.
    """

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._stacks: dict[str, Stack] = {}
        self._named: dict[tuple[str, str, str], Stack] = {}
        self._settled: dict[str, asyncio.Event] = {}
        self._event_bytes: dict[str, int] = {}
        self.listeners: list[Listener] = []

    @property
    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        return self._clock.now()

    def all(self, account: str, region: str) -> Iterator[Stack]:
        """Yield the stacks of an account and region, newest first, deleted ones included."""
        for stack in reversed(self._stacks.values()):
            if (stack.account, stack.region) == (account, region):
                yield stack

    def everything(self) -> list[Stack]:
        """Return all stacks."""
        return list(self._stacks.values())

    def clear(self, stacks: Iterable[Stack]) -> None:
        """Forget stacks; the caller deletes their documents."""
        for stack in stacks:
            self._stacks.pop(stack.stack_id, None)
            self._unname(stack)
            self._wake(stack)

    def find(self, account: str, region: str, name: str) -> Stack | None:
        """Return a stack by its name or id. Deleted stacks are found by id only."""
        if name.startswith("arn:"):
            found = self._stacks.get(name)
            at = (account, region)
            return found if found is not None and (found.account, found.region) == at else None
        return self._named.get((account, region, name))

    def by_id(self, stack_id: str) -> Stack | None:
        """Return a stack of any account by its id."""
        return self._stacks.get(stack_id)

    async def add(self, stack: Stack, status: str, reason: str = "") -> None:
        """Add a stack; its first event is that it has ``status``."""
        at = (stack.account, stack.region, stack.name)
        is_new = stack.stack_id not in self._stacks
        self._stacks[stack.stack_id] = stack
        self._named[at] = stack
        try:
            await self.record(stack, status, reason, goals=True)
        except AwsError:
            if is_new:
                del self._stacks[stack.stack_id], self._named[at]
                self._event_bytes.pop(stack.stack_id, None)
            raise

    async def save(self, stack: Stack, *, goals: bool = False) -> None:
        """Write a stack, without its resources and events.

        Args:
            stack: The stack.
            goals: True if its templates have changed: they are written as well.
        """
        changes = self._goals(stack) if goals else []
        await self._documents.write(self._change(stack, _STACK, "", stack.head()), *changes)

    async def record(
        self,
        stack: Stack,
        status: str,
        reason: str = "",
        resource: Resource | None = None,
        *,
        saving: Iterable[Resource] = (),
        dropping: Iterable[Resource] = (),
        goals: bool = False,
        initiated: bool = False,
        physical: str = "",
    ) -> None:
        """Give a resource, or the stack itself, a status, with all changes in one transaction.

        Args:
            stack: The stack.
            status: The new status.
            reason: Why, for people.
            resource: The resource that gets the status; None for the stack itself.
            saving: Further resources to write.
            dropping: Resources that no longer belong to the stack.
            goals: Write the stack and its templates as well.
            physical: The physical id of the event, where it is not that of the resource.
            initiated: The resource has just been made: an event before this one says so.

        Raises:
            AwsError: ServiceException: the disk did not take it. What the stack itself was to begin
                is not begun. The end of an operation is seen all the same: after a restart, it
                goes on where the disk has it.
        """
        put_back = self._memory_of(stack) if resource is None else None
        now = self._next_time(stack)
        changes = [self.resource_change(stack, each) for each in saving]
        changes += [self._change(stack, _RESOURCE, _key(each), None) for each in dropping]
        if resource is None:
            if status in _BEGINS and status != stack.status:
                stack.operation = {
                    "OperationType": _BEGINS[status],
                    "OperationId": str(uuid.uuid4()),
                }
            stack.status, stack.reason = status, reason
            subject = (stack.name, "AWS::CloudFormation::Stack", stack.stack_id)
            goals = goals or not stack.is_moving
            changes.append(self._change(stack, _STACK, "", stack.head()))
        else:
            resource.status, resource.reason, resource.updated_at = status, reason, now
            subject = (resource.logical, resource.kind, resource.physical)
            changes.append(self.resource_change(stack, resource))
        changes += self._goals(stack) if goals else []
        # What is cleaned up after an update shows less than what goes with its stack.
        shown = not stack.status.endswith("_CLEANUP_IN_PROGRESS") or status[:6] != "DELETE"
        event = Event(
            event_id=_event_id(status, now, resource)
            if shown or resource is None
            else f"{resource.logical}-{new_request_id()}",
            at=now,
            logical=subject[0],
            kind=subject[1],
            physical=physical or subject[2],
            status=status,
            reason=reason,
            properties=_shown_properties(resource) if resource is not None and shown else "",
            operation=stack.operation.get("OperationId", ""),
            token=stack.token,
        )
        if initiated:
            under_way = status.replace("_COMPLETE", "_IN_PROGRESS")
            changes += self._append(
                stack,
                replace(
                    event,
                    event_id=_event_id(under_way, now, resource),
                    status=under_way,
                    reason="Resource creation Initiated",
                ),
            )
            event.at = self._next_time(stack)
        changes += self._append(stack, event)
        changes += self._forget_oldest() if stack.is_gone else []
        try:
            await self._documents.write(*changes)
        except AwsError as error:
            if put_back is None:
                raise
            if status.endswith("_IN_PROGRESS"):
                put_back()
                if not stack.is_moving:
                    self._wake(stack)
                raise
            _log.warning("stack %s: %s", stack.name, error.message)
        for listener in self.listeners:
            listener(stack, event)
        if not stack.is_moving and resource is None:
            self._end(stack)

    def _memory_of(self, stack: Stack) -> Callable[[], None]:
        """Return what takes back what is done to a stack from now on, but for its resources."""
        status, reason, operation = stack.status, stack.reason, stack.operation
        events, size = list(stack.events), self._event_bytes.get(stack.stack_id, 0)

        def put_back() -> None:
            stack.status, stack.reason, stack.operation = status, reason, operation
            stack.events[:] = events
            self._event_bytes[stack.stack_id] = size

        return put_back

    def _next_time(self, stack: Stack) -> float:
        """Return the time of a stack's next event: its key, so that times must increase."""
        return max(self._clock.now(), stack.events[-1].at + 1e-6 if stack.events else 0.0)

    def _append(self, stack: Stack, event: Event) -> list[Change]:
        """Add an event and remove the oldest above the limit; return the changes to write."""
        stack.events.append(event)
        changes = [self._change(stack, _EVENT, _event_key(event), self._dump(event))]
        size = self._event_bytes.get(stack.stack_id, 0) + event.size
        while size > MOST_EVENT_BYTES and len(stack.events) > 1:
            oldest = stack.events.pop(0)
            size -= oldest.size
            changes.append(self._change(stack, _EVENT, _event_key(oldest), None))
        self._event_bytes[stack.stack_id] = size
        return changes

    def _end(self, stack: Stack) -> None:
        """Wake those who wait for a stack; the name of one that is gone is free."""
        if stack.is_gone:
            self._unname(stack)
        self._wake(stack)

    def _unname(self, stack: Stack) -> None:
        """Let a stack be found by its id alone; by now another one may have its name."""
        name = (stack.account, stack.region, stack.name)
        if self._named.get(name) is stack:
            del self._named[name]

    def _wake(self, stack: Stack) -> None:
        waiting = self._settled.pop(stack.stack_id, None)
        if waiting is not None:
            waiting.set()

    def _forget_oldest(self) -> list[Change]:
        """Forget the oldest deleted stacks above the limit; return the changes to write."""
        gone = [each for each in self._stacks.values() if each.is_gone]
        changes: list[Change] = []
        for stack in gone[: max(0, len(gone) - MOST_DELETED)]:
            changes += self.removal(stack)
        return changes

    def removal(self, stack: Stack) -> list[Change]:
        """Forget a stack with all its resources and events; return the changes to write."""
        self._stacks.pop(stack.stack_id, None)
        self._event_bytes.pop(stack.stack_id, None)
        self._unname(stack)
        changes = [self._change(stack, _STACK, "", None)]
        changes += [self._change(stack, _GOAL, name, None) for name in _GOALS]
        resources = (*stack.resources.values(), *stack.leftovers)
        changes += [self._change(stack, _RESOURCE, _key(each), None) for each in resources]
        changes += [self._change(stack, _EVENT, _event_key(each), None) for each in stack.events]
        return changes

    async def forget(self, stack: Stack) -> None:
        """Forget a stack with all its resources and events, as if it had never existed."""
        await self._documents.write(*self.removal(stack))

    async def drop(self, stack: Stack, *dropping: Resource) -> None:
        """Forget resources that no longer belong to the stack, without an event."""
        changes = [self._change(stack, _RESOURCE, _key(each), None) for each in dropping]
        await self._documents.write(*changes)

    async def save_resources(self, stack: Stack, *resources: Resource) -> None:
        """Write resources of a stack."""
        await self._documents.write(*(self.resource_change(stack, each) for each in resources))

    def resource_change(self, stack: Stack, resource: Resource) -> Change:
        """Return the change that writes a resource."""
        left = any(each is resource for each in stack.leftovers)
        body = {**self._dump(resource), "leftover": left}
        return self._change(stack, _RESOURCE, _key(resource), body)

    def _dump(self, value: Any) -> dict[str, Any]:
        """Return a document's body; {} if nothing is kept, because dumping is slow."""
        return asdict(value) if self._documents.lasting else {}

    def _goals(self, stack: Stack) -> list[Change]:
        goals = ((name, getattr(stack, name)) for name in _GOALS)
        return [self._change(stack, _GOAL, name, goal and self._dump(goal)) for name, goal in goals]

    async def settled(self, stack: Stack, patience_s: float) -> None:
        """Return when no operation on the stack runs, or after ``patience_s`` seconds."""
        if not stack.is_moving:
            return
        waiting = self._settled.setdefault(stack.stack_id, asyncio.Event())
        timer = self._clock.call_later(patience_s, waiting.set)
        try:
            await waiting.wait()
        finally:
            timer.cancel()
            if self._settled.get(stack.stack_id) is waiting and waiting.is_set():
                del self._settled[stack.stack_id]

    async def load(self) -> None:
        """Load the stacks that earlier runs kept."""
        heads = [document.body for document in await self._documents.load(_STACK)]
        for head in sorted(heads, key=lambda body: body["created_at"]):
            stack = Stack(**head)
            self._stacks[stack.stack_id] = stack
            if not stack.is_gone:
                self._named[stack.account, stack.region, stack.name] = stack
        for document in await self._documents.load(_GOAL):
            stack_id, _, name = document.key.rpartition("#")
            if stack_id in self._stacks:
                setattr(self._stacks[stack_id], name, Goal(**document.body))
        for document in await self._documents.load(_RESOURCE):
            owner = self._stacks.get(document.key.rpartition("#")[0])
            resource = Resource.from_document(document.body)
            if owner is not None and document.body.get("leftover"):
                owner.leftovers.append(resource)
            elif owner is not None:
                owner.resources[resource.logical] = resource
        for document in await self._documents.load(_EVENT):
            owner = self._stacks.get(document.key.rpartition("#")[0])
            if owner is not None:
                event = Event(**document.body)
                owner.events.append(event)
                size = self._event_bytes.get(owner.stack_id, 0)
                self._event_bytes[owner.stack_id] = size + event.size

    def _change(self, stack: Stack, kind: str, key: str, body: Any) -> Change:
        full = f"{stack.stack_id}#{key}" if key else stack.stack_id
        return change(kind, stack.account, stack.region, full, body)


def _key(resource: Resource) -> str:
    return f"{resource.logical}/{resource.generation}"


def _event_key(event: Event) -> str:
    return f"{event.at:017.6f}{event.event_id}"


def as_json(properties: dict[str, Any]) -> str:
    """Return properties as the JSON text that events show."""
    return orjson.dumps(properties, option=orjson.OPT_NON_STR_KEYS).decode()


def _shown_properties(resource: Resource) -> str:
    """Return the properties that a resource has, or is being given."""
    wanted = resource.properties if resource.attempted is None else resource.attempted
    return resource.shown or as_json(wanted)


def _event_id(status: str, at: float, resource: Resource | None) -> str:
    """Return an id for an event, as AWS makes them."""
    if resource is None:
        return new_request_id()
    moment = datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")
    return f"{resource.logical}-{status}-{moment.replace('+00:00', 'Z')}"
