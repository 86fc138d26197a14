"""The timeline's records as JSON: pure functions over a snapshot, which may run in a thread."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, NamedTuple

from emulator.edge.admin.timeline import phases
from emulator.model.causes import ColdStart
from emulator.simulation.cost import Prices
from emulator.telemetry.timeline.filters import Filters, passing, select
from emulator.telemetry.timeline.history import Bodies, Records
from emulator.telemetry.timeline.records import EnvironmentRecord, InvocationRecord, VersionInfo

FORMAT = "localfaas-timeline/1"
MANAGED = "lambda-managed-instances"
PROVISIONED = "provisioned-concurrency"


class Cursor(NamedTuple):
    """Where a stream goes on."""

    #: Of the series of numbers.
    identity: str
    #: The last invocation's.
    id: int
    #: The last one of an environment.
    revision: int

    def __str__(self) -> str:
        return f"{self.identity}-{self.id}-{self.revision}"

    @classmethod
    def parse(cls, text: str) -> Cursor | None:
        """Return the cursor that is written as ``text``; None if none is."""
        identity, *numbers = text.split("-")
        if len(numbers) != 2 or not all(each.isascii() and each.isdecimal() for each in numbers):
            return None
        return cls(identity, *(int(each[:18]) for each in numbers))


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """The timeline as it is at one moment."""

    cursor: Cursor
    now: float
    known_from: float
    dropped: int
    #: Oldest first.
    invocations: Records
    environments: Mapping[str, EnvironmentRecord]
    #: Of environments whose state no record says: "busy", or "snapshot".
    states: Mapping[str, str]
    #: What waits or runs, as JSON.
    running: Sequence[dict[str, Any]]
    bodies: Callable[[int], Bodies | None]
    prices: Prices


def document(
    snapshot: Snapshot,
    filters: Filters,
    *,
    limit: int,
    before: int | None = None,
) -> dict[str, Any]:
    """Return a document of a window of the timeline."""
    selection = select(
        reversed(snapshot.invocations), filters, snapshot.bodies, limit=limit, before=before
    )
    environments = [
        each for each in snapshot.environments.values() if filters.takes_environment(each)
    ]
    oldest_first = selection.page[::-1]
    following = oldest_first[0].id if selection.more else None
    return _document(snapshot, filters, environments, oldest_first, snapshot.cursor, following)


def changes(
    snapshot: Snapshot, filters: Filters, *, after: Cursor, limit: int
) -> tuple[dict[str, Any], Cursor]:
    """Return a document of what has changed after a cursor, and the cursor it goes up to.

    Args:
        snapshot: With the invocations after that cursor alone.
        filters: What is asked for.
        after: The cursor.
        limit: The most invocations.
    """
    new = list(islice(snapshot.invocations, limit))
    until = snapshot.cursor
    if len(new) < len(snapshot.invocations):
        until = until._replace(id=new[-1].id)
    shown = list(passing(new, filters, snapshot.bodies))
    called = {each.environment_id for each in shown}
    environments = [
        each
        for each in snapshot.environments.values()
        if (each.revision > after.revision or each.id in called) and filters.takes_environment(each)
    ]
    return _document(snapshot, filters, environments, shown, until, None), until


def _document(
    snapshot: Snapshot,
    filters: Filters,
    environments: Iterable[EnvironmentRecord],
    invocations: Iterable[InvocationRecord],
    until: Cursor,
    following: int | None,
) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "cursor": str(until),
        "now": snapshot.now,
        "known_from": snapshot.known_from,
        "dropped": snapshot.dropped,
        "environments": [environment(each, snapshot) for each in environments],
        "invocations": [invocation(each, snapshot) for each in invocations],
        "running": [
            each
            for each in snapshot.running
            if (not filters.functions or each["function"] in filters.functions)
            and filters.version in (None, each["version"])
            and filters.account in (None, each["account"])
            and filters.environment in (None, each["environment"])
        ],
        "next": following,
    }


def listing(
    snapshot: Snapshot, filters: Filters, *, limit: int, before: int | None
) -> dict[str, Any]:
    """Return a page of invocations, newest first, with a summary of all that pass."""
    every = list(passing(reversed(snapshot.invocations), filters, snapshot.bodies))
    older = [each for each in every if before is None or each.id < before]
    page = older[:limit]
    return {
        "now": snapshot.now,
        "known_from": snapshot.known_from,
        "dropped": snapshot.dropped,
        "next": page[-1].id if len(older) > limit else None,
        "summary": summary(every, snapshot.prices),
        "invocations": [invocation(each, snapshot) for each in page],
    }


def summary(records: Sequence[InvocationRecord], prices: Prices) -> dict[str, Any]:
    """Return figures over invocations: how many were cold, and what that cost their callers."""
    cold = [each for each in records if each.cold is not None]
    durations = sorted(each.total_ms for each in records if each.started is not None)
    return {
        "count": len(records),
        "cold": len(cold),
        "failed": sum(each.has_failed for each in records),
        "throttled": sum(each.status == "throttled" for each in records),
        "cold_ms": sum(each.waited_ms for each in cold),
        "cost_usd": sum(price(each, prices) or 0.0 for each in records),
        "p50_ms": _percentile(durations, 0.5),
        "p99_ms": _percentile(durations, 0.99),
        "causes": dict(Counter(each.cold.cause.value for each in cold if each.cold is not None)),
    }


def _percentile(ordered: Sequence[float], share: float) -> float | None:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def price(record: InvocationRecord, prices: Prices) -> float | None:
    """Return what an invocation would cost on AWS, US dollars; None: its instances are billed."""
    if record.started is None:
        return 0.0
    if record.initialization_type == MANAGED:
        return None
    version = record.version
    restored = 0.0
    if record.restored is not None:
        restored = prices.snapstart(
            memory_mb=version.memory_mb, versions=0, cached_s=0, restores=1, runtime=version.runtime
        )
    return restored + prices.invocation(
        memory_mb=version.memory_mb,
        billed_ms=record.billed_ms,
        architecture=version.architecture,
        provisioned=record.initialization_type == PROVISIONED,
        storage_mb=version.storage_mb,
    )


def why(cold: ColdStart | None) -> dict[str, Any] | None:
    """Return the reason of a cold start."""
    return None if cold is None else {"cause": cold.cause.value, "sentence": cold.sentence}


def version_of(version: VersionInfo) -> dict[str, Any]:
    """Return what says which version a record is of."""
    return {
        "function": version.function,
        "version": version.version,
        "account": version.account,
        "region": version.region,
        "function_arn": version.function_arn,
    }


def environment(record: EnvironmentRecord, snapshot: Snapshot) -> dict[str, Any]:
    """Return an environment."""
    version = record.version
    return {
        "id": record.id,
        "revision": record.revision,
        **version_of(version),
        "runtime": version.runtime,
        "memory_mb": version.memory_mb,
        "architecture": version.architecture,
        "tenant_id": record.tenant_id,
        "requested": record.requested,
        "requested_by": record.requested_by or None,
        "why": why(record.why),
        "initialization_type": record.initialization_type,
        "state": snapshot.states.get(record.id, record.state),
        "phases": [phases.show(each) for each in list(record.phases)],
        "imports": record.imports,
        "init_ms": record.init_ms,
        "restore_ms": record.restore_ms,
        "invokes": record.invokes,
        "ended": record.ended,
        "ended_cause": record.ended_cause or None,
        "ended_reason": record.ended_reason or None,
    }


def invocation(record: InvocationRecord, snapshot: Snapshot) -> dict[str, Any]:
    """Return an invocation."""
    return {
        "id": record.id,
        "request_id": record.request_id,
        **version_of(record.version),
        "environment": record.environment_id or None,
        "requested": record.requested,
        "started": record.started,
        "ended": record.ended,
        "status": record.status,
        "error_type": record.error_type,
        "reason": record.reason,
        "cold": record.cold is not None,
        "why": why(record.cold),
        "duration_ms": record.duration_ms,
        "billed_ms": record.billed_ms,
        "init_ms": record.init_ms,
        "restore_ms": record.restore_ms,
        "simulated_ms": record.simulated_init_ms + record.simulated_call_ms,
        "waited_ms": record.waited_ms,
        "total_ms": record.total_ms,
        "memory_mb": record.version.memory_mb,
        "used_mb": record.used_mb,
        "event_bytes": record.event_bytes,
        "answer_bytes": record.answer_bytes,
        "cost_usd": price(record, snapshot.prices),
        "initialization_type": record.initialization_type,
        "tenant_id": record.tenant_id,
        "phases": phases.of_invocation(record, snapshot.environments.get(record.environment_id)),
    }
