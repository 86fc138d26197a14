"""All figures in one place: ``python -m tests.benchmarks.figures`` writes docs/figures.md.

Each benchmark keeps what it measured in ``bench-results/NAME.json`` and says in ``rows`` how that
reads and what is promised. This module gathers them into ``docs/figures.json`` and renders it. No
other document repeats a figure.
"""

from __future__ import annotations

import argparse
import importlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Figures = dict[str, Any]

#: With how many connections at once a load runs.
CONNECTIONS = (1, 8, 32)
RESULTS = Path("bench-results")
DOCS = Path(__file__).parents[2] / "docs"
#: The benchmarks, in the order of their rows; each a module ``bench_NAME``.
BENCHMARKS = (
    "invoke",
    "snapstart",
    "java",
    "docker",
    "kubernetes",
    "mappings",
    "events",
    "fanout",
    "api",
    "codec",
    "http",
    "gateways",
    "s3",
    "kinesis",
    "metrics",
    "tables",
    "schedules",
    "workflows",
    "stacks",
    "timeline",
    "traces",
    "dashboard",
    "what_if",
    "pytest",
)

_HEAD = """\
# Figures

*Written by `make bench`; not by hand. [speed.md](speed.md) says how they come about.*

Measured on {machine}, {day}. *Expected* is what localfaas promises on two cores.

| figure | value | expected | |
|---|---|---|---|
"""


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: What was measured, with its unit where the value has none.
        value: The value as it is shown.
        expected: What is promised, in words; empty where nothing is.
        met: Whether the promise was kept in this run.
    """

    name: str
    value: str
    expected: str = ""
    met: bool = True

    def __str__(self) -> str:
        verdict = ("met" if self.met else "**not met**") if self.expected else ""
        return f"| {self.name} | {self.value} | {self.expected} | {verdict} |"


def at_most(name: str, value: float, limit: float, unit: str) -> Row:
    """Return the row of a figure that is promised to be no more than ``limit``."""
    return Row(name, f"{value:,} {unit}", f"≤ {limit:,} {unit}", value <= limit)


def several(rates: Iterable[float]) -> str:
    """Return rates as one value."""
    return " / ".join(f"{rate:,.0f}" for rate in rates)


def per_second(load: Figures) -> list[float]:
    """Return the rates of a run at each of ``CONNECTIONS``."""
    return [load[f"per_second_{count}"] for count in CONNECTIONS]


def run(
    name: str,
    measure: Callable[[argparse.Namespace], Figures],
    parser: argparse.ArgumentParser | None = None,
) -> None:
    """Be the command of one benchmark: measure, keep the figures, print its rows.

    Args:
        name: The benchmark's name in ``BENCHMARKS``.
        measure: Gets the options; no figures mean that the machine lacks what is measured.
        parser: Knows the benchmark's own options.
    """
    parser = parser or argparse.ArgumentParser()
    parser.add_argument("--json", type=Path, default=RESULTS / f"{name}.json")
    options = parser.parse_args()
    figures = measure(options)
    if not figures:
        options.json.unlink(missing_ok=True)
        return
    options.json.parent.mkdir(exist_ok=True)
    options.json.write_text(json.dumps(figures, indent=2) + "\n")
    print(*_rows(name, figures), sep="\n")


def render(figures: Figures) -> str:
    """Return docs/figures.md for the figures of all benchmarks."""
    head = _HEAD.format(machine=figures["machine"], day=figures["day"])
    found = [row for name in BENCHMARKS if name in figures for row in _rows(name, figures[name])]
    return head + "".join(f"{row}\n" for row in found)


def _rows(name: str, figures: Figures) -> Iterator[Row]:
    # The benchmark that runs is the main module: another import of it costs nothing.
    found: Iterator[Row] = importlib.import_module(f"tests.benchmarks.bench_{name}").rows(figures)
    return found


def main() -> None:
    from tests.benchmarks.bench_invoke import machine

    figures: Figures = {"machine": machine(), "day": time.strftime("%Y-%m-%d")}
    for name in BENCHMARKS:
        kept = RESULTS / f"{name}.json"
        if kept.exists():
            figures[name] = json.loads(kept.read_text())
        else:
            print(f"{name} was not measured: its rows are left out.", file=sys.stderr)
    (DOCS / "figures.json").write_text(json.dumps(figures, indent=2) + "\n")
    (DOCS / "figures.md").write_text(render(figures))


if __name__ == "__main__":
    main()
