"""Change sets as they are kept."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any

from emulator.model.errors import AwsError
from emulator.registry.document_store import DocumentStore, change
from emulator.services.cloudformation.stack import Goal, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.stack.changes import Change, Detail

_KIND = "cloudformation-change-set"


@dataclass(slots=True, kw_only=True)
class ChangeSet:
    """What an update would do."""

    change_set_id: str
    name: str
    stack_id: str
    #: CREATE or UPDATE.
    kind: str
    goal: Goal
    description: str = ""
    created_at: float = 0.0
    status: str = "CREATE_COMPLETE"
    reason: str = ""
    execution: str = "AVAILABLE"
    on_failure: str = ""
    include_nested: bool = False
    parameters: dict[str, str] = field(default_factory=dict)
    #: What parameters that name one of SSM stand for, by name.
    resolved: dict[str, str] = field(default_factory=dict)
    found: list[Change] = field(default_factory=list)


class ChangeSetStore:
    """Keeps change sets: those of a stack go when one of them is executed, and with the stack.

    Args:
        documents: Where they last.
        stacks: All stacks.
    """

    def __init__(self, documents: DocumentStore, stacks: StackStore) -> None:
        self._documents, self._stacks = documents, stacks
        self._sets: dict[str, ChangeSet] = {}

    def find(self, change_set_id: str) -> ChangeSet | None:
        """Return a change set by its id."""
        return self._sets.get(change_set_id)

    def of(self, stack: Stack) -> Iterator[ChangeSet]:
        """Yield the change sets of a stack, the oldest first."""
        for each in self._sets.values():
            if each.stack_id == stack.stack_id:
                yield each

    def named(self, stack: Stack, name: str) -> ChangeSet | None:
        """Return a change set of a stack by its name."""
        return next((each for each in self.of(stack) if each.name == name), None)

    async def add(self, made: ChangeSet, stack: Stack) -> None:
        """Keep a change set.

        Raises:
            AwsError: ServiceException: the disk did not take it.
        """
        self._sets[made.change_set_id] = made
        try:
            await self._write(stack, made.change_set_id, asdict(made))
        except AwsError:
            self._sets.pop(made.change_set_id, None)
            raise

    async def outdate(self, stack: Stack) -> None:
        """Let no change set of a stack be executed: the stack is not what it was."""
        outdated = list(self.of(stack))
        for each in outdated:
            each.execution = "OBSOLETE"
        for each in outdated:
            # Somebody may have removed it while another one was written.
            if each.change_set_id in self._sets:
                await self._write(stack, each.change_set_id, asdict(each))

    async def remove(self, stack: Stack, *gone: ChangeSet) -> None:
        """Forget change sets.

        Raises:
            AwsError: ServiceException: the disk did not take it, and some are still there.
        """
        for each in gone:
            self._sets.pop(each.change_set_id, None)
            try:
                await self._write(stack, each.change_set_id, None)
            except AwsError:
                self._sets[each.change_set_id] = each
                raise

    def forget(self, stacks: Iterable[Stack]) -> None:
        """Forget the change sets of stacks; their documents are the caller's affair."""
        ids = {stack.stack_id for stack in stacks}
        for id in [id for id, each in self._sets.items() if each.stack_id in ids]:
            del self._sets[id]

    async def load(self) -> None:
        """Bring back what was kept."""
        for document in await self._documents.load(_KIND):
            body = dict(document.body)
            body["goal"] = Goal(**body["goal"])
            body["found"] = [_change(each) for each in body["found"]]
            made = ChangeSet(**body)
            if self._stacks.by_id(made.stack_id) is not None:
                self._sets[made.change_set_id] = made

    async def _write(self, stack: Stack, key: str, body: Any) -> None:
        await self._documents.write(change(_KIND, stack.account, stack.region, key, body))


def _change(body: dict[str, Any]) -> Change:
    return Change(**{**body, "details": tuple(Detail(**each) for each in body["details"])})
