"""All stacks: in memory, and in the documents of the state folder."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from emulator.model.clock import Clock
from emulator.model.ids import new_request_id
from emulator.registry.document_store import DocumentStore, change
from emulator.services.cloudformation.stack import MOST_EVENTS, Event, Goal, Resource, Stack
from emulator.store.documents import Change

_STACK, _RESOURCE, _EVENT, _GOAL = (
    "cloudformation-stack",
    "cloudformation-resource",
    "cloudformation-event",
    "cloudformation-goal",
)
#: Told of each event: (stack, event).
Listener = Callable[[Stack, Event], None]


class StackStore:
    """Keeps stacks. What a method has written lasts when it returns.

    Args:
        documents: Where they last.

    Attributes:
        listeners: Told of every event of every stack.
    """

    def __init__(self, documents: DocumentStore, clock: Clock) -> None:
        self._documents = documents
        self._clock = clock
        self._stacks: dict[str, Stack] = {}
        self._named: dict[tuple[str, str, str], Stack] = {}
        self._settled: dict[str, asyncio.Event] = {}
        self.listeners: list[Listener] = []

    @property
    def now(self) -> float:
        """Return the time, seconds since the epoch."""
        return self._clock.now()

    def all(self, account: str, region: str) -> Iterator[Stack]:
        """Yield the stacks of an account and region, the newest first; deleted ones as well."""
        for stack in reversed(self._stacks.values()):
            if (stack.account, stack.region) == (account, region):
                yield stack

    def everything(self) -> list[Stack]:
        """Return all stacks."""
        return list(self._stacks.values())

    def find(self, account: str, region: str, name: str) -> Stack | None:
        """Return a stack by its name, or by its id; by name only one that is not deleted."""
        if name.startswith("arn:"):
            found = self._stacks.get(name)
            at = (account, region)
            return found if found is not None and (found.account, found.region) == at else None
        return self._named.get((account, region, name))

    async def add(self, stack: Stack) -> None:
        """Add a stack."""
        self._stacks[stack.stack_id] = stack
        self._named[stack.account, stack.region, stack.name] = stack
        await self.save(stack, goals=True)

    async def save(self, stack: Stack, *, goals: bool = False) -> None:
        """Write a stack, without its resources and events.

        Args:
            stack: The stack.
            goals: Write its templates as well: they have changed.
        """
        changes = [self._change(stack, _STACK, "", stack.head())]
        if goals:
            for name, goal in (("current", stack.current), ("goal", stack.goal)):
                changes.append(self._change(stack, _GOAL, name, goal and asdict(goal)))
        await self._documents.write(*changes)
        if stack.is_gone:
            self._named.pop((stack.account, stack.region, stack.name), None)
        waiting = self._settled.pop(stack.stack_id, None) if not stack.is_moving else None
        if waiting is not None:
            waiting.set()

    async def record(
        self,
        stack: Stack,
        status: str,
        reason: str = "",
        resource: Resource | None = None,
    ) -> None:
        """Give a resource, or the stack itself, a status; the event and it last together."""
        now = self._clock.now()
        if resource is None:
            stack.status, stack.reason = status, reason
            subject = (stack.name, "AWS::CloudFormation::Stack", stack.stack_id)
            changes = [self._change(stack, _STACK, "", stack.head())]
        else:
            resource.status, resource.reason, resource.updated_at = status, reason, now
            subject = (resource.logical, resource.kind, resource.physical)
            changes = [self.resource_change(stack, resource)]
        event = Event(
            event_id=new_request_id(),
            at=now,
            logical=subject[0],
            kind=subject[1],
            physical=subject[2],
            status=status,
            reason=reason,
            properties=None if resource is None else resource.properties,
            token=stack.token,
        )
        stack.events.append(event)
        changes.append(self._change(stack, _EVENT, f"{now:017.6f}{event.event_id}", asdict(event)))
        if len(stack.events) > MOST_EVENTS:
            oldest = stack.events.pop(0)
            key = f"{oldest.at:017.6f}{oldest.event_id}"
            changes.append(self._change(stack, _EVENT, key, None))
        await self._documents.write(*changes)
        for listener in self.listeners:
            listener(stack, event)
        if resource is None and not stack.is_moving:
            await self.save(stack, goals=True)

    async def save_resources(self, stack: Stack, *resources: Resource) -> None:
        """Write resources of a stack."""
        await self._documents.write(*(self.resource_change(stack, each) for each in resources))

    async def drop_resource(self, stack: Stack, resource: Resource) -> None:
        """Forget a resource that is not the stack's any more."""
        await self._documents.write(
            self._change(stack, _RESOURCE, f"{resource.logical}/{resource.generation}", None)
        )

    def resource_change(self, stack: Stack, resource: Resource) -> Change:
        """Return the change that writes a resource."""
        left = any(each is resource for each in stack.leftovers)
        body = {**asdict(resource), "leftover": left}
        return self._change(stack, _RESOURCE, f"{resource.logical}/{resource.generation}", body)

    async def settled(self, stack: Stack, patience_s: float) -> None:
        """Return when nothing is done to a stack any more, or after ``patience_s`` seconds."""
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
        """Bring back what was kept."""
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
                owner.events.append(Event(**document.body))

    def _change(self, stack: Stack, kind: str, key: str, body: Any) -> Change:
        full = f"{stack.stack_id}#{key}" if key else stack.stack_id
        return change(kind, stack.account, stack.region, full, body)
