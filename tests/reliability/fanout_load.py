"""Publishes to a topic and puts events on a bus until it is killed; says what was acknowledged.

:func:`run` is a process's; the run "drain" says what has reached each queue instead. What it has
said is in a file, which outlives it.
"""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, TextIO

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver

_ARN = "arn:aws:{}:us-east-1:000000000000:{}"
#: Queues of the topic; of the bus; what comes over the second bus; what no queue takes.
QUEUES = ("topic1", "topic2", "bus1", "bus2", "far", "dead")


class _Load:
    def __init__(self, emulator: Emulator, run: str, said: TextIO) -> None:
        self._table, self._run, self._said = emulator.table, run, said
        self.outboxes: list[Any] = []

    def say(self, line: str) -> None:
        self._said.write(f"{line}\n")

    async def call(self, service: str, operation: str, **request: Any) -> dict[str, Any]:
        return await self._table.call(service, operation, request)

    async def set_up(self) -> None:
        for name in QUEUES:
            await self.call("sqs", "CreateQueue", QueueName=name)
        topic = (await self.call("sns", "CreateTopic", Name="topic"))["TopicArn"]
        for name in ("topic1", "topic2"):
            await self.call(
                "sns",
                "Subscribe",
                TopicArn=topic,
                Protocol="sqs",
                Endpoint=_ARN.format("sqs", name),
                Attributes={"RawMessageDelivery": "true"},
            )
        buses = {name: _ARN.format("events", f"event-bus/{name}") for name in ("bus", "second")}
        for name in buses:
            await self.call("events", "CreateEventBus", Name=name)
        dead = {"Arn": _ARN.format("sqs", "dead")}
        gone = {"Arn": _ARN.format("sqs", "nobody"), "DeadLetterConfig": dead}
        near = [{"Arn": _ARN.format("sqs", name)} for name in ("bus1", "bus2")]
        await self._rule("bus", [*near, {"Arn": buses["second"]}, gone])
        await self._rule("second", [{"Arn": _ARN.format("sqs", "far")}])

    async def _rule(self, bus: str, targets: list[dict[str, Any]]) -> None:
        named = {"Name": "rule", "EventBusName": bus}
        await self.call("events", "PutRule", EventPattern='{"source": ["load"]}', **named)
        numbered = [{"Id": str(number), **each} for number, each in enumerate(targets)]
        await self.call("events", "PutTargets", Rule="rule", EventBusName=bus, Targets=numbered)

    async def publish(self, worker: int) -> None:
        topic = _ARN.format("sns", "topic")
        for number in range(1_000_000):
            id = f"{self._run}.{worker}.{number}"
            await self.call("sns", "Publish", TopicArn=topic, Message=json.dumps({"id": id}))
            self.say(f"topic {id}")

    async def put(self, worker: int) -> None:
        for number in range(1_000_000):
            ids = [f"{self._run}.{worker}.{number}.{each}" for each in range(3)]
            entries = [
                {"Source": "load", "DetailType": "a", "EventBusName": "bus",
                 "Detail": json.dumps({"id": id})}
                for id in ids
            ]  # fmt: skip
            await self.call("events", "PutEvents", Entries=entries)
            for id in ids:
                self.say(f"bus {id}")

    async def drain(self) -> None:
        """Print what each queue has, until nothing is on its way any more."""
        idle = 0
        while idle < 3:
            seen = sum(await asyncio.gather(*map(self._take, QUEUES)))
            waiting = sum(sum(each.counts()) for each in self.outboxes)
            idle = 0 if seen or waiting else idle + 1
            await asyncio.sleep(0.05)
        self.say("drained")

    async def _take(self, name: str) -> int:
        url = f"http://localhost/000000000000/{name}"
        answer = await self.call("sqs", "ReceiveMessage", QueueUrl=url, MaxNumberOfMessages=10)
        messages = answer.get("Messages") or []
        for each in messages:
            body = json.loads(each["Body"])
            self.say(f"{name} {(body.get('detail') or body)['id']}")
        if messages:
            handles = [
                {"Id": str(number), "ReceiptHandle": each["ReceiptHandle"]}
                for number, each in enumerate(messages)
            ]
            await self.call("sqs", "DeleteMessageBatch", QueueUrl=url, Entries=handles)
        return len(messages)


async def _main(folder: Path, run: str, said: TextIO) -> None:
    emulator = Emulator(Settings(port=0, state=folder), driver=ScriptedDriver())
    ready = asyncio.Event()
    serving = asyncio.create_task(emulator.run(on_ready=ready.set))
    await ready.wait()
    load = _Load(emulator, run, said)
    if run == "0":
        await load.set_up()
    load.say("ready")
    if run == "drain":
        load.outboxes = [(await emulator.table.state(name)).outbox for name in ("sns", "events")]
        await load.drain()
        emulator.stop()
        await serving
        return
    await asyncio.gather(load.publish(0), load.publish(1), load.put(0), load.put(1))


def run(folder: Path, run: str, said: Path) -> None:
    """Be one process.

    Args:
        folder: The emulator's state.
        run: Its number; "drain" for the last one.
        said: Where it says what was acknowledged, line by line.
    """
    with said.open("w", buffering=1) as file:
        asyncio.run(_main(folder, run, file))
