"""Free pages of a database go back to the file system, in steps between commits."""

from __future__ import annotations

import sqlite3

#: Bytes of free pages that stay for the next writes.
KEPT_FREE = 16 << 20
#: Seconds without a commit before pages are given back: a burst needs the disk itself.
PAUSE_S = 0.5
#: Bytes given back at once: the longest that a commit waits for.
_STEP = 1 << 20
#: A file that can't give back single pages (of an early release) is written anew once it holds
#: less than this, bytes.
_REWRITTEN = 64 << 20


def is_worthwhile(connection: sqlite3.Connection) -> bool:
    """Say whether more is free than is kept."""
    return _free(connection) > KEPT_FREE


def step(connection: sqlite3.Connection) -> bool:
    """Give some free pages back; return whether the next step could do more.

    Must run outside a transaction.
    """
    try:
        if _pragma(connection, "auto_vacuum") != 2:
            return _rewrite(connection)
        before = _free(connection)
        pages = _STEP // _pragma(connection, "page_size")
        # As a script: what execute() runs of this statement is one page's worth.
        connection.executescript(f"PRAGMA incremental_vacuum({pages});")
        if _free(connection) <= KEPT_FREE:
            # Only a checkpoint makes the file shorter.
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()
        return _free(connection) < before
    except sqlite3.Error:
        # A full disk, say. The file is sound, and the pages are used by later writes.
        return False


def _rewrite(connection: sqlite3.Connection) -> bool:
    size = _pragma(connection, "page_count") * _pragma(connection, "page_size")
    if size - _free(connection) > _REWRITTEN:
        return False
    connection.execute("PRAGMA auto_vacuum = INCREMENTAL")
    # VACUUM makes its copy where temporary tables are: not in memory.
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
