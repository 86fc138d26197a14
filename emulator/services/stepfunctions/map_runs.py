"""Distributed Maps at work: their children are executions of their own, under a map run.

https://docs.aws.amazon.com/step-functions/latest/dg/state-map-distributed.html
"""

from __future__ import annotations

import asyncio
import random
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import orjson

from emulator.model.errors import StorageError
from emulator.services.stepfunctions.arns import Arn, make, split
from emulator.services.stepfunctions.engine.engine import RETRY_COMMIT_S, Engine
from emulator.services.stepfunctions.engine.events import event, pack, text_of
from emulator.services.stepfunctions.engine.execution import (
    ABORTED,
    FAILED,
    MAP_RUN,
    RUNNING,
    SUCCEEDED,
    Execution,
    Thread,
)
from emulator.services.stepfunctions.engine.journal import Child, ExecutionRow, Listing, MapRunRow
from emulator.services.stepfunctions.item_reading import read
from emulator.services.stepfunctions.result_writing import transformed, write
from emulator.workflows import decide
from emulator.workflows.effects import Fail, Iterate
from emulator.workflows.errors import EXCEED_TOLERATED_FAILURES, StatesError
from emulator.workflows.frames import Moment, timestamp

#: Children that run at a time at most, whatever a Map allows.
_MOST = 1000
_EXCEEDED = "The specified tolerated failure threshold was exceeded"


@dataclass(slots=True, eq=False)
class Run:
    """A map run that is under way."""

    row: MapRunRow
    #: What is kept of it: concurrency, tolerated failures, sizes of batches.
    body: dict[str, Any]
    inputs: list[Any]
    label: str
    #: It begins no more children.
    is_aborted: bool = False
    #: How many items have failed.
    failed: int = 0
    #: Children that run.
    children: set[asyncio.Task[None]] = field(default_factory=set)
    #: Set whenever a child has ended or a limit has changed.
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def tries_again(self, child: Child) -> bool:
        """Say whether a child that failed is one that a redrive has not tried again yet."""
        redriven_ms: int | None = self.body.get("redriven_ms")
        return redriven_ms is not None and (child.stopped_ms or 0) <= redriven_ms

    def size(self, index: int) -> int:
        """Return how many items a child has."""
        sizes = self.body.get("sizes")
        return int(sizes[index]) if sizes else 1

    @property
    def tolerates(self) -> bool:
        """Whether it goes on with the failures it has."""
        return decide.tolerates(
            self.failed,
            self.body["total"],
            self.body["tolerated_count"],
            self.body["tolerated_percentage"],
        )


