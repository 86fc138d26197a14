"""Remembers which orders are done: in a SQLite file in /tmp, which belongs to one environment.

To remember them across environments, give `charge` another store, e.g. Powertools' own
`DynamoDBPersistenceLayer`. Nothing else changes.
"""

import sqlite3
import time

from aws_lambda_powertools.utilities.idempotency.exceptions import (
    IdempotencyItemAlreadyExistsError,
    IdempotencyItemNotFoundError,
)
from aws_lambda_powertools.utilities.idempotency.persistence.base import BasePersistenceLayer
from aws_lambda_powertools.utilities.idempotency.persistence.datarecord import (
    STATUS_CONSTANTS,
    DataRecord,
)

_COLUMNS = ("status", "expiry", "in_progress_expiry", "response_data", "payload_hash")


class SqliteStore(BasePersistenceLayer):
    """One row per idempotency key."""

    def __init__(self, path="/tmp/idempotency.db"):
        super().__init__()
        self._database = sqlite3.connect(path, isolation_level=None)
        self._database.execute(
            f"CREATE TABLE IF NOT EXISTS records (key TEXT PRIMARY KEY, {', '.join(_COLUMNS)})"
        )

    def _get_record(self, idempotency_key):
        row = self._database.execute(
            f"SELECT {', '.join(_COLUMNS)} FROM records WHERE key = ?", (idempotency_key,)
        ).fetchone()
        if row is None:
            raise IdempotencyItemNotFoundError
        status, expiry, in_progress, data, payload = row
        return DataRecord(
            idempotency_key=idempotency_key,
            status=status,
            expiry_timestamp=expiry,
            in_progress_expiry_timestamp=in_progress,
            response_data=data,
            payload_hash=payload,
        )

    def _put_record(self, data_record):
        # One statement: of two calls at once, only one gets the order. The other may have it
        # when the first one's result has expired, or when the first one ran out of time.
        taken = self._database.execute(
            f"INSERT INTO records (key, {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?) "
            "ON CONFLICT (key) DO UPDATE SET status = excluded.status, expiry = excluded.expiry, "
            "in_progress_expiry = excluded.in_progress_expiry, response_data = NULL "
            "WHERE expiry < ? OR (status = ? AND in_progress_expiry < ?)",
            (
                *self._row(data_record),
                time.time(),
                STATUS_CONSTANTS["INPROGRESS"],
                time.time() * 1000,
            ),
        )
        if not taken.rowcount:
            raise IdempotencyItemAlreadyExistsError

    def _update_record(self, data_record):
        self._database.execute(
            f"REPLACE INTO records (key, {', '.join(_COLUMNS)}) VALUES (?, ?, ?, ?, ?, ?)",
            self._row(data_record),
        )

    def _delete_record(self, data_record):
        self._database.execute("DELETE FROM records WHERE key = ?", (data_record.idempotency_key,))

    @staticmethod
    def _row(record):
        return (
            record.idempotency_key,
            record.status,
            record.expiry_timestamp,
            record.in_progress_expiry_timestamp,
            record.response_data,
            record.payload_hash,
        )
