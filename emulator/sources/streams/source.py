"""A stream as the event source of one mapping: all its shards, parents before their children.

https://docs.aws.amazon.com/lambda/latest/dg/with-kinesis.html
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from functools import partial
from typing import Any

import orjson

from emulator.invoke.targets import Delivery, DeliveryFailed, DeliveryRefused, Targets
from emulator.model.clock import Clock
from emulator.model.errors import AwsError, LocalfaasError, StorageError
from emulator.sources.mapped_function import MappedFunction
from emulator.sources.streams import failures, lineage
from emulator.sources.streams.base import PolledStream, Position, ShardInfo
from emulator.sources.streams.checkpoints import Checkpoint, Checkpoints
from emulator.sources.streams.failures import GivenUp
from emulator.sources.streams.settings import StreamSettings
from emulator.sources.streams.shard import ShardPoller

log = logging.getLogger(__name__)

#: Seconds after which what could not be read or delivered is tried again: at first, and at most.
_RETRY_S, _LONGEST_S = 1.0, 60.0


class StreamSource:
    """Satisfies :class:`emulator.sources.base.EventSource`.

    Args:
        settings: The mapping's.
        stream: What is polled.
        clock: The clock.
        checkpoints: Where it is kept how far the mapping has come.
        targets: Takes records of failures.
        report: Shows how the last batch went.
        retry_scale: What delays between attempts are multiplied by.
        before: What polled for the same mapping until now.
    """

    def __init__(
        self,
        settings: StreamSettings,
        stream: PolledStream,
        clock: Clock,
        checkpoints: Checkpoints,
        *,
        targets: Targets,
        report: Callable[[str], None],
        retry_scale: float = 1.0,
        before: StreamSource | None = None,
    ) -> None:
        self._settings, self._stream, self._clock = settings, stream, clock
        self._kept = checkpoints
        self._targets, self._report = targets, report
        self._retry_scale = retry_scale
        self._before = before
        self._checkpoints: dict[str, Checkpoint] = {}
        self._pollers: dict[str, ShardPoller] = {}
        self._reading: dict[str, asyncio.Task[None]] = {}
        #: Set to look at the shards again.
        self._again = asyncio.Event()
        self._ending = asyncio.Event()
        #: Set once nothing is in flight any more.
        self.drained = asyncio.Event()

    # -- polling --------------------------------------------------------------------------------

    async def run(self, function: MappedFunction) -> None:
        if self._before is not None:
            # Two at once would mix up the order.
            await self._before.drained.wait()
            self._before = None
        self._checkpoints = await self._kept.load(self._settings.mapping)
        warned = ""
        try:
            while True:
                try:
                    await self._poll(function)
                    warned = ""
                except (AwsError, StorageError) as error:
                    if str(error) != warned:
                        warned = str(error)
                        log.warning("%s can't be polled: %s", self._settings.arn, error)
                        self._report(f"PROBLEM: {_text_of(error)}")
                    await self._clock.sleep(_RETRY_S)
        finally:
            for task in self._reading.values():
                task.cancel()

    async def _poll(self, function: MappedFunction) -> None:
        """Begin to read the shards whose turn it is; return when there may be others."""
        self._again.clear()
        shards = await self._stream.shards()
        for key in lineage.forgotten(shards, self._checkpoints):
            del self._checkpoints[key]
            self._kept.forget(self._settings.mapping, key)
        finished = {key for key, each in self._checkpoints.items() if each.finished}
        for info in lineage.readable(shards, finished, self._reading.keys()):
            task = asyncio.get_running_loop().create_task(self._read(info, function))
            self._reading[info.key] = task
            task.add_done_callback(partial(self._ended, info))
        changed = asyncio.ensure_future(self._stream.changed())
        changed.add_done_callback(self._changed)
        try:
            await self._again.wait()
        finally:
            changed.cancel()

    def _changed(self, changed: asyncio.Future[None]) -> None:
        if not changed.cancelled():
            self._again.set()

    async def _read(self, info: ShardInfo, function: MappedFunction) -> None:
        """Read a shard to its end; what goes wrong with it is tried again."""
        while True:
            begins = Checkpoint(self._settings.positions.get(info.key, ""))
            checkpoint = self._checkpoints.get(info.key, begins)
            position = Position(checkpoint.sequence, self._settings.since)
            try:
                poller = ShardPoller(
                    info,
                    await self._stream.open(info, position),
                    self._settings,
                    function,
                    self._clock,
                    checkpoint=checkpoint,
                    save=self._save,
                    give_up=self._give_up,
                    report=self._report,
                    retry_scale=self._retry_scale,
                )
                self._pollers[info.key] = poller
                await poller.run()
                return
            except (AwsError, StorageError) as error:
                log.info("%s of %s can't be read: %s", info.id, self._settings.arn, error)
                if info.key in self._pollers:
                    await self._pollers[info.key].drain()
                if not any(each.key == info.key for each in await self._shards()):
                    return
                await self._clock.sleep(_RETRY_S)
            except Exception:  # A bug of ours: told in full; the shard is read again.
                log.exception("%s of %s can't be read", info.id, self._settings.arn)
                if info.key in self._pollers:
                    await self._pollers[info.key].drain()
                await self._clock.sleep(_RETRY_S)

    async def _shards(self) -> list[ShardInfo]:
        try:
            return list(await self._stream.shards())
        except (AwsError, StorageError):
            return []

    def _ended(self, info: ShardInfo, task: asyncio.Task[None]) -> None:
        self._reading.pop(info.key, None)
        if not self._ending.is_set():
            self._pollers.pop(info.key, None)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("a shard of %s can't be read", self._settings.arn, exc_info=error)
        self._again.set()

    def _save(self, info: ShardInfo, checkpoint: Checkpoint) -> None:
        self._checkpoints[info.key] = checkpoint
        self._kept.save(self._settings.mapping, info.key, checkpoint)

    # -- failures -------------------------------------------------------------------------------

    async def _give_up(self, given_up: GivenUp) -> bool:
        """Report records that were given up to the mapping's destination.

        Returns:
            False if the end came before the destination took them.
        """
        settings = self._settings
        if not settings.on_failure:
            log.info("records of %s were given up: %s", settings.arn, given_up.condition)
            return True
        now = self._clock.now()
        body = failures.record(given_up, settings, now)
        delay_s = _RETRY_S
        while True:
            try:
                await self._deliver(body, given_up, now)
                return True
            except (DeliveryFailed, StorageError) as error:
                log.info("%s takes no record: %s", settings.on_failure, error)
                if self._ending.is_set():
                    return False
                await self._pause(delay_s)
                delay_s = min(_LONGEST_S, 2 * delay_s)
            except (DeliveryRefused, LocalfaasError) as error:
                log.error("nothing was delivered to %s: %s", settings.on_failure, error)
                return True

    async def _pause(self, seconds: float) -> None:
        """Wait for so many seconds, or for the end."""
        waits = (self._clock.sleep(seconds), self._ending.wait())
        tasks = [asyncio.ensure_future(each) for each in waits]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for each in tasks:
                each.cancel()

    async def _deliver(self, body: dict[str, Any], given_up: GivenUp, now: float) -> None:
        arn = self._settings.on_failure
        key = ""
        if arn.startswith("arn:aws:s3:::"):
            key = failures.object_key(self._settings.mapping, given_up.shard, now)
            body = {**body, "payload": given_up.payload.decode()}
        delivery = Delivery(
            payload=orjson.dumps(body), source_arn=self._settings.function_arn, object_key=key
        )
        await self._targets.deliver(arn, delivery)

    # -- the end --------------------------------------------------------------------------------

    async def drain(self) -> None:
        self._ending.set()
        await asyncio.gather(*(each.drain() for each in self._pollers.values()))
        try:
            await self._kept.flush()
        except StorageError as error:
            log.warning("checkpoints of %s were not kept: %s", self._settings.arn, error)
        if not self.drained.is_set():
            self._stream.close()
            self.drained.set()

    def cancel(self) -> None:
        self._ending.set()
        for each in self._pollers.values():
            each.cancel()


def _text_of(error: LocalfaasError) -> str:
    return error.message if isinstance(error, AwsError) else str(error)
