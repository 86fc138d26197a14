"""Pages of items: read from a table or an index, on the database's thread."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from emulator.services.dynamodb import rows
from emulator.services.dynamodb.conditions_on_keys import Span
from emulator.services.dynamodb.expressions.evaluation import holds
from emulator.services.dynamodb.expressions.parser import Node
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Index, Key, Table
from emulator.services.dynamodb.values import Item

#: Bytes of the items that one page reads.
_MAX_PAGE_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a page reads.

    Attributes:
        index: None for the table itself.
        span: What a query reads; None for a scan.
        segment: The segment of a scan, and how many there are.
        start: The key after which it begins: that of the table, or of the index and the table.
        limit: The most items that are looked at.
        condition: Which of them are shown.
    """

    table: Table
    index: Index | None = None
    span: Span | None = None
    segment: tuple[int, int] = (0, 1)
    start: tuple[bytes, ...] = ()
    is_backward: bool = False
    limit: int = 0
    condition: Node | None = None


@dataclass(slots=True)
class Page:
    """What was read.

    Attributes:
        looked_at: How many items were read.
        size: Their bytes.
        last: The last one, where there may be more.
    """

    items: list[Item] = field(default_factory=list)
    looked_at: int = 0
    size: int = 0
    last: Item | None = None


def read(connection: Connection, reading: Reading) -> Page:
    """Read a page."""
    page = Page()
    condition, limit = reading.condition, reading.limit
    for body, size in _rows(connection, reading):
        item: Item = rows.load(body)
        page.looked_at += 1
        page.size += size
        if condition is None or holds(condition, item):
            page.items.append(item)
        if page.looked_at == limit or page.size >= _MAX_PAGE_BYTES:
            page.last = item
            break
    return page


def _rows(connection: Connection, reading: Reading) -> Iterator[tuple[bytes, int]]:
    table, index = reading.table, reading.index
    if index is None:
        source, columns = "items", ["partition", "sort"]
        where, values = ["table_number = ?"], [table.number]
        selected = "body, size"
        prefix = ""
    else:
        # The order of the entries decides, not SQLite's guess.
        source = (
            "entries AS e CROSS JOIN items AS i ON i.table_number = e.table_number "
            "AND i.partition = e.item_partition AND i.sort = e.item_sort"
        )
        columns = ["e.partition", "e.sort", "e.item_partition", "e.item_sort"]
        where = ["e.table_number = ?", "e.index_number = ?"]
        values = [table.number, index.number]
        selected, prefix = "i.body, i.size", "e."
    given: list[int | bytes] = [*values]
    if reading.span is not None:
        where.append(f"{prefix}partition = ?")
        given.append(reading.span.partition)
        columns = columns[1:]
        for operator, value in reading.span.bounds:
            where.append(f"{prefix}sort {operator} ?")
            given.append(value)
    elif reading.segment[1] > 1:
        number, of = reading.segment
        where.append(f"{prefix}partition >= ?")
        given.append((2**32 * number // of).to_bytes(4))
        if number + 1 < of:
            where.append(f"{prefix}partition < ?")
            given.append((2**32 * (number + 1) // of).to_bytes(4))
    if reading.start:
        start = reading.start[1:] if reading.span is not None else reading.start
        marks = ", ".join("?" * len(columns))
        where.append(f"({', '.join(columns)}) {'<' if reading.is_backward else '>'} ({marks})")
        given += start
    direction = " DESC" if reading.is_backward else ""
    order = ", ".join(column + direction for column in columns)
    statement = f"SELECT {selected} FROM {source} WHERE {' AND '.join(where)} ORDER BY {order}"
    yield from connection.execute(statement, given)


def start_of(table: Table, index: Index | None, item: Item) -> tuple[bytes, ...]:
    """Return where reading goes on after an item."""
    own: Key = table.schema.key(item)
    return own if index is None else (*index.key(item), *own)
