"""The benchmark of recording: what the timeline costs a warm call.

The same load goes in turns to an emulator that records nothing, one that records, and one that
keeps what it records on the disk. A shared machine's pace changes from one second to the next, so
neighbouring runs are compared, and the median of their ratios counts. The CPU time that the
emulator takes for a call says the same with less noise.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import load
from tests.benchmarks.bench_invoke import cpu_seconds, emulator, write_functions
from tests.benchmarks.figures import Figures, Row, at_most, run

_PATH = "/2015-03-31/functions/echo/invocations"
_CONNECTIONS = 8


def _once(port: int, pid: int, seconds: float) -> tuple[float, float]:
    """Return calls a second, and the µs of CPU the emulator took for each."""
    request = load.http_post(_PATH, b'{"name": "you"}')
    before, _ = cpu_seconds(pid)
    result = load.run(port, request, connections=_CONNECTIONS, seconds=seconds)
    after, _ = cpu_seconds(pid)
    if result.errors:
        raise SystemExit(f"{result.errors} errors under load")
    return result.per_second, (after - before) / len(result.latencies) * 1e6


def measure(options: argparse.Namespace) -> Figures:
    with ExitStack() as stack:
        folder, state = (Path(stack.enter_context(tempfile.TemporaryDirectory())) for _ in range(2))
        folder.chmod(0o755)
        write_functions(folder, {"echo": "def handler(event, context):\n    return event\n"})
        # One at a time is loaded; the others are idle meanwhile.
        targets = {
            name: stack.enter_context(emulator(folder, *wanted))[:2]
            for name, wanted in {
                "off": ("--timeline-mb", "0"),
                "recorded": (),
                "off, state": ("--timeline-mb", "0", "--state", str(state / "off")),
                "kept": ("--state", str(state / "kept")),
            }.items()
        }
        for port, pid in targets.values():
            _once(port, pid, options.seconds)
        taken: dict[str, list[tuple[float, float]]] = {name: [] for name in targets}
        for _ in range(options.rounds):
            for name, (port, pid) in targets.items():
                taken[name].append(_once(port, pid, options.seconds))
    figures: Figures = {
        f"{name}, {what}": round(statistics.median(each[at] for each in runs), 1)
        for name, runs in taken.items()
        for at, what in enumerate(("per second", "µs"))
    }
    for name, base in (("recorded", "off"), ("kept", "off, state")):
        pairs = list(zip(taken[base], taken[name], strict=True))
        figures[f"{name}: less throughput"] = _percent(without[0] / on[0] for without, on in pairs)
        figures[f"{name}: more CPU"] = _percent(on[1] / without[1] for without, on in pairs)
    return figures


def _percent(ratios: Iterator[float]) -> float:
    return round((statistics.median(ratios) - 1) * 100, 2)


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    for name, words in (("recorded", "recording"), ("kept", "recording with --state")):
        yield at_most(
            f"{words}: less throughput of warm calls", figures[f"{name}: less throughput"], 3, "%"
        )
        yield Row(f"{words}: more CPU time of a warm call", f"{figures[f'{name}: more CPU']} %")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="of each run")
    parser.add_argument("--rounds", type=int, default=15)
    run("timeline", measure, parser)
