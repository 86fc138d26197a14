"""A process that drives the queue engine until it is killed; run by test_queue_kills.py.

It tells on stdout, one line each and at once: ``try-send``, ``sent``, ``try-delete``, ``deleted``,
each with the message's body. What is told as sent or deleted was acknowledged.
"""

import asyncio
import itertools
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from emulator.model.clock import SystemClock
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.queues.rules import QueueSettings
from emulator.store.store import Store

DEAD = QueueSettings()
STANDARD = QueueSettings(visibility=0.02, dead_letter="dead", max_receives=2)
FIFO = QueueSettings(fifo=True, visibility=0.02, content_deduplication=True)


def tell(what: str, bodies: Iterable[object]) -> None:
    os.write(1, "".join(f"{what} {body}\n" for body in bodies).encode())


async def send(queue: Queue, name: str, run: str) -> None:
    for n in itertools.count():
        bodies = [f"{name}-{run}-{n:06}-{part}" for part in range(1 + n % 3)]
        tell("try-send", bodies)
        await queue.send_many([Draft(body, group=name) for body in bodies])
        tell("sent", bodies)


async def receive(queue: Queue, every: Any) -> None:
    for n in itertools.count():
        got = await queue.receive(10, wait=0.05)
        if n % every or not got:
            # Left to become visible again, and some of it to be dead-lettered.
            continue
        bodies = [message.body for message in got]
        tell("try-delete", bodies)
        outcome = await queue.delete_many([message.handle for message in got])
        tell("deleted", [b for b, error in zip(bodies, outcome, strict=True) if error is None])


async def main(folder: Path, run: str) -> None:
    store = Store.open(folder)
    engine = await Engine.open(store.messages, SystemClock())
    dead = await engine.open_queue("dead", DEAD)
    standard = await engine.open_queue("standard", STANDARD)
    fifo = await engine.open_queue("fifo", FIFO)
    tell("ready", [run])
    await asyncio.gather(
        *[send(standard, f"s{n}", run) for n in range(4)],
        *[send(fifo, f"f{n}", run) for n in range(4)],
        *[receive(standard, 2) for _ in range(2)],
        *[receive(fifo, 2) for _ in range(2)],
        receive(dead, 3),
    )


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
