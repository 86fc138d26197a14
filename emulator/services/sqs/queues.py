"""The SQS queues there are: by URL, by ARN, by name; kept with the engine's queue."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any
from urllib.parse import unquote, urlsplit

import orjson

from emulator.queues.engine import Engine
from emulator.queues.queue import Queue
from emulator.services.sqs import attributes as queue_attributes
from emulator.services.sqs import errors, policies
from emulator.services.sqs.attributes import ENGINE_PREFIX, engine_name
from emulator.services.sqs.tasks import MoveTask

_REGION = re.compile(r"[a-z]{2,4}(?:-[a-z]+)+-\d")
_ACCOUNT = re.compile(r"\d{12}")


class SqsQueue:
    """One queue and what AWS knows about it.

    Attributes:
        attributes: As set, each a string; see :mod:`emulator.services.sqs.attributes`.
        created, modified: Seconds since the epoch.
        queue: The engine's queue: what sends, receives and deletes.
    """

    def __init__(self, account: str, region: str, name: str, body: Mapping[str, Any]) -> None:
        self.account = account
        self.region = region
        self.name = name
        self.arn = queue_arn(account, region, name)
        self.attributes: dict[str, str] = dict(body["attributes"])
        self.tags: dict[str, str] = dict(body["tags"])
        self.created: float = body["created"]
        self.modified: float = body["modified"]
        self.purged: float | None = None
        self.queue: Queue

    @property
    def fifo(self) -> bool:
        """Whether it is a FIFO queue."""
        return self.name.endswith(".fifo")

    def body(self, **changes: Any) -> dict[str, Any]:
        """Return what is kept of the queue, with some of it changed."""
        return {
            "attributes": self.attributes,
            "tags": self.tags,
            "created": self.created,
            "modified": self.modified,
            **changes,
        }

    def url(self, endpoint: str) -> str:
        return f"{endpoint}/{self.account}/{self.name}"


class Sqs:
    """All SQS queues of the emulator; :meth:`resume` opens those that are kept.

    Args:
        engine: Keeps the messages, and the queues' attributes with them.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        #: Held by whatever changes queues: two changes would lose one another's.
        self.changes = asyncio.Lock()
        #: Message move tasks by id, in order of their start.
        self.tasks: dict[str, MoveTask] = {}
        #: Told of each queue that is there from now on.
        self.on_opened: list[Callable[[SqsQueue], None]] = []
        self._queues: dict[tuple[str, str, str], SqsQueue] = {}

    @classmethod
    async def open(cls, engine: Engine) -> Sqs:
        """Return the queues the engine's journal holds, open."""
        sqs = cls(engine)
        await sqs.resume()
        return sqs

    async def resume(self) -> None:
        """Open the queues the engine's journal holds."""
        for record in self.engine.stored(ENGINE_PREFIX):
            _, _, _, _, region, account, name = record.name.split(":")
            await self._open(SqsQueue(account, region, name, orjson.loads(record.body)))

    async def reset(self, account: str | None) -> None:
        """See :class:`emulator.services.service.State`."""
        async with self.changes:
            gone = [queue for key, queue in self._queues.items() if account in (None, key[0])]
            arns = {queue.arn for queue in gone}
            for id, task in list(self.tasks.items()):
                if task.source in arns:
                    await task.stop()
                    del self.tasks[id]
            await asyncio.gather(*map(self.delete, gone))

    async def close(self) -> None:
        """Stop the message move tasks; what they did not move stays where it is."""
        for task in self.tasks.values():
            await task.stop()

    async def create(
        self,
        account: str,
        region: str,
        name: str,
        attributes: dict[str, str],
        tags: dict[str, str],
    ) -> SqsQueue:
        now = self.engine.clock.now()
        body = {"attributes": attributes, "tags": tags, "created": now, "modified": now}
        return await self._open(SqsQueue(account, region, name, body))

    async def _open(self, queue: SqsQueue) -> SqsQueue:
        settings = queue_attributes.settings(queue.attributes, queue.arn)
        body = orjson.dumps(queue.body()).decode()
        queue.queue = await self.engine.open_queue(engine_name(queue.arn), settings, body)
        self._queues[queue.account, queue.region, queue.name] = queue
        for listener in self.on_opened:
            listener(queue)
        return queue

    async def change(
        self,
        queue: SqsQueue,
        *,
        attributes: dict[str, str] | None = None,
        tags: dict[str, str] | None = None,
    ) -> None:
        """Set attributes or tags, durably. ``changes`` must be held."""
        attributes = queue.attributes if attributes is None else attributes
        tags = queue.tags if tags is None else tags
        modified = self.engine.clock.now() if attributes != queue.attributes else queue.modified
        body = queue.body(attributes=attributes, tags=tags, modified=modified)
        await self.engine.update_queue(
            queue.queue.name,
            queue_attributes.settings(attributes, queue.arn),
            orjson.dumps(body).decode(),
        )
        queue.attributes, queue.tags, queue.modified = attributes, tags, modified

    async def delete(self, queue: SqsQueue) -> None:
        queue.queue.end_minute()
        await self.engine.drop_queue(queue.queue.name)
        del self._queues[queue.account, queue.region, queue.name]

    def find(self, account: str, region: str, name: str) -> SqsQueue | None:
        return self._queues.get((account, region, name))

    def by_arn(self, arn: str) -> SqsQueue | None:
        """Return the queue with this ARN."""
        parts = arn.split(":")
        if len(parts) != 6 or parts[2] != "sqs":
            return None
        return self.find(parts[4], parts[3], parts[5])

    def by_url(self, url: str, account: str, region: str) -> SqsQueue:
        """Return the queue a QueueUrl means.

        Taken are ``http://any-host/<account>/<name>``, the same with the region in the host
        (``sqs.<region>.…``, ``<region>.queue.…``), ``…/queue/<region>/<account>/<name>``, and, as
        AWS does, the bare name of one of the caller's own queues.

        Args:
            url: The URL, of any of these forms.
            account: The caller's, where the URL names none.
            region: The caller's, where the URL names none.

        Raises:
            AwsError: QueueDoesNotExist, whatever else the URL is: AWS judges no form.
        """
        named = parse_url(url)
        if named is None:
            queue = self.find(account, region, url)
        else:
            queue = self.find(named[0], named[1] or region, named[2])
        if queue is None:
            raise errors.no_such_queue()
        return queue

    def all(self) -> Iterator[SqsQueue]:
        """Yield the queues of all accounts and regions."""
        yield from self._queues.values()

    def of(self, account: str, region: str) -> Iterator[SqsQueue]:
        """Yield the queues of an account in a region, by name."""
        for key in sorted(self._queues):
            if key[:2] == (account, region):
                yield self._queues[key]

    def sources(self, target: SqsQueue) -> Iterator[SqsQueue]:
        """Yield the queues whose dead-letter queue is ``target``."""
        for queue in self.of(target.account, target.region):
            policy = queue.attributes.get("RedrivePolicy")
            if policy and policies.parse_redrive(policy).target == target.arn:
                yield queue


