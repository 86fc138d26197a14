"""What functions would cost on AWS: for their recorded use, and for a month at that rate.

Sources: https://aws.amazon.com/lambda/pricing/, https://aws.amazon.com/sqs/pricing/.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from emulator.model.errors import ConfigurationError
from emulator.simulation import recorded
from emulator.simulation.cost import Prices

#: AWS's month: 730 hours.
MONTH_S = 730 * 3600.0
#: Bytes: an asynchronous event is one request up to the first size, and one more for each
#: further piece.
_FIRST_EVENT, _EVENT_PIECE = 256 * 1024, 64 * 1024
#: Long polls that Lambda keeps at a queue without messages, and how long each of them lasts:
#: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html
_POLLERS, _POLL_S = 5, 20.0
_REPORT = re.compile(
    r"REPORT RequestId:.*?\bBilled Duration: (\d+) ms\s.*?\bMemory Size: (\d+) MB"
    r"(.*?\bInit Duration:|.*?\bRestore Duration:)?"
)


@dataclass(slots=True, kw_only=True)
class Usage:
    """What one function did."""

    function: str
    memory_mb: int
    architecture: str = "x86_64"
    runtime: str = ""
    storage_mb: int = 512
    calls: int = 0
    cold: int = 0
    billed_ms: float = 0.0
    #: Calls in environments of provisioned concurrency; ``calls`` does not count them.
    provisioned_calls: int = 0
    provisioned_billed_ms: float = 0.0
    #: Environments of provisioned concurrency.
    provisioned: int = 0
    #: The number of restores from snapshots, and of versions with a snapshot.
    restores: int = 0
    snapshots: int = 0
    #: Requests beyond one per call, for large asynchronous events.
    more_requests: int = 0
    #: The number of messages that it got from queues, of their batches, and of polled queues.
    messages: int = 0
    batches: int = 0
    queues: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Bill:
    """What one function costs, US dollars."""

    function: str
    calls: int
    cold: int
    memory_mb: int
    #: The mean billed duration of a call.
    billed_ms: float
    requests: float
    duration: float
    provisioned: float
    snapstart: float
    queues: float
    #: The cost of a month at the same rate; None if the recorded period is unknown.
    month: float | None
    #: The cost of a month of a container of the same size that always runs.
    container_month: float
    #: The share of the time (0 to 1) above which a busy environment costs more than such a
    #: container; above 1 the container never costs less.
    break_even: float

    @property
    def total(self) -> float:
        """The sum of all costs, US dollars."""
        return self.requests + self.duration + self.provisioned + self.snapstart + self.queues


def bill(usage: Usage, prices: Prices, seconds: float | None) -> Bill:
    """Return what a function costs.

    Args:
        usage: What the function did.
        prices: What things cost.
        seconds: The period in which it did so; None if it is unknown.
    """
    lived_s = seconds or 0.0
    request = prices.figures["lambda"]["request"]
    calls = usage.calls + usage.provisioned_calls
    billed_ms = usage.billed_ms + usage.provisioned_billed_ms
    requests = (calls + usage.more_requests) * request
    duration = sum(
        prices.invocations(
            0,
            memory_mb=usage.memory_mb,
            billed_s=ms / 1000,
            architecture=usage.architecture,
            provisioned=provisioned,
            storage_mb=usage.storage_mb,
        )
        for ms, provisioned in (
            (usage.billed_ms, False),
            (usage.provisioned_billed_ms, True),
        )
    )
    kept = _kept(usage, prices, lived_s)
    restores, messages = _moving(usage, prices)
    per_s = (requests + duration + restores + messages) / lived_s if lived_s else 0.0
    month_kept = sum(_kept(usage, prices, MONTH_S))
    mean_ms = billed_ms / calls if calls else 0.0
    one_call = prices.invocation(
        memory_mb=usage.memory_mb,
        billed_ms=max(1.0, mean_ms),
        architecture=usage.architecture,
    )
    busy_s = one_call / max(0.001, mean_ms / 1000)
    return Bill(
        function=usage.function,
        calls=calls,
        cold=usage.cold,
        memory_mb=usage.memory_mb,
        billed_ms=mean_ms,
        requests=requests,
        duration=duration,
        provisioned=kept[0],
        snapstart=kept[1] + restores,
        queues=kept[2] + messages,
        month=None if not lived_s else per_s * MONTH_S + month_kept,
        container_month=prices.container(memory_mb=usage.memory_mb, seconds=MONTH_S),
        break_even=prices.container(memory_mb=usage.memory_mb, seconds=1.0) / busy_s,
    )


def _kept(usage: Usage, prices: Prices, seconds: float) -> tuple[float, float, float]:
    """Return the costs of time: provisioned environments, snapshots, polls of empty queues."""
    provisioned = prices.provisioned(
        memory_mb=usage.memory_mb,
        environments=usage.provisioned,
        seconds=seconds,
        architecture=usage.architecture,
    )
    cache = 0.0
    if usage.snapshots:
        cache = prices.snapstart(
            memory_mb=usage.memory_mb,
            versions=usage.snapshots,
            cached_s=seconds,
            restores=0,
            runtime=usage.runtime,
        )
    polls = math.ceil(usage.queues * _POLLERS * seconds / _POLL_S)
    return provisioned, cache, prices.queue(polls)


def _moving(usage: Usage, prices: Prices) -> tuple[float, float]:
    """Return the costs of restores, and of messages (each is sent, received and deleted)."""
    restores = prices.snapstart(
        memory_mb=usage.memory_mb,
        versions=0,
        cached_s=0.0,
        restores=usage.restores,
        runtime=usage.runtime,
    )
    return restores, prices.queue(usage.messages + 2 * usage.batches)


# --- what was done -------------------------------------------------------------------------------


@dataclass(slots=True)
class _Usages:
    """Usages by function and size."""

    found: dict[tuple[str, int], Usage] = field(default_factory=dict)

    def of(self, function: str, memory_mb: int) -> Usage:
        key = (function, memory_mb)
        if key not in self.found:
            self.found[key] = Usage(function=function, memory_mb=memory_mb)
        return self.found[key]


def of_document(
    document: Mapping[str, Any], *, since: float = 0.0, asynchronous: bool = False
) -> list[Usage]:
    """Return what the functions of a timeline's document did.

    Args:
        document: See docs/timeline.md; ``"pool"`` is the answer of ``/_emulator/pool``.
        since: Calls that ended before this time do not count, seconds since the epoch.
        asynchronous: True if all calls are of asynchronous events.
    """
    usages = _Usages()
    versions = (document.get("pool") or {}).get("functions") or {}
    for each in recorded.calls(document):
        if each["started"] is None or each["ended"] < since or each["billed_ms"] is None:
            continue
        usage = usages.of(each["function"], each["memory_mb"])
        known = versions.get(f"{each['function_arn']}:{each['version']}") or {}
        usage.architecture = known.get("architecture", usage.architecture)
        usage.runtime = known.get("runtime", usage.runtime)
        usage.storage_mb = known.get("storage_mb", usage.storage_mb)
        usage.cold += bool(each["cold"])
        usage.restores += each["restore_ms"] is not None
        if asynchronous:
            usage.more_requests += more_requests(each["event_bytes"])
        if each["initialization_type"] == "provisioned-concurrency":
            usage.provisioned_calls += 1
            usage.provisioned_billed_ms += each["billed_ms"]
        else:
            usage.calls += 1
            usage.billed_ms += each["billed_ms"]
    for arn, known in versions.items():
        name = arn.split(":")[6]
        found = usages.found.get((name, known["memory_mb"]))
        if found is not None or known["provisioned"]:
            usage = usages.of(name, known["memory_mb"])
            usage.provisioned += known["provisioned"]
            usage.snapshots += bool(known.get("snapshot"))
    return list(usages.found.values())


def more_requests(event_bytes: int) -> int:
    """Return the requests beyond the first that an asynchronous event of this size costs."""
    return math.ceil(max(0, event_bytes - _FIRST_EVENT) / _EVENT_PIECE)


def of_lines(lines: Iterable[str], function: str) -> list[Usage]:
    """Return what a function did, read from the REPORT lines of its log (text or JSON).

    Raises:
        ConfigurationError: None of the lines is a REPORT.
    """
    usages = _Usages()
    for line in lines:
        told = _told(line)
        if told is not None:
            billed_ms, memory_mb, cold = told
            usage = usages.of(function, memory_mb)
            usage.calls += 1
            usage.billed_ms += billed_ms
            usage.cold += cold
    if not usages.found:
        raise ConfigurationError("none of the lines is a REPORT of a call")
    return list(usages.found.values())


def _told(line: str) -> tuple[float, int, bool] | None:
    """Return a line's billed milliseconds, its memory in MB, and whether it was cold."""
    match = _REPORT.search(line)
    if match is not None:
        return float(match[1]), int(match[2]), match[3] is not None
    start = line.find("{")
    if start < 0 or '"platform.report"' not in line:
        return None
    try:
        metrics = orjson.loads(line[start:])["record"]["metrics"]
        cold = "initDurationMs" in metrics or "restoreDurationMs" in metrics
        return float(metrics["billedDurationMs"]), int(metrics["memorySizeMB"]), cold
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError):
        return None


def total(bills: Sequence[Bill]) -> tuple[float, float | None]:
    """Return the sum of all bills, and of their months; None if one of those is unknown."""
    months = [each.month for each in bills]
    month = None if None in months else sum(each for each in months if each is not None)
    return sum(each.total for each in bills), month
