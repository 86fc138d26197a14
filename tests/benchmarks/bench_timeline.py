"""The benchmark of recording: what the timeline costs a warm call.

One emulator serves one load, and its recording is turned off and on again and again: a shared
machine's pace changes from one second to the next, and two processes are never alike. Neighbouring
slices are compared, and the median of their ratios counts, of the calls a second and of the CPU
time that the emulator takes for a call, which says the same with less noise.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import uvloop

from emulator.app import Emulator
from emulator.settings import Settings
from tests.benchmarks.bench_invoke import write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_PATH = "/2015-03-31/functions/echo/invocations"
_CONNECTIONS = 8
#: Seconds after which nothing is written any more of what was recorded before.
_GRACE_S = 1.3
#: Calls of a slice at least.
_FEWEST = 50
_LOAD = """
import sys
from tests.benchmarks import load
request = load.http_post(sys.argv[2], b'{"name": "you"}')
load.run(int(sys.argv[1]), request, connections=int(sys.argv[3]), seconds=3600)
"""


class Slice(NamedTuple):
    """What one slice measured."""

    per_second: float
    cpu_us: float


class Pair(NamedTuple):
    """Two neighbouring slices."""

    off: Slice
    on: Slice


async def _slices(emulator: Emulator, *, seconds: float, rounds: int, grace_s: float) -> list[Pair]:
    """Measure pairs of slices, without and with recording."""
    timeline = emulator.timeline
    assert timeline is not None
    pairs = []
    for _ in range(rounds):
        timeline.stop()
        off = await _slice(emulator, seconds, grace_s)
        timeline.listen()
        on = await _slice(emulator, seconds, grace_s)
        pairs.append(Pair(off, on))
    return pairs


async def _slice(emulator: Emulator, seconds: float, grace_s: float) -> Slice:
    def calls() -> int:
        return sum(each.invokes for each in emulator.pools.environments.values())

    await asyncio.sleep(grace_s)
    before, cpu, began = calls(), time.process_time(), time.perf_counter()
    count = 0
    while count < _FEWEST:  # once, unless the machine was busy elsewhere
        await asyncio.sleep(seconds)
        count = calls() - before
    return Slice(count / (time.perf_counter() - began), (time.process_time() - cpu) / count * 1e6)


async def _measure(
    folder: Path, state: Path | None, *, seconds: float, rounds: int, grace_s: float
) -> list[Pair]:
    settings = Settings(functions=(folder,), port=0, state=state, watch=False)
    emulator = Emulator(settings)
    ready = asyncio.Event()
    running = asyncio.ensure_future(emulator.run(on_ready=ready.set))
    await ready.wait()
    words = (str(emulator.port), _PATH, str(_CONNECTIONS))
    load = await asyncio.create_subprocess_exec(sys.executable, "-c", _LOAD, *words)
    try:
        await asyncio.sleep(2)
        return await _slices(emulator, seconds=seconds, rounds=rounds, grace_s=grace_s)
    finally:
        load.kill()
        await load.wait()
        emulator.stop()
        await running


def measure(options: argparse.Namespace) -> Figures:
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "functions")
        Path(name).chmod(0o755)
        folder.mkdir()
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        recorded = _measure(folder, None, seconds=0.15, rounds=options.rounds, grace_s=0.02)
        kept = _measure(
            folder, Path(name, "state"), seconds=2.0, rounds=options.rounds // 12, grace_s=_GRACE_S
        )
        for mode, pairs in (("recorded", uvloop.run(recorded)), ("kept", uvloop.run(kept))):
            figures[mode] = {
                "less_throughput": _percent(p.off.per_second / p.on.per_second for p in pairs),
                "more_cpu": _percent(p.on.cpu_us / p.off.cpu_us for p in pairs),
                "cpu_us": round(statistics.median(p.off.cpu_us for p in pairs), 1),
                "recording_us": round(
                    statistics.median(p.on.cpu_us - p.off.cpu_us for p in pairs), 1
                ),
            }
    return figures


def _percent(ratios: Iterator[float]) -> float:
    return round((statistics.median(ratios) - 1) * 100, 1)


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    for name, words in (("recorded", "recording"), ("kept", "recording with --state")):
        mode = figures[name]
        yield at_most(f"{words}: fewer warm calls a second", mode["less_throughput"], 3, "%")
        yield Row(
            f"{words}: CPU time of a warm call, and of it for recording",
            f"{mode['cpu_us']} µs, {mode['recording_us']} µs ({mode['more_cpu']} %)",
        )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    run("timeline", measure, parser)
