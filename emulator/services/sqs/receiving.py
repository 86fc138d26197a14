"""ReceiveMessage, and what is done to what was received."""

from __future__ import annotations

from emulator.model.errors import AwsError
from emulator.queues.errors import AttemptNotRetryable, QueueError, TooManyInFlight
from emulator.queues.rules import MAX_VISIBILITY
from emulator.services.sqs import batches, errors, messages
from emulator.services.sqs.context import SqsContext, Wire
from emulator.services.sqs.queues import SqsQueue


async def receive_message(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ReceiveMessage.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    limit: int = _given(request, "MaxNumberOfMessages", 1)
    if not 1 <= limit <= 10:
        raise errors.invalid_value(
            limit, "MaxNumberOfMessages", "Must be between 1 and 10, if provided."
        )
    wait: int = _given(
        request, "WaitTimeSeconds", int(queue.attributes["ReceiveMessageWaitTimeSeconds"])
    )
    if not 0 <= wait <= 20:
        raise errors.invalid_value(wait, "WaitTimeSeconds", "Must be >= 0 and <= 20, if provided.")
    visibility: int | None = request.get("VisibilityTimeout")
    if visibility is not None:
        _check_visibility(visibility)
    attempt: str | None = request.get("ReceiveRequestAttemptId")
    if attempt is not None and not queue.fifo:
        raise errors.invalid_value(
            attempt,
            "ReceiveRequestAttemptId",
            "The request include parameter that is not valid for this queue type.",
        )
    view = messages.View(
        # The older parameter counts only where the newer one is absent, as recorded.
        request.get("MessageSystemAttributeNames") or request.get("AttributeNames") or (),
        request.get("MessageAttributeNames") or (),
    )
    try:
        received = await queue.queue.receive(
            limit,
            wait=float(wait),
            visibility=None if visibility is None else float(visibility),
            attempt=attempt,
        )
    except TooManyInFlight:
        raise errors.too_many_in_flight() from None
    except AttemptNotRetryable:
        raise errors.invalid_value(
            attempt,
            "ReceiveRequestAttemptId",
            "The receiveRequestAttemptId is not valid anymore since the receive call is not "
            "retryable.",
        ) from None
    return {"Messages": [view.show(message) for message in received]} if received else {}


def _given(request: Wire, name: str, default: int) -> int:
    value: int | None = request.get(name)
    return default if value is None else value


def _check_visibility(timeout: int) -> None:
    if not 0 <= timeout <= MAX_VISIBILITY:
        raise errors.invalid_value(
            timeout,
            "VisibilityTimeout",
            f"Must be >= 0 and <= {MAX_VISIBILITY}, if provided.",
        )


async def delete_message(ctx: SqsContext, request: Wire) -> Wire:
    """Serve DeleteMessage.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessage.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    handle: str = request["ReceiptHandle"]
    try:
        await queue.queue.delete(handle)
    except QueueError as error:
        raise errors.handle_error(error, handle) from None
    return {}


async def delete_message_batch(ctx: SqsContext, request: Wire) -> Wire:
    """Serve DeleteMessageBatch.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteMessageBatch.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    entries = request["Entries"]
    batches.check_entries(entries, "DeleteMessageBatchRequestEntry")
    outcomes = await queue.queue.delete_many([entry["ReceiptHandle"] for entry in entries])
    successful, failures = [], []
    for entry, error in zip(entries, outcomes, strict=True):
        if error is None:
            successful.append({"Id": entry["Id"]})
        else:
            wrong = errors.handle_error(error, entry["ReceiptHandle"])
            failures.append(batches.failed(entry["Id"], wrong))
    return batches.answer(successful, failures)


async def change_message_visibility(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ChangeMessageVisibility.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibility.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    _change_visibility(queue, request["ReceiptHandle"], request["VisibilityTimeout"])
    return {}


async def change_message_visibility_batch(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ChangeMessageVisibilityBatch.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ChangeMessageVisibilityBatch.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    entries = request["Entries"]
    batches.check_entries(entries, "ChangeMessageVisibilityBatchRequestEntry")
    successful, failures = [], []
    for entry in entries:
        try:
            timeout = entry.get("VisibilityTimeout")
            if timeout is None:
                raise errors.missing_parameter("VisibilityTimeout")
            _change_visibility(queue, entry["ReceiptHandle"], timeout)
            successful.append({"Id": entry["Id"]})
        except AwsError as error:
            failures.append(batches.failed(entry["Id"], error))
    return batches.answer(successful, failures)


def _change_visibility(queue: SqsQueue, handle: str, timeout: int) -> None:
    _check_visibility(timeout)
    try:
        queue.queue.change_visibility(handle, float(timeout))
    except QueueError as error:
        raise errors.handle_error(error, handle, timeout) from None
