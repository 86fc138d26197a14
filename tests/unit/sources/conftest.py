"""Pollers over real queues, with functions that are coroutines and a clock moved by hand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import pytest

from emulator.invoke.redelivery import Redelivery
from emulator.model.errors import AwsError
from emulator.model.invocation import InvocationResult
from emulator.queues.engine import Engine
from emulator.services.sqs import attributes
from emulator.services.sqs.messages import draft
from emulator.services.sqs.polling.own_queues import OwnQueues
from emulator.services.sqs.polling.poller import SqsSource
from emulator.services.sqs.polling.settings import SqsSettings
from emulator.services.sqs.queues import Sqs, SqsQueue
from emulator.store.store import Store
from emulator.testing import FakeClock
from tests.unit.commits import Commits

ACCOUNT, REGION = "000000000000", "us-east-1"
FUNCTION = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:hello"


class FakeFunction:
    """A function that answers what ``answer`` says, and remembers what it was called with."""

    arn = FUNCTION

    def __init__(self) -> None:
        self.changed = asyncio.Event()
        self.reserved: int | None = None
        self.there = True
        #: Ids of the batches' records, and bodies, by call.
        self.batches: list[list[str]] = []
        self.events: list[dict[str, Any]] = []
        self.traces: list[str] = []
        self.answer: Callable[[dict[str, Any]], Any] = lambda event: None
        #: Awaited by each call before it answers.
        self.gate: asyncio.Event | None = None
        self.running = self.most = 0
        #: Says what is delivered twice.
        self.redelivery: Redelivery | None = None

    def comes_again(
        self, id: str, give_back: Callable[[], object], *, ordered: bool = False
    ) -> bool:
        found = self.redelivery
        return found is not None and found.comes_again(self.arn, id, give_back, ordered=ordered)

    def change(self) -> None:
        self.changed.set()
        self.changed = asyncio.Event()

    def is_ready(self) -> bool:
        return self.there

    async def ready(self) -> None:
        while not self.there:
            await self.changed.wait()

    async def invoke(
        self, payload: bytes, trace_id: str = "", links: Sequence[str] = ()
    ) -> InvocationResult:
        event = json.loads(payload)
        self.events.append(event)
        self.traces.append(trace_id)
        self.batches.append([record["body"] for record in event["Records"]])
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            if self.gate is not None:
                await self.gate.wait()
            answer = self.answer(event)
        finally:
            self.running -= 1
        if isinstance(answer, BaseException):
            raise answer
        if isinstance(answer, InvocationResult):
            return answer
        return InvocationResult(payload=json.dumps(answer).encode())


FAILED = InvocationResult(payload=b'{"errorMessage": "boom"}', function_error="Unhandled")


def throttled() -> AwsError:
    return AwsError("TooManyRequestsException", "Rate Exceeded.")


class World:
    """One queue, its poller, and the function it feeds."""

    def __init__(self, store: Store) -> None:
        self.store, self.commits, self.clock = store, Commits(store), FakeClock()
        self.function = FakeFunction()
        self.sqs: Sqs
        self.queues: OwnQueues
        self.source: SqsSource
        self._run: asyncio.Task[None] | None = None

    async def open(self) -> None:
        self.sqs = await Sqs.open(await Engine.open(self.store.messages, self.clock))
        self.queues = OwnQueues(self._find)

    async def _find(self) -> Sqs:
        return self.sqs

    async def queue(self, name: str = "q", **given: str) -> SqsQueue:
        fifo = name.endswith(".fifo")
        if fifo:
            given.setdefault("ContentBasedDeduplication", "true")
        initial = attributes.initial(given, fifo=fifo)
        return await self.sqs.create(ACCOUNT, REGION, name, initial, {})

    def poll(self, queue: SqsQueue | str, **mapping: Any) -> SqsSource:
        arn = queue if isinstance(queue, str) else queue.arn
        settings = SqsSettings.of({"EventSourceArn": arn, "BatchSize": 10, **mapping})
        self.source = SqsSource(settings, self.queues, self.clock)
        self._run = asyncio.get_running_loop().create_task(
            self.source.run(self.function)  # type: ignore[arg-type]
        )
        return self.source

    async def send(self, queue: SqsQueue, *bodies: str, **fields: Any) -> None:
        drafts = [draft(queue, ACCOUNT, {"MessageBody": body, **fields})[0] for body in bodies]
        await queue.queue.send_many(drafts)
        await self.settle()

    async def settle(self) -> None:
        """Let everything that is due happen."""
        await self.commits.until_idle()

    async def finish(self) -> None:
        """Let all batches come to their end."""
        await self.settle()
        while self.source.busy:
            await self.settle()

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.settle()

    async def stop(self) -> None:
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait((self._run,))
            if not self._run.cancelled():
                self._run.result()
            self._run = None

    async def close(self) -> None:
        await self.stop()
        if hasattr(self, "source"):
            self.source.cancel()
            await self.source.drain()
        await self.sqs.close()
        await self.sqs.engine.close()


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = Store.open(None)
    world = World(store)
    await world.open()
    yield world
    await world.close()
    await store.close()
