"""Filters that select records of the timeline."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

from emulator.telemetry.timeline.history import Bodies
from emulator.telemetry.timeline.records import EnvironmentRecord, InvocationRecord, VersionInfo

_BodiesOf = Callable[[int], Bodies | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Conditions that records must meet; None is no condition. Times: seconds since the epoch."""

    functions: frozenset[str] = frozenset()
    version: str | None = None
    account: str | None = None
    environment: str | None = None
    failed: bool | None = None
    cold: bool | None = None
    #: The least time that the caller waited, milliseconds.
    slow_ms: float | None = None
    since: float | None = None
    until: float | None = None
    #: The text that a record must contain, regardless of case.
    text: str | None = None

    def takes_version(self, version: VersionInfo) -> bool:
        """Say whether records of a version pass."""
        if self.functions and version.function not in self.functions:
            return False
        if self.account not in (None, version.account):
            return False
        return self.version in (None, version.version)

    def takes_environment(self, record: EnvironmentRecord) -> bool:
        """Say whether an environment passes."""
        if self.environment not in (None, record.id) or not self.takes_version(record.version):
            return False
        if self.until is not None and record.requested > self.until:
            return False
        return self.since is None or record.ended is None or record.ended >= self.since

    def takes(self, record: InvocationRecord, bodies: _BodiesOf) -> bool:
        """Say whether an invocation passes."""
        if not self.takes_version(record.version):
            return False
        if self.environment not in (None, record.environment_id):
            return False
        if self.failed not in (None, record.has_failed):
            return False
        if self.cold not in (None, record.cold is not None):
            return False
        if self.slow_ms is not None and record.total_ms < self.slow_ms:
            return False
        if self.since is not None and record.ended < self.since:
            return False
        if self.until is not None and record.requested > self.until:
            return False
        return self.text is None or _has_text(record, self.text.casefold(), bodies)


def _has_text(record: InvocationRecord, text: str, bodies: _BodiesOf) -> bool:
    words = (record.request_id, record.version.function, record.error_type, record.reason)
    if any(text in word.casefold() for word in words):
        return True
    found = bodies(record.id)
    if found is None:
        return False
    return any(text in each.decode("utf-8", "replace").casefold() for each in found if each)


@dataclass(frozen=True, slots=True)
class Selection:
    """Invocations that pass."""

    #: Newest first, at most ``limit``.
    page: Sequence[InvocationRecord]
    #: True if older invocations pass, too.
    more: bool


def select(
    newest_first: Iterable[InvocationRecord],
    filters: Filters,
    bodies: _BodiesOf,
    *,
    limit: int,
    before: int | None = None,
) -> Selection:
    """Return the newest invocations that pass.

    Args:
        newest_first: All invocations, newest first.
        filters: The conditions they must meet.
        bodies: Returns an invocation's event and answer.
        limit: The most to return.
        before: Return only invocations with smaller ids.
    """
    page: list[InvocationRecord] = []
    for record in passing(newest_first, filters, bodies):
        if before is not None and record.id >= before:
            continue
        if len(page) == limit:
            return Selection(page, True)
        page.append(record)
    return Selection(page, False)


def passing(
    records: Iterable[InvocationRecord], filters: Filters, bodies: _BodiesOf
) -> Iterator[InvocationRecord]:
    """Yield the invocations that pass."""
    return (record for record in records if filters.takes(record, bodies))
