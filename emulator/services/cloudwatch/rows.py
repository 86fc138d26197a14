"""The rows of metrics: put together as they come, and put together more as they get old."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import orjson

from emulator.services.cloudwatch.series import Data, Found, Series
from emulator.telemetry.metrics.aggregate import Aggregate

Connection = sqlite3.Connection

_DAY_S = 86_400
#: How long data of a width is kept, and into which it is put together then; seconds.
#: https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/cloudwatch_concepts.html
RETENTION = ((1, 3 * 3600, 60), (60, 15 * _DAY_S, 300), (300, 63 * _DAY_S, 3600))
_LONGEST_S = 455 * _DAY_S
#: Rows that one piece of work puts together or removes.
_MOST_ROWS = 5000

_VALUES = "samples, total, least, most, spread"


def put(connection: Connection, every: Iterable[Data]) -> None:
    """Add data to what is kept."""
    ids: dict[Series, int] = {}
    for each in every:
        id = ids.get(each.series)
        if id is None:
            id = ids[each.series] = _metric(connection, each.series, each.at)
        _merge(connection, id, each.at, each.width, each.unit, each.values)


def _metric(connection: Connection, series: Series, at: int) -> int:
    key = (*series[:4], series.dimensions_json)
    found = connection.execute(
        "SELECT id, latest FROM metric WHERE account = ? AND region = ? AND namespace = ?"
        " AND name = ? AND dimensions = ?",
        key,
    ).fetchone()
    if found is None:
        made = connection.execute(
            "INSERT INTO metric (account, region, namespace, name, dimensions, latest)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (*key, at),
        )
        return int(made.lastrowid or 0)
    id, latest = found
    if at > latest:
        connection.execute("UPDATE metric SET latest = ? WHERE id = ?", (at, id))
    return int(id)


def _merge(
    connection: Connection, id: int, at: int, width: int, unit: str, values: Aggregate
) -> None:
    found = connection.execute(
        f"SELECT {_VALUES} FROM data WHERE metric = ? AND at = ? AND width = ? AND unit = ?",
        (id, at, width, unit),
    ).fetchone()
    if found is not None:
        before = Aggregate.unpacked(*found)
        before.merge(values)
        values = before
    connection.execute(
        f"INSERT OR REPLACE INTO data (metric, at, width, unit, {_VALUES})"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            id,
            at,
            width,
            unit,
            values.samples,
            values.total,
            values.least,
            values.most,
            values.packed(),
        ),
    )


def read(
    connection: Connection, series: Series, unit: str | None, start: int, end: int, period: int
) -> list[Found]:
    """Return a metric's data in periods that begin at ``start``.

    Args:
        connection: The database.
        series: The metric.
        unit: Of which data; None: of all, each unit for itself.
        start: Seconds since the epoch.
        end: Seconds since the epoch; excluded.
        period: Seconds. Data that is kept of longer stretches is left out.
    """
    rows = connection.execute(
        f"SELECT at, unit, {_VALUES} FROM data JOIN metric ON metric.id = data.metric"
        " WHERE account = ? AND region = ? AND namespace = ? AND name = ? AND dimensions = ?"
        " AND at >= ? AND at < ? AND width <= ?",
        (*series[:4], series.dimensions_json, start, end, max(period, 1)),
    )
    found: dict[tuple[int, str], Aggregate] = {}
    for at, its_unit, *values in rows:
        if unit is None or unit == its_unit:
            key = (start + (at - start) // period * period, its_unit)
            data = Aggregate.unpacked(*values)
            if key in found:
                found[key].merge(data)
            else:
                found[key] = data
    return [Found(at, its_unit, data) for (at, its_unit), data in sorted(found.items())]


class Known(NamedTuple):
    """A metric that is known."""

    series: Series
    latest: int


def metrics(
    connection: Connection,
    account: str,
    region: str,
    namespace: str | None = None,
    name: str | None = None,
    since: int = 0,
) -> Iterator[Known]:
    """Yield the metrics of an account in a region, in order."""
    rows = connection.execute(
        "SELECT namespace, name, dimensions, latest FROM metric WHERE account = ? AND region = ?"
        " AND (?3 IS NULL OR namespace = ?3) AND (?4 IS NULL OR name = ?4) AND latest >= ?5"
        " ORDER BY namespace, name, dimensions",
        (account, region, namespace, name, since),
    )
    for its_namespace, its_name, dimensions, latest in rows:
        pairs = tuple((each[0], each[1]) for each in orjson.loads(dimensions))
        yield Known(Series(account, region, its_namespace, its_name, pairs), latest)


def age(connection: Connection, now: int) -> bool:
    """Put together what is old, and remove what is too old; True: there is more of it."""
    more = False
    for width, kept_s, into in RETENTION:
        rows = connection.execute(
            f"SELECT metric, at, unit, {_VALUES} FROM data WHERE width = ? AND at < ?"
            " ORDER BY at LIMIT ?",
            (width, now - kept_s, _MOST_ROWS),
        ).fetchall()
        for metric, at, unit, *values in rows:
            data = Aggregate.unpacked(*values)
            _merge(connection, metric, at // into * into, into, unit, data)
            connection.execute(
                "DELETE FROM data WHERE metric = ? AND at = ? AND width = ? AND unit = ?",
                (metric, at, width, unit),
            )
        more = more or len(rows) == _MOST_ROWS
    connection.execute("DELETE FROM data WHERE width = 3600 AND at < ?", (now - _LONGEST_S,))
    connection.execute("DELETE FROM metric WHERE latest < ?", (now - _LONGEST_S,))
    return more


def size(connection: Connection) -> int:
    """Return how many bytes of the file are in use."""
    pages, free, each = (
        connection.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * each)


def drop_oldest(connection: Connection) -> int:
    """Remove the oldest data; return how many rows there were."""
    gone = 0
    for width in (1, 60, 300, 3600):
        rows = connection.execute(
            "SELECT metric, at, width, unit FROM data WHERE width = ? ORDER BY at LIMIT ?",
            (width, _MOST_ROWS),
        ).fetchall()
        connection.executemany(
            "DELETE FROM data WHERE metric = ? AND at = ? AND width = ? AND unit = ?", rows
        )
        gone += len(rows)
    connection.execute(
        "DELETE FROM metric WHERE NOT EXISTS (SELECT 1 FROM data WHERE metric = metric.id)"
    )
    return gone


def clear(connection: Connection, account: str | None) -> None:
    """Remove everything, or all of an account."""
    if account is None:
        for table in ("data", "metric", "history"):
            connection.execute(f"DELETE FROM {table}")
        return
    connection.execute(
        "DELETE FROM data WHERE metric IN (SELECT id FROM metric WHERE account = ?)", (account,)
    )
    connection.execute("DELETE FROM metric WHERE account = ?", (account,))
    connection.execute("DELETE FROM history WHERE account = ?", (account,))


class Event(NamedTuple):
    """A line of an alarm's history."""

    account: str
    region: str
    alarm: str
    kind: str
    at: float
    item: str
    summary: str
    body: str


