"""The discrete-event model: requests of a trace served by environments, under given settings.

Which environment serves, whom to reap, who has to go for another, how fast a function may scale:
these are the pool's own decisions (:mod:`emulator.pool.placement`), called here on simulated
environments. Events happen at arrivals and ends only; expired environments are found when the next
request looks for one.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from heapq import heapify, heappop, heappush
from random import Random
from typing import Literal

from emulator.pool.placement import Level, ScalingRate, choose_victim, expired
from emulator.simulation.outcome import Outcome, Tally
from emulator.simulation.policies import FixedKeepAlive, Policy
from emulator.simulation.trace import Trace

__all__ = ["Order", "Outcome", "Settings", "simulate"]

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
    #: Most requests at once in all; what is reserved and provisioned is set aside of it.
    account_concurrency: int = 1000
    #: Most environments at once; None: as many as are needed.
    max_environments: int | None = None
    scaling: ScalingRate = field(default_factory=ScalingRate)
    order: Order = "newest"
    #: Draws the seconds that a cold start adds before a function's code runs.
    cold_start_s: Callable[[str, Random], float] = lambda name, random: 0.0
    #: A request that is known to have waited for a start waits as long again.
    keep_starts: bool = True
    #: Draws by what the first call of an environment is slower, seconds.
    first_call_s: Callable[[str, Random], float] = lambda name, random: 0.0
    #: Draws the duration of a cold request instead of the trace's; None: as when warm.
    cold_duration_s: Callable[[str, Random], float] | None = None
    #: Seconds from the trace's beginning that are simulated and not counted.
    warm_up_s: float = 0.0


class _Environment:
    """One simulated environment."""

    __slots__ = ("generation", "idle_since", "provisioned")

    def __init__(self, generation: int = 0, *, provisioned: bool = False) -> None:
        self.idle_since = 0.0
        self.provisioned = provisioned
        #: It goes when its function has a newer one.
        self.generation = generation


class _Function:
    """One function's environments."""

    __slots__ = (
        "busy",
        "generation",
        "idle",
        "level",
        "limit",
        "line",
        "name",
        "policy",
        "prewarm_at",
        "provisioned",
        "quiet",
        "running",
        "tally",
    )

    def __init__(self, name: str, settings: Settings) -> None:
        self.name = name
        self.policy = settings.policy()
        provisioned = settings.provisioned.get(name, 0)
        #: Oldest first, as in the pool.
        self.idle: deque[_Environment] = deque()
        self.provisioned: deque[_Environment] = deque(
            _Environment(provisioned=True) for _ in range(provisioned)
        )
        reserved = settings.reserved.get(name)
        #: Most requests at once beside those in provisioned environments; None: the account's.
        self.limit = None if reserved is None else reserved - provisioned
        #: Environments in use, and requests that count towards the limit.
        self.busy = self.running = 0
        self.generation = 0
        #: Numbers of requests that wait for an environment, or for room for one.
        self.line: deque[int] = deque()
        self.level: Level | None = None
        #: When an environment is started ahead; None: not at all.
        self.prewarm_at: float | None = None
        #: Since when nothing runs; None while something does, or did not yet.
        self.quiet: float | None = None
        self.tally = Tally()


def simulate(trace: Trace, settings: Settings, seed: int = 0) -> Outcome:
    """Serve the requests of ``trace``; the same seed gives the same outcome.

    Args:
        trace: The requests.
        settings: What the pool keeps to.
        seed: Of all that is drawn.
    """
    return _Run(trace, settings, Random(seed)).run()


#: An end of a request, or a drop of environments: when, the request's number (drops have negative
#: ones), the function's index, and the environment or whether all are dropped.
_End = tuple[float, int, int, "_Environment | bool"]


