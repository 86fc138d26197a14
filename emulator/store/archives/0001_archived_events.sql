-- Events in archives, as they came to their bus.
CREATE TABLE archived (
    number INTEGER PRIMARY KEY,
    -- The archive's ARN.
    archive TEXT NOT NULL,
    id TEXT NOT NULL,
    -- When it happened, as the event says (seconds since the epoch).
    at REAL NOT NULL,
    -- When it was archived: from then on it is retained.
    kept REAL NOT NULL,
    -- What it counts for in the archive's size.
    size INTEGER NOT NULL,
    event BLOB NOT NULL,
    UNIQUE (archive, id)
) STRICT;

CREATE INDEX archived_by_time ON archived (archive, at, number);
