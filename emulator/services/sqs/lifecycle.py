"""Queues: create, find, change, purge, delete."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Mapping

from emulator.model.errors import AwsError
from emulator.services.sqs import attributes as queue_attributes
from emulator.services.sqs import errors, policies, tags
from emulator.services.sqs.context import SqsContext, Wire
from emulator.services.sqs.queues import Sqs, SqsQueue, queue_arn

_NAME = re.compile(r"[A-Za-z0-9_-]{1,80}")
_FIFO_NAME = re.compile(r"(?=.{1,80}\Z)[A-Za-z0-9_-]+\.fifo")
#: Seconds between two purges of a queue.
PURGE_PAUSE = 60
#: Queues on a page where the request does not say.
MAX_RESULTS = 1000


async def create_queue(ctx: SqsContext, request: Wire) -> Wire:
    """Serve CreateQueue.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
    """
    name: str = request["QueueName"]
    given: Mapping[str, str] = request.get("Attributes") or {}
    _check_name(name, given)
    sqs = ctx.state
    async with sqs.changes:
        queue = sqs.find(ctx.account, ctx.region, name)
        if queue is not None:
            _check_same(queue, given)
            return {"QueueUrl": queue.url(ctx.endpoint)}
        arn = queue_arn(ctx.account, ctx.region, name)
        fifo = name.endswith(".fifo")
        attributes = queue_attributes.initial(given, fifo=fifo)
        _check_dead_letter_queue(sqs, arn, fifo, given)
        new_tags = tags.added({}, request.get("tags") or {}, name)
        queue = await sqs.create(ctx.account, ctx.region, name, attributes, new_tags)
    return {"QueueUrl": queue.url(ctx.endpoint)}


def _check_name(name: str, given: Mapping[str, str]) -> None:
    fifo = given.get("FifoQueue")
    if fifo is not None and fifo.lower() == "true":
        if not _FIFO_NAME.fullmatch(name):
            raise errors.invalid_parameter(
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
                "underscores, must end with .fifo suffix and be 1 to 80 in length."
            )
        return
    if not _NAME.fullmatch(name):
        raise errors.invalid_parameter(
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
        )
    if fifo is not None:
        # AWS refuses "false": a standard queue has no such attribute.
        raise errors.unknown_attribute("FifoQueue")


def _check_same(queue: SqsQueue, given: Mapping[str, str]) -> None:
    for name, value in given.items():
        wanted = queue_attributes.check(name, value, fifo=queue.fifo)
        if queue.attributes.get(name, "") != wanted:
            raise AwsError(
                "QueueNameExists",
                "A queue already exists with the same name and a different value for attribute "
                f"{name}",
            )


def _check_dead_letter_queue(sqs: Sqs, arn: str, fifo: bool, given: Mapping[str, str]) -> None:
    """Check the queue that a new RedrivePolicy refers to."""
    text = given.get("RedrivePolicy")
    if not text:
        return
    target = policies.parse_redrive(text).target

    def invalid(reason: str) -> AwsError:
        return errors.invalid_value(text, "RedrivePolicy", reason)

    if target.split(":")[3:5] != arn.split(":")[3:5]:
        raise invalid("Dead-letter target owner should be same as the source.")
    dead = sqs.by_arn(target)
    if dead is None:
        raise errors.invalid_value(text, "RedrivePolicy", "Dead letter target does not exist.")
    if dead.fifo is not fifo:
        raise invalid("Dead-letter queue must be same type of queue as the source.")
    if not policies.allows_redrive(dead.attributes.get("RedriveAllowPolicy"), arn):
        raise invalid("The dead-letter queue's RedriveAllowPolicy does not allow this source.")


async def get_queue_url(ctx: SqsContext, request: Wire) -> Wire:
    """Serve GetQueueUrl.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueUrl.html
    """
    account = request.get("QueueOwnerAWSAccountId") or ctx.account
    queue = ctx.state.find(account, ctx.region, request["QueueName"])
    if queue is None:
        raise errors.no_such_queue()
    return {"QueueUrl": queue.url(ctx.endpoint)}


async def list_queues(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ListQueues.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListQueues.html
    """
    prefix: str = request.get("QueueNamePrefix") or ""
    queues = (q for q in ctx.state.of(ctx.account, ctx.region) if q.name.startswith(prefix))
    return _page(ctx, request, queues, "QueueUrls")


