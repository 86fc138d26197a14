"""The traces that are known, bounded in bytes: beyond that, the oldest traces go."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import orjson

from emulator.model.kept_json import kept_json
from emulator.telemetry.traces import calls
from emulator.telemetry.traces.tracer import Placed, TracedCall, TraceSink

#: Bytes that a trace and a noted call take, about.
_TRACE_BYTES, _CALL_BYTES = 700, 900
#: Bytes of a trace that is one call only.
_PLAIN_BYTES = 1000
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
        #: A trace that is one call only is kept as that: most are, and nobody looks at most.
        self._traces: OrderedDict[str, Trace | TracedCall] = OrderedDict()
        self.size = 0
        self.on_change: Callable[[Place, Entry], None] | None = None

    def __len__(self) -> int:
        return len(self._traces)

    def call(self, call: TracedCall) -> None:
        """Take an invocation."""
        trace_id = call.trace_id
        if trace_id in self._traces or call.links:
            place = (call.version.account, call.version.region)
            self._add(place, trace_id, call, _CALL_BYTES)
            for other, caller_id in call.links:
                self.documents([(*place, calls.continued(call, other, caller_id))])
            return
        self._traces[trace_id] = call
        self.size += _PLAIN_BYTES
        if self.on_change is not None:
            self.on_change((call.version.account, call.version.region), call)
        if self.size > self._limit:
            self._drop_oldest()

    def documents(self, placed: Sequence[Placed]) -> None:
        """Take segment documents."""
        for account, region, document in placed:
            entry = kept_json(document)
            self._add((account, region), document["trace_id"], entry, len(entry) + 64)

    def _add(self, place: Place, trace_id: str, entry: Entry, size: int) -> None:
        trace = self._whole(trace_id)
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
        if self.size > self._limit:
            self._drop_oldest()

    def _whole(self, trace_id: str) -> Trace | None:
        """Return a trace as one; None: it is not known."""
        found = self._traces.get(trace_id)
        if not isinstance(found, TracedCall):
            return found
        trace = _seen(found)
        self.size += trace.size - _PLAIN_BYTES
        self._traces[trace_id] = trace
        return trace

    def _drop_oldest(self) -> None:
        while self.size > self._limit and len(self._traces) > 1:
            _, gone = self._traces.popitem(last=False)
            self.size -= _PLAIN_BYTES if isinstance(gone, TracedCall) else gone.size

    def put_before(self, entries: Sequence[tuple[Place, dict[str, Any]]]) -> None:
        """Take what an earlier run had, oldest first, as far as there is room."""
        newer, on_change = list(self.newest_first()), self.on_change
        self._traces, self.size, self.on_change = OrderedDict(), 0, None
        for place, document in entries:
            self.documents([(*place, document)])
        for trace in reversed(newer):
            for entry in trace.entries:
                size = _CALL_BYTES if isinstance(entry, TracedCall) else len(entry) + 64
                self._add(next(iter(trace.places)), trace.id, entry, size)
        self.on_change = on_change

    def find(self, trace_id: str) -> Trace | None:
        """Return a trace by its id."""
        found = self._traces.get(trace_id)
        return _seen(found) if isinstance(found, TracedCall) else found

    def newest_first(self) -> Iterator[Trace]:
        """Return all traces, those that began last first."""
        for found in reversed(list(self._traces.values())):
            yield _seen(found) if isinstance(found, TracedCall) else found

    def clear(self, account: str | None) -> None:
        """Forget all traces, or those of one account."""
        for trace in list(self.newest_first()):
            if account is None or any(place[0] == account for place in trace.places):
                gone = self._traces.pop(trace.id)
                self.size -= _PLAIN_BYTES if isinstance(gone, TracedCall) else gone.size


def _seen(call: TracedCall) -> Trace:
    """Return a trace that is one call only."""
    trace = Trace(call.trace_id, (call.version.account, call.version.region), call.ended)
    trace.entries.append(call)
    trace.size = _TRACE_BYTES + _CALL_BYTES
    return trace
