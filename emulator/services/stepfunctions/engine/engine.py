"""Runs executions: each goes as far as it can, is committed, and then its tasks begin.

An execution is in memory only while something of it is under way. One that waits (for a time, a
token, a worker) is on the disk, and an entry of the timers' heap; whatever ends its wait loads it.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from emulator.model.errors import AwsError, StorageError
from emulator.services.stepfunctions import arns, definitions
from emulator.services.stepfunctions.engine.events import Event
from emulator.services.stepfunctions.engine.execution import (
    ABORTED,
    ACTIVITY,
    DECIDING,
    DORMANT,
    MAP_RUN,
    NESTED,
    READY,
    RETRY,
    TASK,
    TIMED_OUT,
    WAIT,
    Execution,
    Thread,
    read_token,
)
from emulator.services.stepfunctions.engine.host import Logs, Tasks
from emulator.services.stepfunctions.engine.interpreter import Interpreter
from emulator.services.stepfunctions.engine.journal import ExecutionRow, Journal
from emulator.services.stepfunctions.engine.questions import decision
from emulator.services.stepfunctions.engine.timers import Due, Timers
from emulator.workflows import json_text
from emulator.workflows.effects import Effect, Fail
from emulator.workflows.frames import Moment
from emulator.workflows.program import Program

if TYPE_CHECKING:
    from emulator.services.context import Parts

log = logging.getLogger(__name__)

#: A wait shorter than this is waited for in memory.
_SHORT_MS = 500
#: Seconds until the disk is asked again to take what it did not.
RETRY_COMMIT_S = 1.0
_EXPRESS_MOST_S = 300.0
_DAY_S = 24 * 3600.0
#: How many expressions are worked out beside the loop at a time.
_BESIDE = 2
T = TypeVar("T")
#: Executions that have ended are kept for 90 days, as on AWS.
_KEPT_S = 90 * _DAY_S
#: How many are deleted in one commit.
_FORGOTTEN = 200
Listener = Callable[[Execution], None]


class Engine:
    """All executions of the emulator. :func:`open` makes it.

    Args:
        parts: The emulator's.
        journal: Where executions are kept.

    Attributes:
        tasks: Does what tasks name.
        logs: Writes what happens to log groups.
        on_start: Called with each execution that has begun, once that is kept.
        on_end: Called with each that has ended, likewise.
        is_draining: The emulator is ending: what is not begun yet begins at the next start.
    """

    tasks: Tasks
    logs: Logs

    def __init__(self, parts: Parts, journal: Journal) -> None:
        self.parts, self.journal, self.clock = parts, journal, parts.clock
        self._scale: float = parts.settings.time_scale
        self.timers = Timers(parts.clock, self._wake)
        self.live: dict[int, Execution] = {}
        self.on_start: list[Listener] = []
        self.on_end: list[Listener] = []
        self._loading: dict[int, asyncio.Task[Execution | None]] = {}
        #: Tasks that run, by execution and thread.
        self._running: dict[tuple[int, str], asyncio.Task[None]] = {}
        self._others: set[asyncio.Task[None]] = set()
        #: Who waits for the end of an execution.
        self._ends: dict[int, list[asyncio.Future[Execution]]] = {}
        self._last = journal.last_execution
        self._last_express = 0
        self._chance = random.SystemRandom()
        self._is_closed = False
        self.is_draining = False
        self._beside: ThreadPoolExecutor | None = None

    # -- starting and ending ---------------------------------------------------------------------

    async def open(self) -> None:
        """Go on with all that was under way."""
        due, busy = await self.journal.due()
        self.timers.load(due)
        for execution, thread, turn, activity in await self.journal.offered():
            self.tasks.offer(activity, execution, thread, turn)
        for id in busy:
            self.spawn(self._resume(id))
        self.spawn(self._forget_old())

    async def _forget_old(self) -> None:
        """Delete executions that ended long ago, once a day."""
        while True:
            before_ms = int((self.clock.now() - _KEPT_S) * 1000)
            while await self.journal.forget_before(before_ms, _FORGOTTEN) == _FORGOTTEN:
                pass
            await self.clock.sleep(_DAY_S)

    async def _resume(self, id: int) -> None:
        execution = await self.load(id)
        if execution is None or execution.is_over:
            return
        for thread in list(execution.threads.values()):
            if thread.kind in (TASK, READY, MAP_RUN, NESTED, DECIDING):
                self._begin(execution, thread.id, thread.turn)

    async def close(self) -> None:
        """Stop; what is under way goes on at the next start."""
        self._is_closed = True
        self.timers.clear()
        tasks = [*self._running.values(), *self._others, *self._loading.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._beside is not None:
            self._beside.shutdown(wait=False, cancel_futures=True)

    async def reset(self, account: str | None) -> None:
        """Forget all executions, or those of one account."""
        for execution in list(self.live.values()):
            if account in (None, execution.account):
                self._forget(execution)
                execution.status = ABORTED
                self._settle(execution)
        await self.journal.clear(account)
        if account is None:
            self.timers.clear()

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Have ``work`` done in the background, until the engine is closed."""
        task = asyncio.get_running_loop().create_task(work)
        self._others.add(task)
        task.add_done_callback(self._others.discard)
        return task

    def make(
        self,
        *,
        machine: arns.Arn,
        name: str,
        text: str,
        value: Any,
        revision: dict[str, Any],
        kind: str,
        body: dict[str, Any],
        program: Program | None = None,
        map_run: int | None = None,
        item: int | None = None,
    ) -> Execution:
        """Return a new execution, which has not begun.

        Args:
            machine: The machine, or the distributed Map of one.
            name: The execution's name; for express, name and id with a colon.
            text: The input as JSON.
            value: The input.
            revision: What it runs.
            kind: The machine's type.
            body: What is kept beside: version, alias, trace.
            program: What it runs, if that is only a part of the definition.
            map_run: The map run whose child it is.
            item: Which of its items it has.
        """
        is_express = kind == "EXPRESS" and map_run is None
        if is_express:
            self._last_express -= 1
            id = self._last_express
        else:
            self._last += 1
            id = self._last
        program = program or definitions.program(revision["definition"], kind)
        now_ms = int(self.clock.now() * 1000)
        # A child is no longer one once its machine is changed, so its revision names the Map.
        execution = Execution(
            id=id,
            arn=arns.make(
                machine.account,
                machine.region,
                "express" if is_express else "execution",
                machine.name,
                name,
            ),
            account=machine.account,
            region=machine.region,
            name=name.partition(":")[0],
            machine=machine.machine,
            machine_name=machine.name.partition("/")[0],
            is_express=is_express,
            revision=revision,
            revision_id=0 if is_express else self.journal.revision(revision["digest"]),
            program=program,
            input=value,
            body={"input": text, **body},
            started_ms=now_ms,
            map_run=map_run,
            item=item,
        )
        limit_s: float | None = program.timeout_s
        if is_express:
            limit_s = min(limit_s or _EXPRESS_MOST_S, _EXPRESS_MOST_S)
        if limit_s is not None:
            execution.deadline_ms = now_ms + int(limit_s * 1000 / self.scale_of(execution))
        return execution

    async def start(self, execution: Execution) -> ExecutionRow | None:
        """Begin an execution; returns once that is kept.

        Returns:
            The execution of this name that there is already: this one is not begun then.

        Raises:
            StorageError: It could not be kept.
        """
        self.live[execution.id] = execution
        self._interpreter(execution).start()
        if execution.deadline_ms is not None and not execution.is_over:
            self.timers.add((execution.deadline_ms, execution.id, "", -1))
        return await self._kept(execution)

    async def ended(self, execution: Execution) -> Execution:
        """Wait for the end of an execution that is in memory."""
        if execution.is_over:
            return execution
        future: asyncio.Future[Execution] = asyncio.get_running_loop().create_future()
        self._ends.setdefault(execution.id, []).append(future)
        return await future

    async def stop(
        self, id: int, error: str | None, cause: str | None, status: str = ABORTED
    ) -> Execution | None:
        """End an execution from outside; None if there is none, or it has ended."""
        execution = await self.load(id)
        if execution is None or execution.is_over:
            return None
        self._cancel(execution)
        self._interpreter(execution).end(status, error, cause)
        await self._kept(execution)
        return execution

    async def abort_all(self, machine: str) -> None:
        """End all executions of a machine that is deleted."""
        for execution in list(self.live.values()):
            if execution.is_express and execution.machine == machine:
                await self.stop(execution.id, None, None)
        for id in await self.journal.running(machine):
            await self.stop(id, None, None)

    async def redrive(self, id: int) -> Execution | None:
        """Try again what has failed in an execution that has ended."""
        execution = await self.load(id)
        if execution is None or not execution.is_over or id in self.live:
            return None
        self.live[id] = execution
        now_ms = int(self.clock.now() * 1000)
        for name in ("error", "cause", "output"):
            execution.body.pop(name, None)
        execution.body["redriven_ms"] = now_ms
        if execution.program.timeout_s is not None:
            limit_ms = execution.program.timeout_s * 1000
            execution.deadline_ms = now_ms + int(limit_ms / self.scale_of(execution))
            self.timers.add((execution.deadline_ms, execution.id, "", -1))
        self._interpreter(execution).redrive()
        await self._kept(execution)
        return execution

    # -- memory and disk -------------------------------------------------------------------------

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
        row, revision, threads = kept
        content = row.content
        arn = arns.split(row.arn, "execution", "express")
        program = definitions.program(revision["definition"], revision["type"])
        if content.get("processor"):
            found = program.find(content["processor"])
            assert found is not None
            assert found[1].processor is not None
            program = found[1].processor
        execution = Execution(
            id=id,
            arn=row.arn,
            account=arn.account,
            region=arn.region,
            name=arn.rest,
            machine=row.machine,
            machine_name=arn.name.partition("/")[0],
            revision=revision,
            revision_id=row.revision,
            program=program,
            input=json_text.read(content["input"]),
            body=content,
            status=row.status,
            started_ms=row.started_ms,
            stopped_ms=row.stopped_ms,
            deadline_ms=row.deadline_ms,
            map_run=row.map_run,
            item=row.item,
            events=row.events,
            redrives=row.redrives,
            is_new=False,
        )
        execution.restore(threads)
        if not execution.is_over:
            self.live[id] = execution
        return execution

    def _interpreter(self, execution: Execution) -> Interpreter:
        return Interpreter(execution, self.clock, self._chance, self.scale_of(execution))

    def scale_of(self, execution: Execution) -> float:
        """Return what waits and timeouts of an execution are divided by."""
        own: float | None = execution.body.get("scale")
        return own or self._scale

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

    def _cancel(self, execution: Execution) -> None:
        for thread in execution.threads:
            self._cancel_task(execution.id, thread)

    def _cancel_task(self, execution: int, thread: str) -> None:
        task = self._running.pop((execution, thread), None)
        if task is not None and task is not asyncio.current_task():
            task.cancel()

    def _settle(self, execution: Execution) -> None:
        """Tell whoever wants to know that an execution has ended."""
        self._tell_waiting(execution)
        for listener in self.on_end:
            listener(execution)

    def _tell_waiting(self, execution: Execution) -> None:
        for future in self._ends.pop(execution.id, ()):
            if not future.done():
                future.set_result(execution)

    # -- going on --------------------------------------------------------------------------------

    def _begin(self, execution: Execution, name: str, turn: int) -> None:
        """Begin what a thread needs done, now that its need of it is kept."""
        thread = execution.threads.get(name)
        if thread is None or thread.turn != turn or execution.is_over:
            return
        if thread.kind == READY:
            asyncio.get_running_loop().call_soon(self._go_on, execution, name, turn)
            return
        if self.is_draining and not execution.is_express:
            return
        if thread.kind == ACTIVITY:
            self.tasks.offer(thread.task.resource.arn, execution.id, name, turn)
            return
        key = (execution.id, name)
        work = self._decide if thread.kind == DECIDING else self._run
        task = asyncio.get_running_loop().create_task(work(execution, thread, turn))
        self._running[key] = task

    async def _decide(self, execution: Execution, thread: Thread, turn: int) -> None:
        """Decide what takes long in a thread of the machine, and go on with it."""
        question = thread.question
        assert question is not None
        moment = Moment(int(self.clock.now() * 1000), self._chance)
        effect: Effect
        try:
            effect = await self.beside(
                partial(decision, thread, question.step, question.subject, moment)
            )
        except Exception as error:
            log.exception("%s of %s failed", thread.state.name, execution.arn)
            effect = Fail("States.Runtime", f"{type(error).__name__}: {error}")
        self._running.pop((execution.id, thread.id), None)
        if thread.turn == turn and not execution.is_over and not self._is_closed:
            self._interpreter(execution).go_on_with(thread, effect)
            self._flush(execution)

    async def beside(self, work: Callable[[], T]) -> T:
        """Do what takes long, and waits for nothing, in a thread beside the loop."""
        if self._beside is None:
            self._beside = ThreadPoolExecutor(_BESIDE, "workflows")
        return await asyncio.get_running_loop().run_in_executor(self._beside, work)

    async def _run(self, execution: Execution, thread: Thread, turn: int) -> None:
        try:
            while thread.turn == turn and not execution.is_over:
                try:
                    await self.tasks.run(execution, thread, turn)
                    return
                except StorageError as error:
                    self.parts.console.warn(f"{execution.arn} waits: {error}")
                    await self.clock.sleep(RETRY_COMMIT_S)
        except Exception as error:
            # An execution must not wait for ever for what a bug has ended.
            log.exception("%s of %s failed", thread.state.name, execution.arn)
            if thread.turn == turn and not execution.is_over:
                cause = f"{type(error).__name__}: {error}"
                self.fail(execution, thread, Fail("States.Runtime", cause))
        finally:
            key = (execution.id, thread.id)
            if self._running.get(key) is asyncio.current_task():
                del self._running[key]
                if execution.id in self.live and not execution.is_express:
                    self._let_go(execution)

    def _go_on(self, execution: Execution, name: str, turn: int) -> None:
        thread = execution.threads.get(name)
        if thread is None or thread.turn != turn or execution.is_over or self._is_closed:
            return
        self._interpreter(execution).go_on(thread)
        self._flush(execution)

    def _wake(self, due: Due) -> None:
        if due[1] in self.live:
            self._due(self.live[due[1]], due)
        elif due[1] > 0:
            self.spawn(self._load_due(due))

    async def _load_due(self, due: Due) -> None:
        execution = await self.load(due[1])
        if execution is not None:
            self._due(execution, due)

    def _due(self, execution: Execution, due: Due) -> None:
        """Do what a time that is over means for an execution."""
        due_ms, _, name, turn = due
        if execution.is_over:
            return
        if turn == -1:
            if execution.deadline_ms == due_ms:
                self._cancel(execution)
                self._interpreter(execution).end(TIMED_OUT, None, None)
                self._flush(execution)
            return
        thread = execution.threads.get(name)
        if thread is None or thread.turn != turn or thread.due_ms is None:
            return
        if thread.due_ms > due_ms:
            self.timers.add((thread.due_ms, execution.id, name, turn))
        elif thread.kind == WAIT:
            self._interpreter(execution).finish(thread, None)
            self._flush(execution)
        elif thread.kind == RETRY:
            self._go_on(execution, name, turn)
        else:
            self._cancel_task(execution.id, name)
            self.tasks.timed_out(execution, thread)

    def finish(self, execution: Execution, thread: Thread, result: Any, *more: Event) -> None:
        """Go on with a thread whose task has a result."""
        self._interpreter(execution).finish(thread, result, *more)
        self._flush(execution)

    def finish_map(self, execution: Execution, thread: Thread, outputs: Any) -> None:
        """Go on with a distributed Map whose children have ended."""
        self._interpreter(execution).finish_map(thread, outputs)
        self._flush(execution)

    def fail(self, execution: Execution, thread: Thread, failure: Fail, *more: Event) -> None:
        """Go on with a thread whose task has failed."""
        self._interpreter(execution).fail(thread, failure, *more)
        self._flush(execution)

    def rest(
        self, execution: Execution, thread: Thread, kind: str, *more: Event, keep: Any = None
    ) -> None:
        """Let a thread rest for something else than before; its turn and its time go on.

        Args:
            execution: The execution.
            thread: The thread.
            kind: What it rests for from now on.
            more: Events that say so.
            keep: What is needed to go on.
        """
        thread.kind = kind
        if keep is not None:
            thread.result = keep
        self._interpreter(execution).note(thread, *more)
        self._flush(execution)

    def stop_task(self, execution: Execution, thread: Thread) -> None:
        """Give up what is done for a task that is answered from outside."""
        self._cancel_task(execution.id, thread.id)

    async def kept(self, execution: Execution) -> None:
        """Return once what happened to an execution is kept.

        Raises:
            StorageError: The disk did not take it.
        """
        if execution.is_committing or execution.fresh or execution.changed:
            await self._kept(execution)

    async def awaited(self, token: str) -> tuple[Execution, Thread]:
        """Return the thread that a task token belongs to, while it waits.

        Raises:
            AwsError: InvalidToken, TaskTimedOut.
        """
        place = read_token(token)
        if place is None:
            raise AwsError("InvalidToken", "Invalid Token: 'Invalid token'")
        execution = await self.load(place[0])
        thread = None if execution is None else execution.threads.get(place[1])
        if execution is None or thread is None or execution.is_over or thread.token != token:
            raise AwsError("TaskTimedOut", "Task Timed Out: 'Provided task does not exist anymore'")
        return execution, thread


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
