import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import ConfigurationError, StorageError, StorageFull
from emulator.store import reclaiming, schema
from emulator.store.connection import Durability
from emulator.store.database import Database
from emulator.store.reclaiming import KEPT_FREE
from emulator.store.schema import APPLICATION_ID
from emulator.store.store import Store
from tests.patience import PATIENCE_S

_Pragma = Callable[[sqlite3.Connection, str], int]


def _insert(key: str, body: str = "{}") -> Callable[[sqlite3.Connection], Any]:
    return lambda c: c.execute(
        "INSERT INTO documents VALUES ('kind', 'account', 'region', ?, ?)", (key, body)
    )


def _keys(connection: sqlite3.Connection) -> list[str]:
    return [row[0] for row in connection.execute("SELECT key FROM documents ORDER BY key")]


@pytest.fixture(params=["file", "memory"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = Database.open(tmp_path / "state.db" if request.param == "file" else None)
    yield database
    await database.close()


async def test_a_write_is_read_back(database: Database) -> None:
    await database.write(_insert("a"))
    assert await database.read(_keys) == ["a"]


async def test_what_queues_up_shares_a_commit(database: Database) -> None:
    commits = []
    database._writer.set_trace_callback(lambda sql: commits.append(sql) if "COMMIT" in sql else 0)
    started, go_on = threading.Event(), threading.Event()

    def wait(connection: sqlite3.Connection) -> None:
        started.set()
        go_on.wait(60)

    first = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(started.wait, 60)
    others = [asyncio.ensure_future(database.write(_insert(f"{n:03}"))) for n in range(100)]
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.gather(first, *others)
    assert len(commits) == 2
    assert len(await database.read(_keys)) == 100


async def test_a_failing_write_fails_alone(database: Database) -> None:
    started, go_on = threading.Event(), threading.Event()

    def wait(connection: sqlite3.Connection) -> None:
        started.set()
        go_on.wait(60)

    first = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(started.wait, 60)
    works = [_insert("a"), _insert("a"), _insert("b")]
    writes = [asyncio.ensure_future(database.write(work)) for work in works]
    await asyncio.sleep(0)
    go_on.set()
    outcomes = await asyncio.gather(first, *writes, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes[1:]].count(StorageError) == 1
    assert await database.read(_keys) == ["a", "b"]


async def test_a_full_disk_is_told_and_survived(database: Database) -> None:
    await database.write(_insert("before"))
    pages = await database.write(lambda c: c.execute("PRAGMA page_count").fetchone()[0])
    database._writer.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(StorageFull):
        await database.write(_insert("large", "x" * 100_000))
    assert await database.read(_keys) == ["before"]
    database._writer.execute("PRAGMA max_page_count = 1000000")
    await database.write(_insert("large", "x" * 100_000))
    assert await database.read(_keys) == ["before", "large"]
    assert await database.check() == []


class _Full:
    """A connection whose disk is full."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.close = connection.close

    def execute(self, statement: str) -> None:
        raise sqlite3.OperationalError("database or disk is full")


class _NoRollback:
    """A connection that can't roll back once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.refused = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self.connection, name)

    def execute(self, statement: str, *values: Any) -> Any:
        if statement == "ROLLBACK" and not self.refused:
            self.refused = True
            raise sqlite3.OperationalError("disk I/O error")
        return self.connection.execute(statement, *values)


async def test_a_rollback_that_fails_does_not_end_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(tmp_path / "state.db")
    await database.write(_insert("a"))
    writer = _NoRollback(database._writer)
    monkeypatch.setattr(database, "_writer", writer)
    with pytest.raises(StorageError, match="UNIQUE"):
        await database.write(_insert("a"))
    assert writer.refused
    assert database._writer.in_transaction
    assert not reclaiming.is_worthwhile(writer.connection)
    await database.write(_insert("b"))
    assert await database.read(_keys) == ["a", "b"]
    await database.close()


async def test_it_is_closed_on_a_full_disk_and_nothing_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(tmp_path / "state.db")
    await database.write(_insert("kept"))
    monkeypatch.setattr(database, "_writer", _Full(database._writer))
    await database.close()
    again = Database.open(tmp_path / "state.db")
    assert await again.read(_keys) == ["kept"]
    await again.close()


async def test_a_disk_that_fails_between_writes_does_not_end_the_writer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(connection: sqlite3.Connection) -> int:
        failed.set()
        raise sqlite3.OperationalError("disk I/O error")

    database, failed = Database.open(tmp_path / "state.db"), threading.Event()
    monkeypatch.setattr(reclaiming, "_free", fail)
    await database.write(_insert("a"))
    assert await asyncio.to_thread(failed.wait, PATIENCE_S)
    await database.write(_insert("b"))
    assert await database.read(_keys) == ["a", "b"]
    await database.close()


async def test_closing_finishes_what_was_submitted(tmp_path: Path) -> None:
    database = Database.open(tmp_path / "state.db")
    writes = [asyncio.ensure_future(database.write(_insert(str(n)))) for n in range(50)]
    await asyncio.sleep(0)
    await database.close()
    await asyncio.gather(*writes)
    with pytest.raises(StorageError, match="closed"):
        await database.write(_insert("late"))
    again = Database.open(tmp_path / "state.db")
    assert len(await again.read(_keys)) == 50
    await again.close()


async def test_a_caller_that_goes_away_does_no_harm(database: Database) -> None:
    write = asyncio.ensure_future(database.write(_insert("a")))
    await asyncio.sleep(0)
    write.cancel()
    await database.write(_insert("b"))
    assert await database.read(_keys) == ["a", "b"]


@pytest.mark.parametrize(("mode", "level"), [("full", 2), ("normal", 1), ("off", 0)])
async def test_durability_is_sqlites_synchronous(
    tmp_path: Path, mode: Durability, level: int
) -> None:
    database = Database.open(tmp_path / "state.db", durability=mode)
    assert database._writer.execute("PRAGMA synchronous").fetchone()[0] == level
    assert database._writer.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
    await database.close()


@pytest.mark.parametrize(
    ("name", "remedy"),
    [("SQLITE_IOERR_SHMSIZE", "Make room on its disk"), ("SQLITE_CANTOPEN", "Mend its perm")],
)
def test_what_can_not_be_opened_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, remedy: str
) -> None:
    def fails(*arguments: Any, **options: Any) -> None:
        error = sqlite3.OperationalError("no")
        error.sqlite_errorname = name
        raise error

    monkeypatch.setattr(sqlite3, "connect", fails)
    with pytest.raises(ConfigurationError, match=remedy):
        Database.open(tmp_path / "state.db")


def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigurationError, match="is damaged"):
        Database.open(path)
    assert path.read_bytes() == b"not a database" * 1000


