"""The benchmark of workflows: executions a second, what waiting ones cost; in ``make bench``.

Beside AWS's quotas: https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
(StartExecution: 300 a second in most regions; state transitions: 800 to 5,000 a second.)
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvloop

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.api.conftest import ECHO
from tests.benchmarks.figures import Figures, Row, at_most, run

_TOGETHER = 20
_AT_ONCE, _STATES, _WAITING, _EVENTS = 300, 10, 10_000, 25_000
_ROLE = "arn:aws:iam::000000000000:role/workflows"
Call = Callable[..., Awaitable[dict[str, Any]]]


def chain(*states: dict[str, Any]) -> str:
    """Return a definition of states that follow one another."""
    names = [f"S{index}" for index in range(len(states))]
    made = {
        name: {**state, **({"Next": following} if following else {"End": True})}
        for name, following, state in zip(names, [*names[1:], None], states, strict=True)
    }
    return json.dumps({"StartAt": names[0], "States": made})


class Bench:
    """An emulator in this process, with a state folder, called without HTTP."""

    def __init__(self, emulator: Emulator) -> None:
        self.emulator = emulator

    async def call(self, operation: str, service: str = "stepfunctions", **request: Any) -> Any:
        return await self.emulator.table.call(service, operation, request)

    async def machine(self, name: str, definition: str) -> str:
        made = await self.call(
            "CreateStateMachine", name=name, definition=definition, roleArn=_ROLE
        )
        arn: str = made["stateMachineArn"]
        return arn

    async def start_many(self, arn: str, count: int) -> list[str]:
        started: list[str] = []
        left = iter(range(count))

        async def worker() -> None:
            for _ in left:
                answer = await self.call("StartExecution", stateMachineArn=arn, input="{}")
                started.append(answer["executionArn"])

        await asyncio.gather(*(worker() for _ in range(min(count, _AT_ONCE))))
        return started

    async def executions_per_second(self, count: int, rounds: int) -> float:
        """Return how many executions of ten Pass states a second begin, end, and are kept."""
        arn = await self.machine("passes", chain(*[{"Type": "Pass", "Result": {"a": 1}}] * _STATES))
        await self.start_many(arn, _AT_ONCE)
        found = []
        for _ in range(rounds):
            began = time.perf_counter()
            await self.start_many(arn, count)
            found.append(count / (time.perf_counter() - began))
        return max(found)

    async def lambda_step_ms(self, count: int) -> float:
        """Return the milliseconds of CPU that a Lambda step costs above the invoke alone."""
        await self.call(
            "CreateFunction",
            "lambda",
            FunctionName="echo",
            Runtime="python3.12",
            Handler="app.handler",
            Role=_ROLE,
            Code={"ZipFile": ECHO},
        )
        task = {
            "Type": "Task",
            "Resource": "arn:aws:lambda:us-east-1:000000000000:function:echo",
        }
        arn = await self.machine("steps", chain(*[task] * _STATES))

        async def invoke() -> None:
            for _ in range(_STATES):
                await self.call("Invoke", "lambda", FunctionName="echo", Payload=b"{}")

        engine = (await self.emulator.table.state("stepfunctions")).engine

        async def execute() -> None:
            (started,) = await self.start_many(arn, 1)
            live = [each for each in engine.live.values() if each.arn == started]
            for each in live:
                await engine.ended(each)

        # Environments for all of them.
        await asyncio.gather(*(invoke() for _ in range(_TOGETHER)))
        await asyncio.gather(*(execute() for _ in range(_TOGETHER)))
        costs = []
        for work in (invoke, execute):
            began = time.process_time()
            for _ in range(count):
                await asyncio.gather(*(work() for _ in range(_TOGETHER)))
            steps = count * _TOGETHER * _STATES
            costs.append((time.process_time() - began) / steps * 1000)
        return costs[1] - costs[0]

    async def waiting_mb(self) -> tuple[float, int]:
        """Return the memory of 10,000 executions that wait, and the threads they add."""
        arn = await self.machine("waits", chain({"Type": "Wait", "Seconds": 99_999}))
        await self.start_many(arn, 2 * _AT_ONCE)
        gc.collect()
        before, threads = _rss_mb(), _threads()
        await self.start_many(arn, _WAITING)
        gc.collect()
        return _rss_mb() - before, _threads() - threads

    async def page_ms(self) -> tuple[float, float]:
        """Return the milliseconds of the first and of the last page of a long history."""
        loop = {
            "StartAt": "A",
            "States": {
                "A": {"Type": "Pass", "Next": "B"},
                "B": {
                    "Type": "Choice",
                    "Choices": [{"Variable": "$.end", "IsPresent": True, "Next": "C"}],
                    "Default": "A",
                },
                "C": {"Type": "Succeed"},
            },
        }
        arn = await self.machine("loops", json.dumps(loop))
        (started,) = await self.start_many(arn, 1)
        while True:
            found = await self.call("DescribeExecution", executionArn=started)
            if found["status"] != "RUNNING":
                break
            await asyncio.sleep(0.05)
        times = []
        for reverse in (False, True):
            tries = []
            for _ in range(20):
                began = time.perf_counter()
                page = await self.call(
                    "GetExecutionHistory",
                    executionArn=started,
                    maxResults=1000,
                    reverseOrder=reverse,
                )
                tries.append((time.perf_counter() - began) * 1000)
                assert len(page["events"]) == 1000
            times.append(statistics.median(tries))
        return times[0], times[1]


def _rss_mb() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4 / 1024


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


async def _measure(count: int, rounds: int) -> Figures:
    """Return all figures."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(port=0, state=Path(folder) / "state", transition_seconds=0)
        emulator = Emulator(settings, driver=ScriptedDriver())
        ready = asyncio.Event()
        running = asyncio.create_task(emulator.run(on_ready=ready.set))
        await ready.wait()
        bench = Bench(emulator)
        waiting_mb, threads = await bench.waiting_mb()
        first, last = await bench.page_ms()
        found = {
            "waiting_mb": waiting_mb,
            "waiting_threads": threads,
            "first_page_ms": first,
            "last_page_ms": last,
            "per_second": await bench.executions_per_second(count, rounds),
            "lambda_step_ms": await bench.lambda_step_ms(5),
        }
        emulator.stop()
        emulator.stop()
        await running
        return found


def measure(options: argparse.Namespace) -> Figures:
    """Return the rate, the costs of steps and of waiting, and the pages of a long history."""
    found: Figures = uvloop.run(_measure(options.count, options.rounds))
    return {name: round(value, 3) for name, value in found.items()}


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    rate = round(figures["per_second"])
    name = "executions of ten Pass states a second at 300 at once, durable (AWS's quota: 300)"
    yield Row(name, f"{rate:,}", "≥ 3,000", rate >= 3000)
    name = "CPU of a Lambda step above the plain invoke"
    yield at_most(name, figures["lambda_step_ms"], 0.3, "ms")
    yield at_most("memory of 10,000 executions that wait", figures["waiting_mb"], 20, "MB")
    yield at_most("threads that they add", figures["waiting_threads"], 0, "")
    first, last = figures["first_page_ms"], figures["last_page_ms"]
    yield Row(
        "the first and the last 1,000 events of a history of 25,000",
        f"{first:.1f} / {last:.1f} ms",
        "flat",
        last <= 2 * first + 1,
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=3000, help="executions of a round")
    parser.add_argument("--rounds", type=int, default=3, help="rounds; the best one counts")
    run("workflows", measure, parser)
