"""The benchmark of containers, beside processes and a bare ``docker run`` in the same run.

Needs an engine with an image that has Python (``tests/docker_engine.sh`` makes one); says so and
ends well where there is none.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from emulator.driver.docker.find import find_engine
from tests.benchmarks.bench_invoke import (
    RUNTIME,
    burst,
    call,
    emulator,
    in_turns,
    rates,
    write_functions,
)
from tests.benchmarks.figures import Row, at_most, per_second, run, several
from tests.contract.docker_engine import IMAGE

_INVOKE = "/2015-03-31/functions/{}/invocations"
_ECHO = "def handler(event, context):\n    return event\n"
_FRESH = 12
_BURST = 20


def first(port: int, name: str) -> float:
    """Return the milliseconds of a function's first call."""
    began = time.perf_counter()
    status, body = call(port, "POST", _INVOKE.format(name), b"{}")
    assert status == 200, body
    return (time.perf_counter() - began) * 1000


def bare_run() -> float:
    """Return the milliseconds from ``docker run`` to the first line of a Python in it."""
    began = time.perf_counter()
    command = ["docker", "run", "--rm", IMAGE, "python3", "-c", "print(1, flush=True)"]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1\n"
        return (time.perf_counter() - began) * 1000


def settle(condition: Callable[[], bool]) -> None:
    """Wait for something that is done ahead of use."""
    until = time.monotonic() + 60
    while not condition() and time.monotonic() < until:
        time.sleep(0.1)


def waiting_stems() -> int:
    """Return how many containers of this image run."""
    command = ["docker", "ps", "-q", "--filter", f"label=localfaas.pool={IMAGE}"]
    return len(subprocess.run(command, capture_output=True, check=True).stdout.split())


def median(values: list[float]) -> float:
    return round(statistics.median(values), 1)


def _stems_wait(count: int) -> bool:
    return waiting_stems() >= count


def measure(seconds: float, rounds: int) -> dict[str, Any]:
    figures: dict[str, Any] = {"machine": f"{os.cpu_count()} cores"}
    docker = ("--driver", "docker", "--image", f"{RUNTIME}={IMAGE}")
    fresh = [f"fresh-{n}" for n in range(_FRESH)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        write_functions(folder, dict.fromkeys(["echo", "burst", *fresh], _ECHO))
        with emulator(folder) as processes, emulator(folder, *docker) as containers:
            port = containers[0]
            settle(lambda: waiting_stems() >= 3)
            times = []
            for count, each in enumerate(fresh, 1):
                times.append(first(port, each))
                settle(partial(_stems_wait, count + 3))
            figures["from_stem_ms"] = median(times)
            path = _INVOKE.format("echo")
            figures |= in_turns(
                rounds,
                {
                    "process_warm": lambda: rates(*processes[:2], path, b"{}", seconds),
                    "warm": lambda: rates(*containers[:2], path, b"{}", seconds),
                },
            )
        with emulator(folder, *docker, "--no-freeze") as (port, pid, _):
            figures["warm_no_freeze"] = rates(port, pid, _INVOKE.format("echo"), b"{}", seconds)
        with emulator(folder, *docker, "--stem-cells", str(_BURST)) as (port, _, _):
            settle(lambda: waiting_stems() >= _BURST)
            figures["burst_ms"] = round(burst(port, "burst", _BURST))
        with emulator(folder, *docker, "--no-stem-cells") as (port, _, _):
            pairs = [(first(port, each), bare_run()) for each in fresh]
            figures["without_stem_ms"] = median([own for own, _ in pairs])
            figures["docker_run_ms"] = median([bare for _, bare in pairs])
    return figures


def rows(figures: dict[str, Any]) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    warm, process = figures["warm"], figures["process_warm"]
    yield at_most("containers: first invoke, from a stem cell", figures["from_stem_ms"], 10, "ms")
    own, bare = figures["without_stem_ms"], figures["docker_run_ms"]
    yield Row(
        "containers: first invoke without stem cells (a bare `docker run`)",
        f"{own} ms ({bare} ms)",
        "≤ 1.2 × a bare `docker run`",
        own <= 1.2 * bare,
    )
    yield at_most(
        f"containers: {_BURST} cold starts at once, from stem cells", figures["burst_ms"], 300, "ms"
    )
    yield Row(
        "containers: warm p50 (processes in the same run)",
        f"{warm['p50_ms']:.3f} ms ({process['p50_ms']:.3f} ms)",
        "within 20 % of processes",
        warm["p50_ms"] <= 1.2 * process["p50_ms"],
    )
    yield Row(
        "containers: warm invokes a second at 1 / 8 / 32 (processes)",
        f"{several(per_second(warm))} ({several(per_second(process))})",
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.0, help="length of one load run")
    parser.add_argument("--rounds", type=int, default=5, help="how often warm calls are measured")

    def measured(options: argparse.Namespace) -> dict[str, Any]:
        found = find_engine(os.environ)
        if found.answers:
            return measure(options.seconds, options.rounds)
        print(f"Containers are not measured: {found.reason}.")
        return {}

    run("docker", measured, parser)


if __name__ == "__main__":
    main()
