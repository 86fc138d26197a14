"""Does what tasks name, and says in the history how each went."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from emulator.model.errors import AwsError, DriverFault, StorageError
from emulator.services.stepfunctions.engine import events
from emulator.services.stepfunctions.engine.engine import RETRY_COMMIT_S
from emulator.services.stepfunctions.engine.events import (
    NOT_TRUNCATED,
    REQUEST,
    Event,
    event,
    text_of,
)
from emulator.services.stepfunctions.engine.execution import (
    MAP_RUN,
    NESTED,
    TASK,
    TOKEN,
    Execution,
    Thread,
)
from emulator.services.stepfunctions.tasks import functions, integrations, nested
from emulator.services.stepfunctions.tasks.base import Task, TaskFailure
from emulator.workflows.effects import Fail, Resource
from emulator.workflows.errors import DATA_LIMIT_EXCEEDED, HEARTBEAT_TIMEOUT, TIMEOUT
from emulator.workflows.quotas import PAYLOAD_BYTES

if TYPE_CHECKING:
    from emulator.services.stepfunctions.engine.engine import Engine
    from emulator.services.stepfunctions.map_runs import MapRuns
    from emulator.services.stepfunctions.workers import Workers


log = logging.getLogger(__name__)


class TaskRunner:
    """Does tasks.

    Args:
        engine: Whose tasks.
        workers: Who works on activities.
        map_runs: Runs distributed Maps.
    """

    def __init__(self, engine: Engine, workers: Workers, map_runs: MapRuns) -> None:
        self._engine, self._workers, self._map_runs = engine, workers, map_runs
        #: Who waits for the end of an execution, by its ARN: execution, thread, turn.
        self._nested: dict[str, list[tuple[int, str, int]]] = defaultdict(list)
        engine.on_end.append(self._ended)

    def offer(self, activity: str, execution: int, thread: str, turn: int) -> None:
        """Have a worker take an activity's task."""
        self._workers.offer(activity, execution, thread, turn)

    async def run(self, execution: Execution, thread: Thread, turn: int) -> None:
        """Do a thread's task, and go on with its result."""
        if thread.kind == MAP_RUN:
            await self._map_runs.run(execution, thread, turn)
            return
        if thread.kind == NESTED:
            await self._await_nested(execution, thread, turn)
            return
        resource = thread.task.resource
        try:
            result = await perform(self._task(execution, thread))
            text = text_of(result)
            if len(text.encode("utf-8", "surrogatepass")) > PAYLOAD_BYTES:
                raise _too_large(thread)
        except TaskFailure as failure:
            # What an ending emulator could not do is done at the next start.
            is_left = self._engine.is_draining and failure.is_refusal and not execution.is_express
            if _is_current(execution, thread, turn) and not is_left:
                self._fail(execution, thread, failure)
            return
        if not _is_current(execution, thread, turn):
            return
        if resource.pattern == "waitForTaskToken":
            submitted = _submitted(resource, text, **_requested(thread))
            self._engine.rest(execution, thread, TOKEN, submitted)
        elif resource.pattern.startswith("sync"):
            keep = {"arn": result.get("ExecutionArn")}
            self._engine.rest(execution, thread, NESTED, _submitted(resource, text), keep=keep)
            await self._await_nested(execution, thread, turn)
        else:
            self.succeed(execution, thread, result, text)

    def _task(self, execution: Execution, thread: Thread) -> Task:
        return Task(
            self._engine.parts,
            execution,
            thread,
            thread.task.resource,
            thread.task.arguments,
            _account(execution, thread),
            execution.region,
        )

    def succeed(self, execution: Execution, thread: Thread, result: Any, text: str) -> None:
        """Go on with a task's result.

        Args:
            execution: The execution.
            thread: The thread.
            result: The result.
            text: The result as JSON.
        """
        resource = thread.task.resource
        details = {
            **_named(resource),
            "output": text,
            "outputDetails": NOT_TRUNCATED,
            **_requested(thread),
        }
        more = event(f"{_kind(resource)}Succeeded", details)
        self._engine.finish(execution, thread, result, more)

    def fail(
        self, execution: Execution, thread: Thread, error: str | None, cause: str | None
    ) -> None:
        """Go on with a task that a worker or the holder of its token says has failed."""
        resource = thread.task.resource
        details = {**_named(resource), **events.failure(error, cause)}
        more = event(f"{_kind(resource)}Failed", details)
        self._engine.fail(execution, thread, Fail(error or "States.TaskFailed", cause), more)

    def _fail(self, execution: Execution, thread: Thread, failure: TaskFailure) -> None:
        resource = thread.task.resource
        failed = events.failure(failure.error, failure.cause)
        details = {**_named(resource), **failed, **_requested(thread)}
        more: tuple[Event, ...] = (event(f"{_kind(resource)}{failure.stage}", details),)
        if failure.error == DATA_LIMIT_EXCEEDED:
            more = ()
        self._engine.fail(execution, thread, Fail(failure.error, failure.cause), *more)

    def timed_out(self, execution: Execution, thread: Thread) -> None:
        """Go on with a task whose time is over, or whose heartbeat has not come."""
        if thread.effect is None or thread.kind not in (TASK, TOKEN, NESTED, "activity"):
            return
        resource = thread.task.resource
        is_late = thread.deadline_ms is not None and thread.due_ms == thread.deadline_ms
        error = TIMEOUT if is_late or not _knows_heartbeats(thread) else HEARTBEAT_TIMEOUT
        details = {**_named(resource), "error": error, **_requested(thread)}
        more = event(f"{_kind(resource)}TimedOut", details)
        self._engine.fail(execution, thread, Fail(error, None), more)

    # -- nested executions -----------------------------------------------------------------------

    async def _await_nested(self, execution: Execution, thread: Thread, turn: int) -> None:
        arn = str((thread.result or {}).get("arn"))
        self._nested[arn].append((execution.id, thread.id, turn))
        row = await self._engine.journal.find(arn)
        if row is None or row.status != "RUNNING":
            self._tell_nested(arn)

    def _ended(self, execution: Execution) -> None:
        if execution.arn in self._nested and execution.is_over:
            self._tell_nested(execution.arn)

    def _tell_nested(self, arn: str) -> None:
        for id, thread, turn in self._nested.pop(arn, ()):
            self._engine.spawn(self._end_nested(arn, id, thread, turn))

    async def _end_nested(self, arn: str, id: int, name: str, turn: int) -> None:
        while True:
            try:
                await self._finish_nested(arn, id, name, turn)
                return
            except StorageError as error:
                self._engine.parts.console.warn(f"what waits for {arn} waits on: {error}")
                await self._engine.clock.sleep(RETRY_COMMIT_S)

    async def _finish_nested(self, arn: str, id: int, name: str, turn: int) -> None:
        waiting = await self._waiting(id, name, turn)
        if waiting is None:
            return
        result, failed = None, None
        try:
            result = await nested.outcome(self._task(*waiting), arn)
        except TaskFailure as failure:
            failed = failure
        # Meanwhile it may have been let go, and loaded anew.
        waiting = await self._waiting(id, name, turn)
        if waiting is None:
            return
        if failed is not None:
            self._fail(*waiting, failed)
        else:
            self.succeed(*waiting, result, text_of(result))

    async def _waiting(self, id: int, name: str, turn: int) -> tuple[Execution, Thread] | None:
        execution = await self._engine.load(id)
        thread = None if execution is None else execution.threads.get(name)
        if execution is None or thread is None or not _is_current(execution, thread, turn):
            return None
        return execution, thread


