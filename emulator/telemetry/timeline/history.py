"""The bounded memory of the timeline: the oldest records go first, and it knows since when."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from emulator.telemetry.timeline.records import EnvironmentRecord, InvocationRecord

#: What a record takes in memory, bytes: measured, rounded up.
INVOCATION_BYTES = 900
ENVIRONMENT_BYTES = 1500
PHASE_BYTES = 200
#: Of an event or an answer, this much is kept.
BODY_BYTES = 64 * 1024
#: What an event and an answer take beside their bytes.
_BODIES_BYTES = 300


class Bodies(NamedTuple):
    """The event and the answer of an invocation, the first 64 KiB of each."""

    event: bytes
    #: None: it was streamed, or there is none.
    answer: bytes | None


class History:
    """Records of environments and invocations, within bounds.

    Args:
        limit_bytes: The most memory of records.
        bodies_bytes: The most memory of events and answers.
        now: Seconds since the epoch: what happens from now on is known.
    """

    def __init__(self, limit_bytes: int, bodies_bytes: int, now: float) -> None:
        self._limit = limit_bytes
        self._bodies_limit = bodies_bytes
        #: In the order in which they ended.
        self.invocations: deque[InvocationRecord] = deque()
        #: In the order in which they were requested.
        self.environments: dict[str, EnvironmentRecord] = {}
        #: Those that have ended, in the order in which they did.
        self._ended: deque[EnvironmentRecord] = deque()
        self._bodies: OrderedDict[int, Bodies] = OrderedDict()
        self._bytes = self._body_bytes = 0
        #: All that ended at or after this time is known.
        self.known_from = now
        #: The highest id or revision of what was dropped, and how many invocations were.
        self.dropped_to = 0
        self.dropped = 0

    # --- what comes ----------------------------------------------------------------------------

    def add(self, record: InvocationRecord, event: bytes, answer: bytes | None) -> None:
        """Add an invocation with its event and its answer."""
        self.invocations.append(record)
        self._bytes += INVOCATION_BYTES
        if self._bytes > self._limit:
            self._drop_oldest()
        if len(event) > BODY_BYTES:
            event = event[:BODY_BYTES]
        if answer is not None and len(answer) > BODY_BYTES:
            answer = answer[:BODY_BYTES]
        self._bodies[record.id] = bodies = Bodies(event, answer)
        self._body_bytes += _size(bodies)
        while self._body_bytes > self._bodies_limit:
            self._body_bytes -= _size(self._bodies.popitem(last=False)[1])

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
            self._drop_oldest()

    def put_before(
        self,
        environments: Iterable[EnvironmentRecord],
        invocations: Iterable[InvocationRecord],
        bodies: Iterable[tuple[int, Bodies]],
        known_from: float,
    ) -> None:
        """Put what an earlier emulator kept, all of it ended, before what is there."""
        older = list(environments)
        self.environments = {each.id: each for each in older} | self.environments
        self._ended.extendleft(sorted(older, key=_ended_at, reverse=True))
        past = list(invocations)
        self.invocations.extendleft(reversed(past))
        self._bytes += sum(_environment_size(each) for each in older)
        self._bytes += INVOCATION_BYTES * len(past)
        for id, each in sorted(bodies, reverse=True):
            self._body_bytes += _size(each)
            if self._body_bytes > self._bodies_limit:
                self._body_bytes -= _size(each)
                break
            self._bodies[id] = each
            self._bodies.move_to_end(id, last=False)
        self.known_from = min(known_from, self.known_from)
        self._drop_oldest()

    # --- what goes -----------------------------------------------------------------------------

    def _drop_oldest(self) -> None:
        """Drop what ended first until the rest is within the bound."""
        while self._bytes > self._limit and (self.invocations or self._ended):
            ended = _ended_at(self._ended[0]) if self._ended else None
            if not self.invocations or (ended is not None and ended < self.invocations[0].ended):
                self._drop_environment(self._ended.popleft())
            else:
                self._drop_invocation(self.invocations.popleft())

    def _drop_environment(self, gone: EnvironmentRecord) -> None:
        del self.environments[gone.id]
        self._bytes -= _environment_size(gone)
        self._forget(gone.revision, _ended_at(gone))

    def _drop_invocation(self, gone: InvocationRecord) -> None:
        self._bytes -= INVOCATION_BYTES
        self.dropped += 1
        bodies = self._bodies.pop(gone.id, None)
        if bodies is not None:
            self._body_bytes -= _size(bodies)
        self._forget(gone.id, gone.ended)

    def _forget(self, number: int, ended: float) -> None:
        self.dropped_to = max(self.dropped_to, number)
        self.known_from = max(self.known_from, ended)

    # --- what is asked -------------------------------------------------------------------------

    def bodies(self, id: int) -> Bodies | None:
        """Return an invocation's event and answer, if they are still there."""
        return self._bodies.get(id)

    def since(self, number: int) -> Iterator[InvocationRecord]:
        """Yield the invocations with higher ids, newest first."""
        for record in reversed(self.invocations):
            if record.id <= number:
                return
            yield record


def _size(bodies: Bodies) -> int:
    return _BODIES_BYTES + len(bodies.event) + len(bodies.answer or b"")


def _environment_size(record: EnvironmentRecord) -> int:
    return ENVIRONMENT_BYTES + PHASE_BYTES * len(record.phases)


def _ended_at(record: EnvironmentRecord) -> float:
    return record.requested if record.ended is None else record.ended
