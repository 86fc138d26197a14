"""Gives free pages of a database back to the file system, in small steps."""

from __future__ import annotations

import sqlite3

#: Free pages that stay for the next writes, bytes.
KEPT_FREE = 16 << 20
#: Seconds without a commit before pages go back: a burst needs the disk for itself.
PAUSE_S = 0.5
#: Bytes of one step, for which a commit may have to wait.
_STEP = 1 << 20
#: Files of early releases can't give single pages back. They are rewritten once, when they hold
#: less than this, bytes.
_REWRITTEN = 64 << 20


def is_worthwhile(connection: sqlite3.Connection) -> bool:
    """Say whether there are more free pages than should stay."""
    try:
        # A step would commit what could not be rolled back.
        return _free(connection) > KEPT_FREE and not connection.in_transaction
    except sqlite3.Error:
        # A disk that can't be read now may be read later.
        return False


def step(connection: sqlite3.Connection) -> bool:
    """Give some free pages back; return whether another step could give more.

    Must run outside a transaction.
    """
    try:
        if _pragma(connection, "auto_vacuum") != 2:
            return _rewrite(connection)
        before = _free(connection)
        pages = _STEP // _pragma(connection, "page_size")
        # As a script, because execute() runs this statement for one page only.
        connection.executescript(f"PRAGMA incremental_vacuum({pages});")
        if _free(connection) <= KEPT_FREE:
            # The file gets shorter at a checkpoint.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return _free(connection) < before
    except sqlite3.Error:
        # For example a full disk. The file is sound, and later writes use the pages.
        return False


def _rewrite(connection: sqlite3.Connection) -> bool:
    size = _pragma(connection, "page_count") * _pragma(connection, "page_size")
    if size - _free(connection) > _REWRITTEN:
        return False
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # VACUUM copies the data to where temporary tables are: that must not be memory.
    connection.execute("PRAGMA temp_store = FILE")
    try:
        connection.execute("VACUUM")
        connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
    finally:
        connection.execute("PRAGMA temp_store = MEMORY")
    return True


def _free(connection: sqlite3.Connection) -> int:
    """Return the bytes of all free pages."""
    return _pragma(connection, "freelist_count") * _pragma(connection, "page_size")


def _pragma(connection: sqlite3.Connection, name: str) -> int:
    found: int = connection.execute(f"PRAGMA {name}").fetchone()[0]
    return found
