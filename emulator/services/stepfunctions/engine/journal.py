"""Executions on the disk: their rows, their histories, where they stand.

A commit of an execution is one piece of work: a page of events, the threads that came to rest, the
execution's row. The database puts the work of many executions into one transaction.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import Any, NamedTuple

import orjson

from emulator.model.errors import StorageError
from emulator.services.stepfunctions.engine.events import Event, pack, unpack
from emulator.services.stepfunctions.engine.execution import RUNNING, Execution, ThreadRow
from emulator.store.database import Database
from emulator.store.store import Store

Connection = sqlite3.Connection
#: Called with what a commit found (None, or the row of an execution of the same name) or its error.
Done = Callable[["ExecutionRow | None", StorageError | None], None]

_COLUMNS = (
    "id, arn, machine, revision, map_run, item, status, started_ms, stopped_ms, deadline_ms, "
    "events, redrives, body"
)
_INSERT = (
    f"INSERT OR IGNORE INTO executions ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
)
_UPDATE = (
    "UPDATE executions SET status = ?, stopped_ms = ?, deadline_ms = ?, events = ?, redrives = ?, "
    "body = ? WHERE id = ?"
)
_PUT_THREAD = (
    "INSERT OR REPLACE INTO threads (execution, thread, kind, turn, due_ms, body) "
    "VALUES (?, ?, ?, ?, ?, ?)"
)


class ExecutionRow(NamedTuple):
    """A row of the table ``executions``."""

    id: int
    arn: str
    machine: str
    revision: int
    map_run: int | None
    item: int | None
    status: str
    started_ms: int
    stopped_ms: int | None
    deadline_ms: int | None
    events: int
    redrives: int
    body: bytes

    @property
    def content(self) -> dict[str, Any]:
        """Its body."""
        found: dict[str, Any] = orjson.loads(self.body)
        return found


class MapRunRow(NamedTuple):
    """A row of the table ``map_runs``, without its items."""

    id: int
    arn: str
    execution: int
    thread: str
    status: str
    started_ms: int
    stopped_ms: int | None
    body: bytes


class Child(NamedTuple):
    """What a map run needs to know of one of its children."""

    id: int
    item: int
    status: str
    stopped_ms: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """Which executions are wanted, the latest first."""

    #: The machine's ARN; "" for those of a map run.
    machine: str = ""
    map_run: int | None = None
    status: str | None = None
    #: Only those with this version or alias.
    version: str | None = None
    alias: str | None = None
    is_redriven: bool | None = None
    #: After this one: started_ms and id.
    after: tuple[int, int] | None = None
    #: How many at most; -1: all.
    limit: int = 100


class Journal:
    """The database of executions. :meth:`open` makes it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._revisions: dict[str, int] = {}
        self.last_execution = 0
        self.last_map_run = 0
        self._last_revision = 0
        #: Revisions that are on the disk.
        self._kept: set[int] = set()

    @classmethod
    async def open(cls, store: Store) -> Journal:
        """Open the database.

        Raises:
            ConfigurationError: It is damaged, or of a newer release.
        """
        package = files("emulator.services.stepfunctions")
        journal = cls(store.open_database("stepfunctions", package / "migrations"))

        def work(c: Connection) -> tuple[list[tuple[str, int]], int, int]:
            revisions = c.execute("SELECT hash, id FROM revisions").fetchall()
            last = c.execute("SELECT coalesce(max(id), 0) FROM executions").fetchone()[0]
            run = c.execute("SELECT coalesce(max(id), 0) FROM map_runs").fetchone()[0]
            return revisions, last, run

        revisions, journal.last_execution, journal.last_map_run = await journal._database.read(work)
        journal._revisions = dict(revisions)
        journal._kept = set(journal._revisions.values())
        journal._last_revision = max(journal._revisions.values(), default=0)
        return journal

    async def close(self) -> None:
        """Finish what is under way."""
        await self._database.close()

    # -- writing ---------------------------------------------------------------------------------

    def revision(self, digest: str) -> int:
        """Return the id of a revision by the digest of its content."""
        found = self._revisions.get(digest)
        if found is None:
            self._last_revision += 1
            found = self._revisions[digest] = self._last_revision
        return found

    def commit(self, execution: Execution, done: Done) -> None:
        """Keep what is new of an execution in the next commit.

        Args:
            execution: What is fresh, changed and gone of it is taken.
            done: Called with the row of another execution of the same name, if there is one (then
                nothing was kept), or with the error of the disk.
        """
        id, is_new = execution.id, execution.is_new
        page = None
        if execution.fresh:
            page = (id, execution.events, pack(execution.fresh))
        threads = [
            (id, each.id, each.kind, each.turn, each.due_ms, each.body())
            for name in execution.changed
            if (each := execution.threads.get(name)) is not None
        ]
        gone = [] if is_new else [(id, name) for name in execution.gone]
        body = pack(execution.body)
        revision = None
        if is_new and execution.revision_id not in self._kept:
            digest = execution.revision["digest"]
            revision = (execution.revision_id, digest, pack(execution.revision).decode())
        e = execution
        row: tuple[Any, ...]
        if is_new:
            row = (
                id, e.arn, e.machine, e.revision_id, e.map_run, e.item, e.status, e.started_ms,
                e.stopped_ms, e.deadline_ms, e.events, e.redrives, body,
            )  # fmt: skip
        else:
            row = (e.status, e.stopped_ms, e.deadline_ms, e.events, e.redrives, body, id)
        execution.is_new = False
        execution.fresh = []
        execution.changed = set()
        execution.gone = set()

        def work(c: Connection) -> ExecutionRow | None:
            if revision is not None:
                c.execute("INSERT OR IGNORE INTO revisions VALUES (?, ?, ?)", revision)
            if is_new:
                if not c.execute(_INSERT, row).rowcount:
                    return _by_arn(c, e.arn)
            else:
                c.execute(_UPDATE, row)
            if page is not None:
                c.execute("INSERT OR REPLACE INTO pages VALUES (?, ?, ?)", page)
            if gone:
                c.executemany("DELETE FROM threads WHERE execution = ? AND thread = ?", gone)
            if threads:
                c.executemany(_PUT_THREAD, threads)
            return None

        def finish(found: Any, error: StorageError | None) -> None:
            if error is None:
                self._kept.add(e.revision_id)
            done(found, error)

        self._database.submit(work, finish)

    async def put_map_run(self, row: MapRunRow, items: bytes | None = None) -> None:
        """Keep a map run; its items are kept with its first row.

        Raises:
            StorageError: The disk did not take it.
        """

        def work(c: Connection) -> None:
            if items is not None:
                c.execute(
                    "INSERT OR REPLACE INTO map_runs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                    (*row, items),
                )
            else:
                c.execute(
                    "UPDATE map_runs SET status = ?, stopped_ms = ?, body = ? WHERE id = ?",
                    (row.status, row.stopped_ms, row.body, row.id),
                )

        await self._database.write(work)

    async def clear(self, account: str | None) -> None:
        """Forget all executions, or those of one account.

        Raises:
            StorageError: The disk refused.
        """
        pattern = "arn:%" if account is None else f"arn:aws:states:%:{account}:%"

        def work(c: Connection) -> None:
            own = "SELECT id FROM executions WHERE arn LIKE ?"
            c.execute(f"DELETE FROM pages WHERE execution IN ({own})", (pattern,))
            c.execute(f"DELETE FROM threads WHERE execution IN ({own})", (pattern,))
            c.execute("DELETE FROM map_runs WHERE arn LIKE ?", (pattern,))
            c.execute("DELETE FROM executions WHERE arn LIKE ?", (pattern,))

        await self._database.write(work)

    async def forget_before(self, stopped_ms: int, limit: int) -> int:
        """Delete executions that ended before a time, at most ``limit``; return how many."""

        def work(c: Connection) -> int:
            rows = c.execute(
                "SELECT id FROM executions WHERE stopped_ms < ? LIMIT ?", (stopped_ms, limit)
            ).fetchall()
            for table in ("pages", "threads"):
                c.executemany(f"DELETE FROM {table} WHERE execution = ?", rows)
            c.executemany("DELETE FROM map_runs WHERE execution = ?", rows)
            c.executemany("DELETE FROM executions WHERE id = ?", rows)
            return len(rows)

        return await self._database.write(work)

    # -- reading ---------------------------------------------------------------------------------

    async def find(self, arn: str) -> ExecutionRow | None:
        """Return an execution by its ARN."""
        return await self._database.read(lambda c: _by_arn(c, arn))

    async def load(self, id: int) -> tuple[ExecutionRow, dict[str, Any], list[ThreadRow]] | None:
        """Return an execution with its revision and its threads; None if there is none."""

        def work(c: Connection) -> Any:
            row = c.execute(f"SELECT {_COLUMNS} FROM executions WHERE id = ?", (id,)).fetchone()
            if row is None:
                return None
            found = ExecutionRow(*row)
            statement = "SELECT body FROM revisions WHERE id = ?"
            revision = c.execute(statement, (found.revision,)).fetchone()[0]
            threads = c.execute(
                "SELECT thread, kind, turn, due_ms, body FROM threads WHERE execution = ?", (id,)
            ).fetchall()
            return found, orjson.loads(revision), threads

        found: tuple[ExecutionRow, dict[str, Any], list[ThreadRow]] | None
        found = await self._database.read(work)
        return found

    async def revision_of(self, row: ExecutionRow) -> dict[str, Any]:
        """Return what an execution runs."""
        statement = "SELECT body FROM revisions WHERE id = ?"
        found: dict[str, Any] = orjson.loads(
            await self._database.read(lambda c: c.execute(statement, (row.revision,)).fetchone()[0])
        )
        return found

    async def listed(self, listing: Listing) -> list[ExecutionRow]:
        """Return executions, the latest first."""
        where, values = _conditions(listing)
        statement = (
            f"SELECT {_COLUMNS} FROM executions WHERE {' AND '.join(where)} "
            "ORDER BY started_ms DESC, id DESC LIMIT ?"
        )
        rows = await self._database.read(
            lambda c: c.execute(statement, (*values, listing.limit)).fetchall()
        )
        return [ExecutionRow(*row) for row in rows]

    async def latest(self, machines: Sequence[str], most: int) -> dict[str, list[ExecutionRow]]:
        """Return the latest executions of each of some machines."""
        statement = (
            f"SELECT {_COLUMNS} FROM executions WHERE machine = ? "
            "ORDER BY started_ms DESC, id DESC LIMIT ?"
        )
        rows: dict[str, list[tuple[Any, ...]]] = await self._database.read(
            lambda c: {each: c.execute(statement, (each, most)).fetchall() for each in machines}
        )
        return {each: [ExecutionRow(*row) for row in found] for each, found in rows.items()}

    async def running(self, machine: str) -> Sequence[int]:
        """Return the ids of a machine's executions that have not ended, its children's too."""
        statement = (
            "SELECT id FROM executions WHERE status = 'RUNNING' "
            "AND (machine = ? OR machine LIKE ? ESCAPE '\\')"
        )
        escaped = machine.replace("\\", "\\\\").replace("_", "\\_").replace("%", "\\%")
        rows = await self._database.read(
            lambda c: c.execute(statement, (machine, f"{escaped}/%")).fetchall()
        )
        return [row[0] for row in rows]

    async def events(self, execution: int, first: int, last: int) -> list[tuple[int, Event]]:
        """Return the events of an execution from ``first`` to ``last``, with their ids."""
        rows = await self._database.read(lambda c: _pages(c, execution, first, last))
        found = []
        for end, content in rows:
            page = unpack(content)
            begin = end - len(page) + 1
            found += [
                (id, (each[0], each[1], each[2], each[3]))
                for id, each in enumerate(page, begin)
                if first <= id <= last
            ]
        return found

    async def due(self) -> tuple[list[tuple[int, int, str, int]], list[int]]:
        """Return what waits for a time, and the executions that have work to do at once."""

        def work(c: Connection) -> Any:
            due = c.execute(
                "SELECT due_ms, execution, thread, turn FROM threads "
                "JOIN executions ON executions.id = threads.execution "
                "WHERE due_ms IS NOT NULL AND status = 'RUNNING' AND kind NOT IN ('task', 'ready')"
            ).fetchall()
            due += c.execute(
                "SELECT deadline_ms, id, '', -1 FROM executions "
                "WHERE status = 'RUNNING' AND deadline_ms IS NOT NULL"
            ).fetchall()
            busy = c.execute(
                "SELECT DISTINCT execution FROM threads "
                "JOIN executions ON executions.id = threads.execution "
                "WHERE status = 'RUNNING' "
                "AND kind IN ('task', 'ready', 'nested', 'map_run', 'deciding')"
            ).fetchall()
            return due, [row[0] for row in busy]

        found: tuple[list[tuple[int, int, str, int]], list[int]] = await self._database.read(work)
        return found

    async def offered(self) -> list[tuple[int, str, int, str]]:
        """Return the tasks that wait for a worker: execution, thread, turn and activity."""
        statement = (
            "SELECT execution, thread, turn, threads.body FROM threads "
            "JOIN executions ON executions.id = threads.execution "
            "WHERE kind = 'activity' AND status = 'RUNNING' ORDER BY execution, thread"
        )
        rows = await self._database.read(lambda c: c.execute(statement).fetchall())
        return [
            (execution, thread, turn, orjson.loads(body)["effect"]["resource"]["arn"])
            for execution, thread, turn, body in rows
        ]

    async def map_run(self, arn: str) -> MapRunRow | None:
        """Return a map run by its ARN."""
        row = await self._database.read(
            lambda c: c.execute(f"SELECT {_RUN} FROM map_runs WHERE arn = ?", (arn,)).fetchone()
        )
        return None if row is None else MapRunRow(*row)

    async def map_runs(self, execution: int, thread: str | None = None) -> list[MapRunRow]:
        """Return the map runs of an execution, the latest first."""
        statement = f"SELECT {_RUN} FROM map_runs WHERE execution = ? ORDER BY id DESC"
        rows = await self._database.read(lambda c: c.execute(statement, (execution,)).fetchall())
        found = [MapRunRow(*row) for row in rows]
        return [each for each in found if thread is None or each.thread == thread]

    async def map_items(self, id: int) -> list[Any]:
        """Return the inputs of a map run's children."""
        found: list[Any] = orjson.loads(
            await self._database.read(
                lambda c: c.execute("SELECT items FROM map_runs WHERE id = ?", (id,)).fetchone()[0]
            )
        )
        return found

    async def children(self, map_run: int) -> list[Child]:
        """Return a map run's children, by item."""
        columns = ", ".join(Child._fields)
        statement = f"SELECT {columns} FROM executions WHERE map_run = ? ORDER BY item, id"
        rows = await self._database.read(lambda c: c.execute(statement, (map_run,)).fetchall())
        return [Child(*row) for row in rows]


