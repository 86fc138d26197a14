"""The rows of tables, indexes and streams. All of it runs on the database's threads."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from typing import Any

import orjson

from emulator.services.dynamodb.schema import Index, Key, Table
from emulator.services.dynamodb.values import Item, Value

Connection = sqlite3.Connection
#: Before items in CBOR: JSON has no bytes.
_CBOR = b"\x00"

_GET = "SELECT body FROM items WHERE table_number = ? AND partition = ? AND sort = ?"
_PUT = (
    "INSERT INTO items (table_number, partition, sort, body, size, expires) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET "
    "body = excluded.body, size = excluded.size, expires = excluded.expires"
)
_DELETE = "DELETE FROM items WHERE table_number = ? AND partition = ? AND sort = ?"
_ADD_ENTRY = "INSERT OR IGNORE INTO entries VALUES (?, ?, ?, ?, ?, ?)"
_DELETE_ENTRY = (
    "DELETE FROM entries WHERE table_number = ? AND index_number = ? AND partition = ? "
    "AND sort = ? AND item_partition = ? AND item_sort = ?"
)


def dump(item: Any) -> bytes:
    """Return an item as it is kept."""
    try:
        return orjson.dumps(item)
    except TypeError:
        import cbor2  # items with bytes alone need it

        return _CBOR + cbor2.dumps(item)


def load(body: bytes) -> Any:
    """Return an item that was kept."""
    if body[:1] != _CBOR:
        return orjson.loads(body)
    import cbor2

    return cbor2.loads(body[1:])


def get(connection: Connection, table: Table, key: Key) -> Item | None:
    """Return an item; None for none."""
    row = connection.execute(_GET, (table.number, *key)).fetchone()
    found: Item | None = None if row is None else load(row[0])
    return found


def expires_at(table: Table, item: Mapping[str, Value]) -> float | None:
    """Return when an item expires, in seconds since the epoch; None: never."""
    value = item.get(table.expiry) if table.expiry else None
    return float(value["N"]) if value is not None and "N" in value else None


def replace(
    connection: Connection, table: Table, key: Key, old: Item | None, new: Item | None, size: int
) -> None:
    """Write an item and its entries in indexes.

    Args:
        connection: The writer's.
        table: Its table.
        key: Its key.
        old: What is there.
        new: What is to be there; None removes it.
        size: The bytes of ``new``.
    """
    if new is None:
        connection.execute(_DELETE, (table.number, *key))
    else:
        row = (table.number, *key, dump(new), size, expires_at(table, new))
        connection.execute(_PUT, row)
    for index in table.indexes.values():
        before = index.key(old) if old is not None and index.is_in(old) else None
        after = index.key(new) if new is not None and index.is_in(new) else None
        if before != after:
            if before is not None:
                connection.execute(_DELETE_ENTRY, (table.number, index.number, *before, *key))
            if after is not None:
                connection.execute(_ADD_ENTRY, (table.number, index.number, *after, *key))


def fill_index(connection: Connection, table: Table, index: Index) -> None:
    """Make the entries of an index that was added to a table with items."""
    statement = "SELECT partition, sort, body FROM items WHERE table_number = ?"
    for partition, sort, body in connection.execute(statement, (table.number,)).fetchall():
        item = load(body)
        if index.is_in(item) and all(index.types[n] in item[n] for n in index.names):
            row = (table.number, index.number, *index.key(item), partition, sort)
            connection.execute(_ADD_ENTRY, row)


def drop_index(connection: Connection, table: Table, index: Index) -> None:
    """Remove the entries of an index."""
    statement = "DELETE FROM entries WHERE table_number = ? AND index_number = ?"
    connection.execute(statement, (table.number, index.number))


def set_expiry(connection: Connection, table: Table) -> None:
    """Work out anew when the items of a table expire."""
    connection.execute(
        "UPDATE items SET expires = NULL WHERE table_number = ? AND expires IS NOT NULL",
        (table.number,),
    )
    if not table.expiry:
        return
    statement = "SELECT partition, sort, body FROM items WHERE table_number = ?"
    for partition, sort, body in connection.execute(statement, (table.number,)).fetchall():
        at = expires_at(table, load(body))
        if at is not None:
            connection.execute(
                "UPDATE items SET expires = ? "
                "WHERE table_number = ? AND partition = ? AND sort = ?",
                (at, table.number, partition, sort),
            )


def expired(
    connection: Connection, table: Table, since: float, until: float, most: int
) -> list[tuple[Key, Item]]:
    """Return items that expired in a span of time, the first ones first."""
    statement = (
        "SELECT partition, sort, body FROM items WHERE table_number = ? "
        "AND expires IS NOT NULL AND expires > ? AND expires <= ? ORDER BY expires LIMIT ?"
    )
    rows = connection.execute(statement, (table.number, since, until, most))
    return [(Key(partition, sort), load(body)) for partition, sort, body in rows]


def measure(connection: Connection, table: Table) -> tuple[int, int, dict[str, int]]:
    """Return how many items a table has, their bytes, and the items of its indexes by name."""
    statement = "SELECT COUNT(*), COALESCE(SUM(size), 0) FROM items WHERE table_number = ?"
    count, size = connection.execute(statement, (table.number,)).fetchone()
    counts = {}
    for index in table.indexes.values():
        counts[index.name] = connection.execute(
            "SELECT COUNT(*) FROM entries WHERE table_number = ? AND index_number = ?",
            (table.number, index.number),
        ).fetchone()[0]
    return count, size, counts


def put_table(connection: Connection, table: Table) -> None:
    """Keep what was changed of a table."""
    connection.execute(
        "UPDATE tables SET body = ? WHERE number = ?", (dump(table.body), table.number)
    )


def delete_tables(connection: Connection, numbers: Iterable[int]) -> None:
    """Remove tables with their items."""
    for number in numbers:
        connection.execute("DELETE FROM tables WHERE number = ?", (number,))
        connection.execute("DELETE FROM items WHERE table_number = ?", (number,))
        connection.execute("DELETE FROM entries WHERE table_number = ?", (number,))


def all_tables(connection: Connection) -> list[Table]:
    """Return all tables."""
    rows = connection.execute("SELECT number, account, region, name, body FROM tables")
    return [
        Table(number, account, region, name, load(body))
        for number, account, region, name, body in rows
    ]


def delete_account(connection: Connection, account: str | None) -> None:
    """Remove all rows, or those of one account."""
    whose = "" if account is None else " WHERE account = ?"
    of = () if account is None else (account,)
    for child, parent in (
        ("items", "tables"),
        ("entries", "tables"),
        ("records", "streams"),
        ("backup_items", "backups"),
    ):
        column = f"{parent.removesuffix('s')}_number"
        connection.execute(
            f"DELETE FROM {child} WHERE {column} IN (SELECT number FROM {parent}{whose})", of
        )
    for name in ("tables", "streams", "backups", "tokens"):
        connection.execute(f"DELETE FROM {name}{whose}", of)
