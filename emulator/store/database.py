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
from collections.abc import Callable
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Any, Literal, TypeVar

from emulator.model.errors import ConfigurationError, StorageError, StorageFull
from emulator.store.folders import sync_folder
from emulator.store.queries import schema

T = TypeVar("T")
Work = Callable[[sqlite3.Connection], T]
#: Called on the loop with the result, or None and the error.
Done = Callable[[Any, StorageError | None], None]
Durability = Literal["full", "normal", "off"]

#: "lfas": says in the file's header whose database it is.
APPLICATION_ID = 0x6C666173
SCHEMA_VERSION = 1
#: Bounds the time of one commit, not the throughput: nobody waits behind more than this.
MAX_BATCH = 512
#: A damaged page is looked for at open in databases up to this size (bytes): it takes about
#: 1 ms per MB. Larger ones are not checked.
CHECKED_AT_OPEN = 64 << 20

_FULL = {"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"}
_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}


class Database:
    """The open database. Made by :meth:`open`; used from one event loop."""

    def __init__(self, path: Path | None, durability: Durability, file: str) -> None:
        self._path = path
        self._writer = _connect(path, durability, file)
        try:
            self._reader = _connect(path, durability, file) if path else None
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
        schema_file: str = "schema.sql",
    ) -> Database:
        """Open or create the database.

        Args:
            path: The file; ``None`` keeps everything in memory.
            durability: ``full`` syncs each commit; ``normal`` may lose the last ones at a power
                cut (not at a crash of the emulator); ``off`` leaves it all to the kernel.
            schema_file: What makes an empty one.

        Raises:
            ConfigurationError: The file is damaged, not ours, or written by a newer release.
        """
        try:
            return cls(path, durability, schema_file)
        except sqlite3.Error as error:
            raise ConfigurationError(_cannot_open(path, error)) from error

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
        """Run ``work`` on the reader's connection, which sees the last commit."""
        if not self._reader:
            return await self.write(work)
        if self._closed:
            raise StorageError("the store is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[T] = loop.create_future()
        self._reads.put(_Job(work, _settle(future), loop))
        return await future

    async def check(self) -> list[str]:
        """Return what SQLite's whole integrity check finds wrong; nothing if it is sound."""
        rows = await self.read(lambda c: c.execute("PRAGMA integrity_check").fetchall())
        return [row[0] for row in rows if row[0] != "ok"]

    async def close(self) -> None:
        """Finish what was submitted, fold the log into the file, and close it."""
        if self._closed:
            return
        self._closed = True
        self._hand_in()
        await asyncio.to_thread(self.close_unused)

    def close_unused(self) -> None:
        """Close what nothing was submitted to; blocks."""
        self._closed = True
        self._queue.put(None)
        if self._reader:
            self._reads.put(None)
        for thread in self._threads:
            thread.join()
        if self._reader:
            self._reader.close()
        self._writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._writer.close()

    def _write_loop(self) -> None:
        while batch := self._queue.get():
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

    def _commit(self, batch: list[_Job]) -> None:
        connection = self._writer
        try:
            connection.execute("BEGIN IMMEDIATE")
            for job in batch:
                job.result = job.work(connection)
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 (the caller gets it)
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
        self.error: StorageError | None = None


def _answer(batch: list[_Job]) -> None:
    def run() -> None:
        for job in batch:
            job.done(job.result, job.error)

    # A loop that ended without closing the store has nobody left to tell.
    if not batch[0].loop.is_closed():
        batch[0].loop.call_soon_threadsafe(run)


def _settle(future: asyncio.Future[Any]) -> Done:
    def done(result: Any, error: StorageError | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    return done


def _as_storage_error(error: BaseException) -> StorageError:
    name = getattr(error, "sqlite_errorname", "")
    kind = StorageFull if name in _FULL else StorageError
    failure = kind(f"{name or type(error).__name__}: {error}")
    failure.__cause__ = error
    return failure


def _connect(path: Path | None, durability: Durability, file: str) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        _prepare(connection, path, durability, file)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(
    connection: sqlite3.Connection, path: Path | None, durability: Durability, file: str
) -> None:
    execute = connection.execute
    version = execute("PRAGMA user_version").fetchone()[0]
    owner = execute("PRAGMA application_id").fetchone()[0]
    empty = not execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone()
    if not empty and owner != APPLICATION_ID:
        raise ConfigurationError(f"{path} is another program's database; choose another --state.")
    if version > SCHEMA_VERSION:
        raise ConfigurationError(
            f"{path} was written by a newer release (schema {version}, this one knows "
            f"{SCHEMA_VERSION}). Upgrade localfaas, or choose another folder with --state."
        )
    execute("PRAGMA journal_mode = WAL")
    execute(f"PRAGMA synchronous = {durability}")
    # 16 MB of log between checkpoints, each of which costs two more syncs.
    execute("PRAGMA wal_autocheckpoint = 4000")
    execute("PRAGMA journal_size_limit = 67108864")
    execute("PRAGMA temp_store = MEMORY")
    if empty:
        connection.executescript(
            f"BEGIN IMMEDIATE; {schema(file)} PRAGMA application_id = {APPLICATION_ID};"
            f"PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;"
        )
        if path:
            sync_folder(path.parent)
    elif path and path.stat().st_size <= CHECKED_AT_OPEN:
        found = execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise ConfigurationError(_damaged(path, found))


def _cannot_open(path: Path | None, error: sqlite3.Error) -> str:
    if getattr(error, "sqlite_errorname", "") in _DAMAGED:
        return _damaged(path, str(error))
    full = getattr(error, "sqlite_errorname", "") in _FULL
    remedy = "Make room on its disk" if full else "Mend its permissions"
    return f"{path} cannot be opened ({error}). {remedy} or choose another --state."


def _damaged(path: Path | None, found: str) -> str:
    return (
        f"{path} is damaged ({found}). Nothing was changed. Move it aside and put back a copy, "
        "recover it with `sqlite3 DAMAGED .recover | sqlite3 NEW`, or choose another --state."
    )