#: Characters of a queue URL that is remembered.
_LONGEST_REMEMBERED = 512


def queue_arn(account: str, region: str, name: str) -> str:
    """Return the ARN of a queue."""
    return f"arn:aws:sqs:{region}:{account}:{name}"


def parse_url(url: str) -> tuple[str, str | None, str] | None:
    """Return (account, region or None, name) of a queue URL; None if it has no such form.

    See :meth:`Sqs.by_url`.
    """
    # URLs of any length are remembered by nobody.
    return _parse_known_url(url) if len(url) <= _LONGEST_REMEMBERED else _parse_url(url)


def _parse_url(url: str) -> tuple[str, str | None, str] | None:
    try:
        split = urlsplit(url)
        host = split.hostname or ""
    except ValueError:
        return None
    parts = [unquote(part) for part in split.path.split("/") if part]
    region = None
    if len(parts) == 4 and parts[0] == "queue":
        region, parts = parts[1], parts[2:]
    else:
        labels = host.split(".")
        region = next((label for label in labels[:2] if _REGION.fullmatch(label)), None)
    if len(parts) != 2 or not _ACCOUNT.fullmatch(parts[0]):
        return None
    return parts[0], region, parts[1]


_parse_known_url = lru_cache(maxsize=1024)(_parse_url)
