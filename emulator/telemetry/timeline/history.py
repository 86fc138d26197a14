"""The bounded memory of the timeline: the oldest records go first, and it knows since when."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any, NamedTuple

from emulator.telemetry.timeline.records import (
    EnvironmentRecord,
    InvocationRecord,
    PlainRow,
    read_plain,
)

#: What a record takes in memory, bytes: measured, rounded up.
INVOCATION_BYTES = 900
ENVIRONMENT_BYTES = 1500
PHASE_BYTES = 200
IMPORTS_BYTES = 4000
#: Of an event or an answer, this much is kept.
BODY_BYTES = 64 * 1024
#: What an event and an answer take beside their bytes.
_BODIES_BYTES = 200
#: After so many plain rows, they are counted.
_UNCOUNTED = 128


class Bodies(NamedTuple):
    """The event and the answer of an invocation, the first 64 KiB of each."""

    event: bytes
    #: None: it was streamed, or there is none.
    answer: bytes | None


#: The same as a bare tuple.
_Bodies = tuple[bytes, bytes | None]
_Row = PlainRow | InvocationRecord


class History:
    """Records of environments and invocations, within bounds.

    Most invocations are warm and come by the thousand. They are kept as plain tuples of strings
    and numbers, which the garbage collector need not look at again, and become records when
    somebody looks (:meth:`snapshot`). Their ids are their places in the row.

    Args:
        limit_bytes: The most memory of records.
        bodies_bytes: The most memory of events and answers.
        now: Seconds since the epoch: what happens from now on is known.
    """

    def __init__(self, limit_bytes: int, bodies_bytes: int, now: float) -> None:
        self._limit = limit_bytes
        self._bodies_limit = bodies_bytes
        #: In the order in which they ended; and the events and answers of the last of them.
        self._rows: deque[_Row] = deque()
        self._bodies: deque[_Bodies] = deque()
        self._next_id = 1
        #: Of the newest rows, this many are not in the figures yet.
        self._uncounted = 0
        #: What an earlier emulator kept, with events and answers by id.
        self._past: deque[InvocationRecord] = deque()
        self._past_bodies: dict[int, Bodies] = {}
        #: In the order in which they were requested.
        self.environments: dict[str, EnvironmentRecord] = {}
        #: Those that have ended, in the order in which they did.
        self._ended: deque[EnvironmentRecord] = deque()
        self._bytes = self._body_bytes = 0
        #: All that ended at or after this time is known.
        self.known_from = now
        #: The highest id and the highest revision that were dropped, and how many invocations.
        self.dropped_id = self.dropped_revision = self.dropped = 0

    # --- what comes ----------------------------------------------------------------------------

    @property
    def last_id(self) -> int:
        """The id of the invocation that ended last."""
        return self._next_id - 1

    def continue_after(self, id: int) -> None:
        """Number from here on; before anything is added."""
        self._next_id = id + 1

    def add_plain(self, row: PlainRow, bodies: _Bodies) -> None:
        """Add a warm invocation whose event and answer are small together."""
        self._rows.append(row)
        self._bodies.append(bodies)
        self._next_id += 1
        self._uncounted += 1
        if self._uncounted >= _UNCOUNTED:
            self.count()

    def add(self, record: InvocationRecord, event: bytes, answer: bytes | None) -> None:
        """Add an invocation; its id must be the next one."""
        self._rows.append(record)
        self._bodies.append((event[:BODY_BYTES], answer and answer[:BODY_BYTES]))
        self._next_id += 1
        self._uncounted += 1
        self.count()

    def count(self) -> None:
        """Bring all figures up to date, and what is kept into its bounds."""
        new, self._uncounted = self._uncounted, 0
        self._bytes += new * INVOCATION_BYTES
        # Lists: each call that is recorded passes here, and a generator costs half as much again.
        recent = islice(reversed(self._rows), new)
        called = Counter([row[ENVIRONMENT_AT[type(row)]] for row in recent])
        for environment_id, calls in called.items():
            environment = self.environments.get(environment_id)  # type: ignore[arg-type]
            if environment is not None:
                environment.invokes += calls
        bodies = islice(reversed(self._bodies), new)
        self._body_bytes += new * _BODIES_BYTES
        self._body_bytes += sum([len(event) + len(answer or b"") for event, answer in bodies])
        while self._body_bytes > self._bodies_limit:
            self._drop_bodies()
        if self._bytes > self._limit:
            self._drop_oldest()

    def add_environment(self, record: EnvironmentRecord) -> None:
        """Add an environment that is requested."""
        self.environments[record.id] = record
        self._bytes += ENVIRONMENT_BYTES

    def changed(self, record: EnvironmentRecord, phases: int) -> None:
        """Take note of how many phases came to an environment, and whether it has ended."""
        self._bytes += phases * PHASE_BYTES
        if record.ended is not None:
            self._ended.append(record)
        if self._bytes > self._limit:
            self.count()

    def put_before(
        self,
        environments: Iterable[EnvironmentRecord],
        invocations: Iterable[InvocationRecord],
        bodies: Mapping[int, Bodies],
        known_from: float,
    ) -> None:
        """Put what an earlier emulator kept, all of it ended, before what is there."""
        older = list(environments)
        self.environments = {each.id: each for each in older} | self.environments
        self._ended.extendleft(sorted(older, key=_ended_at, reverse=True))
        self._bytes += sum(map(_environment_size, older))
        self._past.extend(invocations)
        self._bytes += INVOCATION_BYTES * len(self._past)
        self._past_bodies = {id: bodies[id] for id in sorted(bodies)}
        self._body_bytes += sum(map(_size, bodies.values()))
        self.known_from = min(known_from, self.known_from)
        self.count()

    # --- what goes -----------------------------------------------------------------------------

    def _drop_bodies(self) -> None:
        """Drop the event and the answer that came first."""
        if self._past_bodies:
            self._body_bytes -= _size(self._past_bodies.pop(next(iter(self._past_bodies))))
        else:
            self._body_bytes -= _size(self._bodies.popleft())

    def _drop_oldest(self) -> None:
        """Drop what ended first until the rest is within the bound."""
        while self._bytes > self._limit and (self._past or self._rows or self._ended):
            oldest = self._past or self._rows
            ended = _ended_at(self._ended[0]) if self._ended else None
            if not oldest or (ended is not None and ended < _row_ended(oldest[0])):
                self._drop_environment(self._ended.popleft())
            elif self._past:
                self._drop_past()
            else:
                self._drop_rows(ended)

    def _drop_environment(self, gone: EnvironmentRecord) -> None:
        del self.environments[gone.id]
        self._bytes -= _environment_size(gone)
        self.dropped_revision = max(self.dropped_revision, gone.revision)
        self.known_from = max(self.known_from, _ended_at(gone))

    def _drop_past(self) -> None:
        past = self._past.popleft()
        self._bytes -= INVOCATION_BYTES
        self.dropped += 1
        self.dropped_id = past.id
        bodies = self._past_bodies.pop(past.id, None)
        if bodies is not None:
            self._body_bytes -= _size(bodies)
        self.known_from = max(self.known_from, past.ended)

    def _drop_rows(self, until: float | None) -> None:
        """Drop the rows that are too many, but none that ended after ``until``; at least one.

        Many at once: a store that is full drops one for each that comes.
        """
        rows, bodies = self._rows, self._bodies
        most = min(len(rows), -(-(self._bytes - self._limit) // INVOCATION_BYTES))
        gone = 0
        while gone < most:
            row = rows[0]
            ended = row.ended if isinstance(row, InvocationRecord) else row[4] + row[7] / 1000
            if gone and until is not None and ended > until:
                break
            rows.popleft()
            gone += 1
            if ended > self.known_from:
                self.known_from = ended
        self._bytes -= gone * INVOCATION_BYTES
        self.dropped += gone
        self.dropped_id = self.last_id - len(rows)
        while len(bodies) > len(rows):
            self._body_bytes -= _size(bodies.popleft())

    # --- what is asked -------------------------------------------------------------------------

    def imported(self, record: EnvironmentRecord, imports: list[dict[str, Any]]) -> None:
        """Take note of the imports of an environment."""
        self._bytes += IMPORTS_BYTES if record.imports is None else 0
        record.imports = imports

    def snapshot(
        self, after: int = 0, environments: Mapping[str, EnvironmentRecord] | None = None
    ) -> Records:
        """Return the invocations with higher ids, as they are now.

        Args:
            after: The id.
            environments: Those that records are made with; None: those there are at that time.
        """
        new = min(len(self._rows), max(0, self.last_id - after))
        rows = list(islice(reversed(self._rows), new))
        rows.reverse()
        # The writer of what is new asks each second, and has all of these.
        is_known = not self._past or self._past[-1].id <= after
        past = [] if is_known else [each for each in self._past if each.id > after]
        return Records(past, rows, self._next_id - new, environments or self.environments)

    def snapshot_of_bodies(self, after: int) -> list[tuple[int, bytes, bytes | None]]:
        """Return (id, event, answer) of the invocations with higher ids that have them."""
        new = min(len(self._bodies), max(0, self.last_id - after))
        found = list(islice(reversed(self._bodies), new))
        return [(self.last_id - at, *each) for at, each in enumerate(found)][::-1]

    def bodies(self, id: int) -> Bodies | None:
        """Return an invocation's event and answer, if they are still there."""
        at = id - self._next_id  # from the right
        if -len(self._bodies) <= at < 0:
            return Bodies(*self._bodies[at])
        return self._past_bodies.get(id)


