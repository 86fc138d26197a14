"""Permits: shared ones in turn, and one of each holder's own."""

from __future__ import annotations

import asyncio

from hypothesis import given, settings
from hypothesis import strategies as st

from emulator.invoke.fair_semaphore import FairSemaphore
from emulator.testing import until_idle


async def test_a_permit_of_ones_own_comes_first_and_shared_ones_in_turn() -> None:
    semaphore = FairSemaphore(1)
    assert await semaphore.acquire("slow") is False
    assert await semaphore.acquire("slow") is True
    assert await semaphore.acquire("other") is False, "nobody's slow work keeps it waiting"
    third = asyncio.create_task(semaphore.acquire("slow"))
    second = asyncio.create_task(semaphore.acquire("other"))
    await until_idle()
    assert not third.done()
    assert not second.done()
    semaphore.release("slow", True)
    assert await third is True
    semaphore.release("other", False)
    assert await second is False


async def test_a_permit_given_back_while_its_next_holder_is_cancelled_is_not_lost() -> None:
    semaphore = FairSemaphore(1)
    await semaphore.acquire("a")
    await semaphore.acquire("a")
    await semaphore.acquire("b")
    gone = asyncio.create_task(semaphore.acquire("a"))
    waits = asyncio.create_task(semaphore.acquire("b"))
    await until_idle()
    gone.cancel()
    # Before the one that was cancelled has run again.
    semaphore.release("a", True)
    assert await waits is True
    assert gone.cancelled()


@settings(max_examples=60)
@given(
    shared=st.integers(0, 3),
    steps=st.lists(
        st.tuples(st.sampled_from("abc"), st.sampled_from(["take", "give", "leave", "turn"])),
        max_size=40,
    ),
)
def test_no_permit_is_lost_or_made(shared: int, steps: list[tuple[str, str]]) -> None:
    async def run() -> None:
        semaphore = FairSemaphore(shared)
        held: dict[str, list[bool]] = {"a": [], "b": [], "c": []}
        waiting: dict[str, asyncio.Task[bool]] = {}

        def collect() -> None:
            for who, task in list(waiting.items()):
                if task.done():
                    del waiting[who]
                    if not task.cancelled():
                        held[who].append(task.result())

        for who, step in steps:
            if step == "take" and who not in waiting:
                waiting[who] = asyncio.create_task(semaphore.acquire(who))
            elif step == "give" and held[who]:
                semaphore.release(who, held[who].pop())
            elif step == "leave" and who in waiting:
                waiting[who].cancel()
            await (asyncio.sleep(0) if step == "turn" else until_idle())
            collect()
            assert sum(each.count(True) for each in held.values()) <= shared
            assert all(each.count(False) <= 1 for each in held.values())
        for who, permits in held.items():
            while permits:
                semaphore.release(who, permits.pop())
            await until_idle()
            collect()
        for task in waiting.values():
            task.cancel()
        await until_idle()
        collect()
        for who, permits in held.items():
            while permits:
                semaphore.release(who, permits.pop())
        for who in "abc":
            assert await semaphore.acquire(who) is False
        for _ in range(shared):
            assert await semaphore.acquire("a") is True

    asyncio.run(run())
