"""The streams of tables: what has changed, for a day.

https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import md5
from typing import Any

from emulator.services.dynamodb import rows, values
from emulator.services.dynamodb.rows import Connection
from emulator.services.dynamodb.schema import Body, Table
from emulator.services.dynamodb.values import Item

#: Seconds for which records are kept.
RETENTION_S = 24 * 3600.0
#: Who removes items that have expired.
EXPIRY_IDENTITY = {"Type": "Service", "PrincipalId": "dynamodb.amazonaws.com"}
#: Added to the numbers of records: AWS's have 21 digits and more.
_OFFSET = 10**20


def sequence_text(sequence: int) -> str:
    """Return a sequence number as the API has it."""
    return str(_OFFSET + sequence)


def sequence_of(text: str) -> int:
    """Return the number that a sequence number stands for."""
    return int(text) - _OFFSET if text.isdecimal() else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Stream:
    """A stream; ``ended`` is None while it takes records."""

    number: int
    account: str
    region: str
    table_name: str
    label: str
    body: Body

    @property
    def arn(self) -> str:
        place = f"arn:aws:dynamodb:{self.region}:{self.account}"
        return f"{place}:table/{self.table_name}/stream/{self.label}"

    @property
    def ended(self) -> float | None:
        """When it took its last record; None while it takes records."""
        at: float | None = self.body.get("Ended")
        return at

    @property
    def shard_id(self) -> str:
        """The name of its one shard."""
        created = int(self.body["Created"] * 1000)
        digest = md5(self.arn.encode(), usedforsecurity=False).hexdigest()[:8]
        return f"shardId-{created:020d}-{digest}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What a write has changed of one item."""

    table: Table
    old: Item | None
    new: Item | None
    #: When, in seconds since the epoch.
    at: float
    sequence: int
    #: Who did it, where no caller did.
    identity: dict[str, str] | None = None

    @property
    def name(self) -> str:
        """What streams call it."""
        if self.old is None:
            return "INSERT"
        return "REMOVE" if self.new is None else "MODIFY"

    def record(self, view: str) -> dict[str, Any]:
        """Return it as a stream's record has it.

        Args:
            view: The stream's view type.
        """
        there = self.new if self.new is not None else self.old
        assert there is not None
        keys = self.table.schema.attributes(there)
        size = values.item_size(keys)
        shown: dict[str, Any] = {
            "ApproximateCreationDateTime": float(int(self.at)),
            "Keys": keys,
        }
        for member, image, views in (
            ("NewImage", self.new, ("NEW_IMAGE", "NEW_AND_OLD_IMAGES")),
            ("OldImage", self.old, ("OLD_IMAGE", "NEW_AND_OLD_IMAGES")),
        ):
            if image is not None and view in views:
                shown[member] = image
                size += values.item_size(image)
        shown |= {
            "SequenceNumber": sequence_text(self.sequence),
            "SizeBytes": size,
            "StreamViewType": view,
        }
        event = f"{self.table.arn}{self.sequence}".encode()
        record = {
            "eventID": md5(event, usedforsecurity=False).hexdigest(),
            "eventName": self.name,
            "eventVersion": "1.1",
            "eventSource": "aws:dynamodb",
            "awsRegion": self.table.region,
            "dynamodb": shown,
        }
        return record if self.identity is None else {**record, "userIdentity": self.identity}


class Sequences:
    """Numbers that grow, also over restarts: microseconds since the epoch, or one more.

    Args:
        last: The last one that was kept.
    """

    def __init__(self, last: int) -> None:
        self._last = last

    def next(self, now: float) -> int:
        """Return the next number; only the writer's thread calls it."""
        self._last = max(self._last + 1, int(now * 1_000_000))
        return self._last


def append(connection: Connection, change: Change) -> None:
    """Write a change to its table's stream."""
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?)",
        (
            change.table.stream,
            change.sequence,
            change.at,
            rows.dump(change.record(change.table.view)),
        ),
    )


def repeat(
    connection: Connection, stream: Stream, told: dict[str, Any], at: float, sequence: int
) -> str:
    """Tell of a change once more, as if it happened now; returns the record's eventID.

    Args:
        connection: A connection.
        stream: The stream.
        told: The record of it, as a function got it.
        at: When, in seconds since the epoch.
        sequence: The record's number.
    """
    place = f"arn:aws:dynamodb:{stream.region}:{stream.account}:table/{stream.table_name}"
    change = {
        **told["dynamodb"],
        "ApproximateCreationDateTime": float(int(at)),
        "SequenceNumber": sequence_text(sequence),
    }
    event_id = md5(f"{place}{sequence}".encode(), usedforsecurity=False).hexdigest()
    record = {
        "eventID": event_id,
        "eventName": str(told.get("eventName", "MODIFY")),
        "eventVersion": "1.1",
        "eventSource": "aws:dynamodb",
        "awsRegion": stream.region,
        "dynamodb": change,
    }
    if (who := told.get("userIdentity")) is not None:
        record["userIdentity"] = {"Type": who["type"], "PrincipalId": who["principalId"]}
    connection.execute(
        "INSERT INTO records VALUES (?, ?, ?, ?)", (stream.number, sequence, at, rows.dump(record))
    )
    return event_id


