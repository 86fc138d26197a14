"""Change sets come and go while others are being outdated."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, cast

from emulator.registry.document_store import DocumentStore
from emulator.services.cloudformation.change_set import ChangeSet, ChangeSetStore
from emulator.services.cloudformation.stack import Goal, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.store.documents import Change


class Documents:
    """Keeps documents by their keys; ``meanwhile`` happens once, while one is written."""

    def __init__(self) -> None:
        self.kept: dict[str, Any] = {}
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def write(self, *changes: Change) -> None:
        happens, self.meanwhile = self.meanwhile, None
        if happens is not None:
            await happens()
        for each in changes:
            self.kept[each.key] = each.body


def change_set(stack: Stack, name: str) -> ChangeSet:
    return ChangeSet(
        change_set_id=name,
        name=name,
        stack_id=stack.stack_id,
        kind="UPDATE",
        goal=Goal(template=""),
    )


async def test_change_sets_come_and_go_while_those_of_a_stack_are_outdated() -> None:
    documents = Documents()
    store = ChangeSetStore(cast(DocumentStore, documents), cast(StackStore, None))
    stack, other = (
        Stack(name=name, stack_id=name, account="000000000000", region="us-east-1")
        for name in ("stack", "other")
    )
    first, second = change_set(stack, "first"), change_set(stack, "second")
    await store.add(first, stack)
    await store.add(second, stack)

    async def meanwhile() -> None:
        assert second.execution == "OBSOLETE"  # nobody executes it before it is written
        await store.remove(stack, second)
        await store.add(change_set(other, "third"), other)

    documents.meanwhile = meanwhile
    await store.outdate(stack)
    assert documents.kept["first"]["execution"] == "OBSOLETE"
    assert documents.kept["second"] is None
    assert documents.kept["third"]["execution"] == "AVAILABLE"
