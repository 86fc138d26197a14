"""Executions between memory and disk: loaded when something happens, kept, and let go again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from emulator.model.errors import StorageError
from emulator.services.stepfunctions.engine.execution import (
    ABORTED,
    DORMANT,
    Execution,
    Thread,
)
from emulator.services.stepfunctions.engine.journal import ExecutionRow, Journal
from emulator.services.stepfunctions.engine.making import kept_execution
from emulator.services.stepfunctions.engine.room import RETRY_COMMIT_S, Room

if TYPE_CHECKING:
    from typing import Any

    from emulator.services.context import Parts

#: A wait shorter than this is waited for in memory.
_SHORT_MS = 500


class Keeping(Room):
    """What brings executions into memory, and onto the disk."""

    def __init__(self, parts: Parts, journal: Journal) -> None:
        super().__init__(parts, journal)
        self._loading: dict[int, asyncio.Task[Execution | None]] = {}
        #: Who waits for the end of an execution.
        self._ends: dict[int, list[asyncio.Future[Execution]]] = {}

    async def load(self, id: int) -> Execution | None:
        """Return an execution, read from the disk if it is not in memory; None if it is gone."""
        found = self.live.get(id)
        if found is not None or id < 0:
            return found
        loading = self._loading.get(id)
        if loading is None:
            loading = asyncio.get_running_loop().create_task(self._load(id))
            self._loading[id] = loading
            loading.add_done_callback(lambda _: self._loading.pop(id, None))
        return await asyncio.shield(loading)

    async def _load(self, id: int) -> Execution | None:
        kept = await self.journal.load(id)
        if kept is None:
            return None
        execution = kept_execution(*kept)
        if not execution.is_over:
            self.live[id] = execution
        return execution

    async def kept(self, execution: Execution) -> None:
        """Return once what happened to an execution is kept.

        Raises:
            StorageError: The disk did not take it.
        """
        if execution.is_committing or execution.fresh or execution.changed:
            await self._kept(execution)

    async def _kept(self, execution: Execution) -> ExecutionRow | None:
        """Have what is new of an execution kept, and wait for it.

        Returns:
            For a new execution: another one of its name, which is there already.

        Raises:
            StorageError: The disk did not take it.
        """
        told: asyncio.Future[ExecutionRow | None] = asyncio.get_running_loop().create_future()
        execution.told.append(told)
        self._flush(execution)
        return await told

    def _flush(self, execution: Execution) -> None:
        """Have what is new of an execution kept; one commit of it at a time."""
        if execution.is_committing:
            execution.has_more = True
            return
        for name in execution.changed:
            thread = execution.threads.get(name)
            if thread is not None and thread.due_ms is not None and not execution.is_over:
                self.timers.add((thread.due_ms, execution.id, thread.id, thread.turn))
        for name in execution.gone:
            self._cancel_task(execution.id, name)
        last = execution.events
        begin, execution.begin = execution.begin, []
        told, execution.told = execution.told, []
        is_over, is_new = execution.is_over, execution.is_new
        if execution.is_express:
            self.logs.add(execution, execution.fresh, last)
            execution.fresh, execution.changed, execution.gone = [], set(), set()
            self._committed(execution, begin, is_over=is_over)
            _tell(told, None, None)
            return
        kept = (execution.fresh, execution.changed, execution.gone)

        def done(found: ExecutionRow | None, error: StorageError | None) -> None:
            execution.is_committing = False
            if is_new and (error is not None or found is not None):
                # It has never been.
                execution.status = ABORTED
                self._forget(execution)
                self._tell_waiting(execution)
            elif error is not None:
                execution.fresh = [*kept[0], *execution.fresh]
                execution.changed |= kept[1]
                execution.gone = {*kept[2], *execution.gone} - set(execution.threads)
                execution.begin = [*begin, *execution.begin]
                self.parts.console.warn(f"{execution.arn} waits: {error}")
                self.clock.call_later(RETRY_COMMIT_S, self._flush_again, execution)
            else:
                self.logs.add(execution, kept[0], last)
                has_more, execution.has_more = execution.has_more, False
                if is_new:
                    for listener in self.on_start:
                        listener(execution)
                self._committed(execution, begin, is_over=is_over)
                if has_more:
                    self._flush(execution)
            _tell(told, found, error)

        execution.is_committing = True
        self.journal.commit(execution, done)

    def _flush_again(self, execution: Execution) -> None:
        """Have kept what the disk did not take, unless a later commit has taken it along."""
        e = execution
        if e.fresh or e.changed or e.gone or e.begin or e.told:
            self._flush(execution)

    def _committed(
        self, execution: Execution, begin: list[tuple[str, int]], *, is_over: bool
    ) -> None:
        if self._is_closed:
            return
        for thread, turn in begin:
            self._begin(execution, thread, turn)
        if is_over:
            self._forget(execution)
            self._settle(execution)
        elif not execution.is_express:
            self._let_go(execution)

    def _let_go(self, execution: Execution) -> None:
        """Forget an execution of which nothing goes on in memory."""
        if execution.is_committing or execution.fresh or execution.changed or execution.begin:
            return
        if execution.id in self._ends:
            return
        # The more threads it has, the more it costs to load it again.
        soon_ms = int(self.clock.now() * 1000) + _SHORT_MS * (1 + len(execution.threads))
        last = execution.threads.get(execution.awake)
        if last is not None and self._is_awake(execution, last, soon_ms):
            return
        # The latest threads are the likeliest to be at work.
        for thread in reversed(execution.threads.values()):
            if self._is_awake(execution, thread, soon_ms):
                execution.awake = thread.id
                return
        self.live.pop(execution.id, None)

    def _is_awake(self, execution: Execution, thread: Thread, soon_ms: int) -> bool:
        """Say whether something of a thread goes on in memory, or will soon."""
        if thread.kind not in DORMANT or (execution.id, thread.id) in self._running:
            return True
        return thread.due_ms is not None and thread.due_ms < soon_ms

    def _forget(self, execution: Execution) -> None:
        self.live.pop(execution.id, None)
        self._cancel(execution)

    def _settle(self, execution: Execution) -> None:
        """Tell whoever wants to know that an execution has ended."""
        self._tell_waiting(execution)
        for listener in self.on_end:
            listener(execution)

    def _tell_waiting(self, execution: Execution) -> None:
        for future in self._ends.pop(execution.id, ()):
            if not future.done():
                future.set_result(execution)


def _tell(
    told: list[asyncio.Future[Any]], found: ExecutionRow | None, error: StorageError | None
) -> None:
    for future in told:
        if future.done():
            continue
        if error is None:
            future.set_result(found)
        else:
            future.set_exception(error)
