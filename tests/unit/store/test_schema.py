"""Migrations: forward, all or none, and refused where the file is of a newer release."""

from __future__ import annotations

import sqlite3
from importlib.resources import files
from pathlib import Path

import pytest

import emulator.services
from emulator.model.errors import ConfigurationError
from emulator.store import schema
from emulator.store.database import Database
from emulator.store.store import Store

FIRST = "CREATE TABLE t (a TEXT);"
SECOND = "ALTER TABLE t ADD COLUMN b TEXT NOT NULL DEFAULT 'b';"


def _write(folder: Path, *migrations: str) -> Path:
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(migrations, 1):
        (folder / f"{number:04}_words.sql").write_text(text)
    return folder


def _version(path: Path) -> int:
    connection = sqlite3.connect(path)
    try:
        return connection.execute("PRAGMA user_version").fetchone()[0]
    finally:
        connection.close()


async def test_an_older_database_gets_what_it_lacks(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    first = Database.open(path, migrations=[FIRST])
    await first.write(lambda c: c.execute("INSERT INTO t VALUES ('a')"))
    await first.close()
    again = Database.open(path, migrations=[FIRST, SECOND])
    assert await again.read(lambda c: c.execute("SELECT * FROM t").fetchall()) == [("a", "b")]
    await again.close()
    assert _version(path) == 2
    with pytest.raises(ConfigurationError, match=r"newer release \(schema 2, this one knows 1\)"):
        Database.open(path, migrations=[FIRST])
    # Refused, and unchanged.
    await Database.open(path, migrations=[FIRST, SECOND]).close()


async def test_a_migration_that_fails_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    await Database.open(path, migrations=[FIRST]).close()
    with pytest.raises(ConfigurationError, match="cannot be opened"):
        Database.open(path, migrations=[FIRST, SECOND, "INSERT INTO missing VALUES (1);"])
    assert _version(path) == 1
    again = Database.open(path, migrations=[FIRST])
    columns = await again.read(lambda c: c.execute("PRAGMA table_info(t)").fetchall())
    assert [column[1] for column in columns] == ["a"]
    await again.close()


def test_a_folder_of_migrations_is_numbered_without_gaps(tmp_path: Path) -> None:
    folder = _write(tmp_path / "good", FIRST, SECOND)
    assert schema.load(folder) == (FIRST, SECOND)
    (folder / "0004_gap.sql").write_text("")
    with pytest.raises(ValueError, match="numbered"):
        schema.load(folder)
    (folder / "notes.txt").write_text("")
    with pytest.raises(ValueError, match=r"notes\.txt"):
        schema.load(folder)
    with pytest.raises(ValueError, match="numbered"):
        schema.load(_write(tmp_path / "empty"))


def test_the_migrations_there_are_can_be_applied() -> None:
    services = Path(emulator.services.__file__).parent
    folders = [*(files("emulator.store") / "migrations").iterdir()]
    folders += services.glob("*/migrations")
    assert {folder.name for folder in folders} >= {"state", "logs"}
    for folder in folders:
        migrations = schema.load(folder)
        connection = sqlite3.connect(":memory:", isolation_level=None)
        schema.migrate(connection, migrations, 0)
        assert schema.check_owner(connection, None, len(migrations)) == len(migrations)
        connection.close()


@pytest.mark.parametrize("lasting", [True, False])
async def test_a_service_brings_a_database_of_its_own(tmp_path: Path, lasting: bool) -> None:
    folder = _write(tmp_path / "migrations", FIRST)
    for expected in (1, 2 if lasting else 1):
        store = Store.open(tmp_path / "state" if lasting else None)
        database = store.open_database("hello", folder)
        await database.write(lambda c: c.execute("INSERT INTO t VALUES ('a')"))
        rows = await database.read(lambda c: c.execute("SELECT * FROM t").fetchall())
        assert len(rows) == expected
        await store.close()
        assert database._closed
    if lasting:
        assert (tmp_path / "state" / "hello.db").stat().st_mode & 0o777 == 0o600
    with pytest.raises(ValueError, match="own"):
        Store.open(None).open_database("logs", folder)
