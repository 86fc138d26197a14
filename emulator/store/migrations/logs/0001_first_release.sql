-- Logs, in a file of their own: they are written often, and lost lightly.
-- Times are milliseconds since the epoch. Ids are of one series, and never used twice.

CREATE TABLE log_groups (
    id             INTEGER PRIMARY KEY,
    account        TEXT NOT NULL,
    region         TEXT NOT NULL,
    name           TEXT NOT NULL,
    created        INTEGER NOT NULL,
    retention_days INTEGER,
    tags           TEXT NOT NULL
);

CREATE TABLE log_streams (
    id       INTEGER PRIMARY KEY,
    group_id INTEGER NOT NULL,
    name     TEXT NOT NULL,
    created  INTEGER NOT NULL,
    of_lines INTEGER NOT NULL
);
CREATE INDEX log_streams_by_group ON log_streams (group_id);

CREATE TABLE log_events (
    sequence  INTEGER PRIMARY KEY,
    stream    INTEGER NOT NULL,
    timestamp INTEGER NOT NULL,
    ingested  INTEGER NOT NULL,
    message   TEXT NOT NULL
);
CREATE INDEX log_events_by_stream ON log_events (stream, sequence);