async def test_a_damaged_page_is_found_at_open(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database.open(path)
    for n in range(50):
        await database.write(_insert(str(n), "x" * 1000))
    await database.close()
    content = bytearray(path.read_bytes())
    content[-4096 * 6 : -4096 * 2] = b"\xff" * 4096 * 4
    path.write_bytes(content)
    with pytest.raises(ConfigurationError, match="is damaged"):
        Database.open(path)


def test_a_newer_schema_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.executescript(
        f"CREATE TABLE t (a); PRAGMA application_id = {APPLICATION_ID};PRAGMA user_version = 999"
    )
    connection.close()
    with pytest.raises(ConfigurationError, match="newer release"):
        Database.open(path)


def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE t (a)")
    connection.close()
    with pytest.raises(ConfigurationError, match="another program"):
        Database.open(path)


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="looks at /proc")
@pytest.mark.parametrize("name", ["state.db", "logs.db"])
def test_what_is_refused_is_not_left_open(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"not a database" * 1000)
    with pytest.raises(ConfigurationError, match="is damaged") as caught:
        Store.open(tmp_path)
    links = Path("/proc/self/fd").glob("*")
    left = [path for path in map(os.path.realpath, links) if path.startswith(str(tmp_path))]
    # As long as somebody looks at the error, nothing is closed by nobody's having it any more.
    assert caught.value.__traceback__
    assert left == []


async def test_a_folder_has_one_emulator(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    with pytest.raises(ConfigurationError, match="another emulator"):
        Store.open(tmp_path)
    await store.close()
    await Store.open(tmp_path).close()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Store.open(tmp_path / "file" / "state")


async def test_a_file_gives_back_what_was_deleted(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    database = Database.open(path)
    for number in range(60):
        await database.write(_insert(f"{number}", "x" * (1 << 20)))
    await database.write(lambda c: c.execute("DELETE FROM documents"))
    await _until(lambda: path.stat().st_size < KEPT_FREE + (4 << 20))
    assert await database.check() == []
    await database.close()


async def test_a_file_of_an_early_release_gives_back_too(tmp_path: Path) -> None:
    """It was made without the means for it."""
    path = tmp_path / "state.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        schema.migrate(connection, schema.own("state"), 0)
        assert connection.execute("PRAGMA auto_vacuum").fetchone() == (0,)
        for number in range(40):
            _insert(f"{number}", "x" * (1 << 20))(connection)
    database = Database.open(path)
    await database.write(lambda c: c.execute("DELETE FROM documents WHERE key <> '7'"))
    await _until(lambda: path.stat().st_size < 8 << 20)
    assert await database.read(_keys) == ["7"]
    await database.write(_insert("later"))
    assert database._writer.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    await database.close()


async def test_a_failure_to_give_back_ends_it_and_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    database = Database.open(tmp_path / "state.db")
    monkeypatch.setattr(reclaiming, "KEPT_FREE", 0)
    monkeypatch.setattr(reclaiming, "_pragma", _fails_for("auto_vacuum", reclaiming._pragma))
    await database.write(_insert("a", "x" * 100_000))
    await database.write(lambda c: c.execute("DELETE FROM documents"))
    await database.write(_insert("b"))
    await _until(lambda: not database._reclaims)
    assert await database.read(_keys) == ["b"]
    await database.close()


def _fails_for(name: str, pragma: _Pragma) -> _Pragma:
    def fails(connection: sqlite3.Connection, asked: str) -> int:
        if asked == name:
            raise sqlite3.OperationalError("disk I/O error")
        return pragma(connection, asked)

    return fails


async def _until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():  # noqa: ASYNC110 (the writer's thread tells nobody)
            await asyncio.sleep(0.01)
