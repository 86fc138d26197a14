"""Multipart uploads and their parts as rows.

Each function is the work of one commit or one reading: it takes a connection and waits for
nothing.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson


@dataclass(slots=True, kw_only=True)
class Upload:
    """A multipart upload under way."""

    upload_id: str
    bucket: str
    key: str
    started_at: float
    #: As of :class:`StoredObject`.
    details: dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Part:
    """One part of an upload."""

    number: int
    size: int
    etag: str
    modified_at: float
    file: str
    checksums: Mapping[str, str] = field(default_factory=dict)


def put_upload(connection: sqlite3.Connection, upload: Upload) -> None:
    """Add an upload."""
    connection.execute(
        "INSERT INTO uploads VALUES (?, ?, ?, ?, ?)",
        (
            upload.upload_id,
            upload.bucket,
            upload.key,
            upload.started_at,
            orjson.dumps(upload.details).decode(),
        ),
    )


def find_upload(connection: sqlite3.Connection, upload_id: str) -> Upload | None:
    """Return an upload."""
    row = connection.execute("SELECT * FROM uploads WHERE id = ?", (upload_id,)).fetchone()
    if row is None:
        return None
    return Upload(
        upload_id=row[0],
        bucket=row[1],
        key=row[2],
        started_at=row[3],
        details=orjson.loads(row[4]),
    )


def uploads_of(connection: sqlite3.Connection, bucket: str) -> list[Upload]:
    """Return the uploads to a bucket, by key and by the time they began."""
    rows = connection.execute(
        "SELECT * FROM uploads WHERE bucket = ? ORDER BY key, started_at, id", (bucket,)
    )
    return [
        Upload(
            upload_id=row[0],
            bucket=row[1],
            key=row[2],
            started_at=row[3],
            details=orjson.loads(row[4]),
        )
        for row in rows
    ]


def put_part(connection: sqlite3.Connection, upload_id: str, part: Part) -> list[str]:
    """Add a part, in place of one of its number; returns freed files."""
    old = connection.execute(
        "DELETE FROM parts WHERE upload = ? AND part = ? RETURNING file", (upload_id, part.number)
    ).fetchall()
    connection.execute(
        "INSERT INTO parts VALUES (?, ?, ?, ?, ?, ?, ?)",
        (
            upload_id,
            part.number,
            part.size,
            part.etag,
            part.modified_at,
            part.file,
            orjson.dumps(part.checksums).decode(),
        ),
    )
    return [row[0] for row in old]


def parts_of(connection: sqlite3.Connection, upload_id: str) -> list[Part]:
    """Return the parts of an upload, by number."""
    rows = connection.execute("SELECT * FROM parts WHERE upload = ? ORDER BY part", (upload_id,))
    return [
        Part(
            number=row[1],
            size=row[2],
            etag=row[3],
            modified_at=row[4],
            file=row[5],
            checksums=orjson.loads(row[6]),
        )
        for row in rows
    ]


def end_upload(connection: sqlite3.Connection, upload_id: str) -> list[str]:
    """Forget an upload; returns the files of its parts."""
    rows = connection.execute("DELETE FROM parts WHERE upload = ? RETURNING file", (upload_id,))
    freed = [row[0] for row in rows.fetchall()]
    connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
    return freed
