"""Numbered SQL migrations: they make a database, and bring an older one to this release.

A folder holds ``0001_words.sql``, ``0002_words.sql`` and so on. ``PRAGMA user_version`` is
the number of the last one applied. Migrations go forward only. Missing ones are applied in one
transaction.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from pathlib import Path

from emulator.model.errors import ConfigurationError

#: "lfas", in the file's header: this program's databases.
APPLICATION_ID = 0x6C666173

_FILE = re.compile(r"(\d{4})_\w+\.sql")


@cache
def own(database: str) -> tuple[str, ...]:
    """Return the migrations of one of the store's own databases: "state", "logs", "timeline"."""
    return load(files(__package__) / "migrations" / database)


def load(folder: Traversable) -> tuple[str, ...]:
    """Return the statements of each migration in ``folder``, in order.

    Raises:
        ValueError: A file is not named as a migration, or a number is missing or there twice.
    """
    found: dict[int, str] = {}
    for file in folder.iterdir():
        match = _FILE.fullmatch(file.name)
        if match is None or int(match[1]) in found:
            raise ValueError(f"{folder} holds no migrations: {file.name}")
        found[int(match[1])] = file.read_text("utf-8")
    if not found or sorted(found) != list(range(1, len(found) + 1)):
        raise ValueError(f"the migrations in {folder} are not numbered from 0001 on: {found}")
    return tuple(found[number] for number in sorted(found))


def check_owner(connection: sqlite3.Connection, path: Path | None, newest: int) -> int:
    """Return the number of the migration applied last; 0 for an empty database.

    Args:
        connection: The open database.
        path: Its file, for the errors' texts.
        newest: The last migration this release knows.

    Raises:
        ConfigurationError: It belongs to another program, or a newer release has changed it.
    """
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    owner = connection.execute("PRAGMA application_id").fetchone()[0]
    if not connection.execute("SELECT 1 FROM sqlite_master LIMIT 1").fetchone():
        return 0
    if owner != APPLICATION_ID:
        raise ConfigurationError(f"{path} is another program's database; choose another --state.")
    if version > newest:
        raise ConfigurationError(
            f"{path} was written by a newer release (schema {version}, this one knows "
            f"{newest}). Upgrade localfaas, or choose another folder with --state."
        )
    return version


def migrate(connection: sqlite3.Connection, migrations: Sequence[str], version: int) -> None:
    """Apply the migrations after ``version`` in one transaction.

    Args:
        connection: In autocommit mode.
        migrations: All there are, the first one first.
        version: The one applied last; 0 for an empty database.

    Raises:
        sqlite3.Error: The database is as it was.
    """
    missing = migrations[version:]
    if not missing:
        return
    try:
        connection.executescript(
            "BEGIN IMMEDIATE;"
            + "\n".join(missing)
            + f"\nPRAGMA application_id = {APPLICATION_ID};"
            + f"PRAGMA user_version = {len(migrations)}; COMMIT;"
        )
    except sqlite3.Error:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
