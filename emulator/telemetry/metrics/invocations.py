"""What functions do, as metrics: heard from the life cycle, and worked out a while later.

An invocation's end is appended to a list, as every warm call passes here; some hundred of them are
made into metrics at once.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import itemgetter

from emulator.model.function import LATEST, FunctionVersion
from emulator.model.lifecycle_events import (
    EnvironmentInitialised,
    EnvironmentRequested,
    EnvironmentStopped,
    EnvironmentStopping,
    Event,
    InvocationEnded,
    InvocationRefused,
)
from emulator.telemetry.metrics.aggregate import Aggregate
from emulator.telemetry.metrics.own import Dimensions, OwnMetrics

_NAMESPACE = "AWS/Lambda"
_PROVISIONED = "provisioned-concurrency"
#: Ends that are worked out at once.
_BATCH = 256
#: Durations of a batch that are kept as they are; more are taken together by one percent.
_EXACT, _STEP = 64, 0.01

#: An invocation's version, its start (seconds since the epoch), milliseconds, status, environment.
_End = tuple[FunctionVersion, float, float, str, str]
_PICK: Callable[[InvocationEnded], _End] = itemgetter(
    *map(
        InvocationEnded._fields.index,
        ("version", "started", "duration_ms", "status", "environment_id"),
    )
)


class InvocationMetrics:
    """The listener.

    Args:
        own: Where metrics go.
        is_reserved: Says whether a function has concurrency of its own.
    """

    def __init__(self, own: OwnMetrics, is_reserved: Callable[[FunctionVersion], bool]) -> None:
        self._own, self._is_reserved = own, is_reserved
        self._ended: list[_End] = []
        #: Environments of provisioned concurrency that are there, each with its version's ARN.
        self._provisioned: dict[str, str] = {}
        own.sources.append(self.work_out)

    def __call__(self, event: Event) -> None:
        """Hear of an event."""
        kind = type(event)
        if kind is InvocationEnded:
            # The path of every warm invocation.
            ended = self._ended
            ended.append(_PICK(event))  # type: ignore[arg-type]
            waiting = len(ended)
            if waiting >= _BATCH:
                self.work_out()
            elif waiting == 1:
                self._own.begin()
        elif isinstance(event, InvocationRefused):
            if event.is_throttled:
                for dimensions in _dimensions(event.version):
                    self._record(event.version, "Throttles", dimensions, 1.0, event.moment.at)
        elif isinstance(event, EnvironmentRequested):
            if event.initialization_type == _PROVISIONED:
                self._provisioned[event.environment_id] = ""
        elif isinstance(event, EnvironmentInitialised):
            if event.environment_id in self._provisioned and event.status == "success":
                self._provisioned[event.environment_id] = event.version.key
        elif isinstance(event, (EnvironmentStopping, EnvironmentStopped)):
            self._provisioned.pop(event.environment_id, None)

    def _record(
        self,
        version: FunctionVersion,
        name: str,
        dimensions: Dimensions,
        value: float,
        at: float,
    ) -> None:
        self._own.record(
            version.account, version.region, _NAMESPACE, name, dimensions, value, at=at
        )

    def work_out(self) -> None:
        """Make metrics of the ends that were heard of."""
        if not self._ended:
            return
        ended, self._ended = self._ended, []
        groups: dict[tuple[str, int], list[_End]] = defaultdict(list)
        whole: dict[tuple[str, str, int], list[_End]] = defaultdict(list)
        for each in ended:
            version, started = each[0], each[1]
            minute = int(started) // 60
            groups[version.key, minute].append(each)
            whole[version.account, version.region, minute].append(each)
        for (_, minute), ends in groups.items():
            self._of_version(ends[0][0], minute * 60, ends)
        for (account, region, minute), ends in whole.items():
            self._of_account(account, region, minute * 60, ends)

    def _of_version(self, version: FunctionVersion, at: int, ends: list[_End]) -> None:
        calls = float(len(ends))
        errors = float(sum(each[3] != "success" for each in ends))
        of_calls = Aggregate.of(1.0, calls)
        of_errors = Aggregate()
        for value, count in ((1.0, errors), (0.0, calls - errors)):
            if count:
                of_errors.add(value, count)
        durations = _durations([each[2] for each in ends])
        concurrent = Aggregate.of(float(_concurrency(ends)))
        no_throttles = Aggregate.of(0.0, calls)
        account, region = version.account, version.region
        for dimensions in _dimensions(version):
            for name, values, unit in (
                ("Invocations", of_calls, "Count"),
                ("Errors", of_errors, "Count"),
                ("Throttles", no_throttles, "Count"),
                ("Duration", durations, "Milliseconds"),
                ("ConcurrentExecutions", concurrent, "Count"),
            ):
                if dimensions or name != "ConcurrentExecutions":
                    self._own.add(
                        account, region, _NAMESPACE, name, dimensions, values, unit=unit, at=at
                    )
        if self._provisioned:
            self._of_provisioned(version, at, ends)

    def _of_provisioned(self, version: FunctionVersion, at: int, ends: list[_End]) -> None:
        """What provisioned concurrency had to do.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
        """
        allocated = sum(key == version.key for key in self._provisioned.values())
        inside = [each for each in ends if each[4] in self._provisioned]
        if not allocated and not inside:
            return
        of_name, of_resource = _dimensions(version)[1:]
        spilled = len(ends) - len(inside)
        for dimensions in (of_name, of_resource):
            if inside:
                count = float(len(inside))
                self._own.add(
                    version.account,
                    version.region,
                    _NAMESPACE,
                    "ProvisionedConcurrencyInvocations",
                    dimensions,
                    Aggregate.of(1.0, count),
                    at=at,
                )
            values = {"ProvisionedConcurrencySpilloverInvocations": float(spilled)}
            if inside:
                running = float(_concurrency(inside))
                values["ProvisionedConcurrentExecutions"] = running
                values["ProvisionedConcurrencyUtilization"] = running / max(allocated, 1)
            for name, value in values.items():
                self._record(version, name, dimensions, value, at)

    def _of_account(self, account: str, region: str, at: int, ends: list[_End]) -> None:
        shared = [each for each in ends if not self._is_reserved(each[0])]
        for name, some in (
            ("ConcurrentExecutions", ends),
            ("UnreservedConcurrentExecutions", shared),
        ):
            if some:
                running = float(_concurrency(some))
                self._own.record(account, region, _NAMESPACE, name, (), running, at=at)


def _dimensions(version: FunctionVersion) -> tuple[Dimensions, ...]:
    """Return the dimensions of a version's metrics: of the account, its function, and itself."""
    name = version.name
    resource = name if version.version == LATEST else f"{name}:{version.version}"
    of_name = ("FunctionName", name)
    return (), (of_name,), (of_name, ("Resource", resource))


def _durations(every: list[float]) -> Aggregate:
    """Return durations as one: many are taken together where they are nearly the same."""
    made = Aggregate()
    if len(every) <= _EXACT:
        for each in every:
            made.add(each)
        return made
    groups: dict[int, tuple[int, float]] = {}
    log, step = math.log, _STEP
    for each in every:
        key = int(log(each) / step) if each > 0 else -1_000_000
        count, total = groups.get(key, (0, 0.0))
        groups[key] = (count + 1, total + each)
    for count, total in groups.values():
        made.add(total / count, float(count))
    made.least, made.most = min(every), max(every)
    return made


def _concurrency(ends: Iterable[_End]) -> int:
    """Return how many ran at once at most: that is so just before one of them ends."""
    starts: list[float] = []
    stops: list[float] = []
    for _, started, duration_ms, _, _ in ends:
        starts.append(started)
        stops.append(started + duration_ms / 1000)
    starts.sort()
    stops.sort()
    begun = most = 0
    for over, stop in enumerate(stops):
        while begun < len(starts) and starts[begun] < stop:
            begun += 1
        most = max(most, begun - over)
    return max(most, 1)
