"""Tags of queues."""

from __future__ import annotations

from collections.abc import Mapping

from emulator.services.sqs import errors
from emulator.services.sqs.context import SqsContext, Wire

#: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-queue-tags.html
MAX_TAGS = 50


def added(tags: Mapping[str, str], given: Mapping[str, str], queue: str) -> dict[str, str]:
    """Return tags with more of them.

    Raises:
        AwsError: InvalidParameterValue.
    """
    result = {**tags, **given}
    if len(result) > MAX_TAGS:
        raise errors.invalid_parameter(f"Too many tags added for queue {queue}.")
    return result


async def tag_queue(ctx: SqsContext, request: Wire) -> Wire:
    """Serve TagQueue.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_TagQueue.html
    """
    sqs = ctx.state
    async with sqs.changes:
        queue = sqs.by_url(request["QueueUrl"], ctx.account, ctx.region)
        await sqs.change(queue, tags=added(queue.tags, request["Tags"], queue.name))
    return {}


async def untag_queue(ctx: SqsContext, request: Wire) -> Wire:
    """Serve UntagQueue.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_UntagQueue.html
    """
    sqs = ctx.state
    gone = set(request["TagKeys"])
    async with sqs.changes:
        queue = sqs.by_url(request["QueueUrl"], ctx.account, ctx.region)
        await sqs.change(queue, tags={k: v for k, v in queue.tags.items() if k not in gone})
    return {}


async def list_queue_tags(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ListQueueTags.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueueTags.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    return {"Tags": dict(queue.tags)} if queue.tags else {}
