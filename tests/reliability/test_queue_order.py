"""FIFO under load: 8 producers, 8 consumers, 20 groups, 10,000 messages, on the disk."""

import asyncio
import random
from collections import defaultdict
from pathlib import Path

import pytest

from emulator.model.clock import SystemClock
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store

pytestmark = pytest.mark.thorough

PRODUCERS, CONSUMERS, GROUPS, MESSAGES = 8, 8, 20, 10_000


@pytest.mark.slow
async def test_groups_keep_their_order_and_nothing_is_lost_or_doubled(tmp_path: Path) -> None:
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    chance = random.Random(seed)
    store = Store.open(tmp_path)
    engine = await Engine.open(store.messages, SystemClock())
    queue = await engine.open_queue("orders.fifo", QueueSettings(fifo=True, visibility=60))
    numbers = iter(range(MESSAGES))
    sent: defaultdict[str | None, list[str]] = defaultdict(list)
    locks = [asyncio.Lock() for _ in range(GROUPS)]
    ended: defaultdict[str | None, list[str | bytes]] = defaultdict(list)
    inversions: list[tuple[str | None, list[str], list[str | bytes]]] = []
    redelivered = 0
    left = MESSAGES

    async def produce() -> None:
        for number in numbers:
            group = number % GROUPS
            draft = Draft(str(number), group=str(group), deduplication=str(number))
            # One producer at a time per group, so that there is an order to keep.
            async with locks[group]:
                # Noted before: it may be received before its sender is answered.
                sent[str(group)].append(str(number))
                await queue.send(draft)
            if number % 20 == 0:
                # A producer that was not answered sends again.
                await queue.send(draft)

    async def consume() -> None:
        nonlocal left, redelivered
        while left:
            got = await queue.receive(10, wait=0.1)
            batch = defaultdict(list)
            for message in got:
                batch[message.group].append(message)
            for group, messages in batch.items():
                before = len(ended[group])
                expected = sent[group][before : before + len(messages)]
                if [message.body for message in messages] != expected:
                    inversions.append((group, expected, [m.body for m in messages]))
            await asyncio.sleep(0)
            for group, messages in batch.items():
                # Some consumers give up in the middle of a group's messages.
                kept = (
                    chance.randrange(len(messages) + 1) if chance.random() < 0.2 else len(messages)
                )
                done = messages[:kept]
                for message in messages[kept:]:
                    redelivered += 1
                    queue.change_visibility(message.handle, 0)
                ended[group] += [message.body for message in done]
                if done:
                    await queue.delete_many([message.handle for message in done])
                left -= len(done)

    await asyncio.gather(
        *[produce() for _ in range(PRODUCERS)], *[consume() for _ in range(CONSUMERS)]
    )
    assert inversions == []
    assert redelivered
    assert ended == sent
    assert sum(map(len, ended.values())) == MESSAGES
    assert queue.counts() == (0, 0, 0)
    await engine.close()
    assert await store.database.check() == []
    await store.close()


@pytest.mark.parametrize("fifo", [False, True])
async def test_every_message_is_received_once_by_competing_consumers(
    tmp_path: Path, fifo: bool
) -> None:
    store = Store.open(tmp_path)
    engine = await Engine.open(store.messages, SystemClock())
    queue = await engine.open_queue("orders", QueueSettings(fifo=fifo))
    got: list[str | bytes] = []

    async def produce(part: int) -> None:
        for n in range(100):
            await queue.send_many([Draft(f"{part}-{n}-{m}", group=f"{part}-{n}") for m in range(5)])

    async def consume() -> None:
        while len(got) < 4000:
            messages = await queue.receive(10, wait=0.1)
            got.extend(message.body for message in messages)
            await queue.delete_many([message.handle for message in messages])

    await asyncio.gather(*[produce(n) for n in range(8)], *[consume() for _ in range(8)])
    assert len(got) == len(set(got)) == 4000
    await engine.close()
    await store.close()
