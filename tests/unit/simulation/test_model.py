"""The what-if model agrees with closed forms, with published simulations, and with itself."""

from __future__ import annotations

import math
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emulator.pool.placement import ScalingRate
from emulator.simulation.model import Outcome, Settings, simulate
from emulator.simulation.policies import FixedKeepAlive, Histogram
from emulator.simulation.trace import Trace, poisson

#: Mean seconds of a warm and of a cold request in the published runs of SimFaaS 0.2.2.
WARM_S, COLD_S = 1.991, 2.244
SEED = 7


def cold_duration(name: str, random: Random) -> float:
    return random.expovariate(1 / COLD_S)


def run(rate: float, keep_s: float, seconds: float, **settings: object) -> Outcome:
    trace = poisson(rate, seconds, WARM_S, SEED)
    kept = Settings(
        policy=lambda: FixedKeepAlive(keep_s),
        cold_duration_s=cold_duration,
        warm_up_s=seconds / 20,
        **settings,  # type: ignore[arg-type]
    )
    return simulate(trace, kept, SEED)


@pytest.mark.parametrize(
    ("rate", "keep_s", "seconds", "published", "busy", "idle"),
    [
        pytest.param(0.9, 600, 150_000, 0.0014, 1.79, 5.9, marks=pytest.mark.slow),
        (0.9, 60, 60_000, 0.0162, 1.79, 4.1),
        (0.1, 60, 500_000, 0.0756, 0.200, 1.49),
    ],
)
def test_it_agrees_with_published_simulations(
    rate: float, keep_s: float, seconds: float, published: float, busy: float, idle: float
) -> None:
    outcome = run(rate, keep_s, seconds)
    low, high = outcome.cold_interval()
    assert low * 0.95 <= published <= high * 1.05
    assert outcome.busy_s / outcome.seconds == pytest.approx(busy, rel=0.03)
    assert outcome.idle_s / outcome.seconds == pytest.approx(idle, rel=0.03)


@pytest.mark.parametrize(("rate", "keep_s"), [(0.001, 600), (0.0005, 900)])
def test_rare_requests_are_cold_by_the_closed_form(rate: float, keep_s: float) -> None:
    outcome = run(rate, keep_s, 40_000 / rate)
    assert outcome.cold_share == pytest.approx(math.exp(-rate * keep_s), abs=0.012)


@pytest.mark.parametrize(("period_s", "cold"), [(299.0, 1), (301.5, 40)])
def test_at_a_fixed_period_all_or_none_are_cold(period_s: float, cold: int) -> None:
    trace = Trace.of((i * period_s, "f", 1.0) for i in range(40))
    assert simulate(trace, Settings(policy=lambda: FixedKeepAlive(300.0))).cold == cold


def test_nothing_kept_is_always_cold_and_n_at_once_are_n_cold() -> None:
    trace = Trace.of([(0.0, "f", 1.0)] * 7 + [(10.0, "f", 1.0)] * 7)
    assert simulate(trace, Settings(policy=lambda: FixedKeepAlive(0.0))).cold == 14
    assert simulate(trace, Settings()).cold == 7


def test_the_order_of_reuse_is_the_pools_and_matters() -> None:
    newest = run(0.9, 60, 60_000)
    oldest = run(0.9, 60, 60_000, order="oldest")
    assert oldest.cold * 8 < newest.cold


requests = st.lists(
    st.tuples(
        st.floats(0, 1000, allow_nan=False),
        st.sampled_from("abc"),
        st.floats(0, 50, allow_nan=False),
    ),
    max_size=60,
)


@given(requests, st.integers(0, 4), st.integers(1, 6), st.booleans())
def test_every_request_is_served_or_throttled(
    asked: list[tuple[float, str, float]], provisioned: int, most: int, histogram: bool
) -> None:
    trace = Trace.of(asked)
    outcome = simulate(
        trace,
        Settings(
            policy=Histogram if histogram else lambda: FixedKeepAlive(100.0),
            provisioned={"a": provisioned},
            account_concurrency=most,
            scaling=ScalingRate(burst=2, per_second=0.1),
        ),
    )
    assert outcome.requests == len(trace)
    assert len(outcome.latencies) == len(outcome.was_cold) == outcome.served
    assert sum(outcome.was_cold) == outcome.cold
    assert outcome.busy_s == pytest.approx(sum(outcome.latencies))


@given(requests)
def test_keeping_longer_or_more_never_makes_more_cold(
    asked: list[tuple[float, str, float]],
) -> None:
    trace = Trace.of(asked)
    colds = [
        simulate(trace, Settings(policy=lambda k=keep: FixedKeepAlive(k))).cold  # type: ignore[misc]
        for keep in (0.0, 10.0, 100.0, 2000.0)
    ]
    assert colds == sorted(colds, reverse=True)
    ready = [
        simulate(trace, Settings(provisioned=dict.fromkeys("abc", n))).cold for n in (0, 1, 3, 60)
    ]
    assert ready == sorted(ready, reverse=True)
    assert ready[-1] == 0


def test_the_same_seed_gives_the_same_outcome() -> None:
    assert run(0.5, 30, 5000) == run(0.5, 30, 5000)


def test_the_account_and_the_scaling_rate_throttle() -> None:
    trace = Trace.of([(0.0, "f", 5.0)] * 10)
    assert simulate(trace, Settings(account_concurrency=4)).throttled == 6
    assert simulate(trace, Settings(reserved={"f": 3})).throttled == 7
    assert simulate(trace, Settings(scaling=ScalingRate(burst=2, per_second=1))).throttled == 8


def test_the_histogram_starts_ahead_of_a_regular_call() -> None:
    trace = Trace.of((i * 1800.0, "f", 1.0) for i in range(60))
    learnt = simulate(trace, Settings(policy=Histogram))
    fixed = simulate(trace, Settings(policy=lambda: FixedKeepAlive(4 * 3600.0)))
    assert learnt.cold == fixed.cold == 1
    assert learnt.idle_s < fixed.idle_s / 3


def test_an_interval_needs_samples() -> None:
    assert simulate(Trace.of([(0.0, "f", 1.0)]), Settings()).cold_interval() == (0.0, 1.0)
