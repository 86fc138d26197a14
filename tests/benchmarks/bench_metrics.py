"""The benchmark of metrics: what measuring costs a warm call, and how much data is taken.

As in the benchmark of the timeline, measuring is turned off and on again under one load, and
neighbouring slices are compared. Off is: nobody hears of invocations, nor looks at log lines.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from emulator.app import Emulator
from emulator.settings import Settings
from emulator.telemetry.metrics.invocations import InvocationMetrics
from tests.benchmarks import load
from tests.benchmarks.bench_invoke import emulator as emulator_process
from tests.benchmarks.bench_invoke import write_functions
from tests.benchmarks.bench_timeline import _CONNECTIONS, _LOAD, _PATH, Pair, _percent, _slice
from tests.benchmarks.figures import Figures, Row, at_most, run

_TOGETHER = 20
_AUTHORIZATION = (
    "AWS4-HMAC-SHA256 Credential=000000000000/20260101/us-east-1/monitoring/aws4_request,"
    " SignedHeaders=host, Signature=0"
)


async def _measured(folder: Path, rounds: int) -> list[Pair]:
    """Measure pairs of slices, without and with measuring."""
    emulator = Emulator(Settings(functions=(folder,), port=0, watch=False))
    ready = asyncio.Event()
    running = asyncio.ensure_future(emulator.run(on_ready=ready.set))
    await ready.wait()
    words = (str(emulator.port), _PATH, str(_CONNECTIONS))
    loading = await asyncio.create_subprocess_exec(sys.executable, "-c", _LOAD, *words)
    lifecycle, logs = emulator.lifecycle, emulator.logs
    on = (lifecycle.listeners, list(logs._object_listeners))
    quiet = tuple(each for each in on[0] if not isinstance(each, InvocationMetrics))
    assert len(quiet) == len(on[0]) - 1
    pairs = []
    try:
        await asyncio.sleep(2)
        for _ in range(rounds):
            lifecycle.listeners, logs._object_listeners[:] = quiet, []
            off = await _slice(emulator, 0.15, 0.02)
            lifecycle.listeners, logs._object_listeners[:] = on
            pairs.append(Pair(off, await _slice(emulator, 0.15, 0.02)))
    finally:
        loading.kill()
        await loading.wait()
        emulator.stop()
        await running
    return pairs


def _data_per_second(folder: Path, state: Path, seconds: float) -> float:
    """Return how many data a second are taken, each on the disk before it is answered."""
    data = [
        {"MetricName": f"m{number}", "Value": number, "Dimensions": [{"Name": "a", "Value": "b"}]}
        for number in range(_TOGETHER)
    ]
    body = json.dumps({"Namespace": "Bench", "MetricData": data}).encode()
    headers = {
        "Content-Type": "application/x-amz-json-1.0",
        "X-Amz-Target": "GraniteServiceVersion20100801.PutMetricData",
        "Authorization": _AUTHORIZATION,
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with emulator_process(folder, "--state", str(state)) as (port, _, _):
        request = load.http_post("/", body, lines)
        found = load.run(port, request, connections=_CONNECTIONS, seconds=seconds)
    assert not found.errors
    return found.per_second * _TOGETHER


def measure(options: argparse.Namespace) -> Figures:
    """Return what measuring costs, and the rate."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "functions")
        Path(name).chmod(0o755)
        folder.mkdir()
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        pairs = uvloop.run(_measured(folder, options.rounds))
        return {
            "less_throughput": _percent(p.off.per_second / p.on.per_second for p in pairs),
            "more_cpu": _percent(p.on.cpu_us / p.off.cpu_us for p in pairs),
            "cpu_us": round(statistics.median(p.off.cpu_us for p in pairs), 1),
            "measuring_us": round(statistics.median(p.on.cpu_us - p.off.cpu_us for p in pairs), 1),
            "data_per_second": round(_data_per_second(folder, Path(name, "state"), 3)),
        }


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    yield at_most("measuring: more CPU time of a warm call", figures["more_cpu"], 1, "%")
    yield Row(
        "measuring: fewer warm calls a second, CPU time of one, and of it for measuring",
        f"{figures['less_throughput']} %, {figures['cpu_us']} µs, {figures['measuring_us']} µs",
    )
    yield Row(
        f"PutMetricData, {_TOGETHER} at once, durable: data a second",
        f"{figures['data_per_second']:,}",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    run("metrics", measure, parser)
