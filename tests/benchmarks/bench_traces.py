"""The benchmark of traces: what tracing every call costs a warm one.

As the benchmark of recording: tracing is turned off and on again and again in one emulator under
one load, and the median of the ratios of neighbouring slices counts.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import uvloop

from emulator.app import Emulator
from emulator.settings import Settings
from tests.benchmarks.bench_invoke import write_functions
from tests.benchmarks.bench_timeline import _CONNECTIONS, _LOAD, _PATH, Pair, _slice
from tests.benchmarks.figures import Figures, Row, at_most, run


async def _measure(folder: Path, *, seconds: float, rounds: int) -> list[Pair]:
    emulator = Emulator(Settings(functions=(folder,), port=0, watch=False))
    ready = asyncio.Event()
    running = asyncio.ensure_future(emulator.run(on_ready=ready.set))
    await ready.wait()
    words = (str(emulator.port), _PATH, str(_CONNECTIONS))
    load = await asyncio.create_subprocess_exec(sys.executable, "-c", _LOAD, *words)
    tracer = emulator.tracing.tracer
    try:
        await asyncio.sleep(2)
        pairs = []
        for _ in range(rounds):
            tracer.everything = False
            off = await _slice(emulator, seconds, 0.02)
            tracer.everything = True
            pairs.append(Pair(off, await _slice(emulator, seconds, 0.02)))
        return pairs
    finally:
        load.kill()
        await load.wait()
        emulator.stop()
        await running


def measure(options: argparse.Namespace) -> Figures:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "functions")
        Path(name).chmod(0o755)
        folder.mkdir()
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        pairs = uvloop.run(_measure(folder, seconds=0.15, rounds=options.rounds))
    return {
        "traced": {
            "less_throughput": _percent(p.off.per_second / p.on.per_second for p in pairs),
            "more_cpu": _percent(p.on.cpu_us / p.off.cpu_us for p in pairs),
            "cpu_us": round(statistics.median(p.off.cpu_us for p in pairs), 1),
            "tracing_us": round(statistics.median(p.on.cpu_us - p.off.cpu_us for p in pairs), 1),
        }
    }


def _percent(ratios: Iterator[float]) -> float:
    return round((statistics.median(ratios) - 1) * 100, 2)


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    mode = figures["traced"]
    yield at_most("tracing all: fewer warm calls a second", mode["less_throughput"], 5, "%")
    yield Row(
        "tracing all: CPU time of a warm call, and of it for tracing",
        f"{mode['cpu_us']} µs, {mode['tracing_us']} µs ({mode['more_cpu']} %)",
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=120)
    run("traces", measure, parser)
