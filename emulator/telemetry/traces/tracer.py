"""Decides which invocations are traced, and notes when each of them was.

The path of every invocation asks :meth:`Tracer.enter`; all else happens for traced ones alone. What
is noted of a traced call is one tuple. Documents are made of it when somebody asks.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from emulator.model.clock import Clock
from emulator.model.function import FunctionVersion
from emulator.model.ids import new_trace_root
from emulator.model.invocation import Invocation
from emulator.model.lazy import LazyModule
from emulator.model.lifecycle import Lifecycle

if TYPE_CHECKING:
    from emulator.model import lifecycle_events
    from emulator.model.lifecycle_events import Event, InvocationEnded, InvocationRefused
    from emulator.telemetry.traces import header
else:
    lifecycle_events = LazyModule("emulator.model.lifecycle_events")
    header = LazyModule("emulator.telemetry.traces.header")

#: The path of an invocation that nobody traces takes its parts from here.
_LENGTH_OF_ROOT = len("Root=1-65a1b2c3-000000000000000000000001")


class TracedCall(NamedTuple):
    """A traced invocation that has ended or was refused; times are seconds since the epoch."""

    version: FunctionVersion
    request_id: str
    trace_id: str
    #: The id of the segment or subsegment that called it; "" for the first of a trace.
    caller_id: str
    #: The id that its function is told: that of its Invocation.
    own_id: str
    requested: float
    started: float
    #: When its REPORT was written.
    ended: float
    duration_ms: float
    init_ms: float | None
    restore_ms: float | None
    #: "success", "error", "timeout" or "throttled".
    status: str
    error_type: str
    #: Trace and segment of the other records of its batch.
    links: tuple[tuple[str, str], ...] = ()


#: A document with the account and the region whose it is.
Placed = tuple[str, str, dict[str, Any]]


class TraceSink:
    """Who takes what is traced; does nothing here."""

    def call(self, call: TracedCall) -> None:
        """Take an invocation, at once."""

    def documents(self, placed: Sequence[Placed]) -> None:
        """Take segment documents, at once."""


class Tracer:
    """Traces invocations.

    Args:
        lifecycle: Tells when traced invocations end; it is listened to from the first one on.
        clock: The emulator's.
        everything: Trace all functions, whatever their tracing configuration says.

    Attributes:
        sinks: Who takes what is traced.
        on_first: Called before the first traced invocation or document.
    """

    def __init__(self, lifecycle: Lifecycle, clock: Clock, *, everything: bool = False) -> None:
        self._lifecycle = lifecycle
        self._clock = clock
        self.everything = everything
        self.sinks: list[TraceSink] = []
        self.on_first: list[Callable[[], None]] = []
        #: By request id: trace, caller, own id and version of the invocations that are under way.
        self._under_way: dict[str, tuple[str, str, str, FunctionVersion]] = {}
        #: By request id: what the batch of an invocation that is under way is made of besides.
        self._links: dict[str, tuple[tuple[str, str], ...]] = {}
        self._listens = False

    def enter(self, version: FunctionVersion, invocation: Invocation) -> None:
        """Decide whether an invocation is traced; its trace header becomes the function's.

        As on AWS, what the caller has decided stands. Where nobody has, functions with active
        tracing are traced: here all of their calls, on AWS one a second and 5 % of the others.

        https://docs.aws.amazon.com/lambda/latest/dg/services-xray.html
        """
        text = invocation.trace_id
        if "Sampled=0" in text:
            return
        if "Sampled=1" not in text and not (version.is_traced or self.everything):
            # The usual case: "Root=1-…", and nothing or a lineage behind it.
            head, rest = text[:_LENGTH_OF_ROOT], text[_LENGTH_OF_ROOT:]
            if "Parent=" not in rest:
                head += f";Parent={random.getrandbits(64):016x}"
            invocation.trace_id = f"{head};Sampled=0{rest}"
            return
        self._begin(version, invocation, text)

    def _begin(self, version: FunctionVersion, invocation: Invocation, text: str) -> None:
        own_id = f"{random.getrandbits(64):016x}"
        if not self._listens:
            self.open()
        if len(text) == _LENGTH_OF_ROOT and text.startswith("Root=1-") and ";" not in text:
            # The usual case: a trace that begins here.
            root, caller, rest = text[5:], "", ""
        else:
            came = header.read(text)
            root = came.root or new_trace_root(self._clock.now()).removeprefix("Root=")
            caller, rest = came.parent, came.rest
        self._under_way[invocation.request_id] = (root, caller, own_id, version)
        if invocation.links:
            found = _links(invocation.links, root)
            if found:
                self._links[invocation.request_id] = found
        invocation.trace_id = f"Root={root};Parent={own_id};Sampled=1{rest}"

    def place_of(self, trace_id: str) -> tuple[str, str] | None:
        """Return account and region of a function that runs in a trace; None: none does."""
        for root, _, _, version in self._under_way.values():
            if root == trace_id:
                return version.account, version.region
        return None

    def open(self) -> None:
        """Be ready to take what is traced."""
        if self._listens:
            return
        self._listens = True
        self._lifecycle.add(self._hear, closely=False)
        for each in self.on_first:
            each()

    def take(self, placed: Sequence[Placed]) -> None:
        """Hand on segment documents that were checked."""
        self.open()
        for sink in self.sinks:
            sink.documents(placed)

    def _hear(self, event: Event) -> None:
        if not self._under_way:
            return
        kind = type(event)
        if kind is lifecycle_events.InvocationEnded:
            self._ended(event)  # type: ignore[arg-type]
        elif kind is lifecycle_events.InvocationRefused:
            self._refused(event)  # type: ignore[arg-type]

    def _ended(self, event: InvocationEnded) -> None:
        under_way = self._under_way.pop(event.request_id, None)
        if under_way is None:
            return
        restored = event.restored
        values = (
            event.version,
            event.request_id,
            *under_way[:3],
            event.requested,
            event.started,
            event.moment.at,
            event.duration_ms,
            event.init_ms,
            None if restored is None else restored.duration_ms,
            event.status,
            event.error_type,
            self._links.pop(event.request_id, ()) if self._links else (),
        )
        # Half the time of a call with names, on the path of every traced invocation.
        call = tuple.__new__(TracedCall, values)
        for sink in self.sinks:
            sink.call(call)

    def _refused(self, event: InvocationRefused) -> None:
        under_way = self._under_way.pop(event.request_id, None)
        if under_way is None:
            return
        self._links.pop(event.request_id, None)
        at = event.moment.at
        requested = at - (event.moment.monotonic_s - event.requested_s)
        status = "throttled" if event.is_throttled else "error"
        call = TracedCall(
            event.version,
            event.request_id,
            *under_way[:3],
            requested,
            at,
            at,
            0.0,
            None,
            None,
            status,
            event.code,
        )
        for sink in self.sinks:
            sink.call(call)


def _links(texts: Sequence[str], root: str) -> tuple[tuple[str, str], ...]:
    """Return trace and segment of those of a batch's records whose traces are others'."""
    found: dict[str, str] = {}
    for text in texts:
        other = header.read(text)
        if other.sampled and other.root and other.root != root:
            found.setdefault(other.root, other.parent)
    return tuple(found.items())
