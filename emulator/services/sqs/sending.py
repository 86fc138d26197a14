"""SendMessage and its batch."""

from __future__ import annotations

from collections.abc import Sequence

from emulator.model.errors import AwsError
from emulator.services.sqs import batches, errors, messages
from emulator.services.sqs.context import SqsContext, Wire
from emulator.services.sqs.queues import SqsQueue


async def send_message(ctx: SqsContext, request: Wire) -> Wire:
    """Serve SendMessage.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessage.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    draft, told = messages.draft(queue, ctx.account, request, ctx.trace_id)
    return messages.receipt(queue, await queue.queue.send(draft), told)


async def send_message_batch(ctx: SqsContext, request: Wire) -> Wire:
    """Serve SendMessageBatch.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SendMessageBatch.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    entries = request["Entries"]
    batches.check_entries(entries, "SendMessageBatchRequestEntry")
    size = sum(
        len(entry["MessageBody"].encode())
        + messages.attributes_size(entry.get("MessageAttributes") or {})
        for entry in entries
    )
    if size > batches.MAX_BYTES:
        raise AwsError(
            "BatchRequestTooLong",
            f"Batch requests cannot be longer than {batches.MAX_BYTES} bytes. "
            f"You have sent {size} bytes.",
        )
    _check_ids(queue, entries)
    drafts, ids, failures = [], [], []
    for entry in entries:
        try:
            drafts.append(messages.draft(queue, ctx.account, entry, ctx.trace_id))
            ids.append(entry["Id"])
        except AwsError as error:
            failures.append(batches.failed(entry["Id"], error))
    sent = await queue.queue.send_many([draft for draft, _ in drafts]) if drafts else []
    successful = [
        {"Id": id, **messages.receipt(queue, receipt, told)}
        for id, receipt, (_, told) in zip(ids, sent, drafts, strict=True)
    ]
    return batches.answer(successful, failures)


def _check_ids(queue: SqsQueue, entries: Sequence[Wire]) -> None:
    """Refuse a whole batch of which one message lacks what a FIFO queue orders it by.

    Recorded: unlike SendMessage, a batch calls a missing group an invalid value.

    Raises:
        AwsError: InvalidParameterValue.
    """
    if not queue.fifo:
        return
    for entry in entries:
        if entry.get("MessageGroupId") is None:
            raise errors.invalid_parameter("The request must contain the parameter MessageGroupId.")
        messages.check_deduplicated(queue, entry.get("MessageDeduplicationId"))