class _Run:
    """One simulation under way."""

    def __init__(self, trace: Trace, settings: Settings, random: Random) -> None:
        self._trace, self._settings, self._random = trace, settings, random
        self._functions = [_Function(name, settings) for name in trace.functions]
        places = {name: at for at, name in enumerate(trace.functions)}
        self._ends: list[_End] = [
            (drop.at_s, -1 - at, places[drop.function], drop.every)
            for at, drop in enumerate(trace.drops)
        ]
        heapify(self._ends)
        set_aside = sum(
            len(each.provisioned) if each.limit is None else settings.reserved[each.name]
            for each in self._functions
        )
        #: Most requests at once that nothing is set aside for, and how many there are.
        self._unreserved = settings.account_concurrency - set_aside
        self._shared = 0
        self._most = math.inf if settings.max_environments is None else settings.max_environments
        #: Functions whose requests wait for room, first come, first served.
        self._starved: deque[int] = deque()
        for each in self._functions:
            each.idle.extend(_Environment() for _ in range(trace.there.get(each.name, 0)))
        self._count = sum(len(each.provisioned) + len(each.idle) for each in self._functions)
        self._outcome = Outcome(settings.name, peak=self._count)

    def run(self) -> Outcome:
        trace, ends = self._trace, self._ends
        for number, (now, target) in enumerate(zip(trace.arrivals, trace.targets, strict=True)):
            while ends and ends[0][0] <= now:
                self._happen(*heappop(ends))
            self._arrive(number, now, target)
        last = trace.arrivals[-1] if len(trace) else 0.0
        while ends:
            last = max(last, ends[0][0])
            self._happen(*heappop(ends))
        outcome = self._outcome
        outcome.seconds = max(0.0, last - self._settings.warm_up_s)
        for function in self._functions:
            keep = function.policy.keep_alive_s
            for environment in function.idle:
                since = environment.idle_since
                self._account_idle(since, min(last, since + keep))
            for environment in function.provisioned:
                self._account_idle(environment.idle_since, last)
        outcome.tallies = [function.tally for function in self._functions]
        return outcome

    # --- a request ----------------------------------------------------------------------------

    def _arrive(self, number: int, now: float, target: int) -> None:
        function = self._functions[target]
        if now >= self._settings.warm_up_s:
            self._outcome.requests += 1
        self._reap(function, now)
        if function.quiet is not None:
            function.policy.idle(now - function.quiet)
            function.quiet = None
        if function.provisioned:
            self._serve(number, now, target, self._taken(function.provisioned, now))
            return
        limit = function.limit
        if self._shared >= self._unreserved if limit is None else function.running >= limit:
            self._throttle(number)
            return
        self._shared += limit is None
        function.running += 1
        if function.idle:
            self._serve(number, now, target, self._taken(function.idle, now))
        elif self._count < self._most or self._make_room(now):
            self._count += 1
            if not self._start(number, now, target):
                self._gone(now)
        else:
            function.line.append(number)
            if target not in self._starved:
                self._starved.append(target)

    def _throttle(self, number: int) -> None:
        self._outcome.throttled += self._trace.arrivals[number] >= self._settings.warm_up_s

    def _taken(self, idle: deque[_Environment], now: float) -> _Environment:
        environment = idle.pop() if self._settings.order == "newest" else idle.popleft()
        self._account_idle(environment.idle_since, now)
        return environment

    def _make_room(self, now: float) -> bool:
        """Let the environment go that has been idle the longest; False: none is."""
        for function in self._functions:
            self._reap(function, now)
        if self._count < self._most:
            return True
        owners = {id(each.idle[0]): each for each in self._functions if each.idle}
        victim = choose_victim(each.idle[0] for each in owners.values())
        if victim is None:
            return False
        self._drop(owners[id(victim)], 1, now)
        return True

    def _start(self, number: int, now: float, target: int) -> bool:
        """Serve a request in a new environment, for which there is room; False: it may not grow."""
        function = self._functions[target]
        left = self._settings.scaling.take(function.level, now)
        if left is None:
            self._finish(function)
            self._throttle(number)
            return False
        function.level = left
        function.prewarm_at = None
        self._outcome.peak = max(self._outcome.peak, self._count)
        self._serve(number, now, target, _Environment(function.generation), cold=True)
        return True

    def _serve(
        self,
        number: int,
        now: float,
        target: int,
        environment: _Environment,
        *,
        cold: bool = False,
    ) -> None:
        trace, settings, function = self._trace, self._settings, self._functions[target]
        duration, init = trace.durations[number], 0.0
        if cold:
            name, random = function.name, self._random
            init = trace.starts[number] if settings.keep_starts else math.nan
            if math.isnan(init):
                init = settings.cold_start_s(name, random)
            if settings.cold_duration_s is not None:
                duration = settings.cold_duration_s(name, random)
            duration += settings.first_call_s(name, random)
        function.busy += 1
        took = init + duration
        heappush(self._ends, (now + took, number, target, environment))
        arrival = trace.arrivals[number]
        if arrival >= settings.warm_up_s:
            self._account(function.tally, cold, init, took, now - arrival, environment.provisioned)

    def _account(
        self,
        tally: Tally,
        cold: bool,
        init: float,
        took: float,
        waited: float,
        provisioned: bool,
    ) -> None:
        outcome = self._outcome
        outcome.cold += cold
        outcome.was_cold.append(cold)
        outcome.latencies.append(waited + took)
        outcome.waits.append(waited + init)
        outcome.busy_s += took
        outcome.init_s += init
        tally.cold += cold
        # Less than a nanosecond is an error of the addition.
        billed_s = math.ceil(took * 1000 - 1e-6) / 1000
        if provisioned:
            tally.provisioned += 1
            tally.provisioned_billed_s += billed_s
        else:
            tally.served += 1
            tally.billed_s += billed_s

    # --- what ends ----------------------------------------------------------------------------

    def _happen(self, now: float, number: int, target: int, subject: _Environment | bool) -> None:
        function = self._functions[target]
        if isinstance(subject, _Environment):
            self._end(now, number, function, subject)
        elif subject:
            function.generation += 1
            self._drop(function, len(function.idle), now)
        elif function.idle:
            self._drop(function, 1, now)

    def _end(self, now: float, number: int, function: _Function, environment: _Environment) -> None:
        function.busy -= 1
        environment.idle_since = now
        if environment.provisioned:
            function.provisioned.append(environment)
            return
        self._finish(function)
        if self._trace.last[number] or environment.generation != function.generation:
            self._gone(now)
        elif function.line:
            target = self._trace.targets[number]
            self._serve(function.line.popleft(), now, target, environment)
            return
        elif self._starved and self._is_scarce():
            self._gone(now)
        else:
            self._reap(function, now)
            function.idle.append(environment)
        if function.busy == 0:
            function.quiet = now
            if function.policy.prewarm_s > 0:
                self._drop(function, len(function.idle), now)
                function.prewarm_at = now + function.policy.prewarm_s

    def _finish(self, function: _Function) -> None:
        """A request does not count towards its limit any more."""
        self._shared -= function.limit is None
        function.running -= 1

    def _is_scarce(self) -> bool:
        """Say whether a request waits for room; environments of its own may have served it."""
        while self._starved and not self._functions[self._starved[0]].line:
            self._starved.popleft()
        return bool(self._starved)

    def _gone(self, now: float) -> None:
        """Give the place of an environment that has ended to the first in line."""
        while self._starved:
            target = self._starved.popleft()
            function = self._functions[target]
            if function.line:
                number = function.line.popleft()
                if function.line:
                    self._starved.append(target)
                if self._start(number, now, target):
                    return
        self._count -= 1

    def _reap(self, function: _Function, now: float) -> None:
        if function.prewarm_at is not None and now >= function.prewarm_at:
            ahead = _Environment(function.generation)
            ahead.idle_since = function.prewarm_at
            function.idle.append(ahead)
            self._count += 1
            self._outcome.peak = max(self._outcome.peak, self._count)
            function.prewarm_at = None
        keep = function.policy.keep_alive_s
        if function.idle and function.idle[0].idle_since + keep <= now:
            for _ in range(expired(function.idle, now, keep)):
                since = function.idle.popleft().idle_since
                self._account_idle(since, since + keep)
                self._count -= 1

    def _drop(self, function: _Function, count: int, now: float) -> None:
        for _ in range(count):
            self._account_idle(function.idle.popleft().idle_since, now)
        self._count -= count

    def _account_idle(self, since: float, until: float) -> None:
        since = max(since, self._settings.warm_up_s)
        if until > since:
            self._outcome.idle_s += until - since
