"""One SQLite database, written by one thread with group commit and read by another.

A caller of :meth:`Database.write` is answered after the commit that holds its work. What one turn
of the loop submits is handed to the writer together, and while a commit runs, work queues up for
the next: the price of one ``fsync``, and of waking the writer, is shared by all who wait. Reads
use a connection of their own and see the last commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from emulator.model.errors import (
    ConfigurationError,
    LocalfaasError,
    StorageError,
    StorageFull,
)
from emulator.store import connection as connections
from emulator.store import reclaiming, schema
from emulator.store.connection import FULL_ERRORS, Durability

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
#: Called on the loop with the result, or None and the error.
Done = Callable[[Any, StorageError | None], None]
#: The most pieces of work in one commit. It bounds how long a caller waits, not the throughput.
MAX_BATCH = 512


class Database:
    """An open database. :meth:`open` makes it; one event loop uses it."""

    def __init__(
        self, path: Path | None, durability: Durability, migrations: Sequence[str]
    ) -> None:
        self._path = path
        self._writer = connections.connect(path, durability, migrations)
        try:
            self._reader = (
                connections.connect(path, durability, migrations, check=False) if path else None
            )
        except BaseException:
            self._writer.close()
            raise
        #: What was submitted in this turn of the loop.
        self._submitted: list[_Job] = []
        self._queue: SimpleQueue[list[_Job] | None] = SimpleQueue()
        self._reads: SimpleQueue[_Job | None] = SimpleQueue()
        self._threads = [threading.Thread(target=self._write_loop, name="store-writer")]
        if path:
            self._threads.append(threading.Thread(target=self._read_loop, name="store-reader"))
        #: Free pages go back to the file system. False in memory, and after a failure.
        self._reclaims = path is not None
        self._closed = False
        for thread in self._threads:
            thread.daemon = True
            thread.start()

    @classmethod
    def open(
        cls,
        path: Path | None,
        *,
        durability: Durability = "full",
        migrations: Sequence[str] | None = None,
    ) -> Database:
        """Open or create the database, and bring it to this release's schema.

        Args:
            path: The file; ``None`` keeps everything in memory.
            durability: ``full`` syncs each commit; ``normal`` may lose the last ones at a power
                cut (not at a crash of the emulator); ``off`` leaves it all to the kernel.
            migrations: All there are (:func:`emulator.store.schema.load`); ``None`` takes those of
                the control plane's own database.

        Raises:
            ConfigurationError: The file is damaged, not ours, or written by a newer release.
        """
        if migrations is None:
            migrations = schema.own("state")
        try:
            return cls(path, durability, migrations)
        except sqlite3.Error as error:
            raise ConfigurationError(connections.cannot_open(path, error)) from error

    def submit(self, work: Work[Any], done: Done) -> None:
        """Run ``work`` in the next commit, then ``done(result, error)`` on the running loop.

        ``work`` runs on the writer's thread, inside a transaction, and may run twice: where one
        of a batch fails, the batch is rolled back and each is tried alone.
        """
        if self._closed:
            raise StorageError("the store is closed")
        loop = asyncio.get_running_loop()
        if not self._submitted:
            loop.call_soon(self._hand_in)
        self._submitted.append(_Job(work, done, loop))

    def _hand_in(self) -> None:
        if self._submitted:
            jobs, self._submitted = self._submitted, []
            self._queue.put(jobs)

    async def write(self, work: Work[T]) -> T:
        """Run ``work`` and return its result after the commit that holds it.

        Raises:
            StorageFull: The disk is full; nothing of ``work`` was kept.
            StorageError: It could not be written for another reason.
        """
        future: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self.submit(work, _settle(future))
        return await future

    async def read(self, work: Work[T]) -> T:
        """Run ``work`` on the reader's connection, which sees the last commit.

        Raises:
            StorageError: It could not be read.
        """
        if not self._reader:
            return await self.write(work)
        if self._closed:
            raise StorageError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._reads.put(_Job(work, _settle(future), loop))
        return await future

    async def check(self) -> list[str]:
        """Return the faults that SQLite's full integrity check finds; empty if there are none."""
        rows = await self.read(lambda c: c.execute("PRAGMA integrity_check").fetchall())
        return [row[0] for row in rows if row[0] != "ok"]

    async def close(self) -> None:
        """Finish all submitted work, fold the write-ahead log into the file, and close it."""
        if self._closed:
            return
        self._closed = True
        self._hand_in()
        await asyncio.to_thread(self.close_unused)

    def close_unused(self) -> None:
        """Close a database that has no submitted work. Blocks."""
        self._closed = True
        self._queue.put(None)
        if self._reader:
            self._reads.put(None)
        for thread in self._threads:
            thread.join()
        if self._reader:
            self._reader.close()
        with suppress(sqlite3.OperationalError):  # a full disk: the next start has the log, too
            self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def _write_loop(self) -> None:
        while batch := self._next_batch():
            last = False
            try:
                while len(batch) < MAX_BATCH:
                    following = self._queue.get_nowait()
                    if following is None:
                        last = True
                        break
                    batch += following
            except Empty:
                pass
            for start in range(0, len(batch), MAX_BATCH):
                self._commit(batch[start : start + MAX_BATCH])
            if last:
                return

    def _next_batch(self) -> list[_Job] | None:
        """Wait for the next batch; after a pause, give free pages back while waiting."""
        patience_s = reclaiming.PAUSE_S
        while self._reclaims and reclaiming.is_worthwhile(self._writer):
            try:
                return self._queue.get(timeout=patience_s)
            except Empty:
                self._reclaims = reclaiming.step(self._writer)
                patience_s = 0.0
        return self._queue.get()

    def _commit(self, batch: list[_Job]) -> None:
        connection = self._writer
        try:
            if connection.in_transaction:  # one that could not be rolled back
                connection.execute("ROLLBACK")
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                job.result = job.work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (the caller gets it)
            with suppress(sqlite3.Error):
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
            if len(batch) > 1:
                # The culprit must not fail the others.
                for job in batch:
                    self._commit([job])
                return
            batch[0].result, batch[0].error = None, _as_storage_error(error)
        _answer(batch)

    def _read_loop(self) -> None:
        assert self._reader
        while job := self._reads.get():
            try:
                job.result = job.work(self._reader)
            except Exception as error:  # noqa: BLE001 (the caller gets it)
                job.error = _as_storage_error(error)
            _answer([job])


class _Job:
    __slots__ = ("done", "error", "loop", "result", "work")

    def __init__(self, work: Work[Any], done: Done, loop: asyncio.AbstractEventLoop) -> None:
        self.work = work
        self.done = done
        self.loop = loop
        self.result: Any = None
        #: A StorageError, or what the work itself has raised.
        self.error: Any = None


def _answer(batch: list[_Job]) -> None:
    def run() -> None:
        for job in batch:
            job.done(job.result, job.error)

    # If the loop ended without closing the store, nobody waits for the result.
    if not batch[0].loop.is_closed():
        batch[0].loop.call_soon_threadsafe(run)


def _settle(future: asyncio.Future[Any]) -> Done:
    def done(result: Any, error: LocalfaasError | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    return done


def _as_storage_error(error: BaseException) -> LocalfaasError:
    if isinstance(error, LocalfaasError):
        # The work refuses what it was asked; nothing is wrong with the disk.
        return error
    name = getattr(error, "sqlite_errorname", "")
    kind = StorageFull if name in FULL_ERRORS else StorageError
    failure = kind(f"{name or type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure
