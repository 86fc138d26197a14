"""Buckets and objects as rows, and what is asked of the database.

Each function is the work of one commit or one reading: it takes a connection and waits for
nothing.
"""

from __future__ import annotations

import secrets
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from string import ascii_lowercase, ascii_uppercase, digits
from typing import Any

import orjson

from emulator.services.s3.files import Content

#: The version of an object that was put while versioning was not enabled.
NULL = "null"
#: The version of an object that is given one as it is put.
NEW = ""
_COLUMNS = (
    "number, bucket, key, version, is_latest, is_delete_marker, size, etag, modified_at, content,"
    " file, details"
)
#: Without what it holds.
_LISTED = _COLUMNS.replace("content", "NULL")


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """A bucket."""

    name: str
    account: str
    region: str
    created_at: float
    #: "", "Enabled" or "Suspended".
    versioning: str = ""
    object_lock: bool = False


@dataclass(slots=True, kw_only=True)
class StoredObject:
    """One version of an object, or a delete marker."""

    bucket: str
    key: str
    version: str = NULL
    number: int = 0
    is_latest: bool = True
    is_delete_marker: bool = False
    size: int = 0
    #: Without quotes.
    etag: str = ""
    modified_at: float = 0.0
    content: bytes | None = None
    file: str = ""
    #: Members of requests and answers that are kept with it: ContentType, Metadata, …; and
    #: "checksums", "tags", "parts", "owner".
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def body(self) -> Content:
        """Return what it holds."""
        inline = None if self.file else (self.content or b"")
        return Content(size=self.size, inline=inline, file=self.file)


_DIGITS = ascii_uppercase + ascii_lowercase + digits
_CHARACTERS = _DIGITS + "._"
_NUMBER_LENGTH = 8


def new_version(number: int) -> str:
    """Return an id for a version; it tells the version's number for ever."""
    text = ""
    for _ in range(_NUMBER_LENGTH):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return text + "".join(secrets.choice(_CHARACTERS) for _ in range(32 - _NUMBER_LENGTH))


def _number_in(version: str) -> int:
    """Return the number that an id tells; -1 for an id of another kind."""
    number = 0
    for character in version[:_NUMBER_LENGTH]:
        digit = _DIGITS.find(character)
        if digit < 0:
            return -1
        number = number * len(_DIGITS) + digit
    return number if len(version) == 32 else -1


def bucket_of(row: tuple[Any, ...]) -> Bucket:
    """Return the bucket of a row."""
    name, account, region, created_at, versioning, object_lock = row
    return Bucket(
        name=name,
        account=account,
        region=region,
        created_at=created_at,
        versioning=versioning,
        object_lock=bool(object_lock),
    )


def object_of(row: tuple[Any, ...]) -> StoredObject:
    """Return the object of a row."""
    return StoredObject(
        number=row[0],
        bucket=row[1],
        key=row[2],
        version=row[3],
        is_latest=bool(row[4]),
        is_delete_marker=bool(row[5]),
        size=row[6],
        etag=row[7],
        modified_at=row[8],
        content=row[9],
        file=row[10],
        details=orjson.loads(row[11]),
    )


def all_buckets(connection: sqlite3.Connection) -> list[Bucket]:
    """Return all buckets, by name."""
    rows = connection.execute("SELECT * FROM buckets ORDER BY name")
    return [bucket_of(row) for row in rows]


def put_bucket(connection: sqlite3.Connection, bucket: Bucket) -> None:
    """Add or change a bucket."""
    connection.execute(
        "INSERT INTO buckets VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (name) DO UPDATE SET"
        " versioning = excluded.versioning, object_lock = excluded.object_lock",
        (
            bucket.name,
            bucket.account,
            bucket.region,
            bucket.created_at,
            bucket.versioning,
            bucket.object_lock,
        ),
    )


def delete_bucket(connection: sqlite3.Connection, name: str) -> bool:
    """Remove a bucket; returns False, and does nothing, where it holds something."""
    held = connection.execute("SELECT 1 FROM objects WHERE bucket = ? LIMIT 1", (name,))
    if held.fetchone() is not None:
        return False
    connection.execute(
        "DELETE FROM parts WHERE upload IN (SELECT id FROM uploads WHERE bucket = ?)", (name,)
    )
    connection.execute("DELETE FROM uploads WHERE bucket = ?", (name,))
    connection.execute("DELETE FROM bucket_documents WHERE bucket = ?", (name,))
    connection.execute("DELETE FROM buckets WHERE name = ?", (name,))
    return True


def delete_whole_buckets(connection: sqlite3.Connection, names: Sequence[str]) -> list[str]:
    """Remove buckets with all they hold; returns the files that nothing needs any more."""
    files: list[str] = []
    for name in names:
        files += _column(connection, "SELECT file FROM objects WHERE bucket = ?", name)
        files += _column(
            connection,
            "SELECT parts.file FROM parts JOIN uploads ON uploads.id = upload WHERE bucket = ?",
            name,
        )
        connection.execute("DELETE FROM objects WHERE bucket = ?", (name,))
        delete_bucket(connection, name)
    return files


def _column(connection: sqlite3.Connection, query: str, bucket: str) -> list[str]:
    return [file for (file,) in connection.execute(query, (bucket,)) if file]


def find(
    connection: sqlite3.Connection, bucket: str, key: str, version: str | None = None
) -> StoredObject | None:
    """Return the newest version of an object, or the one that is named."""
    if version is None:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ? AND is_latest = 1",
            (bucket, key),
        ).fetchone()
    else:
        row = connection.execute(
            f"SELECT {_COLUMNS} FROM objects WHERE bucket = ? AND key = ? AND version = ?",
            (bucket, key, version),
        ).fetchone()
    return None if row is None else object_of(row)


def put(connection: sqlite3.Connection, new: StoredObject) -> list[str]:
    """Add a version in front of the others; returns the files that nothing holds any more.

    A version of the same name (``null``) is replaced.
    """
    if new.version == NEW:
        (last,) = connection.execute("SELECT coalesce(max(number), 0) FROM objects").fetchone()
        new.version = new_version(last + 1)
    freed = delete(connection, new.bucket, new.key, new.version)
    connection.execute(
        "UPDATE objects SET is_latest = 0 WHERE bucket = ? AND key = ? AND is_latest = 1",
        (new.bucket, new.key),
    )
    cursor = connection.execute(
        "INSERT INTO objects (bucket, key, version, is_latest, is_delete_marker, size, etag,"
        " modified_at, content, file, details) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?)",
        (
            new.bucket,
            new.key,
            new.version,
            new.is_delete_marker,
            new.size,
            new.etag,
            new.modified_at,
            new.content,
            new.file,
            orjson.dumps(new.details).decode(),
        ),
    )
    new.number = cursor.lastrowid or 0
    return freed


def change(connection: sqlite3.Connection, changed: StoredObject) -> None:
    """Write the details of a version anew."""
    connection.execute(
        "UPDATE objects SET details = ? WHERE number = ?",
        (orjson.dumps(changed.details).decode(), changed.number),
    )


def delete(connection: sqlite3.Connection, bucket: str, key: str, version: str) -> list[str]:
    """Remove a version for good; the one before it is the newest then. Returns freed files."""
    row = connection.execute(
        "DELETE FROM objects WHERE bucket = ? AND key = ? AND version = ?"
        " RETURNING file, is_latest",
        (bucket, key, version),
    ).fetchone()
    if row is None:
        return []
    file, was_latest = row
    if was_latest:
        connection.execute(
            "UPDATE objects SET is_latest = 1 WHERE number = (SELECT max(number) FROM objects"
            " WHERE bucket = ? AND key = ?)",
            (bucket, key),
        )
    return [file] if file else []


