"""One trace under several settings, side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any, Literal

from emulator.model.errors import ConfigurationError
from emulator.simulation.cost import Prices
from emulator.simulation.model import Outcome, Settings, simulate
from emulator.simulation.policies import FixedKeepAlive, Histogram, Policy
from emulator.simulation.profile import Profile, Row
from emulator.simulation.trace import Trace

#: The policies by name; "provisioned" is a fixed keep-alive beside provisioned environments.
PolicyName = Literal["fixed", "none", "provisioned", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Settings as a person gives them."""

    name: str
    policy: PolicyName = "fixed"
    #: Seconds an idle environment is kept.
    keep_alive_s: float = 300.0
    #: Environments of provisioned concurrency of each function.
    provisioned: int = 0
    #: Most requests at once of each function; None: only the account's bound.
    reserved: int | None = None
    account_concurrency: int = 1000
    memory_mb: int = 1769
    runtime: str = "python3.12"
    package: str = "zip"
    architecture: str = "x86_64"
    #: Whether environments are restored from a snapshot.
    snapstart: bool = False
    code_mb: float = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """The outcome of one scenario, in figures."""

    name: str
    requests: int
    cold: int
    cold_share: float
    #: The 95 % confidence interval of the cold share.
    cold_low: float
    cold_high: float
    throttled: int
    p50_ms: float
    p99_ms: float
    #: Most environments at once.
    environments: int
    #: US dollars, for the counted time.
    cost: float

    def as_json(self) -> dict[str, Any]:
        """Return the figures by name."""
        return asdict(self)


def compare(
    trace: Trace,
    scenarios: Sequence[Scenario],
    *,
    profile: Profile | None,
    prices: Prices,
    seed: int = 0,
    warm_up_s: float = 0.0,
) -> list[Comparison]:
    """Run ``trace`` through the model once for each scenario.

    Args:
        trace: The requests.
        scenarios: What is compared.
        profile: Says how long cold starts take; None: no time at all.
        prices: What things cost.
        seed: Of all that is drawn; the same seed gives the same outcome.
        warm_up_s: Seconds from the beginning that are not counted.

    Raises:
        ConfigurationError: A scenario asks for what the profile does not have.
    """
    return [_compare(trace, scenario, profile, prices, seed, warm_up_s) for scenario in scenarios]


def _compare(
    trace: Trace,
    scenario: Scenario,
    profile: Profile | None,
    prices: Prices,
    seed: int,
    warm_up_s: float,
) -> Comparison:
    settings = replace(settings_of(scenario, trace, profile), warm_up_s=warm_up_s)
    outcome = simulate(trace, settings, seed)
    low, high = outcome.cold_interval()
    return Comparison(
        name=scenario.name,
        requests=outcome.requests,
        cold=outcome.cold,
        cold_share=outcome.cold_share,
        cold_low=low,
        cold_high=high,
        throttled=outcome.throttled,
        p50_ms=outcome.latency(0.5) * 1000,
        p99_ms=outcome.latency(0.99) * 1000,
        environments=outcome.peak,
        cost=_cost(outcome, scenario, trace, prices),
    )


def settings_of(scenario: Scenario, trace: Trace, profile: Profile | None) -> Settings:
    """Return the model's settings for a scenario."""
    names = trace.functions
    cold, first = _cold_start(scenario, profile)
    return Settings(
        name=scenario.name,
        policy=lambda: _policy(scenario),
        provisioned=dict.fromkeys(names, scenario.provisioned),
        reserved={} if scenario.reserved is None else dict.fromkeys(names, scenario.reserved),
        account_concurrency=scenario.account_concurrency,
        cold_start_s=cold,
        first_call_s=first,
    )


def _policy(scenario: Scenario) -> Policy:
    if scenario.policy == "histogram":
        return Histogram()
    return FixedKeepAlive(0.0 if scenario.policy == "none" else scenario.keep_alive_s)


_Draw = Callable[[str, Random], float]


def _cold_start(scenario: Scenario, profile: Profile | None) -> tuple[_Draw, _Draw]:
    if profile is None:
        return (lambda name, random: 0.0), (lambda name, random: 0.0)
    row: Row = profile.row(scenario.runtime, scenario.package, scenario.architecture)
    first_s = profile.first_call_ms(row, scenario.memory_mb) / 1000
    if scenario.snapstart:
        restore = profile.restore_ms
        if restore is None:
            raise ConfigurationError(f"the profile {profile.name} has no figures for restores")
        return (lambda name, random: restore.draw(random) / 1000), (lambda name, random: first_s)
    return (
        lambda name, random: profile.init_ms(row, scenario.code_mb, random) / 1000,
        lambda name, random: first_s,
    )


def _cost(outcome: Outcome, scenario: Scenario, trace: Trace, prices: Prices) -> float:
    def used(count: int, billed_s: float, *, provisioned: bool) -> float:
        return prices.invocations(
            count,
            memory_mb=scenario.memory_mb,
            billed_s=billed_s,
            architecture=scenario.architecture,
            provisioned=provisioned,
        )

    on_demand = outcome.served - outcome.provisioned
    total = used(on_demand, outcome.billed_s, provisioned=False)
    total += used(outcome.provisioned, outcome.provisioned_billed_s, provisioned=True)
    total += prices.provisioned(
        memory_mb=scenario.memory_mb,
        environments=scenario.provisioned * len(trace.functions),
        seconds=outcome.seconds,
        architecture=scenario.architecture,
    )
    if scenario.snapstart:
        total += prices.snapstart(
            memory_mb=scenario.memory_mb,
            versions=len(trace.functions),
            cached_s=outcome.seconds,
            restores=outcome.cold,
            runtime=scenario.runtime,
        )
    return total
