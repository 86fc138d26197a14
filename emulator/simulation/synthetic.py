"""A made-up trace in the manner of a public cloud's: for trying things out without a recording.

Its shapes follow what Shahrad et al. publish of Azure Functions ("Serverless in the Wild", USENIX
ATC 2020): few functions get most of the calls, many are called less than once a minute; some by
timers, some by people (with a day's rhythm), some in bursts; average durations are lognormal with
the parameters -0.38 and 2.36 of the logarithm of seconds. It is no record of anything.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from random import Random

from emulator.simulation.trace import FunctionFacts, Request, Trace

_DAY_S = 86_400.0
#: Of the lognormal distribution of functions' average durations, in seconds; longer is cut off.
_MU, _SIGMA, _LONGEST_S = -0.38, 2.36, 60.0
#: Periods of timers, seconds.
_PERIODS_S = (60.0, 300.0, 900.0, 3600.0)
#: Calls a day of functions that people call: between these, evenly by their logarithm.
_FEWEST, _MOST = 10.0, 10_000.0
_MEMORY_MB = (128, 256, 512, 1024, 1769)


def synthetic(*, functions: int = 50, hours: float = 24.0, seed: int = 1) -> Trace:
    """Return a made-up trace.

    Args:
        functions: How many functions are called.
        hours: How long.
        seed: The same seed gives the same trace.
    """
    facts: dict[str, FunctionFacts] = {}
    requests: list[Request] = []
    seconds = hours * 3600.0
    for number in range(functions):
        random = Random(f"{seed} {number}")
        kind = random.choices(("timer", "people", "bursts"), (0.35, 0.5, 0.15))[0]
        name = f"{kind}-{number:02}"
        facts[name] = FunctionFacts(
            memory_mb=random.choice(_MEMORY_MB),
            runtime=random.choice(("python3.13", "nodejs22.x")),
        )
        mean_s = min(_LONGEST_S, random.lognormvariate(_MU, _SIGMA))
        for at in _arrivals(kind, seconds, random):
            # A function's calls differ less than functions do.
            duration_s = mean_s * random.lognormvariate(-0.125, 0.5)
            requests.append(Request(at, name, max(0.001, duration_s)))
    trace = Trace.of(requests)
    trace.facts, trace.synthetic = facts, True
    trace.title = f"a synthetic trace: {functions} functions, {hours:g} h, seed {seed}"
    trace.source = "made up; its shapes follow Shahrad et al., USENIX ATC 2020"
    return trace


def _arrivals(kind: str, seconds: float, random: Random) -> Iterator[float]:
    if kind == "timer":
        period = random.choice(_PERIODS_S)
        now = random.uniform(0, period)
        while now < seconds:
            yield now
            now += period
        return
    rate = math.exp(random.uniform(math.log(_FEWEST), math.log(_MOST))) / _DAY_S
    if kind == "bursts":
        rate /= 20.0
    now = random.expovariate(rate)
    while now < seconds:
        if kind == "bursts":
            yield from (now + random.expovariate(2.0) for _ in range(random.randint(5, 40)))
        # More at noon than at midnight.
        elif random.random() < 0.55 - 0.45 * math.cos(2 * math.pi * now / _DAY_S):
            yield now
        now += random.expovariate(rate)
