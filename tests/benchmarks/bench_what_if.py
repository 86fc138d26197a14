"""How many requests the what-if model serves: ``python -m tests.benchmarks.bench_what_if``.

CPU time, the best of several rounds: on a shared machine the others measure the neighbours.
"""

from __future__ import annotations

import time
from collections.abc import Iterator

from emulator.simulation import cost, profile
from emulator.simulation.synthetic import synthetic
from emulator.simulation.trace import Trace, poisson
from emulator.simulation.what_if import Scenario, compare
from tests.benchmarks.figures import Figures, Row, run

_ROUNDS = 5


def per_second(trace: Trace) -> float:
    """Return the requests of a trace that the model serves in a second of CPU time."""
    shipped, prices = profile.load("aws"), cost.load()
    best = 0.0
    for _ in range(_ROUNDS):
        began = time.process_time()
        [row] = compare(trace, [Scenario(name="now")], profile=shipped, prices=prices)
        assert row.requests == len(trace)
        best = max(best, len(trace) / (time.process_time() - began))
    return best


def measure() -> Figures:
    """Return requests a second of one busy function, and of a day of fifty."""
    return {
        "one_function_per_second": round(per_second(poisson(0.9, 100_000, 1.991, 1))),
        "day_per_second": round(per_second(synthetic())),
    }


def rows(figures: Figures) -> Iterator[Row]:
    """Yield what ``measure`` returned as rows of the table of figures."""
    one, day = figures["one_function_per_second"], figures["day_per_second"]
    yield Row(
        "what-if, requests a second of CPU time: one function / a synthetic day of fifty",
        f"{one:,} / {day:,}",
        "≥ 100,000",
        min(one, day) >= 100_000,
    )


def main() -> None:
    run("what_if", lambda options: measure())


if __name__ == "__main__":
    main()