#: Lines that are kept of one alarm, and how long (seconds).
_MOST_EVENTS, _EVENTS_S = 1000, 30 * _DAY_S


def add_events(connection: Connection, every: Sequence[Event]) -> None:
    """Add lines to alarms' histories."""
    connection.executemany(
        "INSERT INTO history (account, region, alarm, kind, at, item, summary, body)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        every,
    )
    for each in {event[:3]: event for event in every}.values():
        connection.execute(
            "DELETE FROM history WHERE account = ?1 AND region = ?2 AND alarm = ?3 AND (at < ?4"
            " OR id <= (SELECT id FROM history WHERE account = ?1 AND region = ?2 AND alarm = ?3"
            " ORDER BY id DESC LIMIT 1 OFFSET ?5))",
            (*each[:3], each.at - _EVENTS_S, _MOST_EVENTS),
        )


def events(
    connection: Connection, account: str, region: str, alarm: str | None
) -> list[tuple[int, Event]]:
    """Return the lines of an alarm's history, or of all alarms', the oldest first."""
    rows = connection.execute(
        "SELECT id, account, region, alarm, kind, at, item, summary, body FROM history"
        " WHERE account = ? AND region = ? AND (?3 IS NULL OR alarm = ?3) ORDER BY at, id",
        (account, region, alarm),
    )
    return [(id, Event(*rest)) for id, *rest in rows]
