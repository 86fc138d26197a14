"""Requests over time, as arrays: what the discrete-event model serves.

Files of traces are read by :mod:`emulator.simulation.reading`, recorded runs by
:mod:`emulator.simulation.recorded`.
"""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import NamedTuple

#: Stands for a time that is not known in an array of seconds.
UNKNOWN = math.nan


class Request(NamedTuple):
    """One request of a trace. Seconds."""

    arrival_s: float
    function: str
    #: Of its run in a warm environment.
    duration_s: float
    #: How long it waited for an environment's start; UNKNOWN: it did not, or nobody knows.
    start_s: float = UNKNOWN
    #: The environment ended with it: it crashed.
    is_last: bool = False


class Drop(NamedTuple):
    """Environments of a function ended for a reason that lies outside the pool."""

    at_s: float
    function: str
    #: All of them: the code changed, somebody evicted them, the emulator ended. Else one that was
    #: idle: it crashed.
    every: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class FunctionFacts:
    """What is known of a trace's function."""

    memory_mb: int = 1769
    runtime: str = "python3.13"
    #: "zip" or "image".
    package: str = "zip"
    architecture: str = "x86_64"
    #: Megabytes of its code, unpacked.
    code_mb: float = 0.0
    #: Environments of provisioned concurrency.
    provisioned: int = 0
    #: Most requests at once; None: only the account's bound.
    reserved: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolFacts:
    """What the pool kept to when the trace was recorded; AWS's figures where nobody knows."""

    idle_timeout_s: float = 300.0
    max_environments: int | None = None
    account_concurrency: int = 1000


@dataclass(slots=True)
class Trace:
    """Requests in the order of their arrival."""

    #: Names of functions; requests refer to them by index.
    functions: list[str] = field(default_factory=list)
    #: Seconds since the trace began, rising.
    arrivals: array[float] = field(default_factory=lambda: array("d"))
    #: The index of each request's function.
    targets: array[int] = field(default_factory=lambda: array("L"))
    #: Seconds each request takes in a warm environment.
    durations: array[float] = field(default_factory=lambda: array("d"))
    #: Seconds each request waited for a start, or UNKNOWN.
    starts: array[float] = field(default_factory=lambda: array("d"))
    #: 1 where an environment ended with the request.
    last: bytearray = field(default_factory=bytearray)
    drops: list[Drop] = field(default_factory=list)
    #: How many environments were there before the first request, by function.
    there: dict[str, int] = field(default_factory=dict)
    #: What is known of functions, by name.
    facts: dict[str, FunctionFacts] = field(default_factory=dict)
    pool: PoolFacts = field(default_factory=PoolFacts)
    #: What it is, in a few words.
    title: str = ""
    #: Where it comes from, with its licence.
    source: str = ""
    #: It was made up.
    synthetic: bool = False

    def __len__(self) -> int:
        return len(self.arrivals)

    @classmethod
    def of(
        cls,
        requests: Iterable[Request | tuple[float, str, float]],
        drops: Sequence[Drop] = (),
    ) -> Trace:
        """Return the trace of ``requests``, in any order."""
        trace = cls()
        numbers: dict[str, int] = {}
        named = (Request(*each) for each in requests)
        for each in sorted(named, key=lambda one: one.arrival_s):
            trace.arrivals.append(each.arrival_s)
            trace.targets.append(numbers.setdefault(each.function, len(numbers)))
            trace.durations.append(each.duration_s)
            trace.starts.append(each.start_s)
            trace.last.append(each.is_last)
        trace.functions = list(numbers)
        trace.drops = sorted(each for each in drops if each.function in numbers)
        return trace

    def facts_of(self, name: str) -> FunctionFacts:
        """Return what is known of a function."""
        return self.facts.get(name) or FunctionFacts()

    @property
    def seconds(self) -> float:
        """The time from the first request to the last."""
        return self.arrivals[-1] - self.arrivals[0] if len(self) else 0.0

    @property
    def observed_cold(self) -> int:
        """How many requests waited for a start."""
        return sum(not math.isnan(each) for each in self.starts)


def poisson(
    rate: float, seconds: float, mean_duration_s: float, seed: int, *, function: str = "f"
) -> Trace:
    """Return requests at random moments, with exponential durations.

    Args:
        rate: Requests a second.
        seconds: How long.
        mean_duration_s: Of a warm request.
        seed: Of all that is drawn; the same seed gives the same outcome.
        function: The function's name.
    """
    random = Random(seed)

    def requests() -> Iterator[tuple[float, str, float]]:
        now = random.expovariate(rate)
        while now < seconds:
            yield now, function, random.expovariate(1 / mean_duration_s)
            now += random.expovariate(rate)

    return Trace.of(requests())
