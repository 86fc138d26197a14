"""Connections to SQLite files: opening, checking and migrating them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from emulator.model.errors import ConfigurationError
from emulator.store import schema
from emulator.store.folders import PRIVATE_FILE, make_private, sync_folder

Durability = Literal["full", "normal", "off"]

#: Databases up to this size (bytes) are checked for damaged pages when they are opened, which
#: takes about 1 ms per MB. Larger ones are not checked.
CHECKED_AT_OPEN = 64 << 20
#: SQLite's names of the errors of a full disk.
FULL_ERRORS = frozenset({"SQLITE_FULL", "SQLITE_IOERR_SHMSIZE"})

_DAMAGED = {"SQLITE_CORRUPT", "SQLITE_NOTADB"}
#: The database and the files beside it while it is open, which SQLite makes with its mode.
_BESIDE = ("", "-wal", "-shm")


def connect(
    path: Path | None, durability: Durability, migrations: Sequence[str], *, check: bool = True
) -> sqlite3.Connection:
    """Return a connection in autocommit mode to a database of this release's schema.

    Args:
        path: The file, made where it is missing; None for one in memory.
        durability: SQLite's ``synchronous``.
        migrations: All there are, the first one first.
        check: Search a small database for damaged pages.

    Raises:
        ConfigurationError: It is damaged, not ours, or written by a newer release.
        sqlite3.Error: It can't be opened or brought to this release.
    """
    if path is not None:
        # SQLite would make the file with the mode that the umask allows.
        with suppress(OSError):
            path.touch(PRIVATE_FILE)
    connection = sqlite3.connect(
        path or ":memory:", isolation_level=None, check_same_thread=False, cached_statements=256
    )
    try:
        _prepare(connection, path, durability, migrations, check=check)
    except BaseException:
        connection.close()
        raise
    return connection


def _prepare(
    connection: sqlite3.Connection,
    path: Path | None,
    durability: Durability,
    migrations: Sequence[str],
    *,
    check: bool,
) -> None:
    execute = connection.execute
    version = schema.check_owner(connection, path, len(migrations))
    if path is not None:
        for suffix in _BESIDE:
            make_private(path.with_name(path.name + suffix))
    if not version:
        # Lets free pages go back to the file system in steps. Only an empty file takes it.
        execute("PRAGMA auto_vacuum = INCREMENTAL")
    execute("PRAGMA journal_mode = WAL")
    execute(f"PRAGMA synchronous = {durability}")
    if durability == "full":
        # On macOS fsync(2) leaves the commit in the drive's own cache.
        execute("PRAGMA fullfsync = ON")
    # 16 MB of log between checkpoints, each of which costs two more syncs.
    execute("PRAGMA wal_autocheckpoint = 4000")
    execute("PRAGMA journal_size_limit = 67108864")
    execute("PRAGMA temp_store = MEMORY")
    if check and version and path and path.stat().st_size <= CHECKED_AT_OPEN:
        found = execute("PRAGMA quick_check(1)").fetchone()[0]
        if found != "ok":
            raise ConfigurationError(_damaged(path, found))
    schema.migrate(connection, migrations, version)
    if not version and path:
        sync_folder(path.parent)


def cannot_open(path: Path | None, error: sqlite3.Error) -> str:
    """Return the message for a database that can't be opened, with the remedy."""
    if getattr(error, "sqlite_errorname", "") in _DAMAGED:
        return _damaged(path, str(error))
    full = getattr(error, "sqlite_errorname", "") in FULL_ERRORS
    remedy = "Make room on its disk" if full else "Mend its permissions"
    return f"{path} cannot be opened ({error}). {remedy} or choose another --state."


def _damaged(path: Path | None, found: str) -> str:
    return (
        f"{path} is damaged ({found}). Nothing was changed. Move it aside and put back a copy, "
        "recover it with `sqlite3 DAMAGED .recover | sqlite3 NEW`, or choose another --state."
    )
