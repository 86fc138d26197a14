"""Traces as a whole: what is traced is kept, and handed on to who wants it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from emulator.model.clock import Clock
from emulator.model.console import Console
from emulator.model.lazy import LazyModule
from emulator.model.lifecycle import Lifecycle
from emulator.model.trace_journal import TraceJournal
from emulator.telemetry.traces.tracer import Tracer

if TYPE_CHECKING:
    from emulator.telemetry.traces import keeper, store
    from emulator.telemetry.traces.store import TraceStore
else:
    keeper = LazyModule("emulator.telemetry.traces.keeper")
    store = LazyModule("emulator.telemetry.traces.store")


class Tracing:
    """The tracer and the store; the store is made with the first trace, or for who asks first.

    Args:
        lifecycle: Tells when traced invocations end.
        clock: The emulator's.
        console: Warned when the journal fails.
        limit_bytes: The most memory, and the most disk.
        journal: Keeps traces for later runs; None keeps them in memory only.
        everything: Trace all functions.
    """

    def __init__(
        self,
        lifecycle: Lifecycle,
        clock: Clock,
        *,
        console: Console,
        limit_bytes: int,
        journal: TraceJournal | None = None,
        everything: bool = False,
    ) -> None:
        self.tracer = Tracer(lifecycle, clock, everything=everything)
        self._clock = clock
        self._console = console
        self._limit = limit_bytes
        self._journal = journal
        self._store: TraceStore | None = None
        self._keeper: keeper.Keeper | None = None
        self.tracer.on_first.append(self._open)

    def _open(self) -> None:
        if self._store is not None:
            return
        self._store = store.TraceStore(self._limit, self._clock.now)
        if self._journal is not None:
            self._keeper = keeper.Keeper(
                self._journal,
                self._store,
                clock=self._clock,
                console=self._console,
                limit_bytes=self._limit,
            )
        self.tracer.sinks.append(self._store)

    @property
    def store(self) -> TraceStore:
        """What is known of this run; see :meth:`loaded`."""
        self._open()
        assert self._store is not None
        return self._store

    def has_request(self, request_id: str) -> bool:
        """Say whether an invocation of this run is traced, as far as is known."""
        if self._store is None:
            return False
        return any(each.has_request(request_id) for each in self._store.newest_first())

    async def loaded(self) -> TraceStore:
        """Return the store once it has the traces of earlier runs, too."""
        found = self.store
        if self._keeper is not None:
            await self._keeper.loaded()
        return found

    async def reset(self, account: str | None) -> None:
        """Forget all traces, or those of one account.

        Raises:
            StorageError: The disk did not take it.
        """
        found = await self.loaded()
        found.clear(account)
        if self._keeper is None:
            return
        await self._keeper.clear()
        for trace in reversed(list(found.newest_first())):
            place = next(iter(trace.places))
            for entry in trace.entries:
                assert found.on_change is not None
                found.on_change(place, entry)

    async def close(self) -> None:
        """Write what is not written yet."""
        if self._keeper is not None:
            await self._keeper.close()
