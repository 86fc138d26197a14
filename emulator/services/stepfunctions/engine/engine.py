"""Runs executions: each goes as far as it can, is committed, and then its tasks begin.

An execution is in memory only while something of it is under way. One that waits (for a time, a
token, a worker) is on the disk, and an entry of the timers' heap; whatever ends its wait loads it.

Its rooms stand on one another: ``room.py`` has what they share, ``keeping.py`` memory and disk,
``running.py`` what goes on; here is how executions begin and end.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from emulator.model.errors import AwsError
from emulator.services.stepfunctions import arns, definitions
from emulator.services.stepfunctions.engine.execution import (
    ABORTED,
    DECIDING,
    MAP_RUN,
    NESTED,
    READY,
    TASK,
    Execution,
    Thread,
    read_token,
)
from emulator.services.stepfunctions.engine.journal import ExecutionRow, Journal
from emulator.services.stepfunctions.engine.room import RETRY_COMMIT_S
from emulator.services.stepfunctions.engine.running import Running
from emulator.workflows.program import Program

if TYPE_CHECKING:
    from emulator.services.context import Parts

_EXPRESS_MOST_S = 300.0
_DAY_S = 24 * 3600.0
#: Executions that have ended are kept for 90 days, as on AWS.
_KEPT_S = 90 * _DAY_S
#: How many are deleted in one commit.
_FORGOTTEN = 200


class Engine(Running):
    """All executions of the emulator; see :class:`.Room` for its arguments."""

    def __init__(self, parts: Parts, journal: Journal) -> None:
        super().__init__(parts, journal)
        self._last = journal.last_execution
        self._last_express = 0

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

    # -- executions -------------------------------------------------------------------------------

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
        program = program or definitions.program(revision["definition"])
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

    async def answered(self, token: str) -> tuple[Execution, Thread]:
        """Return the thread of a task that is answered from outside; nothing is done for it now.

        What has handed out the token is about to say so in the history. A function may go on for
        long after that, and is given up.

        Raises:
            AwsError: InvalidToken, TaskTimedOut.
        """
        execution, thread = await self.awaited(token)
        call = self._running.get((execution.id, thread.id))
        is_quick = thread.task.resource.service != "lambda"
        if call is not None and is_quick and call is not asyncio.current_task():
            await asyncio.wait((call,))
            execution, thread = await self.awaited(token)
        self._cancel_task(execution.id, thread.id)
        return execution, thread


__all__ = ["RETRY_COMMIT_S", "Engine"]
