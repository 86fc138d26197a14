"""Asynchronous invokes over scripted runtimes, a store in memory and a clock moved by hand."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest

from emulator.invoke.admission import Admission
from emulator.invoke.asynchronous import AsynchronousInvokes
from emulator.invoke.event_concurrency import EventConcurrency
from emulator.invoke.function_invoker import FunctionInvoker
from emulator.invoke.idleness import Idleness
from emulator.invoke.invoker import Invoker
from emulator.invoke.targets import Delivery, Taker, Targets
from emulator.model.errors import AwsError
from emulator.model.function import Code, FunctionVersion
from emulator.model.invocation import Invocation
from emulator.model.sandbox import Exit
from emulator.pool.pools import Pools
from emulator.queues.engine import Engine
from emulator.queues.message import Draft
from emulator.queues.queue import Queue
from emulator.registry.attachments import EventInvokeConfig
from emulator.registry.function import Function
from emulator.registry.functions import Registry
from emulator.services.context import Parts
from emulator.services.lambda_ import delivers
from emulator.store.store import Store
from emulator.telemetry.logs import Logs
from emulator.testing import FakeClock, RuntimeClient, ScriptedDriver, until_idle
from tests.unit.commits import Commits

ACCOUNT, REGION = "000000000000", "us-east-1"
QUEUE_ARN = f"arn:aws:sqs:{REGION}:{ACCOUNT}:told"


@dataclass
class Told:
    """A destination that remembers."""

    messages: list[tuple[str, Any, Mapping[str, Mapping[str, str]]]] = field(default_factory=list)
    refuses: bool = False

    async def deliver(self, arn: str, delivery: Delivery) -> None:
        if self.refuses:
            raise AwsError("QueueDoesNotExist", "The specified queue does not exist.")
        self.messages.append((arn, json.loads(delivery.payload), delivery.attributes))


class World:
    """The asynchronous path, from submit to destination."""

    def __init__(self, store: Store) -> None:
        self.store, self.commits = store, Commits(store)
        self.clock, self.driver = FakeClock(), ScriptedDriver()
        self.registry = Registry()
        self.pools = Pools(self.driver, Logs(self.clock), self.clock)
        self.registry.on_retired.append(self.pools.retire)
        self.invoker = Invoker(
            self.registry,
            Admission(self.registry),
            self.pools,
            Idleness(self.registry, self.clock),
        )
        self.told = Told()
        #: (function, request id, payload) of each attempt, in order.
        self.attempts: list[tuple[str, str, Any]] = []
        #: Whether an attempt fails.
        self.fails: Callable[[Any], bool] = lambda payload: False
        self.driver.script = self._script
        self.concurrency: EventConcurrency | None = None
        self.engine: Engine
        self.asynchronous: AsynchronousInvokes

    async def open(self) -> None:
        self.functions = FunctionInvoker(self.registry, self.invoker, self.clock)
        self.asynchronous = AsynchronousInvokes(
            self.registry,
            self.functions,
            Targets(lambda service: service in ("lambda", "sqs"), self._find, self._send),
            self.clock,
            concurrency=self.concurrency,
        )
        self.engine = await Engine.open(self.store.messages, self.clock)
        await self.asynchronous.open(self.engine)

    async def _find(self, service: str) -> Taker:
        if service == "sqs":
            return Taker(deliver=self.told.deliver)
        if service == "lambda":
            return Taker(place=partial(delivers.place, cast(Parts, self), None))
        raise LookupError(service)

    async def _send(self, messages: Iterable[tuple[Queue, Draft]]) -> None:
        await self.engine.send_together(messages)

    async def crash(self, concurrency: EventConcurrency | None = None) -> None:
        """Forget everything that is not on the disk, and start again."""
        self.concurrency = concurrency
        self.asynchronous.cancel()
        await self.asynchronous.close()
        await self.open()

    async def close(self) -> None:
        await self.asynchronous.close()
        await self.engine.close()
        await self.pools.close()

    async def _script(self, runtime: RuntimeClient) -> Exit | None:
        name = runtime.environ["AWS_LAMBDA_FUNCTION_NAME"]
        while True:
            request_id, payload = await runtime.next()
            event = json.loads(payload)
            self.attempts.append((name, request_id, event))
            if self.fails(event):
                error = json.dumps({"errorMessage": "boom", "errorType": "Exception"}).encode()
                await runtime.call("POST", f"invocation/{request_id}/error", error)
            else:
                await runtime.respond(request_id, json.dumps({"done": event}).encode())

    def function(
        self,
        name: str = "hello",
        *,
        config: dict[str, Any] | None = None,
        reserved: int | None = None,
        **fields: Any,
    ) -> Function:
        version = FunctionVersion(
            account=ACCOUNT,
            region=REGION,
            name=name,
            runtime="python3.12",
            handler="app.handler",
            code=Code(sha256="x", size=1, folder=Path("/code")),
            **fields,
        )
        function = Function(latest=version)
        if config:
            function.attached.event_invoke["$LATEST"] = EventInvokeConfig.from_wire(config)
        self.registry.add(function)
        if reserved is not None:
            self.registry.reserve(function, reserved)
        return function

    async def submit(
        self, event: Any = None, name: str = "hello", request_id: str = "id-1"
    ) -> None:
        arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
        invocation = Invocation(
            request_id=request_id,
            payload=json.dumps(event if event is not None else {}).encode(),
            invoked_arn=arn,
            trace_id="Root=1-0-0;Sampled=0",
        )
        await self.asynchronous.submit(ACCOUNT, REGION, name, "", invocation)

    async def settle(self) -> None:
        """Let everything that is due happen."""
        await self.commits.until_idle()

    async def advance(self, seconds: float) -> None:
        await self.clock.advance(seconds)
        await self.settle()

    async def finish(self) -> None:
        """Let all events come to their end."""
        for _ in range(1000):
            if not self.asynchronous.pending:
                return
            await self.advance(0.05)
        raise AssertionError(f"{self.asynchronous.pending} events did not end")

    def update(self, function: Function) -> None:
        before = function.latest
        self.registry.update(
            function, replace(before, generation=before.generation + 1), "code changed"
        )


@pytest.fixture
async def world() -> AsyncIterator[World]:
    store = Store.open(None)
    world = World(store)
    await world.open()
    yield world
    await world.close()
    await until_idle()
    assert not world.driver.live
    await store.close()
