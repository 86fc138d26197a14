"""Queues of any SQS-compatible endpoint, polled through the public API.

The AWS SDK blocks, so it runs on threads of its own; it is loaded when the first such queue is.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from math import ceil
from typing import Any

from emulator.model.clock import Clock
from emulator.model.errors import AwsError
from emulator.services.sqs.polling.base import Message, PolledQueue, PolledQueues

#: Seconds of one long poll: what an end of the emulator has to wait for.
_POLL_S = 2
#: Messages SQS takes and gives in one call.
_BATCH = 10
#: Polls that wait at once, and threads for everything else.
_POLLS, _CALLS = 256, 4
#: Seconds after which a queue that is not there is looked for again.
_LOOK_S = 5.0


class RemoteQueues:
    """Satisfies :class:`emulator.services.sqs.polling.base.PolledQueues`.

    Args:
        endpoint: Its URL.
    """

    def __init__(self, endpoint: str, clock: Clock) -> None:
        self._endpoint = endpoint
        self._clock = clock
        self._clients: dict[tuple[str, str], Any] = {}
        self._queues: dict[str, RemoteQueue] = {}
        #: Apart, so that what was processed is deleted however many polls wait.
        self._polls = ThreadPoolExecutor(_POLLS, "sqs-poll")
        self._calls = ThreadPoolExecutor(_CALLS, "sqs-call")
        self._pending: set[asyncio.Future[Any]] = set()

    async def visibility_timeout_s(self, arn: str) -> float:
        self._queues.pop(arn, None)
        return (await self._find(arn)).visibility_timeout_s

    async def open(self, arn: str) -> PolledQueue:
        while True:
            try:
                return await self._find(arn)
            except AwsError as error:
                if "NonExistentQueue" not in error.code:
                    raise
            await self._clock.sleep(_LOOK_S)

    async def close(self) -> None:
        while self._pending:
            await asyncio.wait(self._pending)
        for executor in (self._polls, self._calls):
            executor.shutdown(wait=False)

    async def _find(self, arn: str) -> RemoteQueue:
        found = self._queues.get(arn)
        if found is None:
            found = self._queues[arn] = await self.call(partial(self._look, arn))
        return found

    def _look(self, arn: str) -> RemoteQueue:
        *_, region, account, name = arn.split(":")
        client = self._client(region, account)
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        found = client.get_queue_attributes(
            QueueUrl=url, AttributeNames=["VisibilityTimeout", "RedrivePolicy"]
        )["Attributes"]
        return RemoteQueue(
            self,
            client,
            url,
            visibility_timeout_s=float(found["VisibilityTimeout"]),
            discards=not found.get("RedrivePolicy"),
            forget=lambda: self._queues.pop(arn, None),
        )

    def _client(self, region: str, account: str) -> Any:
        found = self._clients.get((region, account))
        if found is None:
            import botocore.session
            from botocore.config import Config

            session = botocore.session.get_session()
            keys: dict[str, str] = {}
            if session.get_credentials() is None:
                # Emulators take any, and many take the account from the key.
                keys = {"aws_access_key_id": account, "aws_secret_access_key": "localfaas"}
            found = session.create_client(
                "sqs",
                region_name=region,
                endpoint_url=self._endpoint,
                config=Config(
                    connect_timeout=5,
                    read_timeout=_POLL_S + 30,
                    max_pool_connections=_POLLS + _CALLS,
                    retries={"max_attempts": 1},
                ),
                **keys,
            )
            self._clients[region, account] = found
        return found

    async def call(self, make: Callable[[], Any]) -> Any:
        """Make a blocking call on a thread.

        Raises:
            AwsError: What the endpoint answered, or why it can't be reached.
        """
        return await asyncio.shield(self.begin(make))

    def begin(self, make: Callable[[], Any], *, polls: bool = False) -> asyncio.Future[Any]:
        """Begin a blocking call; nobody needs to wait for its end, but :meth:`close` does."""
        executor = self._polls if polls else self._calls
        future = asyncio.get_running_loop().run_in_executor(executor, _raising_ours, make)
        self._pending.add(future)
        future.add_done_callback(self._pending.discard)
        # Nobody may be left to look at a failure.
        future.add_done_callback(lambda done: done.cancelled() or done.exception())
        return future


def _raising_ours(make: Callable[[], Any]) -> Any:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return make()
    except ClientError as error:
        found = error.response.get("Error", {})
        raise AwsError(found.get("Code", "Unknown"), found.get("Message", str(error))) from error
    except BotoCoreError as error:
        raise AwsError("ServiceUnavailable", str(error)) from error


class RemoteQueue:
    """Satisfies :class:`emulator.services.sqs.polling.base.PolledQueue`."""

    def __init__(
        self,
        host: RemoteQueues,
        client: Any,
        url: str,
        *,
        visibility_timeout_s: float,
        discards: bool,
        forget: Callable[[], object],
    ) -> None:
        self._host, self._client, self._url = host, client, url
        self._forget = forget
        self.visibility_timeout_s = visibility_timeout_s
        self.discards = discards
        self._full = True

    def waiting(self) -> bool:
        # Where a receive got all it asked for, there is more, as a rule.
        return self._full

    async def receive(self, limit: int, wait_s: float) -> list[Message]:
        limit = min(limit, _BATCH)
        while True:
            poll = partial(
                self._client.receive_message,
                QueueUrl=self._url,
                MaxNumberOfMessages=limit,
                WaitTimeSeconds=max(0, min(_POLL_S, ceil(wait_s))),
                AttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
            polled = self._host.begin(poll, polls=True)
            try:
                found: list[Message] = (await asyncio.shield(polled)).get("Messages") or []
            except asyncio.CancelledError:
                polled.add_done_callback(self._abandoned)
                raise
            except AwsError:
                self._forget()
                raise
            wait_s -= _POLL_S
            self._full = len(found) == limit
            if found or wait_s <= 0:
                return found

    def _abandoned(self, polled: asyncio.Future[Any]) -> None:
        """Give back what a poll got after nobody waited for it any more."""
        if not polled.cancelled() and polled.exception() is None:
            messages = polled.result().get("Messages") or []
            self.release([message["ReceiptHandle"] for message in messages])

    async def delete(self, handles: Sequence[str]) -> None:
        for part in _parts(handles):
            entries = [{"Id": str(n), "ReceiptHandle": handle} for n, handle in enumerate(part)]
            call = partial(self._client.delete_message_batch, QueueUrl=self._url, Entries=entries)
            answer = await self._host.call(call)
            for each in answer.get("Failed") or ():
                raise AwsError(each["Code"], each.get("Message", ""))

    def release(self, handles: Sequence[str]) -> None:
        for part in _parts(handles):
            entries = [
                {"Id": str(n), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for n, handle in enumerate(part)
            ]
            call = self._client.change_message_visibility_batch
            self._host.begin(partial(call, QueueUrl=self._url, Entries=entries))


def _parts(handles: Sequence[str]) -> Iterator[list[str]]:
    rest = iter(handles)
    while part := list(islice(rest, _BATCH)):
        yield part


class OwnAndRemoteQueues:
    """The emulator's own queues, and for all other ARNs those of an endpoint."""

    def __init__(self, own: PolledQueues, remote: PolledQueues) -> None:
        self._own, self._remote = own, remote

    async def _of(self, arn: str) -> PolledQueues:
        try:
            await self._own.visibility_timeout_s(arn)
        except AwsError:
            return self._remote
        return self._own

    async def visibility_timeout_s(self, arn: str) -> float:
        return await (await self._of(arn)).visibility_timeout_s(arn)

    async def open(self, arn: str) -> PolledQueue:
        return await (await self._of(arn)).open(arn)

    async def close(self) -> None:
        await self._own.close()
        await self._remote.close()