def begin(connection: Connection, table: Table, view: str, now: float) -> Stream:
    """Make a stream for a table."""
    for attempt in itertools.count():
        moment = datetime.fromtimestamp(now + attempt / 1000, UTC)
        label = moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03d}"
        place = (table.account, table.region, table.name, label)
        body = {"View": view, "KeySchema": table.schema.elements, "Created": now}
        row = connection.execute(
            "INSERT OR IGNORE INTO streams (account, region, table_name, label, body) "
            "VALUES (?, ?, ?, ?, ?) RETURNING number",
            (*place, rows.dump(body)),
        ).fetchone()
        if row is not None:
            return _stream((row[0], *place, rows.dump(body)))
    raise AssertionError


def end(connection: Connection, number: int, now: float) -> None:
    """Say that a stream takes no more records."""
    found = find(connection, number)
    if found is not None and found.ended is None:
        body = {**found.body, "Ended": now}
        connection.execute(
            "UPDATE streams SET body = ? WHERE number = ?", (rows.dump(body), number)
        )


_COLUMNS = "number, account, region, table_name, label, body"


def _stream(row: Any) -> Stream:
    number, account, region, table_name, label, body = row
    return Stream(
        number=number,
        account=account,
        region=region,
        table_name=table_name,
        label=label,
        body=rows.load(body),
    )


def find(connection: Connection, number: int) -> Stream | None:
    """Return a stream by its number."""
    statement = f"SELECT {_COLUMNS} FROM streams WHERE number = ?"
    row = connection.execute(statement, (number,)).fetchone()
    return None if row is None else _stream(row)


def find_named(
    connection: Connection, account: str, region: str, table_name: str, label: str
) -> Stream | None:
    """Return a stream by what its ARN says."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM streams "
        "WHERE account = ? AND region = ? AND table_name = ? AND label = ?",
        (account, region, table_name, label),
    ).fetchone()
    return None if row is None else _stream(row)


def listed(connection: Connection, account: str, region: str) -> list[Stream]:
    """Return the streams of an account and region, in order."""
    found = connection.execute(
        f"SELECT {_COLUMNS} FROM streams WHERE account = ? AND region = ? "
        "ORDER BY table_name, label",
        (account, region),
    )
    return [_stream(row) for row in found]


def records(
    connection: Connection, stream: int, after: int, since: float, most: int
) -> list[tuple[int, Any]]:
    """Return the records of a stream that come after a number, at most 1 MB of them.

    Args:
        connection: A connection.
        stream: The stream's number.
        after: The last number that is not wanted.
        since: Older ones were trimmed, in seconds since the epoch.
        most: The most records.
    """
    found: list[tuple[int, Any]] = []
    size = 0
    cursor = connection.execute(
        "SELECT sequence, body FROM records "
        "WHERE stream_number = ? AND sequence > ? AND at >= ? ORDER BY sequence LIMIT ?",
        (stream, after, since, most),
    )
    for sequence, body in cursor:
        size += len(body)
        if found and size > 1024 * 1024:
            break
        found.append((sequence, rows.load(body)))
    return found


def first_sequence(connection: Connection, stream: int) -> int | None:
    """Return the number of a stream's first record that is kept."""
    statement = "SELECT MIN(sequence) FROM records WHERE stream_number = ?"
    found: int | None = connection.execute(statement, (stream,)).fetchone()[0]
    return found


def last_sequence(connection: Connection, stream: int | None = None) -> int:
    """Return the number of the last record of a stream, or of all; 0 for none."""
    if stream is None:
        row = connection.execute("SELECT MAX(sequence) FROM records").fetchone()
    else:
        statement = "SELECT MAX(sequence) FROM records WHERE stream_number = ?"
        row = connection.execute(statement, (stream,)).fetchone()
    return int(row[0] or 0)


def trim(connection: Connection, before: float) -> Iterable[int]:
    """Remove records older than a time, and streams that ended before it."""
    connection.execute("DELETE FROM records WHERE at < ?", (before,))
    ended = [
        number
        for number, body in connection.execute("SELECT number, body FROM streams")
        if (rows.load(body).get("Ended") or before) < before
    ]
    for number in ended:
        connection.execute("DELETE FROM streams WHERE number = ?", (number,))
    return ended