def _is_current(execution: Execution, thread: Thread, turn: int) -> bool:
    return (
        not execution.is_over and thread.turn == turn and execution.threads.get(thread.id) is thread
    )


def _account(execution: Execution, thread: Thread) -> str:
    """Return whose resources a task calls: those of the role that it names, if it names one."""
    role = (thread.task.credentials or {}).get("RoleArn")
    parts = str(role).split(":") if role else []
    return parts[4] if len(parts) > 5 and parts[4] else execution.account


async def perform(task: Task) -> Any:
    """Do a task, and return its result.

    Raises:
        TaskFailure: It failed.
    """
    resource = task.resource
    try:
        if resource.kind == "lambda":
            return await functions.by_arn(task)
        if resource.service == "lambda" and resource.action == "invoke":
            return await functions.invoke(task)
        if resource.service == "states" and resource.action == "startExecution":
            return await nested.start_execution(task)
        if resource.service in ("http", "apigateway") and resource.action == "invoke":
            from emulator.services.stepfunctions.tasks import http

            call = http.invoke if resource.service == "http" else http.invoke_api
            return await call(task)
        if resource.service in integrations.OPTIMISED:
            return await integrations.optimised(task, integrations.OPTIMISED[resource.service])
        if resource.service.startswith("aws-sdk:"):
            return await integrations.any_service(task)
    except AwsError as error:
        raise TaskFailure(error.code, error.message) from error
    except (DriverFault, StorageError) as error:
        raise TaskFailure("States.TaskFailed", str(error)) from error
    except TaskFailure:
        raise
    except Exception as error:
        # An execution must not wait for ever for what a bug has ended.
        log.exception("the task %s failed", resource.arn)
        raise TaskFailure("States.Runtime", f"{type(error).__name__}: {error}") from error
    raise TaskFailure("States.TaskFailed", f"localfaas does not serve {resource.arn}.")


def _requested(thread: Thread) -> dict[str, str]:
    """Return what an event says of the invocation of a thread's task, if it made one."""
    request_id, thread.request_id = thread.request_id, ""
    return {REQUEST: request_id} if request_id else {}


def _submitted(resource: Resource, text: str, **more: str) -> Event:
    details = {**_named(resource), "output": text, "outputDetails": NOT_TRUNCATED, **more}
    return event("TaskSubmitted", details)


def _named(resource: Resource) -> dict[str, Any]:
    if resource.kind != "service":
        return {}
    return {"resourceType": resource.service, "resource": resource.name}


def _kind(resource: Resource) -> str:
    return {"lambda": "LambdaFunction", "activity": "Activity"}.get(resource.kind, "Task")


def _knows_heartbeats(thread: Thread) -> bool:
    """Say whether a state has a catcher or retrier for heartbeats that did not come."""
    state = thread.state.definition
    listed = [*(state.get("Retry") or ()), *(state.get("Catch") or ())]
    return any(HEARTBEAT_TIMEOUT in (each.get("ErrorEquals") or ()) for each in listed)


def _too_large(thread: Thread) -> TaskFailure:
    cause = (
        f"The state/task '{thread.task.resource.arn}' returned a result with a size exceeding "
        "the maximum number of bytes service limit."
    )
    return TaskFailure(DATA_LIMIT_EXCEEDED, cause)
