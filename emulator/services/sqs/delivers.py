"""Events for the ARN of a queue: each is sent there as a message."""

from __future__ import annotations

from typing import Any

from emulator.invoke.targets import Delivery, Placed
from emulator.services.context import Parts
from emulator.services.sqs import errors, messages
from emulator.services.sqs.queues import Sqs


async def place(parts: Parts, sqs: Sqs, arn: str, delivery: Delivery) -> list[Placed]:
    """Return the message that an event becomes.

    Raises:
        AwsError: The queue does not exist, or refuses the message.
    """
    queue = sqs.by_arn(arn)
    if queue is None:
        raise errors.no_such_queue()
    request: dict[str, Any] = {
        "MessageBody": delivery.payload.decode("utf-8", "replace"),
        "MessageAttributes": delivery.attributes,
    }
    if delivery.trace_id:
        request["MessageSystemAttributes"] = {
            "AWSTraceHeader": {"DataType": "String", "StringValue": delivery.trace_id}
        }
    if delivery.group_id:
        request["MessageGroupId"] = delivery.group_id
    # A FIFO topic delivers to standard queues, too, which know of no repetitions.
    if delivery.deduplication_id and queue.fifo:
        request["MessageDeduplicationId"] = delivery.deduplication_id
    draft, _ = messages.draft(queue, queue.account, request)
    return [Placed(queue.queue, draft)]
