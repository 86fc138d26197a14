"""SQS's operations over a real engine and a store in memory, on a clock moved by hand."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.queues.engine import Engine
from emulator.services.sqs.operations import OPERATIONS
from emulator.services.sqs.queues import Sqs
from emulator.store.store import Store
from emulator.testing import FakeClock


@dataclass
class _Context:
    clock: Clock
    state: Sqs
    account: str = "000000000000"
    region: str = "us-east-1"
    endpoint: str = "http://localhost:4566"
    trace_id: str = ""


class Caller:
    """Calls operations by name: ``await sqs("SendMessage", QueueUrl=..., MessageBody=...)``."""

    def __init__(self, context: Any) -> None:
        self.context = context

    def __getattr__(self, name: str) -> Any:
        return getattr(self.context, name)

    @property
    def sqs(self) -> Sqs:
        return self.context.state

    async def __call__(self, operation: str, **request: Any) -> Any:
        return await OPERATIONS[operation](self.context, request)

    async def create(self, name: str = "orders", **attributes: Any) -> str:
        given = {"Attributes": attributes} if attributes else {}
        return (await self("CreateQueue", QueueName=name, **given))["QueueUrl"]

    async def attributes(self, url: str, *names: str) -> dict[str, str]:
        answer = await self("GetQueueAttributes", QueueUrl=url, AttributeNames=list(names))
        return answer.get("Attributes", {})

    async def bodies(self, url: str, limit: int = 10, **options: Any) -> list[str]:
        answer = await self("ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=limit, **options)
        return [message["Body"] for message in answer.get("Messages", [])]

    async def error(self, operation: str, **request: Any) -> tuple[str, str]:
        with pytest.raises(AwsError) as caught:
            await self(operation, **request)
        return caught.value.code, caught.value.message


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def store() -> AsyncIterator[Store]:
    store = Store.open(None)
    yield store
    await store.close()


@pytest.fixture
async def engine(store: Store, clock: FakeClock) -> AsyncIterator[Engine]:
    engine = await Engine.open(store.messages, clock)
    yield engine
    await engine.close()


@pytest.fixture
async def sqs(engine: Engine, clock: FakeClock) -> AsyncIterator[Caller]:
    sqs = await Sqs.open(engine)
    yield Caller(_Context(clock, sqs))
    await sqs.close()


@pytest.fixture
def reopened(store: Store, clock: FakeClock) -> Callable[[], Awaitable[Caller]]:
    """Return a function that opens the queues again, as after a restart."""

    async def reopen() -> Caller:
        engine = await Engine.open(store.messages, clock)
        return Caller(_Context(clock, await Sqs.open(engine)))

    return reopen
