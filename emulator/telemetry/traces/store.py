"""The traces that are known, bounded in bytes: beyond that, the oldest traces go."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from emulator.telemetry.traces import calls
from emulator.telemetry.traces.tracer import Placed, TracedCall, TraceSink

#: Bytes that a trace and a noted call take, about.
_TRACE_BYTES, _CALL_BYTES = 700, 900
#: Bytes of the documents of one trace. More are refused, as AWS does from 500 KB on.
MOST_BYTES_OF_TRACE = 500 * 1024

#: A call as it was noted, or a document as JSON.
Entry = TracedCall | bytes
#: Account and region.
Place = tuple[str, str]


class Trace:
    """One trace: what was sent of it, in the order in which it came."""

    __slots__ = ("entries", "id", "places", "size", "touched")

    def __init__(self, id: str, place: Place, now: float) -> None:
        self.id = id
        self.entries: list[Entry] = []
        #: Whose it is: of each account and region that has taken part.
        self.places = {place}
        self.size = _TRACE_BYTES
        #: When it was last added to, seconds since the epoch.
        self.touched = now

    def has_request(self, request_id: str) -> bool:
        """Say whether an invocation with a request id is a part of it."""
        text = f'"{request_id}"'.encode()
        return any(
            text in each if isinstance(each, bytes) else each.request_id == request_id
            for each in self.entries
        )

    def documents(self) -> list[dict[str, Any]]:
        """Return its documents, made anew each time."""
        found: list[dict[str, Any]] = []
        for entry in self.entries:
            if isinstance(entry, bytes):
                found.append(orjson.loads(entry))
            else:
                found += calls.documents(entry)
        return found


class TraceStore(TraceSink):
    """Keeps traces in memory.

    Args:
        limit_bytes: The most that all take.
        now: Returns seconds since the epoch.

    Attributes:
        on_change: Called with each entry that comes in, and its place.
    """

    def __init__(self, limit_bytes: int, now: Callable[[], float]) -> None:
        self._limit = limit_bytes
        self._now = now
        self._traces: dict[str, Trace] = {}
        self.size = 0
        self.on_change: Callable[[Place, Entry], None] | None = None

    def __len__(self) -> int:
        return len(self._traces)

    def call(self, call: TracedCall) -> None:
        """Take an invocation."""
        self._add((call.version.account, call.version.region), call.trace_id, call, _CALL_BYTES)
        for trace_id, caller_id in call.links:
            place = (call.version.account, call.version.region)
            self.documents([(*place, calls.continued(call, trace_id, caller_id))])

    def documents(self, placed: Sequence[Placed]) -> None:
        """Take segment documents."""
        for account, region, document in placed:
            entry = orjson.dumps(document)
            self._add((account, region), document["trace_id"], entry, len(entry) + 64)

    def _add(self, place: Place, trace_id: str, entry: Entry, size: int) -> None:
        trace = self._traces.get(trace_id)
        if trace is None:
            trace = self._traces[trace_id] = Trace(trace_id, place, self._now())
            self.size += _TRACE_BYTES
        elif trace.size + size > MOST_BYTES_OF_TRACE:
            return
        else:
            trace.places.add(place)
            trace.touched = self._now()
        trace.entries.append(entry)
        trace.size += size
        self.size += size
        if self.on_change is not None:
            self.on_change(place, entry)
        while self.size > self._limit and len(self._traces) > 1:
            oldest = next(iter(self._traces))
            self.size -= self._traces.pop(oldest).size

    def put_before(self, entries: Sequence[tuple[Place, dict[str, Any]]]) -> None:
        """Take what an earlier run had, oldest first, as far as there is room."""
        newer, on_change = self._traces, self.on_change
        self._traces, self.size, self.on_change = {}, 0, None
        for place, document in entries:
            self.documents([(*place, document)])
        for trace in newer.values():
            for entry in trace.entries:
                size = _CALL_BYTES if isinstance(entry, TracedCall) else len(entry) + 64
                self._add(next(iter(trace.places)), trace.id, entry, size)
        self.on_change = on_change

    def find(self, trace_id: str) -> Trace | None:
        """Return a trace by its id."""
        return self._traces.get(trace_id)

    def newest_first(self) -> Iterator[Trace]:
        """Return all traces, those that began last first."""
        return reversed(list(self._traces.values()))

    def clear(self, account: str | None) -> None:
        """Forget all traces, or those of one account."""
        for trace in list(self._traces.values()):
            if account is None or any(place[0] == account for place in trace.places):
                self.size -= self._traces.pop(trace.id).size
