"""What functions do, as metrics: heard from the life cycle, and worked out a while later.

An invocation's end is appended to a list, as every warm call passes here; some hundred of them are
made into metrics at once.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from itertools import count, repeat
from operator import itemgetter, sub

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
from emulator.telemetry.metrics.aggregate import Aggregate, near
from emulator.telemetry.metrics.own import Dimensions, OwnMetrics

_NAMESPACE = "AWS/Lambda"
_PROVISIONED = "provisioned-concurrency"
#: Ends that are worked out at once.
_BATCH = 512
#: Durations of a batch that are kept as they are; of more, near ones are taken together.
_EXACT = 64

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
        groups: dict[tuple[str, int], list[_End]] = {}
        for each in ended:
            key = (each[0].key, int(each[1]) // 60)
            group = groups.get(key)
            if group is None:
                groups[key] = [each]
            else:
                group.append(each)
        whole: dict[tuple[str, str, int], list[list[_End]]] = {}
        for (_, minute), group in groups.items():
            version = group[0][0]
            scope = (version.account, version.region, minute * 60)
            whole.setdefault(scope, []).append(group)
        for (account, region, at), some in whole.items():
            running = [self._of_version(group[0][0], at, group) for group in some]
            self._of_account(account, region, at, some, running)

    def _of_version(self, version: FunctionVersion, at: int, ends: list[_End]) -> int:
        """Record what became of a version's calls; return how many ran at once."""
        calls = len(ends)
        errors = calls - [each[3] for each in ends].count("success")
        of_calls = Aggregate.of(1.0, calls)
        of_errors = Aggregate()
        for value, times in ((1.0, errors), (0.0, calls - errors)):
            if times:
                of_errors.add(value, times)
        durations = _durations([each[2] for each in ends])
        running = _concurrency(ends)
        concurrent = Aggregate.of(float(running))
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
        return running

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

    def _of_account(
        self, account: str, region: str, at: int, groups: list[list[_End]], running: list[int]
    ) -> None:
        """Record how many calls of an account ran at once.

        Args:
            account: Whose.
            region: Where.
            at: In which minute.
            groups: The calls of each version.
            running: How many of each ran at once.
        """
        shared = [not self._is_reserved(each[0][0]) for each in groups]
        for name, wanted in (
            ("ConcurrentExecutions", [True] * len(groups)),
            ("UnreservedConcurrentExecutions", shared),
        ):
            some = [at for at, is_wanted in enumerate(wanted) if is_wanted]
            if not some:
                continue
            if len(some) == 1:
                most = running[some[0]]
            else:
                most = _concurrency([each for place in some for each in groups[place]])
            self._own.record(account, region, _NAMESPACE, name, (), float(most), at=at)


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
    found = near(every)
    made.values = {value: float(count) for value, count in found.items()}
    made.samples, made.total = float(len(every)), sum(every)
    made.least, made.most = min(every), max(every)
    return made


def _concurrency(ends: Sequence[_End]) -> int:
    """Return how many ran at once at most: that is so just before one of them ends."""
    if len({each[4] for each in ends}) == 1:
        return 1  # one environment, one call after the other
    starts = sorted([each[1] for each in ends])
    stops = sorted([each[1] + each[2] / 1000 for each in ends])
    begun = map(bisect_left, repeat(starts), stops)
    most: int = max(map(sub, begun, count()))
    return max(1, most)
