"""One trace under several settings, side by side."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from random import Random
from typing import Any, Literal

from emulator.model.errors import ConfigurationError
from emulator.simulation.cost import Prices
from emulator.simulation.model import Order, Settings, simulate
from emulator.simulation.outcome import Outcome
from emulator.simulation.policies import FixedKeepAlive, Histogram, Policy
from emulator.simulation.profile import Profile
from emulator.simulation.trace import FunctionFacts, Trace

#: The policies by name; "provisioned" is a fixed keep-alive beside provisioned environments.
PolicyName = Literal["fixed", "none", "provisioned", "histogram"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """Settings as a person gives them; None keeps the setting that the trace was recorded with."""

    name: str
    policy: PolicyName = "fixed"
    #: Seconds an idle environment is kept.
    keep_alive_s: float | None = None
    #: Environments of provisioned concurrency of each function.
    provisioned: int | None = None
    #: The most requests at once of each function.
    reserved: int | None = None
    account_concurrency: int | None = None
    #: The most environments at once, of all functions together.
    max_environments: int | None = None
    memory_mb: int | None = None
    runtime: str | None = None
    package: str | None = None
    architecture: str | None = None
    #: True if environments are restored from a snapshot.
    snapstart: bool = False
    code_mb: float | None = None
    order: Order = "newest"

    def facts(self, known: FunctionFacts) -> FunctionFacts:
        """Return the facts of a function in this scenario.

        Args:
            known: The facts that the trace has of it.
        """
        given = {
            name: getattr(self, name)
            for name in FunctionFacts.__slots__
            if getattr(self, name) is not None
        }
        if self.policy == "provisioned" and not given.get("provisioned", known.provisioned):
            given["provisioned"] = 1
        return replace(known, **given)


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
    #: The 99th percentile of the time that callers wait for a start.
    wait_p99_ms: float
    #: The most environments at once.
    environments: int
    #: The mean number of idle environments.
    idle_environments: float
    #: US dollars, for the time after the warm-up.
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
        scenarios: The scenarios to compare.
        profile: The cold-start profile; None takes the recorded durations of starts.
        prices: What things cost.
        seed: The seed of all draws; the same seed gives the same outcome.
        warm_up_s: Seconds at the beginning that do not count.

    Raises:
        ConfigurationError: A scenario needs figures that the profile does not have.
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
        wait_p99_ms=outcome.wait(0.99) * 1000,
        environments=outcome.peak,
        idle_environments=outcome.idle_s / outcome.seconds if outcome.seconds else 0.0,
        cost=_cost(outcome, scenario, trace, prices),
    )


def settings_of(scenario: Scenario, trace: Trace, profile: Profile | None) -> Settings:
    """Return the model's settings for a scenario.

    Raises:
        ConfigurationError: The scenario needs figures that the profile does not have.
    """
    facts = {name: scenario.facts(trace.facts_of(name)) for name in trace.functions}
    draws = _Draws(scenario, trace, profile, facts)
    pool = trace.pool
    return Settings(
        name=scenario.name,
        policy=lambda: _policy(scenario, pool.idle_timeout_s),
        provisioned={name: each.provisioned for name, each in facts.items() if each.provisioned},
        reserved={name: each.reserved for name, each in facts.items() if each.reserved is not None},
        account_concurrency=scenario.account_concurrency or pool.account_concurrency,
        max_environments=scenario.max_environments or pool.max_environments,
        order=scenario.order,
        keep_starts=profile is None,
        cold_start_s=draws.cold_start_s,
        first_call_s=draws.first_call_s,
    )


def _policy(scenario: Scenario, idle_timeout_s: float) -> Policy:
    if scenario.policy == "histogram":
        return Histogram()
    if scenario.policy == "none":
        return FixedKeepAlive(0.0)
    kept = scenario.keep_alive_s
    return FixedKeepAlive(idle_timeout_s if kept is None else kept)


_Draw = Callable[[Random], float]


def _nothing(random: Random) -> float:
    return 0.0


class _Draws:
    """How long the starts of each function take."""

    def __init__(
        self,
        scenario: Scenario,
        trace: Trace,
        profile: Profile | None,
        facts: dict[str, FunctionFacts],
    ) -> None:
        if profile is None:
            if scenario.snapstart:
                raise ConfigurationError(
                    "how long a restore takes is in no recorded trace: give a profile"
                )
            self._starts = _recorded(trace)
            self._first_s = dict.fromkeys(trace.functions, 0.0)
            return
        self._starts, self._first_s = {}, {}
        for name, each in facts.items():
            row = profile.row(each.runtime, each.package, each.architecture)
            self._first_s[name] = profile.first_call_ms(row, each.memory_mb) / 1000
            self._starts[name] = _profiled(profile, row, each, snapstart=scenario.snapstart)

    def cold_start_s(self, name: str, random: Random) -> float:
        """Draw how long a start takes before the function's code runs."""
        return self._starts[name](random)

    def first_call_s(self, name: str, random: Random) -> float:
        """Return by how many seconds the first call is slower."""
        return self._first_s[name]


def _profiled(profile: Profile, row: Any, facts: FunctionFacts, *, snapstart: bool) -> _Draw:
    if not snapstart:
        return lambda random: profile.init_ms(row, facts.code_mb, random) / 1000
    restore = profile.restore_ms
    if restore is None:
        raise ConfigurationError(f"the profile {profile.name} has no figures for restores")
    return lambda random: restore.draw(random) / 1000


def _recorded(trace: Trace) -> dict[str, _Draw]:
    """Return, for each function, what draws one of its recorded starts."""
    known: dict[int, list[float]] = {}
    for target, start in zip(trace.targets, trace.starts, strict=True):
        if not math.isnan(start):
            known.setdefault(target, []).append(start)

    def of(starts: list[float] | None) -> _Draw:
        return _nothing if starts is None else lambda random: random.choice(starts)

    return {name: of(known.get(at)) for at, name in enumerate(trace.functions)}


def _cost(outcome: Outcome, scenario: Scenario, trace: Trace, prices: Prices) -> float:
    total = 0.0
    for name, tally in zip(trace.functions, outcome.tallies, strict=True):
        facts = scenario.facts(trace.facts_of(name))
        for count, billed_s, provisioned in (
            (tally.served, tally.billed_s, False),
            (tally.provisioned, tally.provisioned_billed_s, True),
        ):
            total += prices.invocations(
                count,
                memory_mb=facts.memory_mb,
                billed_s=billed_s,
                architecture=facts.architecture,
                provisioned=provisioned,
            )
        total += prices.provisioned(
            memory_mb=facts.memory_mb,
            environments=facts.provisioned,
            seconds=outcome.seconds,
            architecture=facts.architecture,
        )
        if scenario.snapstart:
            total += prices.snapstart(
                memory_mb=facts.memory_mb,
                versions=1,
                cached_s=outcome.seconds,
                restores=tally.cold,
                runtime=facts.runtime,
            )
    return total
