"""Measures the queue engine, durable, in process: throughput, and that depth costs nothing.

Run: ``python -m tests.benchmarks.bench_queues [--deep 1000000] [--folder DIR]``
"""

from __future__ import annotations

import argparse
import asyncio
import resource
import shutil
import statistics
import tempfile
import time
from pathlib import Path

from emulator.model.clock import SystemClock
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store

BODY = "x" * 200


async def send(queue: Queue, total: int, connections: int, group: int = 0) -> float:
    """Return messages a second over ``connections`` senders, each waiting for its answer."""
    left = iter(range(total))

    async def sender() -> None:
        for n in left:
            await queue.send(Draft(BODY, group=str(n % group) if group else None))

    started = time.perf_counter()
    await asyncio.gather(*[sender() for _ in range(connections)])
    return total / (time.perf_counter() - started)


async def fill(queue: Queue, total: int, group: int = 0) -> None:
    for start in range(0, total, 10_000):
        await queue.send_many(
            [
                Draft(BODY, group=str(n % group) if group else None)
                for n in range(start, min(total, start + 10_000))
            ]
        )


async def drain(queue: Queue, total: int, receivers: int) -> float:
    """Return messages a second, received and deleted in batches of ten."""
    done = 0

    async def receiver() -> None:
        nonlocal done
        while done < total and (got := await queue.receive(10)):
            done += len(got)
            await queue.delete_many([message.handle for message in got])

    started = time.perf_counter()
    await asyncio.gather(*[receiver() for _ in range(receivers)])
    return done / (time.perf_counter() - started)


async def one_by_one(queue: Queue, rounds: int, group: int) -> dict[str, float]:
    """Return median microseconds of a send, a receive of ten and a delete of ten."""
    times: dict[str, list[float]] = {"send": [], "receive 10": [], "delete 10": [], "counts": []}

    def lap(name: str, started: float) -> None:
        times[name].append((time.perf_counter() - started) * 1e6)

    for n in range(rounds):
        started = time.perf_counter()
        await queue.send(Draft(BODY, group=str(n % group) if group else None))
        lap("send", started)
        started = time.perf_counter()
        got = await queue.receive(10)
        lap("receive 10", started)
        started = time.perf_counter()
        await queue.delete_many([message.handle for message in got])
        lap("delete 10", started)
        started = time.perf_counter()
        queue.counts()
        lap("counts", started)
    return {name: statistics.median(values) for name, values in times.items()}


def memory() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


async def measure(folder: Path, deep: int, fifo: bool) -> None:
    kind = "FIFO" if fifo else "standard"
    group = 1000 if fifo else 0
    settings = QueueSettings(fifo=fifo, content_deduplication=False)
    store = Store.open(folder)
    engine = await Engine.open(store.messages, SystemClock())
    queue = await engine.open_queue(f"rate-{kind}", settings)
    for connections in (1, 8, 32):
        rate = await send(queue, 4000, connections, group)
        print(f"{kind}: send at {connections:2}: {rate:8.0f}/s")
    for receivers in (1, 5):
        rate = await drain(queue, 5000, receivers)
        print(f"{kind}: receive 10 + delete 10 at {receivers}: {rate:8.0f} messages/s")
    for depth in (1000, deep):
        queue = await engine.open_queue(f"depth-{kind}-{depth}", settings)
        await fill(queue, depth, group)
        costs = await one_by_one(queue, min(300, depth // 20), group)
        told = ", ".join(f"{name} {value:.0f} µs" for name, value in costs.items())
        print(f"{kind}: {depth:8} deep: {told}; peak memory {memory()} MB")
        rate = await drain(queue, 20_000, 5)
        print(f"{kind}: {depth:8} deep: drained at {rate:.0f} messages/s")
    await engine.close()
    await store.close()
    started = time.perf_counter()
    store = Store.open(folder)
    engine = await Engine.open(store.messages, SystemClock())
    queue = await engine.open_queue(f"depth-{kind}-{deep}", settings)
    print(f"{kind}: open with {deep} deep: {(time.perf_counter() - started) * 1e3:.0f} ms")
    started = time.perf_counter()
    await engine.purge_queue(queue.name)
    print(f"{kind}: purge of it: {(time.perf_counter() - started) * 1e3:.1f} ms")
    await engine.close()
    await store.close()


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--deep", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    arguments = parser.parse_args()
    folder = Path(tempfile.mkdtemp(dir=arguments.folder))
    try:
        for fifo in (False, True):
            asyncio.run(measure(folder / str(fifo), arguments.deep, fifo))
    finally:
        shutil.rmtree(folder)


if __name__ == "__main__":
    main()
