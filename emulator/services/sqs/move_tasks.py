"""StartMessageMoveTask, ListMessageMoveTasks and CancelMessageMoveTask.

https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import uuid

from emulator.model.errors import AwsError, StorageError
from emulator.queues.errors import QueueError
from emulator.queues.message import Received
from emulator.services.sqs import errors
from emulator.services.sqs.attributes import ENGINE_PREFIX
from emulator.services.sqs.context import SqsContext, Wire
from emulator.services.sqs.queues import Sqs, SqsQueue
from emulator.services.sqs.tasks import MoveTask

#: The highest rate, messages a second.
MAX_RATE = 500
#: The most tasks that are listed of a queue.
MAX_RESULTS = 10
#: Seconds that a message may be on its way before another receiver may take it.
_VISIBILITY = 30.0
_NO_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"


async def start_message_move_task(ctx: SqsContext, request: Wire) -> Wire:
    """Serve StartMessageMoveTask.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_StartMessageMoveTask.html
    """
    sqs = ctx.state
    source = _queue(sqs, request["SourceArn"], "SourceArn")
    if next(sqs.sources(source), None) is None:
        raise errors.invalid_parameter("Source queue must be configured as a Dead Letter Queue.")
    destination: str | None = request.get("DestinationArn")
    if destination is not None:
        target = _queue(sqs, destination, "DestinationArn")
        if target is source:
            raise errors.invalid_parameter(
                "Source queue arn and destination queue arn must differ."
            )
        if target.fifo is not source.fifo:
            raise errors.invalid_parameter("Destination queue must be of the source queue's type.")
    rate: int | None = request.get("MaxNumberOfMessagesPerSecond")
    if rate is not None and not 1 <= rate <= MAX_RATE:
        raise errors.invalid_value(
            rate, "MaxNumberOfMessagesPerSecond", f"Must be between 1 and {MAX_RATE}, if provided."
        )
    if any(task.source == source.arn and task.active for task in sqs.tasks.values()):
        raise errors.invalid_parameter(
            "There is already a task running. Only one active task is allowed for a source "
            "queue arn at a given time."
        )
    task = MoveTask(
        id=str(uuid.uuid4()),
        source=source.arn,
        destination=destination,
        rate=rate,
        started_at=ctx.clock.now(),
        total=source.queue.counts().visible,
    )
    _forget_old(sqs, source.arn)
    sqs.tasks[task.id] = task
    task.runner = asyncio.get_running_loop().create_task(_run(sqs, task))
    return {"TaskHandle": _handle(task)}


async def list_message_move_tasks(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ListMessageMoveTasks.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListMessageMoveTasks.html
    """
    sqs = ctx.state
    source = _queue(sqs, request["SourceArn"], "SourceArn")
    limit: int | None = request.get("MaxResults")
    if limit is not None and not 1 <= limit <= MAX_RESULTS:
        raise errors.invalid_value(
            limit, "MaxResults", f"Must be between 1 and {MAX_RESULTS}, if provided."
        )
    tasks = [task for task in reversed(sqs.tasks.values()) if task.source == source.arn]
    return {"Results": [_show(task) for task in tasks[: limit or 1]]} if tasks else {}


async def cancel_message_move_task(ctx: SqsContext, request: Wire) -> Wire:
    """Serve CancelMessageMoveTask.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CancelMessageMoveTask.html
    """
    sqs = ctx.state
    try:
        read = json.loads(base64.b64decode(request["TaskHandle"], validate=True))
        id, arn = str(read["taskId"]), str(read["sourceArn"])
    except (binascii.Error, ValueError, KeyError, TypeError, RecursionError):
        raise errors.invalid_parameter("Value for parameter TaskHandle is invalid.") from None
    source = _queue(sqs, arn, "SourceArn")
    task = sqs.tasks.get(id)
    if task is None or task.source != source.arn or not task.active:
        raise AwsError("ResourceNotFoundException", "Task does not exist.")
    task.status = "CANCELLED"
    await task.stop()
    return {"ApproximateNumberOfMessagesMoved": task.moved}


def _queue(sqs: Sqs, arn: str, parameter: str) -> SqsQueue:
    queue = sqs.by_arn(arn)
    if queue is None:
        raise errors.no_such_resource(parameter)
    return queue


def _forget_old(sqs: Sqs, source: str) -> None:
    mine = [task for task in sqs.tasks.values() if task.source == source]
    for task in mine[: 1 - MAX_RESULTS]:
        del sqs.tasks[task.id]


def _handle(task: MoveTask) -> str:
    content = json.dumps({"taskId": task.id, "sourceArn": task.source}, separators=(",", ":"))
    return base64.b64encode(content.encode()).decode()


def _show(task: MoveTask) -> Wire:
    shown: Wire = {
        "Status": task.status,
        "SourceArn": task.source,
        "ApproximateNumberOfMessagesMoved": task.moved,
        "ApproximateNumberOfMessagesToMove": task.total,
        "StartedTimestamp": int(task.started_at * 1000),
    }
    if task.status == "RUNNING":
        shown["TaskHandle"] = _handle(task)
    if task.destination is not None:
        shown["DestinationArn"] = task.destination
    if task.rate is not None:
        shown["MaxNumberOfMessagesPerSecond"] = task.rate
    if task.failure:
        shown["FailureReason"] = task.failure
    return shown


async def _run(sqs: Sqs, task: MoveTask) -> None:
    """Move the messages that were there at the start; a failure ends the task."""
    try:
        while task.moved < task.total:
            source = sqs.by_arn(task.source)
            if source is None:
                raise _Failed(_NO_QUEUE)
            limit = min(10 if task.rate is None else 1, task.total - task.moved)
            received = await source.queue.receive(limit, visibility=_VISIBILITY)
            if not received:
                break
            for message in received:
                await _move(sqs, task, source, message)
                task.moved += 1
            if task.rate is not None:
                await sqs.engine.clock.sleep(1 / task.rate)
        task.status = "COMPLETED"
    except _Failed as failure:
        task.status, task.failure = "FAILED", str(failure)
    except StorageError as error:
        task.status, task.failure = "FAILED", f"InternalError: {error}"


async def _move(sqs: Sqs, task: MoveTask, source: SqsQueue, message: Received) -> None:
    arn = task.destination or (message.source or "").removeprefix(ENGINE_PREFIX)
    target = sqs.by_arn(arn)
    try:
        if target is None:
            raise _Failed(_NO_QUEUE if arn else "CouldNotDetermineMessageSource")
        await sqs.engine.transfer(message, source.queue, target.queue)
    except _Failed:
        source.queue.release(message.handle, counted=False)
        raise
    except QueueError:
        # Another receiver took or deleted it meanwhile.
        return


class _Failed(Exception):
    """Ends a task; says its FailureReason."""
