"""The statements of Kinesis's database. Each runs on its writer or its reader."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable
from typing import Any, NamedTuple

from emulator.services.kinesis.chunks import Chunk, unpack

Connection = sqlite3.Connection
Body = dict[str, Any]


class ShardRow(NamedTuple):
    """A shard as it is kept, and what is known of its records."""

    id: int
    stream: int
    number: int
    body: Body
    #: The number of the record that came last; when the oldest came (milliseconds; 0: none).
    last: int
    oldest_ms: int
    latest_ms: int


def streams(connection: Connection) -> list[tuple[int, str, str, str, Body]]:
    """Return id, account, region, name and body of all streams."""
    found = connection.execute("SELECT id, account, region, name, body FROM stream ORDER BY id")
    return [(*row, json.loads(body)) for *row, body in found.fetchall()]


def shards(connection: Connection) -> list[ShardRow]:
    """Return all shards."""
    found = connection.execute(
        "SELECT s.id, s.stream, s.number, s.body, max(s.last, coalesce(c.last, 0)),"
        " coalesce(c.oldest, 0), coalesce(c.latest, 0) FROM shard s LEFT JOIN (SELECT shard,"
        " max(last) AS last, min(arrived) AS oldest, max(arrived) AS latest FROM chunk"
        " GROUP BY shard) c"
        " ON c.shard = s.id ORDER BY s.stream, s.number"
    )
    return [
        ShardRow(r[0], r[1], r[2], json.loads(r[3]), r[4], r[5], r[6]) for r in found.fetchall()
    ]


def consumers(connection: Connection) -> list[tuple[str, int, Body]]:
    """Return ARN, stream and body of all consumers."""
    found = connection.execute("SELECT arn, stream, body FROM consumer ORDER BY rowid")
    return [(arn, stream, json.loads(body)) for arn, stream, body in found.fetchall()]


def size(connection: Connection) -> int:
    """Return the bytes of all records."""
    return int(connection.execute("SELECT coalesce(sum(size), 0) FROM chunk").fetchone()[0])


def put_stream(connection: Connection, at: tuple[str, str, str], body: Body) -> int:
    """Keep a stream; return its id."""
    connection.execute(
        "INSERT INTO stream (account, region, name, body) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, region, name) DO UPDATE SET body = excluded.body",
        (*at, json.dumps(body)),
    )
    query = "SELECT id FROM stream WHERE account = ? AND region = ? AND name = ?"
    return int(connection.execute(query, at).fetchone()[0])


def add_shard(connection: Connection, stream: int, number: int, body: Body) -> int:
    """Keep a new shard; return its id."""
    row = (stream, number, json.dumps(body))
    found = connection.execute("INSERT INTO shard (stream, number, body) VALUES (?, ?, ?)", row)
    assert found.lastrowid is not None
    return found.lastrowid


def change_shard(connection: Connection, id: int, body: Body) -> None:
    """Keep a shard as it is now."""
    connection.execute("UPDATE shard SET body = ? WHERE id = ?", (json.dumps(body), id))


def delete_shards(connection: Connection, ids: Iterable[int]) -> None:
    """Remove shards and their records."""
    rows_ = [(id,) for id in ids]
    connection.executemany("DELETE FROM chunk WHERE shard = ?", rows_)
    connection.executemany("DELETE FROM shard WHERE id = ?", rows_)


def delete_stream(connection: Connection, id: int) -> None:
    """Remove a stream and all that is in it."""
    found = connection.execute("SELECT id FROM shard WHERE stream = ?", (id,)).fetchall()
    delete_shards(connection, [row[0] for row in found])
    connection.execute("DELETE FROM consumer WHERE stream = ?", (id,))
    connection.execute("DELETE FROM stream WHERE id = ?", (id,))


def put_consumer(connection: Connection, arn: str, stream: int, body: Body) -> None:
    """Keep a consumer."""
    connection.execute(
        "INSERT OR REPLACE INTO consumer (arn, stream, body) VALUES (?, ?, ?)",
        (arn, stream, json.dumps(body)),
    )


def delete_consumer(connection: Connection, arn: str) -> None:
    """Remove a consumer."""
    connection.execute("DELETE FROM consumer WHERE arn = ?", (arn,))


def append(connection: Connection, shard: int, chunk: Chunk, content: bytes) -> None:
    """Keep a chunk, whose records are ``content``."""
    row = (shard, chunk.first, chunk.last, chunk.arrived_ms, chunk.size, content)
    connection.execute(
        "INSERT INTO chunk (shard, first, last, arrived, size, records) VALUES (?, ?, ?, ?, ?, ?)",
        row,
    )


def read(
    connection: Connection, shard: int, number: int, limit: int, most_bytes: int
) -> list[Chunk]:
    """Return the chunks of a shard that hold the records from a number on.

    Args:
        connection: The reader's.
        shard: Its id.
        number: The first record's.
        limit: Records that are enough.
        most_bytes: Bytes that are enough.
    """
    query = (
        "SELECT first, last, arrived, size, records FROM chunk WHERE shard = ? AND last >= ?"
        " ORDER BY last"
    )
    found: list[Chunk] = []
    rows_ = connection.execute(query, (shard, number))
    try:
        for first, last, arrived, bytes_, content in rows_:
            found.append(Chunk(first, last, arrived, bytes_, unpack(content)))
            limit -= last - max(first, number) + 1
            most_bytes -= bytes_
            if limit <= 0 or most_bytes <= 0:
                break
    finally:
        rows_.close()
    return found


def number_at(connection: Connection, shard: int, arrived_ms: int) -> int | None:
    """Return the number of the first record that came at a time or after it, or None."""
    query = "SELECT first FROM chunk WHERE shard = ? AND arrived >= ? ORDER BY last LIMIT 1"
    found = connection.execute(query, (shard, arrived_ms)).fetchone()
    return None if found is None else int(found[0])


def trim(connection: Connection, shard: int, before_ms: int) -> tuple[int, int]:
    """Remove a shard's records that came before a time.

    Returns:
        The bytes that went, and when the oldest record came that is left (0: there is none).
    """
    where = "FROM chunk WHERE shard = ? AND arrived < ?"
    gone = connection.execute(f"SELECT sum(size), max(last) {where}", (shard, before_ms)).fetchone()
    if gone[1] is not None:
        connection.execute(f"DELETE {where}", (shard, before_ms))
        connection.execute("UPDATE shard SET last = max(last, ?) WHERE id = ?", (gone[1], shard))
    left = connection.execute("SELECT min(arrived) FROM chunk WHERE shard = ?", (shard,)).fetchone()
    return gone[0] or 0, left[0] or 0


def drop_oldest(connection: Connection, most_bytes: int) -> int:
    """Remove the oldest records, of whichever shard, until at least ``most_bytes`` have gone.

    Returns:
        The bytes that went.
    """
    gone = 0
    rows_ = []
    for id, shard, last, bytes_ in connection.execute(
        "SELECT id, shard, last, size FROM chunk ORDER BY id"
    ):
        rows_.append((id, shard, last))
        gone += bytes_
        if gone >= most_bytes:
            break
    connection.executemany("DELETE FROM chunk WHERE id = ?", [(id,) for id, _, _ in rows_])
    lasts = [(last, shard) for _, shard, last in rows_]
    connection.executemany("UPDATE shard SET last = max(last, ?) WHERE id = ?", lasts)
    return gone
