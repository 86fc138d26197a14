"""Profiles draw what was published, costs are to the cent, errors have a place."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from pathlib import Path
from random import Random

import pytest

from emulator.model.errors import ConfigurationError
from emulator.simulation import cost, fit, profile, trace
from emulator.simulation.distribution import Distribution
from emulator.simulation.what_if import Scenario, compare

DRAWS = 10_000


@pytest.mark.parametrize("step", [19, pytest.param(1, marks=pytest.mark.slow)])
def test_draws_follow_the_published_quantiles(step: int) -> None:
    shipped = profile.load("aws")
    assert len(shipped.rows) == 155
    for number, (key, row) in enumerate(list(shipped.rows.items())[::step]):
        random = Random(number)
        drawn = sorted(shipped.init_ms(row, 0.0, random) for _ in range(DRAWS))
        for share, value in zip(row.init_ms.probabilities, row.init_ms.values, strict=True):
            # Kolmogorov and Smirnov's distance at what is published.
            below, at_most = bisect_left(drawn, value) / DRAWS, bisect_right(drawn, value) / DRAWS
            distance = max(below - share, share - at_most)
            assert distance <= 0.02, (key, share)


def test_the_figures_are_those_that_were_published() -> None:
    shipped = profile.load("aws")
    python = shipped.row("python3.12", "zip", "x86_64")
    assert python.init_ms.quantile(0.5) == pytest.approx(89, abs=1)
    assert python.init_ms.quantile(0.99) == pytest.approx(145, abs=1)
    java = shipped.row("java21", "zip", "x86_64")
    assert [shipped.first_call_ms(java, mb) for mb in (128, 512, 1769)] == pytest.approx(
        [98, 32, 7], abs=1
    )
    assert profile.load("aws-bad-day").day_factor > 1 > profile.load("aws-good-day").day_factor
    assert profile.names() == ["aws", "aws-bad-day", "aws-good-day"]


def test_a_runtime_without_figures_has_those_of_its_nearest_relative() -> None:
    shipped = profile.load("aws")
    assert shipped.row("python3.15", "zip", "x86_64") == shipped.row("python3.14", "zip", "x86_64")
    with pytest.raises(ConfigurationError, match="has no figures for cobol"):
        shipped.row("cobol", "zip", "x86_64")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("name = = 3", "line 1, column"),
        ('[init]\n\n[init.runtimes."python3.12"]\np50 = 9\np10 = 20', "line 3"),
        ("[init]\nday_factor = -1\n", "line 2, column 1: day_factor must be a number"),
        ("[idle]\nkeep_alive_s = [9, 3]\n", "line 2, column 1: keep_alive_s must be two rising"),
        ('[init]\ntable = "none.csv"\n', "line 2, column 1: table none.csv can't be read"),
        ("[restore]\nq50 = 3\n", "line 2, column 1: q50 is no quantile"),
        (
            '[init.runtimes."python3.12"]\np50 = 9\np99 = 20\n[restore]\np50 = "x"\n',
            "line 5, column 1: p50 must be a number of milliseconds, not 'x'",
        ),
        ("restore = 3", "line 1, column 1: restore must be a table with quantiles"),
        (
            'name = "own"\n[init]\n  q50 = 9\n',
            "line 3, column 3: q50 is not known here: give one of",
        ),
        ("[idel]\nkeep_alive_s = [1, 2]\n", "line 1, column 1: idel is not known here"),
        ("name = 3\n", "line 1, column 1: name must be a text, not 3"),
        ("code = 3", "line 1, column 1: code must be a table"),
    ],
)
def test_a_broken_profile_is_said_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    path = tmp_path / "own.toml"
    path.write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        profile.load(str(path))
    assert says in str(raised.value)


def test_a_profile_is_fitted_to_report_lines(tmp_path: Path) -> None:
    random = Random(3)
    wanted = Distribution.of_quantiles({0.01: 80, 0.5: 100, 0.99: 200})
    report = "REPORT RequestId: x\tDuration: 1 ms\tMax Memory Used: 30 MB\tInit Duration: {:.2f} ms"
    lines = [report.format(wanted.draw(random)) for _ in range(4000)]
    lines += ["REPORT RequestId: x\tDuration: 1.00 ms\tBilled Duration: 2 ms", "noise"]
    path = tmp_path / "own.toml"
    path.write_text(fit.fit(lines, name="mine", runtime="python3.12"))
    row = profile.load(str(path)).row("python3.12", "zip", "x86_64")
    assert row.init_ms.quantile(0.5) == pytest.approx(100, rel=0.05)
    assert row.init_ms.quantile(0.95) == pytest.approx(wanted.quantile(0.95), rel=0.05)
    with pytest.raises(ConfigurationError, match="3 cold starts were found"):
        fit.fit(lines[:3], name="mine", runtime="python3.12")


def test_costs_are_those_of_a_hand_calculated_invoice() -> None:
    prices = cost.load()
    # 3 million requests of 120 ms at 1,536 MB: 540,000 GB-s x 0.0000166667 + 3 x 0.20.
    month = 3_000_000 * prices.invocation(memory_mb=1536, billed_ms=120)
    assert month == pytest.approx(540_000 * 0.0000166667 + 0.60, abs=0.01)
    # A begun millisecond counts as a whole one.
    one = prices.invocation(memory_mb=1024, billed_ms=1.01)
    assert one == pytest.approx(0.0000002 + 0.002 * 0.0000166667, rel=1e-9)
    # 100 environments of 1,536 MB ready for four hours.
    ready = prices.provisioned(memory_mb=1536, environments=100, seconds=14_400)
    assert ready == pytest.approx(9.00, abs=0.01)
    assert prices.snapstart(
        memory_mb=1024, versions=1, cached_s=60, restores=10, runtime="python3.12"
    ) == pytest.approx(3 * 3600 * 0.0000015046 + 10 * 0.0001397998)
    assert prices.snapstart(
        memory_mb=1024, versions=1, cached_s=60, restores=10, runtime="java21"
    ) == pytest.approx(0)


def test_a_container_breaks_even_where_both_cost_the_same() -> None:
    prices = cost.load()
    rate = prices.break_even(memory_mb=1769, billed_ms=100)
    functions = rate * 3600 * prices.invocation(memory_mb=1769, billed_ms=100)
    assert functions == pytest.approx(prices.container(memory_mb=1769, seconds=3600))


def test_broken_prices_are_named(tmp_path: Path) -> None:
    path = tmp_path / "prices.toml"
    path.write_text("[lambda]\nrequest = -1\n")
    with pytest.raises(ConfigurationError, match=r"lambda.request must be a price, not -1"):
        cost.load(path)


def test_scenarios_side_by_side() -> None:
    requests = trace.poisson(0.05, 50_000, 0.2, seed=1)
    shipped, prices = profile.load("aws"), cost.load()
    rows = {
        row.name: row
        for row in compare(
            requests,
            [
                Scenario(name="now"),
                Scenario(name="none", policy="none"),
                Scenario(name="longer", keep_alive_s=3000),
                Scenario(name="ready", provisioned=2),
                Scenario(name="restored", policy="none", snapstart=True),
                Scenario(name="learnt", policy="histogram"),
            ],
            profile=shipped,
            prices=prices,
        )
    }
    assert rows["none"].cold_share == 1.0
    assert rows["longer"].cold <= rows["now"].cold < rows["none"].cold
    assert rows["none"].p50_ms > rows["now"].p50_ms
    assert rows["ready"].cold < rows["now"].cold
    assert rows["ready"].cost > rows["now"].cost
    assert rows["restored"].p50_ms > rows["none"].p50_ms
    assert all(row.requests == len(requests) for row in rows.values())
    assert all(row.cold_low <= row.cold_share <= row.cold_high for row in rows.values())