def after(
    connection: sqlite3.Connection, bucket: str, prefix: str, start: str, *, inclusive: bool = False
) -> Iterator[StoredObject]:
    """Yield the newest versions with a prefix, by key (as bytes), from ``start`` on."""
    low = max(start, prefix)
    at_least = inclusive or low != start
    rows = connection.execute(
        f"SELECT {_LISTED} FROM objects WHERE bucket = ? AND is_latest = 1 AND"
        f" is_delete_marker = 0 AND key {'>=' if at_least else '>'} ? ORDER BY key",
        (bucket, low),
    )
    for row in rows:
        found = object_of(row)
        if not found.key.startswith(prefix):
            return
        yield found


def number_of(connection: sqlite3.Connection, bucket: str, key: str, version: str) -> int:
    """Return the number of a version, also of one that is gone; -1 if it can't be told."""
    row = connection.execute(
        "SELECT number FROM objects WHERE bucket = ? AND key = ? AND version = ?",
        (bucket, key, version),
    ).fetchone()
    return _number_in(version) if row is None else int(row[0])


def versions_after(
    connection: sqlite3.Connection, bucket: str, prefix: str, key: str, number: int = -1
) -> Iterator[StoredObject]:
    """Yield all versions with a prefix, by key, the newest first, behind a key and its version.

    Args:
        connection: To the database.
        bucket: The bucket's name.
        prefix: What the keys begin with.
        key: The key to begin behind.
        number: The version of ``key`` to begin behind; -1 begins behind all of them.
    """
    rows = connection.execute(
        f"SELECT {_LISTED} FROM objects WHERE bucket = ?1 AND key >= ?2 AND (key > ?3 OR"
        " number < ?4) ORDER BY key, number DESC",
        (bucket, max(prefix, key), key, number),
    )
    for row in rows:
        found = object_of(row)
        if not found.key.startswith(prefix):
            return
        yield found


def count_versions(connection: sqlite3.Connection, bucket: str, key: str) -> int:
    """Return how many versions and delete markers a key has."""
    row = connection.execute(
        "SELECT count(*) FROM objects WHERE bucket = ? AND key = ?", (bucket, key)
    ).fetchone()
    return int(row[0])


def files(connection: sqlite3.Connection) -> frozenset[str]:
    """Return the names of all files that rows refer to."""
    rows = connection.execute(
        "SELECT file FROM objects WHERE file <> '' UNION ALL SELECT file FROM parts"
    )
    return frozenset(row[0] for row in rows)


def document(connection: sqlite3.Connection, bucket: str, kind: str, name: str = "") -> Any:
    """Return a document of a bucket; None if there is none."""
    row = connection.execute(
        "SELECT body FROM bucket_documents WHERE bucket = ? AND kind = ? AND id = ?",
        (bucket, kind, name),
    ).fetchone()
    return None if row is None else orjson.loads(row[0])


def documents(connection: sqlite3.Connection, bucket: str, kind: str) -> list[Any]:
    """Return all documents of one kind of a bucket, by their ids."""
    rows = connection.execute(
        "SELECT body FROM bucket_documents WHERE bucket = ? AND kind = ? ORDER BY id",
        (bucket, kind),
    )
    return [orjson.loads(row[0]) for row in rows]


def all_documents(connection: sqlite3.Connection, kind: str) -> list[tuple[str, Any]]:
    """Return the documents of one kind of all buckets, each with its bucket's name."""
    rows = connection.execute("SELECT bucket, body FROM bucket_documents WHERE kind = ?", (kind,))
    return [(bucket, orjson.loads(body)) for bucket, body in rows]


def put_document(
    connection: sqlite3.Connection, bucket: str, kind: str, name: str, body: Any
) -> None:
    """Keep a document of a bucket; None removes it."""
    if body is None:
        connection.execute(
            "DELETE FROM bucket_documents WHERE bucket = ? AND kind = ? AND id = ?",
            (bucket, kind, name),
        )
    else:
        connection.execute(
            "INSERT INTO bucket_documents VALUES (?, ?, ?, ?) ON CONFLICT DO UPDATE SET body ="
            " excluded.body",
            (bucket, kind, name, orjson.dumps(body).decode()),
        )