class MapRuns:
    """Runs distributed Maps.

    Args:
        engine: Runs the children.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self.runs: dict[int, Run] = {}
        self._last = engine.journal.last_map_run

    async def run(self, execution: Execution, thread: Thread, turn: int) -> None:
        """Run a distributed Map to its end, and go on with its result."""
        run: Run | None = None
        try:
            run = await self._begun(execution, thread)
            await self._run(execution, thread, run)
            if thread.turn != turn or execution.is_over:
                return
            await self._end(execution, thread, run)
        except StatesError as error:
            if thread.turn == turn and not execution.is_over:
                if run is not None:
                    await self._keep(run, FAILED)
                if run is None:
                    failure = decide.failure(thread.state, thread.frame, error)
                else:
                    failure = Fail(error.error, error.cause)
                more = () if run is None else (_failed(error.error, error.cause),)
                self._engine.fail(execution, thread, failure, *more)
        except asyncio.CancelledError:
            if run is not None and (execution.is_over or thread.turn != turn):
                self._engine.spawn(self._abort(run))
            raise
        except StorageError:
            raise  # the engine tries again
        except Exception:
            # The engine ends the execution for a bug; the map run must not look as if it ran on.
            if run is not None:
                with suppress(StorageError):
                    await self._abort(run, keep=False)
                    await self._keep(run, FAILED)
            raise
        finally:
            if run is not None:
                self.runs.pop(run.row.id, None)

    def _moment(self) -> Moment:
        return Moment(int(self._engine.clock.now() * 1000), random.SystemRandom())

    async def _begun(self, execution: Execution, thread: Thread) -> Run:
        """Begin a map run, or go on with one that an end of the emulator interrupted."""
        effect = thread.effect
        assert isinstance(effect, Iterate)
        journal = self._engine.journal
        if thread.result is not None:
            row = await journal.map_run(thread.result["arn"])
            if row is not None:
                # One that has ended all the same: the emulator ended before the execution knew.
                body = orjson.loads(row.body)
                run = Run(row, body, await journal.map_items(row.id), body["label"])
                if row.status != RUNNING and body.get("redrives", 0) < execution.redrives:
                    await self._redrive(run, execution.redrives)
                self.runs[row.id] = run
                return run
        items = effect.items
        if effect.reader is not None:
            content = await read(self._engine, execution, effect.reader)
            items = await self._engine.beside(
                partial(decide.read_items, thread.state, effect.reader.config, content)
            )
        items = items or []
        state, frame, keys = thread.state, thread.frame, effect.keys
        inputs = await self._engine.beside(
            partial(decide.item_inputs, state, frame, items, 0, self._moment(), keys)
        )
        run = self._new(execution, thread, effect, items, inputs)
        await journal.put_map_run(run.row, await self._engine.beside(partial(pack, inputs)))
        self.runs[run.row.id] = run
        self._engine.rest(
            execution,
            thread,
            MAP_RUN,
            event("MapRunStarted", {"mapRunArn": run.row.arn}),
            keep={"arn": run.row.arn},
        )
        return run

    async def _redrive(self, run: Run, redrives: int) -> None:
        """Begin a map run that has ended once more."""
        run.body["redrives"] = redrives
        run.body["redriven_ms"] = int(self._engine.clock.now() * 1000)
        run.row = run.row._replace(status=RUNNING, stopped_ms=None, body=pack(run.body))
        await self._engine.journal.put_map_run(run.row)

    def _new(
        self,
        execution: Execution,
        thread: Thread,
        effect: Iterate,
        items: list[Any],
        inputs: list[Any],
    ) -> Run:
        self._last += 1
        label = effect.label or str(uuid.uuid4())
        sizes = None
        if len(inputs) != len(items):
            sizes = [len(_items_of(each)) for each in inputs]
        body = {
            "label": label,
            "total": len(items),
            "max_concurrency": effect.max_concurrency,
            "tolerated_count": effect.tolerated_failure_count,
            "tolerated_percentage": effect.tolerated_failure_percentage,
            "sizes": sizes,
            "execution_arn": execution.arn,
        }
        machine = split(execution.machine, "stateMachine").name.partition("/")[0]
        arn = make(
            execution.account,
            execution.region,
            "mapRun",
            f"{machine}/{label}",
            str(uuid.uuid4()),
        )
        now_ms = int(self._engine.clock.now() * 1000)
        row = MapRunRow(self._last, arn, execution.id, thread.id, RUNNING, now_ms, None, pack(body))
        return Run(row, body, inputs, label)

    async def _run(self, execution: Execution, thread: Thread, run: Run) -> None:
        """Run all children; those that ran before an interruption are waited for.

        Raises:
            StatesError: More failed than are tolerated.
        """
        begun: set[int] = set()
        for child in await self._engine.journal.children(run.row.id):
            begun.add(child.item)
            if child.status == RUNNING:
                self._spawn(run, self._await_child(run, child.id, child.item))
            elif child.status != SUCCEEDED and run.tries_again(child):
                await self._room(run)
                self._spawn(run, self._redrive_child(run, child.id, child.item))
            elif child.status != SUCCEEDED:
                run.failed += run.size(child.item)
        for index, value in enumerate(run.inputs):
            if index in begun:
                continue
            await self._room(run)
            if not run.tolerates:
                break
            self._spawn(run, self._run_child(execution, thread, run, index, value))
        while run.children and run.tolerates:
            await self._next(run)
        if not run.tolerates:
            await self._abort(run, keep=False)
            raise StatesError(EXCEED_TOLERATED_FAILURES, _EXCEEDED)

    async def _room(self, run: Run) -> None:
        """Wait until another child may run."""
        while run.tolerates:
            most = min(run.body["max_concurrency"] or _MOST, _MOST)
            if len(run.children) < most:
                return
            await self._next(run)

    async def _next(self, run: Run) -> None:
        run.changed.clear()
        await run.changed.wait()

    def _spawn(self, run: Run, work: Any) -> None:
        task = self._engine.spawn(work)
        run.children.add(task)

        def ended(_: asyncio.Task[None]) -> None:
            run.children.discard(task)
            run.changed.set()

        task.add_done_callback(ended)

    def _child(
        self, execution: Execution, thread: Thread, run: Run, index: int, value: Any
    ) -> Execution:
        machine = split(execution.machine, "stateMachine")
        scale = execution.body.get("scale")
        name = f"{machine.name.partition('/')[0]}/{run.label}"
        return self._engine.make(
            machine=Arn(execution.account, execution.region, "stateMachine", name),
            name=str(uuid.uuid4()),
            text=text_of(value),
            value=value,
            revision=execution.revision,
            kind=execution.revision["type"],
            body={
                "processor": thread.state.name,
                "map_run_arn": run.row.arn,
                "items": run.size(index),
                **({"scale": scale} if scale else {}),
            },
            program=thread.state.processor,
            map_run=run.row.id,
            item=index,
        )

    async def _run_child(
        self, execution: Execution, thread: Thread, run: Run, index: int, value: Any
    ) -> None:
        while not run.is_aborted:
            child = self._child(execution, thread, run, index, value)
            try:
                await self._engine.start(child)
            except StorageError as error:
                # A Map without this item must not look as if it had succeeded.
                self._engine.parts.console.warn(f"{child.arn} waits: {error}")
                await self._engine.clock.sleep(RETRY_COMMIT_S)
                continue
            if run.is_aborted:
                await self._engine.stop(child.id, None, None)
            await self._count(run, child, index)
            return

    async def _await_child(self, run: Run, id: int, index: int) -> None:
        child = await self._engine.load(id)
        if child is not None:
            await self._count(run, child, index)

    async def _redrive_child(self, run: Run, id: int, index: int) -> None:
        # The engine goes on trying to keep one that the disk did not take.
        with suppress(StorageError):
            await self._engine.redrive(id)
        await self._await_child(run, id, index)

    async def _count(self, run: Run, child: Execution, index: int) -> None:
        ended = await self._engine.ended(child)
        if ended.status != SUCCEEDED:
            run.failed += run.size(index)

    async def _end(self, execution: Execution, thread: Thread, run: Run) -> None:
        """Go on with the results of all children.

        Raises:
            StatesError: They can't be written.
        """
        effect = thread.effect
        assert isinstance(effect, Iterate)
        rows = await self._engine.journal.listed(Listing(map_run=run.row.id, limit=-1))
        records = await self._engine.beside(partial(_records, rows))
        outputs: Any
        if effect.writer is not None and effect.writer.resource.action:
            outputs = await write(self._engine, execution, effect.writer, run.row.arn, records)
        else:
            wanted = "COMPACT"
            if effect.writer is not None:
                wanted = str(effect.writer.config.get("Transformation") or "COMPACT")
            own = [each for each in records if "Output" in each]
            outputs = await self._engine.beside(partial(transformed, own, wanted))
        await self._keep(run, SUCCEEDED)
        self._engine.finish_map(execution, thread, outputs)

    async def _keep(self, run: Run, status: str) -> None:
        now_ms = int(self._engine.clock.now() * 1000)
        run.row = run.row._replace(status=status, stopped_ms=now_ms, body=pack(run.body))
        await self._engine.journal.put_map_run(run.row)

    async def _abort(self, run: Run, *, keep: bool = True) -> None:
        """End the children that still run."""
        run.is_aborted = True
        for child in await self._engine.journal.children(run.row.id):
            if child.status == RUNNING:
                await self._engine.stop(child.id, None, None)
        if keep:
            await self._keep(run, ABORTED)


def _failed(error: str, cause: str) -> Any:
    return event("MapRunFailed", {"error": error, "cause": cause})


def _records(rows: list[ExecutionRow]) -> list[dict[str, Any]]:
    return [_record(row) for row in sorted(rows, key=lambda each: (each.item, each.id))]


def _record(row: ExecutionRow) -> dict[str, Any]:
    """Return what result files have of a child."""
    body = row.content
    found: dict[str, Any] = {"ExecutionArn": row.arn, "Input": body["input"]}
    found["InputDetails"] = {"Included": True}
    found["Name"] = row.arn.rpartition(":")[2]
    if "output" in body:
        found["Output"] = body["output"]
        found["OutputDetails"] = {"Included": True}
    for name in ("error", "cause"):
        if name in body:
            found[name.capitalize()] = body[name]
    found["RedriveCount"] = row.redrives
    is_over = row.status == SUCCEEDED
    found["RedriveStatus"] = "NOT_REDRIVABLE" if is_over else "REDRIVABLE_BY_MAP_RUN"
    if is_over:
        found["RedriveStatusReason"] = f"Execution is {row.status} and cannot be redriven"
    found["StartDate"] = timestamp(row.started_ms)
    found["StateMachineArn"] = row.machine
    found["Status"] = row.status
    found["StopDate"] = timestamp(row.stopped_ms or row.started_ms)
    return found


def _items_of(batch: Any) -> list[Any]:
    found = batch.get("Items") if isinstance(batch, dict) else None
    return found if isinstance(found, list) else [batch]
