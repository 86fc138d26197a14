"""The benchmark of schedules: what 100,000 of them cost while none is due; in ``make bench``."""

from __future__ import annotations

import argparse
import asyncio
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from emulator.app import Emulator
from emulator.services.scheduler.keys import Key
from emulator.settings import Settings
from emulator.testing import ScriptedDriver
from tests.benchmarks.bench_invoke import cpu_seconds, emulator, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_HELLO = "def handler(event, context):\n    return event\n"
_COUNT, _TOGETHER = 100_000, 5_000
#: Of each kind as many; none is due within the hour.
_EXPRESSIONS = ("rate(30 days)", "cron(0 3 ? JAN MON#1 *)", "at(2199-01-01T00:00:00)")


def _document(number: int) -> dict[str, Any]:
    now = time.time()
    return {
        "created": now,
        "modified": now,
        "anchor": now + 86_400,
        "since": now,
        "token": None,
        "given": {},
        "fields": {
            "ActionAfterCompletion": "NONE",
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "ScheduleExpression": _EXPRESSIONS[number % len(_EXPRESSIONS)],
            "ScheduleExpressionTimezone": "Europe/Berlin",
            "State": "ENABLED",
            "Target": {
                "Arn": "arn:aws:sqs:us-east-1:000000000000:nobody",
                "RoleArn": "arn:aws:iam::000000000000:role/r",
                "Input": "{}",
            },
        },
    }


async def _fill(state: Path, count: int) -> None:
    """Keep schedules in a state folder."""
    made = Emulator(Settings(port=0, state=state, drain_seconds=0), driver=ScriptedDriver())
    ready = asyncio.Event()
    running = asyncio.create_task(made.run(on_ready=ready.set))
    await ready.wait()
    scheduler = await made.table.state("scheduler")
    for start in range(0, count, _TOGETHER):
        await asyncio.gather(
            *(
                scheduler.schedules.put(
                    *Key("000000000000", "us-east-1", "default", f"schedule-{number}").row,
                    _document(number),
                )
                for number in range(start, min(count, start + _TOGETHER))
            )
        )
    made.stop()
    made.stop()
    await running


def _megabytes(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    raise LookupError("no VmRSS")


def _started(count: int, seconds: float) -> tuple[float, float, float]:
    """Return the CPU seconds of a start, the CPU in percent while idle, and the RSS in MB."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_functions(folder, {"hello": _HELLO})
        asyncio.run(_fill(folder / "state", count))
        with emulator(folder, "--state", f"{name}/state") as (_, pid, _):
            start_s = cpu_seconds(pid)[0]
            time.sleep(2)
            before = cpu_seconds(pid)[0]
            time.sleep(seconds)
            idle = (cpu_seconds(pid)[0] - before) / seconds * 100
            return start_s, idle, _megabytes(pid)


def measure(options: argparse.Namespace) -> Figures:
    """Return what many schedules cost, beside one."""
    one = _started(1, options.seconds)
    many = _started(_COUNT, options.seconds)
    return {
        "start_cpu_s": round(many[0] - one[0], 2),
        "idle_percent": round(many[1], 2),
        "idle_percent_of_one": round(one[1], 2),
        "kilobytes_each": round((many[2] - one[2]) * 1024 / _COUNT, 2),
    }


def rows(figures: Figures) -> Iterator[Row]:
    """Yield the rows of the table of figures."""
    idle = figures["idle_percent"]
    name = "Schedules: CPU of an idle emulator with 100,000 of them"
    yield at_most(name, idle, 0.5, "%")
    text = f"{figures['start_cpu_s']} s, {figures['kilobytes_each']} KB each"
    yield Row("Schedules: what 100,000 add to the start, and their memory", text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long it idles")
    run("schedules", measure, parser)
