"""The discrete-event model: requests of a trace served by environments, under given settings.

Which environment serves, whom to reap, how fast a function may scale: these are the pool's own
decisions (:mod:`emulator.pool.placement`), called here on simulated environments. Events happen
at arrivals and ends only; expired environments are found when the next request looks for one.
"""

from __future__ import annotations

import math
from array import array
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random
from typing import Literal

from emulator.pool.placement import Level, ScalingRate, expired
from emulator.simulation.policies import FixedKeepAlive, Policy
from emulator.simulation.trace import Trace

#: Which idle environment serves: the one used last (as the pool does), or the one used first.
Order = Literal["newest", "oldest"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What is changed in a what-if."""

    #: What the run is called.
    name: str = "fixed"
    #: Makes the policy of one function.
    policy: Callable[[], Policy] = field(default=lambda: FixedKeepAlive(300.0))
    #: Environments of provisioned concurrency, by function.
    provisioned: Mapping[str, int] = field(default_factory=dict)
    #: Most requests at once, by function.
    reserved: Mapping[str, int] = field(default_factory=dict)
    #: Most requests at once in all.
    account_concurrency: int = 1000
    scaling: ScalingRate = field(default_factory=ScalingRate)
    order: Order = "newest"
    #: Draws the seconds that a cold start adds before a function's code runs.
    cold_start_s: Callable[[str, Random], float] = lambda name, random: 0.0
    #: Draws by what the first call of an environment is slower, seconds.
    first_call_s: Callable[[str, Random], float] = lambda name, random: 0.0
    #: Draws the duration of a cold request instead of the trace's; None: as when warm.
    cold_duration_s: Callable[[str, Random], float] | None = None
    #: Seconds from the trace's beginning that are simulated and not counted.
    warm_up_s: float = 0.0


@dataclass(slots=True)
class Outcome:
    """What became of a trace's requests."""

    name: str
    requests: int = 0
    cold: int = 0
    throttled: int = 0
    #: Whether each counted, served request was cold (1) or warm (0), in order.
    was_cold: bytearray = field(default_factory=bytearray)
    #: Seconds from each counted, served request's arrival to its end.
    latencies: array[float] = field(default_factory=lambda: array("d"))
    #: Environment-seconds in use: INIT and requests.
    busy_s: float = 0.0
    #: Environment-seconds of INIT among those.
    init_s: float = 0.0
    #: Environment-seconds between requests.
    idle_s: float = 0.0
    #: Served requests in provisioned environments.
    provisioned: int = 0
    #: What is billed of the others and of those, seconds: each begun millisecond counts.
    billed_s: float = 0.0
    provisioned_billed_s: float = 0.0
    #: Most environments at once.
    peak: int = 0
    #: Simulated seconds that were counted.
    seconds: float = 0.0

    @property
    def served(self) -> int:
        """Return the counted requests that were not throttled."""
        return self.requests - self.throttled

    @property
    def cold_share(self) -> float:
        """Return the share of served requests that were cold."""
        return self.cold / self.served if self.served else 0.0

    def cold_interval(self, batches: int = 20) -> tuple[float, float]:
        """Return the 95 % confidence interval of the cold share, by batch means.

        Cold starts come in rows, so that single requests are no independent samples; the means of
        long batches nearly are.
        """
        size = len(self.was_cold) // batches
        if size == 0:
            return 0.0, 1.0
        means = [sum(self.was_cold[i * size : (i + 1) * size]) / size for i in range(batches)]
        middle = sum(means) / batches
        variance = sum((mean - middle) ** 2 for mean in means) / (batches - 1)
        reach = 2.093 * math.sqrt(variance / batches)  # Student's t, 19 degrees of freedom
        return max(0.0, middle - reach), min(1.0, middle + reach)

    def latency(self, share: float) -> float:
        """Return the latency that a share of the served requests does not exceed, seconds."""
        if not self.latencies:
            return 0.0
        ordered = sorted(self.latencies)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


class _Environment:
    """One simulated environment."""

    __slots__ = ("idle_since", "provisioned")

    def __init__(self, *, provisioned: bool = False) -> None:
        self.idle_since = 0.0
        self.provisioned = provisioned


class _Function:
    """One function's environments."""

    __slots__ = ("busy", "idle", "level", "name", "policy", "prewarm_at", "provisioned", "quiet")

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.policy = settings.policy()
        #: Oldest first, as in the pool.
        self.idle: deque[_Environment] = deque()
        self.provisioned: deque[_Environment] = deque(
            _Environment(provisioned=True) for _ in range(settings.provisioned.get(name, 0))
        )
        self.busy = 0
        self.level: Level | None = None
        #: When an environment is started ahead; None: not at all.
        self.prewarm_at: float | None = None
        #: Since when nothing runs; None while something does, or did not yet.
        self.quiet: float | None = None


def simulate(trace: Trace, settings: Settings, seed: int = 0) -> Outcome:
    """Serve the requests of ``trace``; the same seed gives the same outcome.

    Args:
        trace: The requests.
        settings: What the pool keeps to.
        seed: Of all that is drawn.
    """
    return _Run(trace, settings, Random(seed)).run()


class _Run:
    """One simulation under way."""

    def __init__(self, trace: Trace, settings: Settings, random: Random) -> None:
        self._trace, self._settings, self._random = trace, settings, random
        self._functions = [_Function(name, settings) for name in trace.functions]
        self._limits = [settings.reserved.get(name) for name in trace.functions]
        self._ends: list[tuple[float, int, int, _Environment]] = []
        self._busy = 0
        self._count = sum(len(each.provisioned) for each in self._functions)
        self._outcome = Outcome(settings.name, peak=self._count)

    def run(self) -> Outcome:
        trace, ends = self._trace, self._ends
        for number, (now, target, duration) in enumerate(
            zip(trace.arrivals, trace.targets, trace.durations, strict=True)
        ):
            while ends and ends[0][0] <= now:
                self._end(*heappop(ends))
            self._arrive(number, now, target, duration)
        last = trace.arrivals[-1] if len(trace) else 0.0
        while ends:
            last = max(last, ends[0][0])
            self._end(*heappop(ends))
        self._outcome.seconds = max(0.0, last - self._settings.warm_up_s)
        for function in self._functions:
            for environment in (*function.idle, *function.provisioned):
                self._account_idle(environment.idle_since, last)
        return self._outcome

    def _arrive(self, number: int, now: float, target: int, duration: float) -> None:
        function, outcome = self._functions[target], self._outcome
        counted = now >= self._settings.warm_up_s
        outcome.requests += counted
        limit = self._limits[target]
        full = self._busy >= self._settings.account_concurrency
        if full or (limit is not None and function.busy >= limit):
            outcome.throttled += counted
            return
        self._reap(function, now)
        if function.quiet is not None:
            function.policy.idle(now - function.quiet)
            function.quiet = None
        environment = self._take(function, now)
        started = environment is None
        init = 0.0
        if environment is None:
            left = self._settings.scaling.take(function.level, now)
            if left is None:
                outcome.throttled += counted
                return
            function.level = left
            environment, init = self._start(function)
            if self._settings.cold_duration_s is not None:
                duration = self._settings.cold_duration_s(function.name, self._random)
            duration += self._settings.first_call_s(function.name, self._random)
        function.busy += 1
        self._busy += 1
        end = now + init + duration
        heappush(self._ends, (end, number, target, environment))
        if counted:
            outcome.cold += started
            outcome.was_cold.append(started)
            took = init + duration
            outcome.latencies.append(took)
            outcome.busy_s += took
            # Less than a nanosecond is an error of the addition.
            billed_s = math.ceil(took * 1000 - 1e-6) / 1000
            if environment.provisioned:
                outcome.provisioned += 1
                outcome.provisioned_billed_s += billed_s
            else:
                outcome.billed_s += billed_s
            outcome.init_s += init

    def _start(self, function: _Function) -> tuple[_Environment, float]:
        self._count += 1
        self._outcome.peak = max(self._outcome.peak, self._count)
        function.prewarm_at = None
        return _Environment(), self._settings.cold_start_s(function.name, self._random)

    def _take(self, function: _Function, now: float) -> _Environment | None:
        idle = function.provisioned or function.idle
        if not idle:
            return None
        environment = idle.pop() if self._settings.order == "newest" else idle.popleft()
        self._account_idle(environment.idle_since, now)
        return environment

    def _end(self, now: float, number: int, target: int, environment: _Environment) -> None:
        function = self._functions[target]
        function.busy -= 1
        self._busy -= 1
        environment.idle_since = now
        if environment.provisioned:
            function.provisioned.append(environment)
        else:
            self._reap(function, now)
            function.idle.append(environment)
        if function.busy == 0:
            function.quiet = now
            if function.policy.prewarm_s > 0:
                self._drop(function, len(function.idle), now)
                function.prewarm_at = now + function.policy.prewarm_s

    def _reap(self, function: _Function, now: float) -> None:
        if function.prewarm_at is not None and now >= function.prewarm_at:
            ahead = _Environment()
            ahead.idle_since = function.prewarm_at
            function.idle.append(ahead)
            self._count += 1
            self._outcome.peak = max(self._outcome.peak, self._count)
            function.prewarm_at = None
        keep = function.policy.keep_alive_s
        if function.idle and now - function.idle[0].idle_since >= keep:
            gone = expired(function.idle, now, keep)
            for environment in list(function.idle)[:gone]:
                self._account_idle(environment.idle_since, environment.idle_since + keep)
            for _ in range(gone):
                function.idle.popleft()
            self._count -= gone

    def _drop(self, function: _Function, count: int, now: float) -> None:
        for _ in range(count):
            self._account_idle(function.idle.popleft().idle_since, now)
        self._count -= count

    def _account_idle(self, since: float, until: float) -> None:
        since = max(since, self._settings.warm_up_s)
        if until > since:
            self._outcome.idle_s += until - since