_RUN = "id, arn, execution, thread, status, started_ms, stopped_ms, body"


def _by_arn(c: Connection, arn: str) -> ExecutionRow | None:
    row = c.execute(f"SELECT {_COLUMNS} FROM executions WHERE arn = ?", (arn,)).fetchone()
    return None if row is None else ExecutionRow(*row)


def _pages(c: Connection, execution: int, first: int, last: int) -> list[tuple[int, bytes]]:
    # The page that ends at or behind ``last`` is the last one needed.
    statement = (
        "SELECT last, events FROM pages WHERE execution = ? AND last >= ? AND last <= coalesce("
        "(SELECT min(last) FROM pages WHERE execution = ? AND last >= ?), 9223372036854775807) "
        "ORDER BY last"
    )
    found: list[tuple[int, bytes]] = c.execute(
        statement, (execution, first, execution, last)
    ).fetchall()
    return found


def _conditions(listing: Listing) -> tuple[list[str], list[Any]]:
    where: list[str] = []
    values: list[Any] = []
    if listing.map_run is not None:
        where.append("map_run = ?")
        values.append(listing.map_run)
    else:
        where.append("machine = ?")
        values.append(listing.machine)
    if listing.status is not None:
        where.append("status = ?")
        values.append(listing.status)
    for name in ("version", "alias"):
        wanted = getattr(listing, name)
        if wanted is not None:
            where.append(f"json_extract(CAST(body AS TEXT), '$.{name}') = ?")
            values.append(wanted)
    if listing.is_redriven is not None:
        where.append("redrives > 0" if listing.is_redriven else "redrives = 0")
    if listing.after is not None:
        where.append("(started_ms, id) < (?, ?)")
        values += listing.after
    return where, values


__all__ = ["RUNNING", "ExecutionRow", "Journal", "Listing", "MapRunRow"]