class Records:
    """Invocations at one moment, made into records as they are looked at.

    Args:
        past: What an earlier emulator kept.
        rows: What followed.
        first_id: The id of the first of ``rows``.
        environments: Say what a plain row does not.

    Attributes:
        rows: What followed, as it is kept.
        first_id: The id of its first.
    """

    def __init__(
        self,
        past: list[InvocationRecord],
        rows: list[_Row],
        first_id: int,
        environments: Mapping[str, EnvironmentRecord],
    ) -> None:
        self._past, self.rows = past, rows
        self.first_id = first_id
        self._environments = environments

    def environments(self) -> set[str]:
        """Return the ids of the environments of ``rows``."""
        return {row[ENVIRONMENT_AT[type(row)]] for row in self.rows}  # type: ignore[misc]

    def __len__(self) -> int:
        return len(self._past) + len(self.rows)

    def __iter__(self) -> Iterator[InvocationRecord]:
        yield from self._past
        for at, row in enumerate(self.rows):
            yield self._read(at, row)

    def __reversed__(self) -> Iterator[InvocationRecord]:
        for at in range(len(self.rows) - 1, -1, -1):
            yield self._read(at, self.rows[at])
        yield from reversed(self._past)

    def _read(self, at: int, row: _Row) -> InvocationRecord:
        if isinstance(row, InvocationRecord):
            return row
        return read_plain(self.first_id + at, row, self._environments)


def _size(bodies: _Bodies) -> int:
    return _BODIES_BYTES + len(bodies[0]) + len(bodies[1] or b"")


def _environment_size(record: EnvironmentRecord) -> int:
    size = ENVIRONMENT_BYTES + PHASE_BYTES * len(record.phases)
    return size if record.imports is None else size + IMPORTS_BYTES


def _row_ended(row: _Row) -> float:
    return row.ended if isinstance(row, InvocationRecord) else row[4] + row[7] / 1000


def _ended_at(record: EnvironmentRecord) -> float:
    return record.requested if record.ended is None else record.ended


#: Where a row has the id of its environment.
ENVIRONMENT_AT = {tuple: 1, InvocationRecord: InvocationRecord._fields.index("environment_id")}
