"""Queues as the destination of what other services tell."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from emulator.services.sqs import errors, messages
from emulator.services.sqs.queues import Sqs


class QueueTarget:
    """Satisfies :class:`emulator.invoke.destinations.Target` for ARNs of SQS.

    Args:
        find: Returns the queues there are, open.
    """

    def __init__(self, find: Callable[[], Awaitable[Sqs]]) -> None:
        self._find = find

    async def deliver(
        self,
        arn: str,
        body: bytes,
        attributes: Mapping[str, Mapping[str, str]],
        trace_id: str,
    ) -> None:
        """Send one message.

        Raises:
            AwsError: There is no such queue, or it does not take the message.
            StorageError: It could not be kept.
        """
        queue = (await self._find()).by_arn(arn)
        if queue is None:
            raise errors.no_such_queue()
        request = {
            "MessageBody": body.decode(),
            "MessageAttributes": attributes,
            "MessageSystemAttributes": {
                "AWSTraceHeader": {"DataType": "String", "StringValue": trace_id}
            },
        }
        draft, _ = messages.draft(queue, queue.account, request)
        await queue.queue.send(draft)
