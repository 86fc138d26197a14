"""The pytest plugin: what the first fixture of a run costs, and each further test's.

pytest runs as a project's own does, in a process of its own, and notes how long its phases took.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

from emulator.client.server import Server
from tests.benchmarks.figures import Figures, Row, at_most, run

_TESTS = 200
_RUNS = 5
_CONFTEST = """
import json, pathlib
TOOK = {}

def pytest_runtest_logreport(report):
    TOOK[report.nodeid] = TOOK.get(report.nodeid, 0) + report.duration

def pytest_sessionfinish():
    pathlib.Path("took.json").write_text(json.dumps(list(TOOK.values())))
"""
_PROJECT = f"""
import pytest

@pytest.mark.parametrize("n", range({_TESTS}))
def test_alone(localfaas, n):
    assert localfaas.account
"""


def measure() -> Figures:
    """Return the best of several runs' first fixtures, and the median of all other tests.

    An emulator's bare start is measured in turns with them: what the fixture adds to it says more
    than seconds do, where a machine is busy.
    """
    firsts: list[float] = []
    starts: list[float] = []
    others: list[float] = []
    with TemporaryDirectory() as place:
        folder = Path(place)
        (folder / "test_it.py").write_text(_PROJECT)
        (folder / "conftest.py").write_text(_CONFTEST)
        for _ in range(_RUNS):
            starts.append(_bare_start())
            first, *rest = _once(folder)
            firsts.append(first)
            others += rest
    return {
        "first_fixture_s": round(min(firsts), 3),
        "start_ratio": round(min(firsts) / min(starts), 2),
        "test_ms": round(statistics.median(others) * 1000, 2),
    }


def _bare_start() -> float:
    """Return how long an emulator takes from its process's start to its being ready, in seconds."""
    begun = time.perf_counter()
    server = Server.start(["--port", "0"])
    took = time.perf_counter() - begun
    server.stop()
    return took


def _once(folder: Path) -> list[float]:
    """Return how long each test took, with its fixture's setup and teardown, in seconds."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    subprocess.run(
        command,
        cwd=folder,
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        timeout=120,
        check=True,
    )
    took: list[float] = json.loads((folder / "took.json").read_text())
    return took


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    yield at_most("pytest plugin: first fixture of a run", figures["first_fixture_s"], 0.4, "s")
    text = "the same, in starts of the emulator without pytest"
    yield at_most(text, figures["start_ratio"], 1.5, "times")
    yield at_most("pytest plugin: each further test", figures["test_ms"], 5, "ms")


if __name__ == "__main__":
    run("pytest", lambda options: measure())
