"""Stacks as they are kept: who has a name, and what is left of what was not begun."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import cast

import pytest

from emulator.model.errors import AwsError
from emulator.registry.document_store import DocumentStore
from emulator.services.cloudformation.stack import MOST_DELETED, Goal, Stack
from emulator.services.cloudformation.store import StackStore
from emulator.store.documents import Change
from emulator.testing import FakeClock

AT = ("000000000000", "us-east-1")


class Documents:
    """Takes all that is written, or does something else in its place."""

    lasting = False
    instead: Callable[[], Awaitable[None]] | None = None

    async def write(self, *changes: Change) -> None:
        if self.instead is not None:
            await self.instead()


def made(number: int = 0) -> Stack:
    account, region = AT
    name = f"arn:aws:cloudformation:{region}:{account}:stack/app/{number}"
    return Stack(name="app", stack_id=name, account=account, region=region)


@pytest.fixture
def documents() -> Documents:
    return Documents()


@pytest.fixture
def store(documents: Documents) -> StackStore:
    return StackStore(cast(DocumentStore, documents), FakeClock())


async def test_a_living_stack_keeps_its_name_while_old_ones_are_forgotten(
    store: StackStore,
) -> None:
    for number in range(MOST_DELETED):
        stack = made(number)
        await store.add(stack, "CREATE_COMPLETE")
        await store.record(stack, "DELETE_COMPLETE")
    living, other = made(MOST_DELETED), made(MOST_DELETED + 1)
    other.name = "other"
    await store.add(living, "CREATE_COMPLETE")
    await store.add(other, "CREATE_COMPLETE")
    await store.record(other, "DELETE_COMPLETE")
    oldest = made(0).stack_id
    assert store.by_id(oldest) is None
    assert store.find(*AT, "app") is living
    store.clear([each for each in store.everything() if each.is_gone])
    assert store.find(*AT, "app") is living
    store.clear([living])
    assert store.find(*AT, "app") is None


async def test_who_waits_for_what_was_not_begun_is_woken(
    store: StackStore, documents: Documents
) -> None:
    stack = made()
    await store.add(stack, "CREATE_COMPLETE")
    waiting: list[asyncio.Task[None]] = []

    async def full() -> None:
        waiting.append(asyncio.create_task(store.settled(stack, 60.0)))
        await asyncio.sleep(0)
        raise AwsError("ServiceException", "the disk is full")

    async def begin() -> None:
        with stack.unless_refused():
            stack.goal, stack.updates = Goal(template="{}"), 1
            await store.record(stack, "UPDATE_IN_PROGRESS", goals=True)

    documents.instead = full
    # The clock stands still: nothing but the store wakes them.
    with pytest.raises(AwsError):
        await begin()
    await asyncio.wait_for(waiting[0], 60)
    assert (stack.status, stack.goal, stack.updates) == ("CREATE_COMPLETE", None, 0)
