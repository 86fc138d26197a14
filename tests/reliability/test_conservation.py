"""10,000 asynchronous events, a fifth of them failing: each ends once, and where it should."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from emulator.app import Emulator
from emulator.model.ids import new_request_id
from emulator.model.invocation import Invocation
from emulator.model.sandbox import Exit
from emulator.settings import Settings
from emulator.testing import RuntimeClient, ScriptedDriver
from tests.api.conftest import Running, create

ACCOUNT, REGION = "000000000000", "us-east-1"
EVENTS, SENDERS = 10_000, 32


async def every_fifth_fails(runtime: RuntimeClient) -> Exit | None:
    error = json.dumps({"errorMessage": "boom", "errorType": "Exception"}).encode()
    while True:
        request_id, payload = await runtime.next()
        if json.loads(payload)["n"] % 5:
            await runtime.respond(request_id, payload)
        else:
            await runtime.call("POST", f"invocation/{request_id}/error", error)


async def submit_all(emulator: Emulator) -> None:
    numbers = iter(range(EVENTS))

    async def send() -> None:
        for n in numbers:
            name = ("records", "letters")[n % 2]
            arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
            invocation = Invocation(
                request_id=new_request_id(),
                payload=json.dumps({"n": n}).encode(),
                invoked_arn=arn,
                trace_id="Root=1-0-0;Sampled=0",
            )
            await emulator.asynchronous.submit(ACCOUNT, REGION, name, "", invocation)

    await asyncio.gather(*(send() for _ in range(SENDERS)))


async def take_all(emulator: Emulator, arn: str) -> list[Any]:
    """Return what is in a queue, taking it out."""
    queue = emulator.table.find("sqs").state.by_arn(arn)
    assert queue is not None
    found = []
    while messages := await queue.queue.receive(100):
        found += [json.loads(message.body) for message in messages]
        await queue.queue.delete_many([message.handle for message in messages])
    return found


@pytest.mark.slow
def test_each_event_ends_exactly_once(tmp_path: Path) -> None:
    settings = Settings(port=0, state=tmp_path, async_retry_scale=0.0001)
    running = Running(settings, driver=ScriptedDriver(every_fifth_fails))

    def on_loop(work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, running.loop).result()

    try:
        functions, sqs = running.client("lambda"), running.client("sqs")
        arns = {}
        for name in ("succeeded", "failed", "dead"):
            sqs.create_queue(QueueName=name)
            arns[name] = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
        create(functions, "records")
        create(functions, "letters", DeadLetterConfig={"TargetArn": arns["dead"]})
        success = {"OnSuccess": {"Destination": arns["succeeded"]}}
        for name, destinations in (
            ("records", {**success, "OnFailure": {"Destination": arns["failed"]}}),
            ("letters", success),
        ):
            functions.get_waiter("function_active_v2").wait(FunctionName=name)
            functions.put_function_event_invoke_config(
                FunctionName=name, DestinationConfig=destinations
            )
        on_loop(submit_all(running.emulator))
        while running.call(lambda: running.emulator.asynchronous.pending):
            time.sleep(0.05)
        told = {name: on_loop(take_all(running.emulator, arn)) for name, arn in arns.items()}
        ends = Counter(
            [("succeeded", each["requestPayload"]["n"]) for each in told["succeeded"]]
            + [("failed", each["requestPayload"]["n"]) for each in told["failed"]]
            + [("dead", each["n"]) for each in told["dead"]]
        )
        wanted = Counter(
            ("succeeded" if n % 5 else ("failed", "dead")[n % 2], n) for n in range(EVENTS)
        )
        assert ends == wanted
        assert {each["requestContext"]["approximateInvokeCount"] for each in told["failed"]} == {3}
        assert running.emulator.asynchronous.outcomes == {
            "Success": EVENTS * 4 // 5,
            "RetriesExhausted": EVENTS // 5,
        }
    finally:
        running.stop()