async def list_dead_letter_source_queues(ctx: SqsContext, request: Wire) -> Wire:
    """Serve ListDeadLetterSourceQueues.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ListDeadLetterSourceQueues.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    # Unlike ListQueues, this operation always returns its list (in lower case).
    page = _page(ctx, request, ctx.state.sources(queue), "queueUrls")
    return {"queueUrls": [], **page}


def _page(ctx: SqsContext, request: Wire, queues: Iterable[SqsQueue], member: str) -> Wire:
    limit: int | None = request.get("MaxResults")
    if limit is not None and not 1 <= limit <= MAX_RESULTS:
        raise errors.invalid_value(
            limit, "MaxResults", f"MaxResults must be an integer between 1 and {MAX_RESULTS}."
        )
    after = _after(request.get("NextToken"))
    found = [queue for queue in queues if queue.name > after]
    shown = found[: limit or MAX_RESULTS]
    answer: Wire = {}
    if shown:
        answer[member] = [queue.url(ctx.endpoint) for queue in shown]
    # Only callers that ask for pages get a token.
    if limit is not None and len(found) > limit:
        answer["NextToken"] = base64.b64encode(shown[-1].name.encode()).decode()
    return answer


def _after(token: str | None) -> str:
    if not token:
        return ""
    try:
        return base64.b64decode(token, validate=True).decode()
    except (binascii.Error, ValueError):
        raise errors.invalid_parameter("Invalid or expired next token.") from None


async def get_queue_attributes(ctx: SqsContext, request: Wire) -> Wire:
    """Serve GetQueueAttributes.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_GetQueueAttributes.html
    """
    queue = ctx.state.by_url(request["QueueUrl"], ctx.account, ctx.region)
    names: list[str] = request.get("AttributeNames") or []
    for name in names:
        if name not in queue_attributes.KNOWN:
            raise errors.unknown_attribute(name)
    told = _attributes(queue)
    if "All" not in names:
        told = {name: value for name, value in told.items() if name in names}
    return {"Attributes": told} if told else {}


def _attributes(queue: SqsQueue) -> dict[str, str]:
    counts = queue.queue.counts()
    return {
        "QueueArn": queue.arn,
        "ApproximateNumberOfMessages": str(counts.visible),
        "ApproximateNumberOfMessagesNotVisible": str(counts.in_flight),
        "ApproximateNumberOfMessagesDelayed": str(counts.delayed),
        "CreatedTimestamp": str(int(queue.created)),
        "LastModifiedTimestamp": str(int(queue.modified)),
        **queue.attributes,
    }


async def set_queue_attributes(ctx: SqsContext, request: Wire) -> Wire:
    """Serve SetQueueAttributes.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
    """
    sqs = ctx.state
    given: Mapping[str, str] = request["Attributes"]
    async with sqs.changes:
        queue = sqs.by_url(request["QueueUrl"], ctx.account, ctx.region)
        attributes = queue_attributes.changed(queue.attributes, given, fifo=queue.fifo)
        _check_dead_letter_queue(sqs, queue.arn, queue.fifo, given)
        await sqs.change(queue, attributes=attributes)
    return {}


async def purge_queue(ctx: SqsContext, request: Wire) -> Wire:
    """Serve PurgeQueue.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_PurgeQueue.html
    """
    sqs = ctx.state
    async with sqs.changes:
        queue = sqs.by_url(request["QueueUrl"], ctx.account, ctx.region)
        now = ctx.clock.now()
        if queue.purged is not None and now - queue.purged < PURGE_PAUSE:
            raise AwsError(
                "PurgeQueueInProgress",
                f"Only one PurgeQueue operation on {queue.name} is allowed every 60 seconds.",
            )
        await sqs.engine.purge_queue(queue.queue.name)
        queue.purged = now
    return {}


async def delete_queue(ctx: SqsContext, request: Wire) -> Wire:
    """Serve DeleteQueue.

    Source: https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_DeleteQueue.html
    """
    sqs = ctx.state
    async with sqs.changes:
        await sqs.delete(sqs.by_url(request["QueueUrl"], ctx.account, ctx.region))
    return {}
