"""What one control plane carries, and several: ``python -m tests.benchmarks.bench_scale``.

Measured: what functions and environments cost the emulator itself. Runtimes are coroutines of a
scripted driver, so that no process of a function is counted and thousands fit a machine; what they
take of the emulator's memory makes the figures upper bounds.

Modelled: a made-up day, served by planes that each have the functions whose names fall to them, or
that get calls by turns. docs/scale.md says what follows.
"""

from __future__ import annotations

import gc
import hashlib
import itertools
import os
import resource
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from emulator.pool.host import PoolSettings
from emulator.settings import Settings
from emulator.simulation import cost, profile
from emulator.simulation.synthetic import synthetic
from emulator.simulation.trace import Request, Trace
from emulator.simulation.what_if import Comparison, Scenario, compare
from emulator.testing import ScriptedDriver
from tests.api.conftest import Running, create
from tests.benchmarks import load
from tests.benchmarks.figures import Figures, Row, run

_FUNCTIONS = 1000
_PLANES = (1, 2, 4, 8)
_PATH = "/2015-03-31/functions/{}/invocations"
_CALLS = 3000
#: Says which of a number of planes serves a call of a function.
_Plane = Callable[[str, int], int]


def _memory_kb() -> float:
    gc.collect()
    fields = Path("/proc/self/statm").read_text().split()
    return int(fields[1]) * resource.getpagesize() / 1024


def _open_files() -> int:
    return len(os.listdir("/proc/self/fd"))


def _port(running: Running) -> int:
    return int(running.url.rpartition(":")[2])


def _cpu_per_call_us(running: Running) -> float:
    """Return the CPU time of a warm call, the load's own included. Microseconds."""
    request = load.http_post(_PATH.format("f0"), b"{}")
    load.run(_port(running), request, connections=8, count=50)
    began = time.process_time()
    result = load.run(_port(running), request, connections=8, count=_CALLS // 8)
    assert not result.errors
    return (time.process_time() - began) / len(result.latencies) * 1e6


class _Running(Running):
    settling_s = PoolSettings().settling_s


def measure_one() -> Figures:
    """Return what a function and an environment cost, and a call beside many of them."""
    running = _Running(
        Settings(port=0, transition_seconds=0, max_environments=2 * _FUNCTIONS, idle_timeout=1e6),
        driver=ScriptedDriver(),
    )
    try:
        client = running.client("lambda")
        create(client, "f0")
        few_us = _cpu_per_call_us(running)
        before = _memory_kb()
        for number in range(1, _FUNCTIONS + 1):
            create(client, f"f{number}")
        with_functions, files = _memory_kb(), _open_files()
        for number in range(1, _FUNCTIONS + 1):
            load.run(
                _port(running),
                load.http_post(_PATH.format(f"f{number}"), b"{}"),
                connections=1,
                count=1,
            )
        with_environments = _memory_kb()
        return {
            "function_kb": round((with_functions - before) / _FUNCTIONS, 1),
            "environment_kb": round((with_environments - with_functions) / _FUNCTIONS, 1),
            "environment_files": round((_open_files() - files) / _FUNCTIONS, 1),
            "call_cpu_ratio": round(_cpu_per_call_us(running) / few_us, 2),
        }
    finally:
        running.stop()


def plane_of(name: str, planes: int) -> int:
    """Return the plane of a function: the one with the highest hash (rendezvous hashing)."""
    return max(
        range(planes),
        key=lambda plane: hashlib.blake2b(f"{plane} {name}".encode(), digest_size=8).digest(),
    )


def _shares(trace: Trace, planes: int, plane: _Plane) -> Iterator[Trace]:
    requests: list[list[Request]] = [[] for _ in range(planes)]
    rows = zip(trace.arrivals, trace.targets, trace.durations, strict=True)
    for arrival_s, target, duration_s in rows:
        name = trace.functions[target]
        requests[plane(name, planes)].append(Request(arrival_s, name, duration_s))
    for each in requests:
        if each:
            share = Trace.of(each)
            share.facts = {name: trace.facts[name] for name in share.functions}
            yield share


def _next_of(turns: Iterator[int]) -> _Plane:
    return lambda name, planes: next(turns) % planes


def _served(trace: Trace) -> Comparison:
    wanted = [Scenario(name="plane")]
    (one,) = compare(trace, wanted, profile=profile.load("aws"), prices=cost.load())
    return one


def measure_planes(functions: int, hours: float) -> Figures:
    """Return, by the number of planes, how a made-up day is spread over them."""
    trace = synthetic(functions=functions, hours=hours)
    found: Figures = {"title": trace.title, "calls": len(trace)}
    for planes in _PLANES:
        by_name = [_served(each) for each in _shares(trace, planes, plane_of)]
        by_turns = [_served(each) for each in _shares(trace, planes, _next_of(itertools.count()))]
        found[str(planes)] = {
            "busiest_share_of_calls": round(max(each.requests for each in by_name) / len(trace), 3),
            "most_environments_of_one": max(each.environments for each in by_name),
            "cold_by_name": round(sum(each.cold for each in by_name) / len(trace), 4),
            "cold_by_turns": round(sum(each.cold for each in by_turns) / len(trace), 4),
        }
    return found


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    one = figures["one"]
    yield Row(
        "a function / an idle environment, in the emulator's memory",
        f"{one['function_kb']} / {one['environment_kb']} KB",
    )
    yield Row(
        f"CPU time of a warm call beside {_FUNCTIONS:,} more functions and environments",
        f"{one['call_cpu_ratio']} ×",
    )


def main() -> None:
    """Measure, model, and write both."""
    run("scale", lambda options: {"one": measure_one(), "planes": measure_planes(200, 24.0)})


if __name__ == "__main__":
    main()
