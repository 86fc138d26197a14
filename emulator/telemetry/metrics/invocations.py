"""What functions do, as metrics: heard from the life cycle, and worked out a while later.

An invocation's end is appended to a list, as every warm call passes here; some hundred of them are
made into metrics at once.

https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-types.html
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain, compress, count, repeat
from operator import add, itemgetter, mul, sub
from typing import NamedTuple

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
from emulator.telemetry.metrics.aggregate import Aggregate, Sketch
from emulator.telemetry.metrics.own import Dimensions, OwnMetrics

_NAMESPACE = "AWS/Lambda"
_PROVISIONED = "provisioned-concurrency"
#: Ends that are worked out at once.
_BATCH = 512
#: Durations of a minute that are kept as they are; of more, near ones are taken together.
_EXACT = 64
#: Versions and minutes that are counted before what they have is recorded.
_MOST_TALLIES = 64

#: An invocation's version, its start (seconds since the epoch), milliseconds, status,
#: environment, and the ARN it was called by.
_End = tuple[FunctionVersion, float, float, str, str, str]
_PICK: Callable[[InvocationEnded], _End] = itemgetter(
    *map(
        InvocationEnded._fields.index,
        ("version", "started", "duration_ms", "status", "environment_id", "invoked_arn"),
    )
)


class _Calls(NamedTuple):
    """Calls of one version by one ARN that began in one minute: a column of each part."""

    version: FunctionVersion
    invoked_arn: str
    #: The minute (seconds since the epoch).
    at: int
    starts: tuple[float, ...]
    lengths_ms: tuple[float, ...]
    statuses: tuple[str, ...]
    environments: tuple[str, ...]

    @property
    def dimensions(self) -> tuple[Dimensions, ...]:
        """Those of their metrics."""
        return _dimensions(self.version, self.invoked_arn)


class _Tally:
    """What became of calls of one version by one ARN that began in one minute."""

    def __init__(self, calls: _Calls) -> None:
        self.version, self.invoked_arn, self.at = calls[:3]
        self._errors = 0
        #: How many ran at once at most.
        self.running = 0
        self._durations = Sketch()
        #: The durations while they are few, which stay as they are.
        self._few = Aggregate()

    def add(self, calls: _Calls) -> None:
        """Count calls."""
        lengths_ms = calls.lengths_ms
        self._errors += len(lengths_ms) - calls.statuses.count("success")
        # An environment runs one call at a time, but on Managed Instances.
        if self.version.managed is not None or len(set(calls.environments)) > self.running:
            self.running = max(self.running, _concurrency((calls,)))
        self._durations.add(lengths_ms)
        if self._durations.samples <= _EXACT:
            for each in lengths_ms:
                self._few.add(each)

    def metrics(self) -> tuple[tuple[str, str, Aggregate], ...]:
        """Return each metric's name, unit and values."""
        calls = self._durations.samples
        of_errors = Aggregate()
        for value, times in ((1.0, self._errors), (0.0, calls - self._errors)):
            if times:
                of_errors.add(value, times)
        durations = self._few if calls <= _EXACT else self._durations.aggregate()
        return (
            ("Invocations", "Count", Aggregate.of(1.0, calls)),
            ("Errors", "Count", of_errors),
            ("Throttles", "Count", Aggregate.of(0.0, calls)),
            ("Duration", "Milliseconds", durations),
            ("ConcurrentExecutions", "Count", Aggregate.of(float(self.running))),
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
        #: By the version's key, the ARN that was called and the minute.
        self._tallies: dict[tuple[str, str, int], _Tally] = {}
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
                self._count()
            elif waiting == 1:
                self._own.begin()
        elif isinstance(event, InvocationRefused):
            if event.is_throttled:
                for dimensions in _dimensions(event.version, event.invoked_arn):
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
        """Make metrics of all ends that were heard of."""
        self._count()
        self._tell()

    def _count(self) -> None:
        """Add the ends that were heard of to the tallies."""
        if not self._ended:
            return
        ended, self._ended = self._ended, []
        whole: dict[tuple[str, str, int], list[_Calls]] = {}
        for calls in _grouped(ended):
            version = calls.version
            whole.setdefault((version.account, version.region, calls.at), []).append(calls)
        for (account, region, at), some in whole.items():
            running = [self._of_version(calls) for calls in some]
            self._of_account(account, region, at, some, running)
        if len(self._tallies) > _MOST_TALLIES:
            self._tell()

    def _of_version(self, calls: _Calls) -> int:
        """Count what became of a version's calls; return how many ran at once until now."""
        key = (calls.version.key, calls.invoked_arn, calls.at)
        tally = self._tallies.get(key)
        if tally is None:
            tally = self._tallies[key] = _Tally(calls)
        tally.add(calls)
        if self._provisioned:
            self._of_provisioned(calls)
        return tally.running

    def _tell(self) -> None:
        """Record what the tallies have."""
        tallies, self._tallies = self._tallies, {}
        for tally in tallies.values():
            version = tally.version
            metrics = tally.metrics()
            for dimensions in _dimensions(version, tally.invoked_arn):
                for name, unit, values in metrics:
                    if dimensions or name != "ConcurrentExecutions":
                        self._own.add(
                            version.account,
                            version.region,
                            _NAMESPACE,
                            name,
                            dimensions,
                            values,
                            unit=unit,
                            at=tally.at,
                        )

    def _of_provisioned(self, calls: _Calls) -> None:
        """What provisioned concurrency had to do.

        https://docs.aws.amazon.com/lambda/latest/dg/monitoring-concurrency.html
        """
        version, at = calls.version, calls.at
        allocated = sum(key == version.key for key in self._provisioned.values())
        is_inside = [each in self._provisioned for each in calls.environments]
        inside = sum(is_inside)
        if not allocated and not inside:
            return
        spilled = len(is_inside) - inside
        for dimensions in calls.dimensions[1:]:
            if inside:
                count = float(inside)
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
                running = float(_concurrency((_only(calls, is_inside),)))
                values["ProvisionedConcurrentExecutions"] = running
                values["ProvisionedConcurrencyUtilization"] = running / max(allocated, 1)
            for name, value in values.items():
                self._record(version, name, dimensions, value, at)

    def _of_account(
        self, account: str, region: str, at: int, groups: list[_Calls], running: list[int]
    ) -> None:
        """Record how many calls of an account ran at once.

        Args:
            account: Whose.
            region: Where.
            at: In which minute.
            groups: The calls of each version.
            running: How many of each ran at once.
        """
        shared = [not self._is_reserved(calls.version) for calls in groups]
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
                most = _concurrency([groups[place] for place in some])
            self._own.record(account, region, _NAMESPACE, name, (), float(most), at=at)


def _grouped(ended: Sequence[_End]) -> Iterator[_Calls]:
    """Yield calls by their version, ARN and minute."""
    groups: Iterable[Sequence[_End]] = (ended,)
    versions, starts, _, _, _, arns = zip(*ended, strict=True)
    if (
        len(set(map(id, versions))) > 1
        or len(set(arns)) > 1
        or min(starts) // 60 != max(starts) // 60
    ):
        found: dict[tuple[str, str, int], list[_End]] = {}
        for each in ended:
            found.setdefault((each[0].key, each[5], int(each[1]) // 60), []).append(each)
        groups = found.values()
    for group in groups:
        _, starts, lengths_ms, statuses, environments, arns = zip(*group, strict=True)
        at = int(starts[0]) // 60 * 60
        yield _Calls(group[0][0], arns[0], at, starts, lengths_ms, statuses, environments)


def _only(calls: _Calls, wanted: Sequence[bool]) -> _Calls:
    """Return some of calls."""
    return calls._replace(
        starts=tuple(compress(calls.starts, wanted)),
        lengths_ms=tuple(compress(calls.lengths_ms, wanted)),
        environments=tuple(compress(calls.environments, wanted)),
    )


def _dimensions(version: FunctionVersion, invoked_arn: str) -> tuple[Dimensions, ...]:
    """Return the dimensions of calls' metrics.

    They are of the account, the function, what was called (its version or alias), and for an
    alias the version that ran.

    https://docs.aws.amazon.com/lambda/latest/dg/monitoring-metrics-view.html
    """
    name = version.name
    of_name = ("FunctionName", name)
    qualifier = invoked_arn.removeprefix(version.function_arn)[1:]
    if qualifier in ("", version.version):
        qualifier = "" if version.version == LATEST else version.version
        resource = f"{name}:{qualifier}" if qualifier else name
        return (), (of_name,), (of_name, ("Resource", resource))
    of_alias = ("Resource", f"{name}:{qualifier}")
    executed = ("ExecutedVersion", version.version)
    return (), (of_name,), (of_name, of_alias), (executed, of_name, of_alias)


def _concurrency(groups: Sequence[_Calls]) -> int:
    """Return how many ran at once at most: that is so just before one of them ends."""
    environments = set(chain.from_iterable(calls.environments for calls in groups))
    if len(environments) == 1 and groups[0].version.managed is None:
        return 1  # one environment, one call after the other
    starts = sorted(chain.from_iterable(calls.starts for calls in groups))
    lengths = chain.from_iterable(calls.lengths_ms for calls in groups)
    unsorted = chain.from_iterable(calls.starts for calls in groups)
    stops = sorted(map(add, unsorted, map(mul, lengths, repeat(0.001))))
    begun = map(bisect_left, repeat(starts), stops)
    most: int = max(map(sub, begun, count()))
    return max(1, most)
