import asyncio
import os
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from emulator.model.errors import ConfigurationError, StorageError, StorageFull
from emulator.store.database import APPLICATION_ID, SCHEMA_VERSION, Database, Durability
from emulator.store.store import Store


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
        go_on.wait(10)

    first = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(started.wait, 10)
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
        go_on.wait(10)

    first = asyncio.ensure_future(database.write(wait))
    await asyncio.to_thread(started.wait, 10)
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
        f"CREATE TABLE t (a); PRAGMA application_id = {APPLICATION_ID};"
        f"PRAGMA user_version = {SCHEMA_VERSION + 1}"
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
