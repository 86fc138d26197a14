"""One shard of a stream for one mapping: read ahead of its lanes, with a checkpoint behind them."""

from __future__ import annotations

import asyncio
import zlib
from base64 import b64decode
from collections.abc import Awaitable, Callable, Iterable
from typing import Any

import orjson

from emulator.model.clock import Clock
from emulator.sources.mapped_function import MappedFunction
from emulator.sources.streams.base import ShardCursor, ShardInfo, StreamRecord
from emulator.sources.streams.checkpoints import Checkpoint
from emulator.sources.streams.failures import GivenUp
from emulator.sources.streams.lane import Item, Lane, LaneWork
from emulator.sources.streams.progress import Entry, Progress
from emulator.sources.streams.settings import StreamSettings
from emulator.sources.streams.windows import Window

#: Records and bytes that are read ahead of the function.
_AHEAD, _AHEAD_BYTES = 20_000, 12 << 20


class ShardPoller:
    """Feeds a function from one shard.

    Args:
        info: The shard.
        cursor: Reads it, from the checkpoint on.
        settings: The mapping's.
        function: The function.
        clock: The clock.
        checkpoint: How far the mapping has come.
        save: Keeps how far it has come.
        give_up: Reports records that were given up.
        report: Shows how the last batch went.
        retry_scale: What delays between attempts are multiplied by.
    """

    def __init__(
        self,
        info: ShardInfo,
        cursor: ShardCursor,
        settings: StreamSettings,
        function: MappedFunction,
        clock: Clock,
        *,
        checkpoint: Checkpoint,
        save: Callable[[ShardInfo, Checkpoint], None],
        give_up: Callable[[GivenUp], Awaitable[bool]],
        report: Callable[[str], None],
        retry_scale: float,
    ) -> None:
        self.info = info
        self._cursor, self._settings, self._clock = cursor, settings, clock
        self._save = save
        self._progress = Progress(checkpoint.sequence)
        self._bytes = 0
        self._moved = asyncio.Event()
        self._ending, self._last = asyncio.Event(), asyncio.Event()
        #: The bug of ours that has ended a lane.
        self._crash: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()
        work = LaneWork(
            settings=settings,
            shard=info.id,
            function=function,
            clock=clock,
            finish=self._finish,
            give_up=give_up,
            report=report,
            crashed=self._crashed,
            ending=self._ending,
            last=self._last,
            retry_scale=retry_scale,
        )
        self._sizes: dict[Entry, int] = {}
        kept = orjson.loads(checkpoint.windows) if checkpoint.windows else {}
        self._lanes: list[Lane] = []
        for number in range(settings.factor):
            window = kept.get(str(number)) if settings.tumbling_s else None
            opened = None if window is None else Window(window[0], settings.tumbling_s, window[1])
            self._lanes.append(Lane(work, opened))

    async def run(self) -> None:
        """Read the shard; return when it was closed and all its records are done.

        Raises:
            AwsError: The stream is gone, or can't be read now.
            StorageError: It can't be read now.
            Exception: A bug of ours has ended a lane; whoever reads the shard again from its
                checkpoint loses nothing.
        """
        reading = asyncio.ensure_future(self._read())
        try:
            ends: list[asyncio.Future[Any]] = [reading, self._crash]
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            if self._crash.done():
                raise self._crash.result()
            await reading
        finally:
            reading.cancel()
            self._cursor.close()
        self._last.set()
        for lane in self._lanes:
            lane.wake()
        while self._tasks():
            await asyncio.wait(self._tasks())
        if self._crash.done():
            raise self._crash.result()
        self._save(self.info, Checkpoint(self._progress.done, finished=True))

    def _crashed(self, error: BaseException) -> None:
        if not self._crash.done():
            self._crash.set_result(error)

    async def _read(self) -> None:
        """Read to the end of the shard, not too far ahead of the function."""
        most = min(_AHEAD, max(100, 2 * self._settings.batch_size) * self._settings.factor)
        while not self._cursor.ended:
            while len(self._progress) >= most or self._bytes >= _AHEAD_BYTES:
                self._moved.clear()
                await self._moved.wait()
            records = await self._cursor.read(most - len(self._progress))
            if records:
                self._take(records)
            elif not self._cursor.ended:
                await self._cursor.wait()

    def _take(self, records: Iterable[StreamRecord]) -> None:
        """Sort records into lanes; those that were filtered out are done."""
        now_s = self._clock.monotonic()
        unwanted = []
        for record in records:
            entry = self._progress.add(record.sequence)
            if record.arrived < self._settings.since or not self._passes(record):
                unwanted.append(entry)
                continue
            self._sizes[entry] = record.size
            self._bytes += record.size
            lane = 0
            if len(self._lanes) > 1:
                lane = zlib.crc32(record.key.encode("utf-8", "replace")) % len(self._lanes)
            self._lanes[lane].add(Item(record, entry, now_s))
        if unwanted:
            self._finish(unwanted)

    def _passes(self, record: StreamRecord) -> bool:
        kind, wanted = self._settings.kind, self._settings.filter
        if wanted is None:
            return True
        seen = record.event[kind.filtered] if kind.filtered else record.event
        if kind.content:
            text = b64decode(seen[kind.content]).decode("utf-8", "replace")
            seen = {**seen, kind.content: text}
        return wanted.matches(seen)

    def _finish(self, entries: Iterable[Entry]) -> None:
        """Take note that records are done."""
        finished = list(entries)
        for entry in finished:
            self._bytes -= self._sizes.pop(entry, 0)
        moved = self._progress.finish(finished)
        # A window that ended has changed the checkpoint as well.
        if moved or not finished:
            self._save(self.info, Checkpoint(self._progress.done, windows=self._windows()))
        self._moved.set()

    def _windows(self) -> str:
        if not self._settings.tumbling_s:
            return ""
        kept = {
            str(number): [lane.window.start, lane.window.state]
            for number, lane in enumerate(self._lanes)
            if lane.window is not None
        }
        return orjson.dumps(kept).decode() if kept else ""

    def _tasks(self) -> list[asyncio.Task[None]]:
        return [lane.task for lane in self._lanes if lane.task is not None and not lane.task.done()]

    async def drain(self) -> None:
        """Begin nothing more; return when no batch is in flight."""
        self._ending.set()
        for lane in self._lanes:
            lane.wake()
        while tasks := self._tasks():
            await asyncio.wait(tasks)

    def cancel(self) -> None:
        """Give up the batches in flight."""
        self._ending.set()
        for task in self._tasks():
            task.cancel()
